"""Hooks: what is told, in which order, and that telling harms nobody."""

from __future__ import annotations

import asyncio
import logging

import pytest
from fake_transport import API_URL, AUTH_URL, FakeTransport, after, credentials, ok, status
from virtual_time import LoopClock, run

from servicetitan_crm_async import (
    ConfigError,
    NotFound,
    RetryPolicy,
    ServiceTitanCRM,
    Settings,
    TransportFailure,
)
from servicetitan_crm_async.hooks import (
    BatchEvent,
    CallEvent,
    CallInfo,
    EndEvent,
    Hooks,
    PageEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
)
from servicetitan_crm_async.sandbox import SandboxServer
from servicetitan_crm_async.sync import sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

Event = CallEvent | RequestEvent | ResponseEvent | RetryEvent | EndEvent | PageEvent | BatchEvent


class Watcher(Hooks):
    """Remembers everything it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_call(self, event: CallEvent) -> None:
        self.events.append(event)

    def on_request(self, event: RequestEvent) -> None:
        self.events.append(event)

    def on_response(self, event: ResponseEvent) -> None:
        self.events.append(event)

    def on_retry(self, event: RetryEvent) -> None:
        self.events.append(event)

    def on_end(self, event: EndEvent) -> None:
        self.events.append(event)

    def on_page(self, event: PageEvent) -> None:
        self.events.append(event)

    def on_batch(self, event: BatchEvent) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__.removesuffix("Event") for event in self.events]


class Clumsy(Hooks):
    def on_call(self, event: CallEvent) -> None:
        raise ValueError("never to be seen")

    on_request = on_response = on_retry = on_end = on_page = on_call  # type: ignore[assignment]


def watched(transport: FakeTransport, *hooks: Hooks, attempts: int = 8) -> ServiceTitanCRM:
    settings = Settings(api_url=API_URL, auth_url=AUTH_URL, retries=RetryPolicy(attempts=attempts))
    return ServiceTitanCRM(credentials(), settings, transport=transport, clock=LoopClock(), hooks=hooks)


def test_a_call_with_a_retry_is_told_in_order() -> None:
    watcher = Watcher()

    async def main() -> None:
        transport = FakeTransport(
            [status(503, retry_after="3"), after(2, ok(b'{"page":1,"hasMore":false,"data":[]}'))]
        )
        async with watched(transport, watcher) as crm:
            await crm.customers.list(name="Ada", page_size=7).collect()

    run(main())
    call, first, fault, retry, second, answer, end, page = watcher.events
    assert isinstance(call, CallEvent)
    info = call.call
    assert (info.method, info.operation, info.tenant_id) == ("GET", "customers.list", 7)
    assert info.path == "/crm/v2/tenant/7/customers"
    assert info.template == "/crm/v2/tenant/{tenant}/customers"
    assert info.query == "name=***&pageSize=7&page=1"
    assert info.url == API_URL
    assert first == RequestEvent(info, 1)
    assert isinstance(fault, ResponseEvent)
    assert (fault.call, fault.attempt, fault.status, fault.error) == (info, 1, 503, None)
    assert isinstance(retry, RetryEvent)
    assert (retry.call, retry.attempt, retry.error) == (info, 1, "ServiceFault")
    assert retry.seconds == 3
    assert second == RequestEvent(info, 2)
    assert isinstance(answer, ResponseEvent)
    assert (answer.attempt, answer.status, answer.size) == (2, 200, 36)
    assert answer.seconds == pytest.approx(2, abs=0.01)
    assert isinstance(end, EndEvent)
    assert (end.attempts, end.status, end.error) == (2, 200, None)
    assert end.seconds == pytest.approx(5, abs=0.1)
    assert page == PageEvent(7, "customers.list", 0, False, None)


def test_what_came_in_the_place_of_an_answer_is_told() -> None:
    watcher = Watcher()

    async def main() -> None:
        async with watched(FakeTransport([TransportFailure("cut"), status(404)]), watcher) as crm:
            with pytest.raises(NotFound):
                await crm.customers.get(1)

    run(main())
    assert watcher.kinds == ["Call", "Request", "Response", "Retry", "Request", "Response", "End"]
    lost, end = watcher.events[2], watcher.events[-1]
    assert isinstance(lost, ResponseEvent)
    assert (lost.status, lost.size, lost.error) == (None, 0, "TransportFailure")
    assert isinstance(end, EndEvent)
    assert (end.attempts, end.status, end.error) == (2, 404, "NotFound")


def test_a_cancelled_call_is_told_to_its_end() -> None:
    watcher = Watcher()

    async def main() -> None:
        async with watched(FakeTransport([after(60, ok())]), watcher) as crm:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(crm.customers.get(1), 5)

    run(main())
    assert watcher.kinds == ["Call", "Request", "Response", "End"]
    response, end = watcher.events[2:]
    assert isinstance(response, ResponseEvent)
    assert isinstance(end, EndEvent)
    assert response.error == end.error == "CancelledError"


def test_a_hook_that_fails_harms_neither_the_call_nor_the_others(caplog: pytest.LogCaptureFixture) -> None:
    watcher = Watcher()

    async def main() -> None:
        async with watched(FakeTransport([ok(b'{"id":1}')]), Clumsy(), watcher) as crm:
            await crm.request("GET", "/x")

    run(main())
    assert watcher.kinds == ["Call", "Request", "Response", "End"]
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 4
    assert all("a hook of Clumsy failed (ValueError)" in record.getMessage() for record in told)
    assert "never to be seen" not in caplog.text


def test_each_call_is_a_key_of_its_own() -> None:
    watcher = Watcher()

    async def main() -> None:
        async with watched(FakeTransport(), watcher) as crm:
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(5)))

    run(main())
    calls: dict[CallInfo, int] = {}
    for event in watcher.events:
        assert isinstance(event, CallEvent | RequestEvent | ResponseEvent | EndEvent)
        calls[event.call] = calls.get(event.call, 0) + 1
    assert list(calls.values()) == [4] * 5


def test_another_tenants_client_tells_the_same_hooks() -> None:
    watcher = Watcher()

    async def main() -> None:
        async with watched(FakeTransport(), watcher) as crm:
            await crm.for_tenant(credentials(tenant_id=8)).request("GET", "/x")
            await crm.with_options(timeout=3).request("GET", "/x")

    run(main())
    assert [event.call.tenant_id for event in watcher.events if isinstance(event, CallEvent)] == [8, 7]


def test_what_is_no_hook_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="hooks"):
        ServiceTitanCRM(credentials(), hooks=[print])  # type: ignore[list-item]


async def test_a_sync_tells_of_its_pages_and_of_what_landed(server: SandboxServer) -> None:
    watcher = Watcher()
    async with ServiceTitanCRM.from_env(server.environ, hooks=[watcher]) as crm:
        report = await sync(crm, MemoryDestination(), entities=["customers"], page_size=50)
    wanted = report.entities["customers"].records
    batches = [event for event in watcher.events if isinstance(event, BatchEvent)]
    pages = [event for event in watcher.events if isinstance(event, PageEvent)]
    assert {(event.tenant_id, event.entity) for event in batches} == {(crm.tenant_id, "customers")}
    assert sum(event.records for event in batches) == wanted == 120
    assert sum(event.records for event in pages) >= wanted
    assert all(event.seconds >= 0 for event in batches)


async def test_streamed_and_exported_pages_are_told_of(server: SandboxServer) -> None:
    watcher = Watcher()
    async with ServiceTitanCRM.from_env(server.environ, hooks=[watcher]) as crm:
        async with crm.customers.list(active="Any", page_size=50).stream() as pages:
            streamed = [len(page) async for page in pages]
        exported = [customer async for customer in crm.customers.export()]
    told = [event for event in watcher.events if isinstance(event, PageEvent)]
    assert [event.records for event in told if event.operation == "customers.list"] == streamed
    of_feed = [event for event in told if event.operation == "customers.export"]
    assert sum(event.records for event in of_feed) == len(exported)
    assert not of_feed[-1].has_more
