"""The exception tree: one line each, and they pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from servicetitan_crm_async import (
    ApiError,
    AuthError,
    CallTimeout,
    ConfigError,
    Conflict,
    DecodeError,
    FeedStalled,
    Forbidden,
    InvalidRequest,
    LedgerConflict,
    NotFound,
    NotInContract,
    RateLimited,
    ResponseTooLarge,
    ServiceFault,
    ServiceTitanError,
    SyncError,
    TransportFailure,
    UnknownTenant,
    errors,
)

API_KINDS: list[type[ApiError]] = [
    ApiError,
    InvalidRequest,
    Forbidden,
    NotFound,
    Conflict,
    RateLimited,
    ServiceFault,
]
EXAMPLES: list[ServiceTitanError] = [
    ServiceTitanError("plain"),
    ServiceTitanError(),
    ConfigError({"name": "must not be empty", "zip": "is missing"}),
    ConfigError("the client is closed"),
    NotInContract({"sort": "no such filter"}),
    TransportFailure("no connection", method="GET", path="/x", attempts=3),
    TransportFailure("bare"),
    CallTimeout("attempt", 1.5, method="POST", path="/x", attempts=2, maybe_applied=True),
    ResponseTooLarge(64, method="GET", path="/x"),
    AuthError("refused", status=400, trace_id="t"),
    AuthError("refused"),
    *(
        kind(
            status=499,
            title="A title",
            method="POST",
            path="/x",
            trace_id="00-1",
            errors={"Name": ["is bad", "is long"]},
            attempts=2,
            retry_after=4.0,
            maybe_applied=True,
        )
        for kind in API_KINDS
    ),
    DecodeError("$.data", method="GET", path="/x", malformed=True),
    UnknownTenant(7),
    SyncError("cannot"),
    LedgerConflict("someone else"),
    FeedStalled("no end"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_keeps_type_attributes_and_text_when_pickled(
    error: ServiceTitanError, protocol: int
) -> None:
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert (type(twin), twin.__dict__, str(twin)) == (type(error), error.__dict__, str(error))
    again = pickle.loads(pickle.dumps(twin, protocol))
    assert (str(again), again.args) == (str(error), twin.args)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_copy_is_as_good_as_the_error(error: ServiceTitanError) -> None:
    twin = copy.copy(error)
    assert twin is not error
    assert (type(twin), twin.__dict__, str(twin)) == (type(error), error.__dict__, str(error))


def test_every_error_of_the_module_is_among_the_examples() -> None:
    assert {type(error).__name__ for error in EXAMPLES} == set(errors.__all__)


def test_an_error_is_one_line_whatever_the_service_says() -> None:
    text = "line one\r\nERROR forged\u2028and\x85more"
    for error in (
        InvalidRequest(
            status=400, title=text, method="GET", path="/x", errors={"a\nb": [text]}, trace_id=text
        ),
        TransportFailure(text, method="GET", path="/x"),
        ConfigError({"name": text}),
        AuthError(text),
    ):
        assert len(str(error).splitlines()) == 1


def test_texts_say_method_path_attempts_and_fate() -> None:
    timeout = CallTimeout("attempt", 1.5, method="POST", path="/x", attempts=2, maybe_applied=True)
    assert str(timeout) == (
        "POST /x: the attempt time-out of 1.5 s passed (2 attempts); it may have taken effect"
    )
    assert str(TransportFailure("no connection")) == "no connection (1 attempt)"
    assert str(ConfigError({"a": "is bad", "b": "is worse"})) == "a: is bad; b: is worse"
    assert str(AuthError("refused", status=401)) == "refused (status 401)"
    assert str(DecodeError("$.data")) == "the answer does not fit: $.data"


def test_settings_errors_are_value_errors_too() -> None:
    assert issubclass(NotInContract, ConfigError)
    assert issubclass(ConfigError, ValueError)
    assert ConfigError("a text").problems == {}
