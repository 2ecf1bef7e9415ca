"""Whether a failed call is tried again and when, by table and by property; no loop, no clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async import (
    ApiError,
    AuthError,
    CallTimeout,
    ConfigError,
    Conflict,
    DecodeError,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ResponseTooLarge,
    RetryPolicy,
    ServiceFault,
    TransportFailure,
)
from servicetitan_crm_async._core.retrying import again_after

POLICY = RetryPolicy()


def service(
    kind: type[ApiError], status: int, *, retry_after: float | None = None, maybe_applied: bool = False
) -> ApiError:
    return kind(
        status=status,
        title="",
        method="GET",
        path="/",
        retry_after=retry_after,
        maybe_applied=maybe_applied,
    )


def decided(
    error: Exception, *, repeatable: bool, attempt: int = 1, elapsed: float = 0.0, chance: float = 1.0
) -> float | None:
    return again_after(
        error, policy=POLICY, repeatable=repeatable, attempt=attempt, elapsed=elapsed, chance=chance
    )


@pytest.mark.parametrize(
    ("error", "get", "post"),
    [
        (service(RateLimited, 429), True, True),
        (service(ServiceFault, 408, maybe_applied=True), True, False),
        (service(ServiceFault, 500, maybe_applied=True), True, False),
        (service(ServiceFault, 502, maybe_applied=True), True, False),
        (service(ServiceFault, 503, maybe_applied=True), True, False),
        (service(ServiceFault, 504, maybe_applied=True), True, False),
        (service(ServiceFault, 501), False, False),
        (service(InvalidRequest, 400), False, False),
        (service(Forbidden, 403), False, False),
        (service(NotFound, 404), False, False),
        (service(Conflict, 409), False, False),
        (service(ApiError, 302), False, False),
        (AuthError("refused", status=401), False, False),
        (TransportFailure("no connection"), True, True),
        (TransportFailure("the connection broke", maybe_applied=True), True, False),
        (CallTimeout("connect", 10), True, True),
        (CallTimeout("attempt", 110, maybe_applied=True), True, False),
        (CallTimeout("admission", 5), False, False),
        (ResponseTooLarge(1), False, False),
        (DecodeError("cut", malformed=True), True, False),
        (DecodeError("odd"), False, False),
        (ConfigError("wrong"), False, False),
        (ValueError("a bug"), False, False),
    ],
    ids=lambda value: f"{type(value).__name__}-{value}"[:40] if isinstance(value, Exception) else None,
)
def test_what_is_tried_again(error: Exception, get: bool, post: bool) -> None:
    assert (decided(error, repeatable=True) is not None) is get
    assert (decided(error, repeatable=False) is not None) is post


@pytest.mark.parametrize(
    ("attempt", "longest_wait"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 16), (7, 20)]
)
def test_waits_grow_from_none_at_all_to_twice_the_last(attempt: int, longest_wait: float) -> None:
    error = service(ServiceFault, 503)
    assert decided(error, repeatable=True, attempt=attempt, chance=1.0) == longest_wait
    assert decided(error, repeatable=True, attempt=attempt, chance=0.0) == 0.0


def test_the_last_attempt_is_the_last() -> None:
    assert decided(service(ServiceFault, 503), repeatable=True, attempt=POLICY.attempts) is None


@pytest.mark.parametrize("kind", [RateLimited, ServiceFault])
def test_a_retry_after_is_kept_to(kind: type[ApiError]) -> None:
    status = 429 if kind is RateLimited else 503
    assert decided(service(kind, status, retry_after=17), repeatable=True, chance=0.0) == 17


def test_a_retry_after_past_all_patience_stops_at_once() -> None:
    assert decided(service(RateLimited, 429, retry_after=121), repeatable=True) is None
    assert decided(service(RateLimited, 429, retry_after=30), repeatable=True, elapsed=91) is None


transports = st.builds(TransportFailure, st.just("broke"), maybe_applied=st.booleans())
timeouts = st.builds(
    CallTimeout,
    st.sampled_from(["connect", "attempt", "admission", "call"]),
    st.just(1.0),
    maybe_applied=st.booleans(),
)
answers = st.builds(
    service,
    st.sampled_from([RateLimited, ServiceFault, InvalidRequest, NotFound, Conflict, ApiError]),
    st.integers(300, 599),
    retry_after=st.none() | st.floats(0, 500),
    maybe_applied=st.booleans(),
)
decodes = st.builds(DecodeError, st.just("x"), malformed=st.booleans())
errors = st.one_of(transports, timeouts, answers, decodes)
policies = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 5000),
    seconds=st.floats(0, 1e4),
    initial=st.floats(0, 1e3),
    longest=st.floats(0, 1e3),
)


@given(errors, policies, st.integers(1, 5000), st.floats(0, 1e4), st.floats(0, 1))
def test_an_unsafe_call_whose_fate_is_unknown_is_never_repeated(
    error: Exception, policy: RetryPolicy, attempt: int, elapsed: float, chance: float
) -> None:
    wait = again_after(
        error, policy=policy, repeatable=False, attempt=attempt, elapsed=elapsed, chance=chance
    )
    if wait is not None:
        assert isinstance(error, RateLimited) or (
            isinstance(error, TransportFailure) and not error.maybe_applied
        )


@given(st.lists(errors, min_size=1, max_size=40), policies, st.floats(0, 1), st.booleans())
def test_the_waits_of_a_call_stay_within_its_patience(
    failures: list[Exception], policy: RetryPolicy, chance: float, repeatable: bool
) -> None:
    elapsed, attempt = 0.0, 0
    for attempt, error in enumerate(failures, 1):
        wait = again_after(
            error, policy=policy, repeatable=repeatable, attempt=attempt, elapsed=elapsed, chance=chance
        )
        if wait is None:
            break
        assert wait >= (getattr(error, "retry_after", None) or 0.0)
        elapsed += wait
    assert elapsed <= policy.seconds
    assert attempt <= policy.attempts
