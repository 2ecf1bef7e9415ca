"""The hosted sandbox: its clock, its clients, what it was asked, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import anyio
import pytest

from servicetitan_crm_async import (
    CallTimeout,
    ConfigError,
    RateLimited,
    RetryPolicy,
    ServiceTitanCRM,
    Settings,
    Timeouts,
)
from servicetitan_crm_async.hooks import Hooks, RetryEvent
from servicetitan_crm_async.models import Customer, CustomerUpdate, Lead, LeadCreate
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.testing import ServiceTitanSandbox


@pytest.fixture
def sandbox() -> Iterator[ServiceTitanSandbox]:
    with ServiceTitanSandbox() as sandbox:
        yield sandbox


def test_outside_of_with_it_says_what_to_do() -> None:
    sandbox = ServiceTitanSandbox()
    assert repr(sandbox) == "<ServiceTitanSandbox not running>"
    for use in (lambda: sandbox.url, lambda: sandbox.requests, sandbox.add_customer, sandbox.fail):
        with pytest.raises(ConfigError, match="inside `with`"):
            use()
    with sandbox:
        assert sandbox.url in repr(sandbox)
        with pytest.raises(ConfigError, match="running already"), sandbox:
            pass
    with sandbox:  # what it held is still there, at another port
        assert sandbox.requests == []


def test_nothing_is_left_behind() -> None:
    def used() -> tuple[str, int]:
        with ServiceTitanSandbox() as sandbox, sandbox.opened_client() as crm:
            assert asyncio.run(crm.customers.list().collect()) == []
            place = urlsplit(sandbox.url)
            return str(place.hostname), int(place.port or 0)

    used()  # what aiohttp stands on may start a thread for the whole process
    before = set(threading.enumerate())
    place = used()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(place)


def test_any_number_run_side_by_side() -> None:
    with ServiceTitanSandbox() as one, ServiceTitanSandbox() as other:
        one.add_customer()
        assert one.url != other.url
        assert (len(one.held(Customer)), len(other.held(Customer))) == (1, 0)


def test_another_sandbox_is_hosted_as_it_is() -> None:
    with ServiceTitanSandbox(Sandbox(customers=30, leads=1.0)) as sandbox:
        assert len(sandbox.held(Customer)) == 30
        assert sandbox.add_lead(customer_id=sandbox.held(Customer)[3].id) in sandbox.held(Lead)


async def test_records_may_be_added_while_requests_come_in(sandbox: ServiceTitanSandbox) -> None:
    async with sandbox.client() as crm:

        async def asking() -> None:
            for _ in range(15):
                await crm.customers.list().collect()

        with ThreadPoolExecutor() as pool:
            loop = asyncio.get_running_loop()
            added = [loop.run_in_executor(pool, sandbox.add_customer) for _ in range(30)]
            await asyncio.gather(asking(), asking(), *added)
        assert len(await crm.customers.list().collect()) == 30


async def test_what_was_asked_can_be_asserted(sandbox: ServiceTitanSandbox) -> None:
    async with sandbox.client() as crm:
        lead = await crm.leads.create(LeadCreate(summary="No hot water", campaign_id=300, call_reason_id=1))
        await crm.leads.list(status="Open", page_size=50).collect()
        await crm.tag_types.list().collect()
    sent = sandbox.requests
    assert [request.line for request in sent] == ["POST /leads", "GET /leads", "GET /tag-types"]
    assert sent[0].body == {"summary": "No hot water", "campaignId": 300, "callReasonId": 1}
    assert sent[1].query == {"status": "Open", "page": "1", "pageSize": "50"}
    assert sent[1].body is None
    assert all(sandbox.clock.now() - request.at < timedelta(minutes=1) for request in sent)
    assert sandbox.held(Lead) == [lead]


async def test_an_ordinary_client_is_pointed_here_by_the_environment(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer()
    async with ServiceTitanCRM.from_env(sandbox.environ) as crm:
        assert await crm.customers.get(customer.id) == customer


async def test_the_clock_stamps_what_changes(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer()
    shown = sandbox.clock.advance(days=1, hours=2, minutes=3, seconds=4)
    assert shown - customer.created_on >= timedelta(days=1, hours=2, minutes=3, seconds=4)
    async with sandbox.client() as crm:
        changed = await crm.customers.update(customer.id, CustomerUpdate(name="Later"))
        assert changed.modified_on >= shown
        assert await crm.customers.list(modified_on_or_after=shown).collect() == [changed]
    assert sandbox.add_lead().created_on >= shown


async def test_tokens_expire_by_the_clock(sandbox: ServiceTitanSandbox) -> None:
    async with sandbox.client() as crm:
        for _ in range(2):
            await crm.customers.list().collect()
        assert sandbox.token_requests == 1
        sandbox.clock.advance(hours=1)
        await crm.customers.list().collect()
        assert sandbox.token_requests == 2
    assert [request.status for request in sandbox.requests] == [200] * 3  # renewed before it was refused


def test_the_clock_goes_forward_only_and_begins_no_earlier_than_the_sandbox() -> None:
    with ServiceTitanSandbox(Sandbox(customers=0, born=2**55)) as sandbox:
        assert sandbox.clock.ticks() >= 2**55
        assert sandbox.add_customer().created_on.year == sandbox.clock.now().year
        with pytest.raises(ValueError, match="forward only"):
            sandbox.clock.advance(hours=1, minutes=-61)


async def test_without_waiting_a_pause_moves_the_clock(sandbox: ServiceTitanSandbox) -> None:
    sandbox.throttle(times=3, retry_after=30)
    async with sandbox.client(Settings()) as crm:
        before = sandbox.clock.now()
        with sandbox.without_waiting():
            await crm.customers.list().collect()
        assert timedelta(seconds=90) <= sandbox.clock.now() - before < timedelta(seconds=100)
    asked = [request.at for request in sandbox.requests]
    assert all(later - earlier >= timedelta(seconds=30) for earlier, later in pairwise(asked))


async def test_without_waiting_every_wait_between_tries_moves_the_clock(sandbox: ServiceTitanSandbox) -> None:
    class Waits(Hooks):
        seconds = 0.0

        def on_retry(self, event: RetryEvent) -> None:
            self.seconds += event.seconds

    sandbox.fail(times=2, retry_after=40)
    sandbox.drop(times=3)
    waits = Waits()
    async with sandbox.client(Settings(), hooks=[waits]) as crm:
        before = sandbox.clock.now()
        with sandbox.without_waiting():
            await crm.customers.list().collect()
        passed = (sandbox.clock.now() - before).total_seconds()
    assert waits.seconds >= 80
    assert waits.seconds <= passed < waits.seconds + 10


async def test_patience_runs_out_by_the_clock(sandbox: ServiceTitanSandbox) -> None:
    sandbox.throttle(times=None, retry_after=50)
    async with sandbox.client(Settings(retries=RetryPolicy(seconds=120))) as crm:
        with sandbox.without_waiting(), pytest.raises(RateLimited) as raised:
            await crm.customers.list().collect()
    assert (raised.value.attempts, raised.value.retry_after) == (3, 50)


async def test_who_waits_for_the_clock_goes_on_when_it_is_put_forward(sandbox: ServiceTitanSandbox) -> None:
    waiting = asyncio.create_task(sandbox.clock.reach(sandbox.clock.monotonic() + 3600))
    await anyio.lowlevel.checkpoint()
    assert not waiting.done()
    sandbox.clock.advance(hours=1)
    await waiting


def test_an_opened_client_serves_any_loop_and_is_closed_at_the_end(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer()
    with sandbox.opened_client() as crm:
        assert asyncio.run(crm.customers.get(customer.id)) == customer
    with pytest.raises(ConfigError, match="closed"):
        asyncio.run(crm.customers.get(customer.id))


async def test_an_opened_client_obeys_timeouts_and_cancellation(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer()
    impatient = Settings(timeouts=Timeouts(attempt=0.05), retries=RetryPolicy(attempts=1))
    sandbox.delay(30, on="POST /connect/token", times=None)
    with sandbox.opened_client(impatient) as crm, pytest.raises(CallTimeout):
        await crm.customers.get(customer.id)
    with sandbox.opened_client() as crm:
        with anyio.move_on_after(0.05) as scope:
            await crm.customers.get(customer.id)
        assert scope.cancelled_caught
        sandbox.recover()
        assert await crm.customers.get(customer.id) == customer


async def test_a_client_speaks_the_contract_it_is_told(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer(phone="+1 555 010 7788")
    with sandbox.opened_client(contract="openapi-2.0.0") as crm:
        assert [each.value for each in (await crm.customers.get(customer.id)).contacts] == ["+1 555 010 7788"]


def test_what_is_done_by_hand_raises_where_it_was_asked_for(sandbox: ServiceTitanSandbox) -> None:
    one, other = sandbox.add_customer(), sandbox.add_customer()
    sandbox.within(lambda inside: inside.world().merge("customers", one.id, other.id))
    assert sandbox.held(Customer)[0].merged_to_id == other.id
    with pytest.raises(KeyError, match="no 7 among customers"):
        sandbox.within(lambda inside: inside.world().delete("customers", 7))
