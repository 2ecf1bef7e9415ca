"""Each error as the problem its caller is told of, and what is never told."""

from __future__ import annotations

import json
import logging

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
from servicetitan_crm_async.integrations.problems import logged_problem, problem_of

HUSH = "5550107788 of-a-person"


def api(kind: type[ApiError], status: int, **more: object) -> ApiError:
    return kind(
        status=status,
        title=HUSH,
        method="POST",
        path=f"/crm/v2/tenant/1/{HUSH}",
        trace_id=HUSH,
        errors={"name": [HUSH]},
        **more,  # type: ignore[arg-type]  # one of its keywords
    )


TABLE: list[tuple[ServiceTitanError, int]] = [
    (ServiceTitanError(HUSH), 502),
    (ConfigError({HUSH: HUSH}), 500),
    (NotInContract(HUSH), 500),
    (UnknownTenant(5550107788), 404),
    (TransportFailure(HUSH), 502),
    (ResponseTooLarge(5550107788), 502),
    (CallTimeout("connect", 1), 504),
    (CallTimeout("attempt", 1), 504),
    (CallTimeout("call", 1), 504),
    (CallTimeout("admission", 1), 503),
    (AuthError(HUSH, status=401, trace_id=HUSH), 502),
    (api(ApiError, 302), 502),
    (api(InvalidRequest, 400), 422),
    (api(InvalidRequest, 415), 422),
    (api(Forbidden, 403), 502),
    (api(NotFound, 404), 404),
    (api(Conflict, 409), 409),
    (api(RateLimited, 429), 503),
    (api(ServiceFault, 500), 502),
    (api(ServiceFault, 503), 503),
    (api(ServiceFault, 408), 504),
    (api(ServiceFault, 504), 504),
    (DecodeError(HUSH, path=HUSH), 502),
    (SyncError(HUSH), 500),
    (LedgerConflict(HUSH, host=HUSH), 500),
    (FeedStalled(HUSH), 500),
]


@pytest.mark.parametrize(("error", "status"), TABLE, ids=lambda value: type(value).__name__)
def test_the_status_says_whose_fault_it_is_and_nothing_is_quoted(
    error: ServiceTitanError, status: int
) -> None:
    problem = problem_of(error)
    sent = json.loads(problem.body())
    assert (problem.status, sent["status"]) == (status, status)
    assert sent["title"]
    assert "type" not in sent  # about:blank
    for part in HUSH.split():
        assert part not in problem.body().decode()
        assert part not in str(problem.headers())
    assert (problem.retry_after is None) == (status != 503)


def test_every_error_of_the_package_is_in_the_table() -> None:
    assert {type(error).__name__ for error, _ in TABLE} == set(errors.__all__)


@pytest.mark.parametrize(("wish", "told"), [(None, "1"), (0.0, "1"), (0.2, "1"), (7.0, "7"), (7.1, "8")])
def test_retry_after_is_in_whole_seconds_and_never_none(wish: float | None, told: str) -> None:
    assert problem_of(api(RateLimited, 429, retry_after=wish)).headers()["Retry-After"] == told


@pytest.mark.parametrize(
    "error", [CallTimeout("call", 1, maybe_applied=True), api(ServiceFault, 500, maybe_applied=True)]
)
def test_a_change_of_unknown_fate_is_told_of(error: ServiceTitanError) -> None:
    sent = json.loads(problem_of(error).body())
    assert sent["maybe_applied"] is True
    assert "look before you repeat it" in sent["detail"]


def test_a_bare_500_says_nothing_at_all() -> None:
    assert json.loads(problem_of(ConfigError({"app_key": "is wrong"})).body()) == {
        "title": "Internal Server Error",
        "status": 500,
    }


def test_of_field_errors_the_contracts_own_names_are_told_and_no_text() -> None:
    refused = InvalidRequest(
        status=400,
        title="no",
        method="POST",
        path="/x",
        errors={
            "Name": [HUSH],
            "$.address.zip": [HUSH],
            "locations[0].name": [HUSH],
            "address.5550107788": [HUSH],
            "O'Brien": [HUSH],
            "Byron": [HUSH],
            "name.Byron": [HUSH],
            "": [HUSH],
            "name[5550107788]": [HUSH],
            "$": [HUSH],
            "name" * 50: [HUSH],
        },
    )
    problem = problem_of(refused)
    assert problem.fields == ("Name", "$.address.zip", "locations[0].name")
    assert json.loads(problem.body())["fields"] == list(problem.fields)


def test_the_log_has_the_error_under_the_instance_of_its_problem(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "servicetitan_crm_async"):
        fault, missing = logged_problem(api(ServiceFault, 500)), logged_problem(api(NotFound, 404))
        mistake = logged_problem(ConfigError("the application does not run"))
    assert len({fault.instance, missing.instance, mistake.instance}) == 3
    first, second, third = caplog.records
    assert fault.instance in first.getMessage()
    assert "500" in first.getMessage()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]
    assert (first.exc_info, second.exc_info) == (None, None)
    assert third.exc_info is not None
