"""Scripted faults: each strikes the request that it names, as often as it says, and a typo is an error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servicetitan_crm_async import (
    DecodeError,
    InvalidRequest,
    RateLimited,
    RetryPolicy,
    ServiceFault,
    Settings,
    TransportFailure,
)
from servicetitan_crm_async.models import CustomerUpdate, Lead
from servicetitan_crm_async.testing import ServiceTitanSandbox

ONE_TRY = Settings(retries=RetryPolicy(attempts=1))


@pytest.fixture
def sandbox() -> Iterator[ServiceTitanSandbox]:
    with ServiceTitanSandbox() as sandbox:
        sandbox.add_customer(name="Ada Byron")
        sandbox.add_lead(summary="No hot water")
        yield sandbox


def lines(sandbox: ServiceTitanSandbox) -> list[tuple[str, int]]:
    return [(request.line, request.status) for request in sandbox.requests]


async def test_a_fault_strikes_as_often_as_it_says(sandbox: ServiceTitanSandbox) -> None:
    sandbox.fail(on="GET /customers", times=2)
    async with sandbox.client() as crm:
        assert len(await crm.customers.list().collect()) == 1
    assert lines(sandbox) == [("GET /customers", 503), ("GET /customers", 503), ("GET /customers", 200)]


async def test_it_strikes_no_other_request(sandbox: ServiceTitanSandbox) -> None:
    sandbox.fail(400, on="/leads/*", after=1)
    (lead,) = sandbox.held(Lead)
    async with sandbox.client() as crm:
        await crm.customers.list().collect()
        await crm.leads.get(lead.id)
        with pytest.raises(InvalidRequest):
            await crm.leads.get(lead.id)
        await crm.leads.get(lead.id)


async def test_a_write_that_took_effect_and_failed_is_told_apart(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer(name="Before")
    sandbox.fail(500, on="PATCH", applied=True)
    sandbox.drop(on=f"PATCH /customers/{customer.id}")
    async with sandbox.client() as crm:
        with pytest.raises(ServiceFault) as failed:
            await crm.customers.update(customer.id, CustomerUpdate(name="Applied"))
        assert failed.value.maybe_applied
        with pytest.raises(TransportFailure):
            await crm.customers.update(customer.id, CustomerUpdate(name="Lost"))
        assert (await crm.customers.get(customer.id)).name == "Applied"
    assert [status for _, status in lines(sandbox)] == [500, 0, 200]


@pytest.mark.parametrize(
    ("arrange", "error"),
    [
        (lambda sandbox: sandbox.drop(), TransportFailure),
        (lambda sandbox: sandbox.cut(keep=5), TransportFailure),
        (lambda sandbox: sandbox.garble(), DecodeError),
        (lambda sandbox: sandbox.throttle(retry_after=0.25), RateLimited),
        (lambda sandbox: sandbox.fail(504), ServiceFault),
    ],
)
async def test_each_fault_is_its_error_where_nothing_is_tried_again(
    arrange: object, error: type[Exception], sandbox: ServiceTitanSandbox
) -> None:
    assert callable(arrange)
    arrange(sandbox)
    async with sandbox.client(ONE_TRY) as crm:
        with pytest.raises(error) as raised:
            await crm.customers.list().collect()
        assert getattr(raised.value, "retry_after", None) in (None, 0.25)


async def test_the_token_service_fails_when_told(sandbox: ServiceTitanSandbox) -> None:
    sandbox.fail(on="POST /connect/token", times=None)
    async with sandbox.client(ONE_TRY) as crm:
        with pytest.raises(ServiceFault):
            await crm.customers.list().collect()
        sandbox.recover()
        assert await crm.customers.list().collect()
    assert sandbox.token_requests == 2


async def test_tokens_taken_back_cost_one_more_token_and_one_more_try(sandbox: ServiceTitanSandbox) -> None:
    async with sandbox.client() as crm:
        await crm.customers.list().collect()
        sandbox.expire_tokens()
        await crm.customers.list().collect()
    assert [status for _, status in lines(sandbox)] == [200, 401, 200]
    assert sandbox.token_requests == 2


async def test_a_strange_field_reaches_the_client_as_it_was_sent(sandbox: ServiceTitanSandbox) -> None:
    sandbox.distort("status", "Parked", on="GET /leads")
    async with sandbox.client() as crm:
        assert [lead.status for lead in await crm.leads.list().collect()] == ["Parked"]


async def test_an_answer_that_is_held_back_is_whole(sandbox: ServiceTitanSandbox) -> None:
    sandbox.delay(0.02)
    async with sandbox.client() as crm:
        began = sandbox.clock.monotonic()
        assert len(await crm.customers.list().collect()) == 1
        assert sandbox.clock.monotonic() - began >= 0.02


@pytest.mark.parametrize(
    "on",
    ["*", "GET", "GET *", "/customers", "/customers/7", "GET /cust*", "PATCH /customers/*", "/connect/token"],
)
def test_requests_that_there_are_can_be_named(on: str, sandbox: ServiceTitanSandbox) -> None:
    sandbox.fail(on=on)


@pytest.mark.parametrize(
    "on",
    [
        "",
        "GET /custmers",
        "FETCH /customers",
        "get /customers",
        "customers",
        "DELETE /leads",
        "GET /connect/token",
    ],
)
def test_a_request_that_there_is_not_is_an_error(on: str, sandbox: ServiceTitanSandbox) -> None:
    with pytest.raises(ValueError, match="no request is like"):
        sandbox.fail(on=on)
