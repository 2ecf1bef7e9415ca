"""The example applications, one suite for all: many at once, callers who go away, ends and new beginnings."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest
from web_kit import HASTY, SECRET, STACKS, Stack, a_few, answered, making, until, visits

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve

WEBHOOK = f"/webhooks/servicetitan/{SECRET}"
HOUSEHOLD = {"name": "Ann O'Brien", "street": "1 Elm St", "city": "Salem", "state": "MA", "zip": "01970"}
LEAD = {
    "id": 71,
    "status": "Open",
    "priority": "Urgent",
    "campaignId": 300,
    "createdById": 501,
    "createdOn": "2026-02-03T04:05:06.1234567Z",
    "modifiedOn": "2026-02-03T04:05:07Z",
}


def posted(kind: str = "tn.crm.lead-created", occurrence: str = "occurrence-1") -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": "delivery-1",
            "type": kind,
            "time": "2026-02-03T04:05:08Z",
            "source": "https://webhooks.servicetitan.io",
            "userassignedid": occurrence,
            "datacontenttype": "application/json",
            "data": {"tenantId": 1001, "tenantName": "Acme", "lead": LEAD},
        }
    ).encode()


@pytest.fixture(params=STACKS, ids=lambda stack: stack.name)
def stack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    found: Stack = request.param
    return found


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    async with serve(Sandbox(seed=7, customers=30, rate_limit=None)) as server:
        yield server


async def test_two_hundred_requests_at_once_share_a_client_and_its_token(
    stack: Stack, server: SandboxServer
) -> None:
    ids = list(a_few(server.sandbox))
    async with stack.serving(making(server)) as callers:
        wanted = [ids[place % len(ids)] for place in range(200)]
        answers = await asyncio.gather(*(answered(callers.get(f"/customers/{id}")) for id in wanted))
    assert [status for status, _ in answers] == [200] * 200
    assert [json.loads(body)["id"] for _, body in answers] == wanted
    assert server.sandbox.statistics().token_requests == 1


async def test_callers_that_go_away_free_their_places_and_harm_nobody(
    stack: Stack, server: SandboxServer
) -> None:
    slow, quick, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(600, path=f"/customers/{slow}", times=None))
    async with stack.serving(making(server)) as callers:
        # More than the hundred that may be under way: the places are all taken, and the others wait.
        leaving = [asyncio.create_task(answered(callers.get(f"/customers/{slow}"))) for _ in range(120)]
        await until(lambda: visits(server.sandbox, "GET", f"/customers/{slow}") == 100)
        staying = [asyncio.create_task(answered(callers.get(f"/customers/{quick}"))) for _ in range(20)]
        for caller in leaving:
            caller.cancel()
        assert [status for status, _ in await asyncio.gather(*staying)] == [200] * 20
        assert await asyncio.gather(*leaving, return_exceptions=True)
        status, _ = await answered(callers.get(f"/customers/{quick}"))
        assert status == 200


async def test_a_write_whose_caller_has_gone_is_finished(stack: Stack, server: SandboxServer) -> None:
    """The caller goes away while the flow still looks for the customer; the customer is made nevertheless."""
    server.sandbox.faults.add(Fault.slow(0.3, path="/customers", method="GET", times=None))
    async with stack.serving(making(server)) as callers:
        caller = asyncio.create_task(answered(callers.post("/customers", json=HOUSEHOLD)))
        await until(lambda: visits(server.sandbox, "GET", "/customers") == 1)
        caller.cancel()
    assert visits(server.sandbox, "POST", "/customers") == 1


async def test_a_call_in_flight_is_answered_before_the_application_ends(
    stack: Stack, server: SandboxServer
) -> None:
    slow, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(0.3, path=f"/customers/{slow}"))
    made: list[ServiceTitanCRM] = []

    def make() -> ServiceTitanCRM:
        made.append(making(server)())
        return made[-1]

    async with aiohttp.ClientSession() as caller:
        async with stack.serving(make) as callers:
            url = callers._build_url(f"/customers/{slow}")
            request = asyncio.create_task(answered(caller.get(url)))
            await until(lambda: visits(server.sandbox, "GET", f"/customers/{slow}") == 1)
            assert not request.done()
        assert repr(made[0]).endswith("closed>")
        status, body = await request
    assert (status, json.loads(body)["id"]) == (200, slow)


async def test_it_starts_again_after_it_has_stopped(stack: Stack, server: SandboxServer) -> None:
    some, *_ = a_few(server.sandbox)
    for _ in range(2):
        async with stack.serving(making(server)) as callers:
            status, _ = await answered(callers.get(f"/customers/{some}"))
            assert status == 200


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (Fault.status(400), 422, None),
        (Fault.status(403), 502, None),
        (Fault.status(404), 404, None),
        (Fault.status(409), 409, None),
        (Fault.rate_limited(retry_after=2.5), 503, "3"),
        (Fault.status(500), 502, None),
        (Fault.status(503, retry_after=7), 503, "7"),
        (Fault.status(504), 504, None),
        (Fault.reset(times=2), 502, None),
        (Fault.corrupt(), 502, None),
        (Fault.refuse_token(times=None), 502, None),
        (Fault.status(400, path="/connect/token"), 502, None),
    ],
    ids=lambda value: f"{value.kind}-{value.code}" if isinstance(value, Fault) else None,
)
async def test_what_goes_wrong_with_servicetitan_is_a_problem_that_tells_nothing(
    stack: Stack, server: SandboxServer, fault: Fault, status: int, retry_after: str | None
) -> None:
    some, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(fault)
    async with stack.serving(making(server)) as callers, callers.get(f"/customers/{some}") as response:
        body = await response.read()
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert response.headers.get("Retry-After") == retry_after
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["instance"].startswith("urn:uuid:")
    for told in ("Fault of the script", "trace", "token", "tenant/", server.environ["SERVICETITAN_APP_KEY"]):
        assert told not in body.decode()


async def test_a_household_is_taken_in_once(stack: Stack, server: SandboxServer) -> None:
    async with stack.serving(making(server)) as callers:
        first, body = await answered(callers.post("/customers", json=HOUSEHOLD))
        again, same = await answered(callers.post("/customers", json=HOUSEHOLD))
        wrong, _ = await answered(callers.post("/customers", json={"name": 5}))
        found, some = await answered(callers.get("/customers", params={"name": "Ann O'Brien"}))
    assert (first, again, wrong, found) == (201, 200, 422, 200)
    assert json.loads(body)["id"] == json.loads(same)["id"]
    assert [customer["name"] for customer in json.loads(some)] == ["Ann O'Brien"]


async def test_events_come_once_however_often_they_are_delivered(stack: Stack, server: SandboxServer) -> None:
    async with stack.serving(making(server)) as callers:
        deliveries = [posted(), posted(), posted("tn.crm.never-heard-of", "occurrence-2")]
        answers = [await answered(callers.post(WEBHOOK, data=body)) for body in deliveries]
        _, events = await answered(callers.get("/events"))
    assert answers == [(200, b"")] * 3
    assert json.loads(events) == ["tn.crm.lead-created", "tn.crm.never-heard-of"]


async def test_what_is_no_delivery_is_refused_and_not_quoted(
    stack: Stack, server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with stack.serving(making(server)) as callers:
        for path, body, status in (
            (f"{WEBHOOK}x", posted(), 403),
            ("/webhooks/servicetitan/%F0%9F%A4%AB", posted(), 403),
            (WEBHOOK, b"", 400),
            (WEBHOOK, b'{"type": "marker-of-the-body"', 400),
            (WEBHOOK, b"\xff\xfe marker-of-the-body", 400),
            (WEBHOOK, b"[" * 100_000, 400),
            (WEBHOOK, posted() + b" " * 1024 * 1024, 413),
        ):
            async with callers.post(path, data=BytesIO(body)) as response:
                assert (response.status, response.content_type) == (status, "application/problem+json")
                assert b"marker" not in await response.read()
        _, events = await answered(callers.get("/events"))
    assert json.loads(events) == []
    assert "marker" not in caplog.text
    assert SECRET not in caplog.text


async def test_a_delivery_that_breaks_off_is_no_error_of_ours(
    stack: Stack, server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with stack.serving(making(server)) as callers:
            url = callers._build_url(WEBHOOK)
            _, writer = await asyncio.open_connection(url.host, url.port)
            writer.write(f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n{{".encode())
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.close()
            await writer.wait_closed()
            status, events = await answered(callers.get("/events"))
    assert (status, json.loads(events)) == (200, [])
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_the_examples_ask_for_answers_while_someone_waits() -> None:
    from examples import aiohttp_app, fastapi_app

    assert fastapi_app.INTERACTIVE == aiohttp_app.INTERACTIVE
    assert (fastapi_app.INTERACTIVE.timeouts.call or HASTY.timeouts.call or 0) < 60
