"""One call from end to end: the order of its steps, its time-outs, what is repeated, what is counted."""

from __future__ import annotations

import asyncio
import copy
import logging
from decimal import Decimal

import msgspec
import pytest
from fake_transport import (
    API_URL,
    APP_KEY,
    AUTH_URL,
    TOKEN_TEXT,
    Admitting,
    FakeTransport,
    Happening,
    after,
    client,
    grant,
    ok,
    status,
)
from virtual_time import run

from servicetitan_crm_async import (
    ApiError,
    AuthError,
    CallTimeout,
    DecodeError,
    RateLimit,
    RateLimited,
    ResponseTooLarge,
    RetryPolicy,
    ServiceFault,
    ServiceTitanCRM,
    ServiceTitanError,
    Settings,
    Statistics,
    Timeouts,
    TransportFailure,
)
from servicetitan_crm_async.models import CustomerUpdate


def settings_with(
    *, timeouts: Timeouts | None = None, retries: RetryPolicy | None = None, rate: RateLimit | None = None
) -> Settings:
    return Settings(
        api_url=API_URL,
        auth_url=AUTH_URL,
        timeouts=timeouts or Timeouts(),
        retries=retries or RetryPolicy(),
        rate=rate or RateLimit(),
    )


def lost(maybe_applied: bool = True) -> TransportFailure:
    return TransportFailure("broken", maybe_applied=maybe_applied)


class Outcome:
    """What became of one call: its error, what was sent, when it ended."""

    def __init__(
        self, transport: FakeTransport, error: ServiceTitanError | None, statistics: Statistics
    ) -> None:
        self.error, self.statistics = error, statistics
        self.sends = len(transport.sent)
        self.transport = transport
        self.seconds = asyncio.get_running_loop().time()

    @property
    def maybe_applied(self) -> bool:
        return bool(getattr(self.error, "maybe_applied", False))


async def one_call(
    method: str,
    *script: Happening,
    settings: Settings | None = None,
    tokens: tuple[Happening, ...] = (),
    repeatable: bool | None = None,
) -> Outcome:
    transport = FakeTransport(script, tokens=tokens)
    error: ServiceTitanError | None = None
    async with client(transport, settings, limiter=Admitting()) as crm:
        try:
            await crm.request(method, "/x", repeatable=repeatable)
        except ServiceTitanError as caught:
            error = caught
        return Outcome(transport, error, crm.statistics())


def test_a_request_goes_out_complete() -> None:
    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as crm:
            await crm.request(
                "POST", "/a/{tenant}", query={"q": "+"}, body=CustomerUpdate(credit_limit=Decimal("1.10"))
            )
        (sent,) = transport.sent
        assert sent.request.method == "POST"
        assert sent.request.url == f"{API_URL}/a/7?q=%2B"
        assert sent.request.body == b'{"creditLimit":1.10}'
        assert sent.request.headers == {
            "Authorization": f"Bearer {TOKEN_TEXT}-1",
            "ST-App-Key": APP_KEY,
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        (asked,) = transport.token_requests
        assert asked.request.url == AUTH_URL

    run(main())


# The order: authorise, admit, send


def test_admission_comes_after_the_token_and_last_before_sending() -> None:
    """However slow the token, callers leave evenly paced and not together."""

    async def main() -> None:
        transport = FakeTransport(tokens=[after(20, grant(1))])
        async with client(transport) as crm:
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(200)))
        times = [sent.at for sent in transport.sent]
        assert times[0] >= 20
        assert all(later - earlier > 0.99 for earlier, later in zip(times, times[60:], strict=False))

    run(main())


def test_calls_held_up_by_slow_answers_do_not_leave_together_afterwards() -> None:
    """Who waits for a place among those under way is not admitted yet, so a stall ends without a rush."""

    async def main() -> None:
        loop = asyncio.get_running_loop()

        async def stalled(request: object) -> object:
            await asyncio.sleep(max(0.0, 10 - loop.time()))
            return ok()

        transport = FakeTransport([stalled] * 400)  # type: ignore[list-item]
        async with client(transport) as crm:
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(400)))
        times = [sent.at for sent in transport.sent]
        assert sum(at < 9.9 for at in times) == 100
        assert all(later - earlier > 0.99 for earlier, later in zip(times, times[60:], strict=False))

    run(main())


def test_a_429_holds_back_every_client_of_the_budget() -> None:
    async def main() -> None:
        transport = FakeTransport([status(429, retry_after="7")])
        async with client(transport) as crm, client(transport) as other:
            call = asyncio.create_task(crm.request("GET", "/first"))
            await asyncio.sleep(0.1)
            await asyncio.gather(call, *(other.request("GET", "/others") for _ in range(20)))
        assert min(sent.at for sent in transport.sent[1:]) >= 7
        assert crm.tenant_id == other.tenant_id

    run(main())


# Time-outs


@pytest.mark.parametrize(("method", "unknown"), [("GET", False), ("POST", True)])
def test_an_attempt_that_takes_too_long_says_so(method: str, unknown: bool) -> None:
    settings = settings_with(timeouts=Timeouts(attempt=2), retries=RetryPolicy(attempts=3))
    outcome = run(one_call(method, *[after(60, ok())] * 9, settings=settings))
    assert isinstance(outcome.error, CallTimeout)
    assert (outcome.error.which, outcome.error.seconds) == ("attempt", 2)
    assert outcome.maybe_applied is unknown
    assert outcome.sends == outcome.error.attempts == (1 if unknown else 3)


def test_a_connection_that_takes_too_long_was_never_made() -> None:
    timeout = CallTimeout("connect", 10)
    outcome = run(one_call("POST", timeout, timeout, ok()))
    assert outcome.error is None
    assert outcome.sends == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wait_for_admission_that_takes_too_long_says_so_at_once(method: str) -> None:
    """It is not tried again: whoever sets a bound does not want it several times over."""

    async def main() -> None:
        settings = settings_with(timeouts=Timeouts(admission=3))
        transport = FakeTransport([status(429, retry_after="60"), *[ok()] * 9])
        loop = asyncio.get_running_loop()
        async with client(transport, settings) as crm, client(transport, settings) as other:
            first = asyncio.create_task(crm.request("GET", "/x"))
            await asyncio.sleep(1)
            began = loop.time()
            with pytest.raises(CallTimeout) as caught:
                await other.request(method, "/y")
            assert loop.time() - began == pytest.approx(3, abs=0.01)
            assert (caught.value.which, caught.value.seconds) == ("admission", 3)
            assert (caught.value.attempts, caught.value.maybe_applied) == (0, False)
            assert other.statistics().admission_seconds == pytest.approx(3, abs=0.01)
            await first  # its own wait after the 429 was not one for admission
        assert len(transport.sent) == 2

    run(main())


@pytest.mark.parametrize(
    ("method", "script", "tokens", "unknown"),
    [
        ("GET", [after(60, ok())], [], False),
        ("POST", [after(60, ok())], [], True),
        ("POST", [], [after(60, grant(1))], False),
        ("POST", [status(401)], [grant(1), after(60, grant(2))], False),
    ],
)
def test_a_call_that_takes_too_long_says_so_and_whether_it_may_have_been_applied(
    method: str, script: list[Happening], tokens: list[Happening], unknown: bool
) -> None:
    settings = settings_with(
        timeouts=Timeouts(call=8), retries=RetryPolicy(attempts=90, initial=100, longest=100, seconds=999)
    )
    outcome = run(one_call(method, *script, tokens=tuple(tokens), settings=settings))
    assert isinstance(outcome.error, CallTimeout)
    assert (outcome.error.which, outcome.error.seconds) == ("call", 8)
    assert outcome.seconds == pytest.approx(8, abs=0.1)
    assert outcome.maybe_applied is unknown


@pytest.mark.parametrize("happening", [status(429, retry_after="60"), status(503, retry_after="9")])
def test_another_try_is_not_waited_for_past_the_end_of_the_call(happening: Happening) -> None:
    """The caller learns at once what the matter is, and not some time later that it took too long."""
    outcome = run(one_call("GET", happening, settings=settings_with(timeouts=Timeouts(call=8))))
    assert isinstance(outcome.error, ApiError)
    assert outcome.sends == 1
    assert outcome.seconds == pytest.approx(0, abs=0.1)


def test_without_a_bound_a_call_waits_as_long_as_it_takes() -> None:
    settings = settings_with(timeouts=Timeouts(call=None, attempt=9000))
    assert run(one_call("GET", after(5000, ok()), settings=settings)).error is None


# What is repeated


@pytest.mark.parametrize(
    ("happening", "get_sends", "post_sends", "unknown"),
    [
        (status(429), 2, 2, False),
        (lost(False), 2, 2, False),
        (lost(), 2, 1, True),
        (status(408), 2, 1, True),
        (status(500), 2, 1, True),
        (status(502), 2, 1, True),
        (status(503), 2, 1, True),
        (status(504), 2, 1, True),
        (status(501), 1, 1, True),
        (status(400), 1, 1, False),
        (status(404), 1, 1, False),
        (status(409), 1, 1, False),
        (status(302), 1, 1, False),
        (ResponseTooLarge(5, maybe_applied=True), 1, 1, True),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_post_is_sent_again_only_when_it_certainly_had_no_effect(
    happening: Happening, get_sends: int, post_sends: int, unknown: bool
) -> None:
    got = run(one_call("GET", copy.copy(happening)))
    assert got.sends == get_sends
    assert not got.maybe_applied
    for method in ("POST", "PATCH", "PUT", "DELETE"):
        outcome = run(one_call(method, copy.copy(happening)))
        assert outcome.sends == post_sends
        assert outcome.maybe_applied is unknown
        assert (outcome.error is None) is (post_sends == 2)


def test_who_says_that_a_post_is_repeatable_has_it_repeated() -> None:
    outcome = run(one_call("POST", lost(), status(503), repeatable=True))
    assert (outcome.error, outcome.sends) == (None, 3)
    outcome = run(one_call("GET", lost(), repeatable=False))
    assert (outcome.sends, outcome.maybe_applied) == (1, True)


def test_a_post_whose_fate_is_unknown_after_a_429_is_not_sent_a_third_time() -> None:
    outcome = run(one_call("POST", status(429), lost()))
    assert (outcome.sends, outcome.maybe_applied) == (2, True)
    assert str(outcome.error) == "POST /x: broken (2 attempts); it may have taken effect"


def test_tries_end_with_the_policy_and_the_last_error_counts_them() -> None:
    settings = settings_with(retries=RetryPolicy(attempts=4))
    outcome = run(one_call("GET", *[status(503, b'{"title":"Down"}')] * 9, settings=settings))
    assert isinstance(outcome.error, ServiceFault)
    assert str(outcome.error) == "GET /x: 503 Down (4 attempts)"


def test_a_retry_after_is_waited_out() -> None:
    outcome = run(one_call("GET", status(429, retry_after="9"), status(503, retry_after="4")))
    assert outcome.error is None
    assert outcome.transport.sent[1].at == pytest.approx(9, abs=0.6)
    assert outcome.transport.sent[2].at - outcome.transport.sent[1].at >= 4


def test_a_retry_after_past_all_patience_is_the_callers_at_once() -> None:
    outcome = run(one_call("GET", status(429, retry_after="3600")))
    assert isinstance(outcome.error, RateLimited)
    assert (outcome.error.retry_after, outcome.sends) == (3600, 1)
    assert outcome.seconds < 0.1


@pytest.mark.parametrize("body", [b'{"id": 1', b"<html>", b""])
def test_a_get_whose_answer_is_no_json_is_asked_again(body: bytes) -> None:
    async def main() -> None:
        transport = FakeTransport([ok(body), ok(b"[1]")])
        async with client(transport) as crm:
            assert await crm.request("GET", "/x", answer=list[int]) == [1]
            transport.script.append(ok(body))
            with pytest.raises(DecodeError, match="POST /x: the answer does not fit: it is no JSON"):
                await crm.request("POST", "/x", answer=list[int])

    run(main())


def test_an_answer_that_does_not_fit_is_not_asked_for_again() -> None:
    async def main() -> None:
        transport = FakeTransport([ok(b'{"a": 1}')])
        async with client(transport) as crm:
            with pytest.raises(DecodeError):
                await crm.request("GET", "/x", answer=list[int])
        assert len(transport.sent) == 1

    run(main())


# 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_401_is_tried_once_more_with_a_fresh_token(method: str) -> None:
    outcome = run(one_call(method, status(401)))
    assert outcome.error is None
    assert [sent.token for sent in outcome.transport.sent] == [f"{TOKEN_TEXT}-1", f"{TOKEN_TEXT}-2"]
    assert outcome.seconds < 0.1


def test_a_second_401_is_an_auth_error() -> None:
    outcome = run(one_call("GET", status(401), status(401), ok()))
    assert isinstance(outcome.error, AuthError)
    assert (outcome.error.status, outcome.sends) == (401, 2)


def test_a_fresh_token_that_is_refused_ends_the_call() -> None:
    refusal = status(400, b'{"error":"invalid_client"}')
    outcome = run(one_call("GET", status(401), tokens=(grant(1), refusal)))
    assert str(outcome.error) == "the token service refused the credentials: invalid_client (status 400)"
    assert (outcome.sends, len(outcome.transport.token_requests)) == (1, 2)


def test_a_401_is_tried_again_even_where_nothing_else_is() -> None:
    settings = settings_with(retries=RetryPolicy(attempts=1))
    assert run(one_call("POST", status(401), settings=settings)).error is None


# Cancellation, statistics, log


def test_a_cancelled_call_leaves_nothing_running_and_its_place_free() -> None:
    async def main() -> None:
        transport = FakeTransport(latency=50)
        async with client(transport, limiter=Admitting()) as crm:
            tasks = [asyncio.create_task(crm.request("GET", "/x")) for _ in range(150)]
            await asyncio.sleep(60)  # the token took 50
            assert len(transport.sent) == 100
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(end) for end in ended} == {asyncio.CancelledError}
            assert asyncio.all_tasks() == {asyncio.current_task()}
            transport.latency = 0
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(150)))

    run(main())


def test_statistics_count_what_was_done() -> None:
    async def main() -> None:
        transport = FakeTransport([status(429, b"12345"), status(401), ok(b"123"), status(404, b"1")])
        async with client(transport) as crm:
            assert crm.statistics() == Statistics(0, 0, 0, 0.0, 0, 0)
            await crm.request("GET", "/x")
            with pytest.raises(ServiceTitanError):
                await crm.request("GET", "/y")
            found = crm.statistics()
        assert found._replace(admission_seconds=0.0) == Statistics(4, 2, 1, 0.0, 2, 9)
        assert found.admission_seconds < 2

    run(main())


def test_a_call_is_one_debug_line_that_shows_of_its_query_what_is_harmless(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "servicetitan_crm_async")

    async def main() -> None:
        transport = FakeTransport([ok(), status(404)])
        async with client(transport) as crm:
            await crm.request("GET", "/x", query={"phone": "555-0100", "page": 2})
            with pytest.raises(ServiceTitanError):
                await crm.request("GET", "/y", query={"phone": "555-0100"})

    run(main())
    first, second = (record for record in caplog.records if record.name == "servicetitan_crm_async")
    assert first.levelno == second.levelno == logging.DEBUG
    assert first.getMessage().startswith("GET /x?phone=***&page=2 ok: status 200, 1 attempts, ")
    assert second.getMessage().startswith("GET /y?phone=*** failed (NotFound): status 404, 1 attempts, ")
    assert "555" not in caplog.text
    fields = vars(first)["servicetitan"]
    assert (fields["tenant_id"], fields["status"], fields["attempts"]) == (7, 200, 1)
    assert (fields["method"], fields["path"], fields["query"]) == ("GET", "/x", "phone=***&page=2")


async def typed(crm: ServiceTitanCRM) -> tuple[bytes, list[int]]:
    raw: bytes = await crm.request("GET", "/x")
    numbers: list[int] = await crm.request("GET", "/x", answer=list[int])
    return raw, numbers


def test_an_answer_is_bytes_or_of_the_type_asked_for() -> None:
    async def main() -> None:
        async with client(FakeTransport([ok(b"[1]"), ok(b"[1]")])) as crm:
            assert await typed(crm) == (b"[1]", [1])

    run(main())


def test_a_type_that_cannot_be_decoded_is_refused_before_sending() -> None:
    class Unclear(msgspec.Struct):
        odd: complex | object | list[int]

    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as crm:
            with pytest.raises(TypeError):
                await crm.request("GET", "/x", answer=Unclear)
        assert transport.sent == []

    run(main())
