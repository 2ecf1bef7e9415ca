"""Options of single calls, and the answers behind a call."""

from __future__ import annotations

import asyncio

import pytest
from fake_transport import API_URL, AUTH_URL, Admitting, FakeTransport, after, client, ok, status
from virtual_time import run

from servicetitan_crm_async import (
    CallTimeout,
    ConfigError,
    NotFound,
    RetryPolicy,
    ServiceFault,
    ServiceTitanCRM,
    Settings,
    Timeouts,
)
from servicetitan_crm_async.config import Priority
from servicetitan_crm_async.sandbox import SandboxServer

CUSTOMER = b'{"id":1,"name":"Ada"}'


def test_a_time_out_of_one_call_is_its_own() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with client(FakeTransport([after(60, ok()), after(60, ok())])) as crm:
            with pytest.raises(CallTimeout) as caught:
                await crm.with_options(timeout=5).request("GET", "/x")
            assert (caught.value.which, caught.value.seconds) == ("call", 5)
            assert loop.time() == pytest.approx(5, abs=0.1)
            await crm.request("GET", "/x")

    run(main())


def test_none_is_no_time_out_at_all() -> None:
    async def main() -> None:
        settings = Settings(api_url=API_URL, auth_url=AUTH_URL, timeouts=Timeouts(call=3, attempt=9000))
        async with client(FakeTransport([after(5000, ok())]), settings) as crm:
            await crm.with_options(timeout=None).request("GET", "/x")

    run(main())


@pytest.mark.parametrize(("retries", "sends"), [(0, 1), (2, 3), (RetryPolicy(attempts=4, initial=0), 4)])
def test_retries_of_one_call_are_its_own(retries: int | RetryPolicy, sends: int) -> None:
    async def main() -> None:
        transport = FakeTransport([status(503)] * 8)
        async with client(transport) as crm:
            with pytest.raises(ServiceFault):
                await crm.with_options(retries=retries).request("GET", "/x")
            assert len(transport.sent) == sends

    run(main())


def test_options_reach_every_resource_and_add_up() -> None:
    async def main() -> None:
        transport = FakeTransport([status(503), ok(CUSTOMER), after(60, ok())])
        async with client(transport) as crm:
            view = crm.with_options(retries=0).with_options(timeout=5)
            with pytest.raises(ServiceFault):
                await view.leads.get(1)
            assert (await view.customers.get(1)).name == "Ada"
            with pytest.raises(CallTimeout):
                await view.booking_provider(3).list().collect()

    run(main())


class Remembering(Admitting):
    """Remembers with which priority it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Priority] = []

    async def admit(self, priority: Priority = "interactive") -> None:
        self.asked.append(priority)
        await super().admit(priority)


def test_a_view_shares_connections_token_limiter_and_counters() -> None:
    async def main() -> None:
        transport, limiter = FakeTransport(), Remembering()
        async with client(transport, limiter=limiter) as crm:
            view = crm.with_options(priority="bulk")
            await asyncio.gather(view.request("GET", "/x"), crm.request("GET", "/x"))
            assert sorted(limiter.asked) == ["bulk", "interactive"]
            assert view.statistics() == crm.statistics()
            assert crm.statistics().requests == 2
            assert (view.tenant_id, view.settings) == (crm.tenant_id, crm.settings)
        assert len(transport.token_requests) == transport.opened == transport.closed == 1

    run(main())


def test_a_view_lives_as_long_as_its_client() -> None:
    async def main() -> None:
        crm = client(FakeTransport())
        view = crm.with_options(timeout=3)
        with pytest.raises(ConfigError, match="not open yet"):
            await view.request("GET", "/x")
        async with crm:
            await view.request("GET", "/x")
        with pytest.raises(ConfigError, match="closed"):
            await view.request("GET", "/x")

    run(main())


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_time_out_that_is_none_is_refused_at_once(timeout: float) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        client(FakeTransport()).with_options(timeout=timeout)


def test_other_values_that_cannot_be_are_refused_at_once() -> None:
    crm = client(FakeTransport())
    with pytest.raises(ConfigError, match="attempts"):
        crm.with_options(retries=-1)
    with pytest.raises(ConfigError, match="priority"):
        crm.with_options(priority="urgent")  # type: ignore[arg-type]


def test_a_raw_response_is_the_value_and_the_answer_behind_it() -> None:
    async def main() -> None:
        transport = FakeTransport([status(503), ok(CUSTOMER, **{"x-request-id": "r1"})])
        async with client(transport) as crm:
            answer = await crm.with_raw_response(crm.customers.get(1))
        assert answer.value.name == "Ada"
        (last,) = answer.answers
        assert answer.last is last
        assert (last.method, last.path) == ("GET", "/crm/v2/tenant/7/customers/1")
        assert (last.status, last.body, last.attempts) == (200, CUSTOMER, 2)
        assert last.headers["x-request-id"] == "r1"
        assert "Ada" not in repr(answer.last)

    run(main())


def test_raw_responses_side_by_side_do_not_mix() -> None:
    async def main() -> None:
        async with client(FakeTransport([ok(b'{"id":%d}' % n) for n in range(1, 21)], latency=1)) as crm:
            answers = await asyncio.gather(
                *(crm.with_raw_response(crm.request("GET", f"/{n}")) for n in range(20))
            )
            outside = await crm.request("GET", "/x")
        assert [answer.last.path for answer in answers] == [f"/{n}" for n in range(20)]
        assert all(len(answer.answers) == 1 and answer.value == answer.last.body for answer in answers)
        assert outside == b"{}"

    run(main())


def test_a_call_that_fails_raises_as_ever_and_leaves_nothing_listening() -> None:
    async def main() -> None:
        async with client(FakeTransport([status(404), ok(CUSTOMER)])) as crm:
            with pytest.raises(NotFound):
                await crm.with_raw_response(crm.customers.get(1))
            assert (await crm.with_raw_response(crm.customers.get(1))).last.status == 200

    run(main())


def test_what_took_no_request_has_no_last_answer() -> None:
    async def main() -> None:
        async with client(FakeTransport()) as crm:
            answer = await crm.with_raw_response(crm.customers.get_many([]))
        assert answer.answers == ()
        with pytest.raises(LookupError):
            _ = answer.last

    run(main())


async def test_all_answers_of_a_call_are_there(crm: ServiceTitanCRM, server: SandboxServer) -> None:
    ids = list(server.sandbox.records("customers"))
    answer = await crm.with_raw_response(crm.customers.get_many(ids))
    assert set(answer.value.records) == set(ids)
    assert len(answer.answers) == -(-len(ids) // 50)
    assert {each.path.rpartition("/")[2] for each in answer.answers} == {"customers"}
    assert answer.last.headers["DATE"]
