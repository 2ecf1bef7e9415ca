"""What an answer means: every status to its error, whatever the body holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServiceFault,
)
from servicetitan_crm_async._core.replies import Reply, error_of


def error_for(reply: Reply, *, repeatable: bool = True) -> ApiError:
    error = error_of(reply, method="GET", path="/customers", attempts=2, repeatable=repeatable)
    assert error is not None
    return error


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_no_error(status: int) -> None:
    assert error_of(Reply(status, {}, b""), method="GET", path="/", attempts=1, repeatable=True) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, ApiError),
        (302, ApiError),
        (307, ApiError),
        (400, InvalidRequest),
        (402, ApiError),
        (403, Forbidden),
        (404, NotFound),
        (405, InvalidRequest),
        (408, ServiceFault),
        (409, Conflict),
        (410, NotFound),
        (415, InvalidRequest),
        (418, ApiError),
        (422, InvalidRequest),
        (429, RateLimited),
        (500, ServiceFault),
        (502, ServiceFault),
        (503, ServiceFault),
        (504, ServiceFault),
        (599, ServiceFault),
    ],
)
def test_every_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    error = error_for(Reply(status, {}, b""))
    assert (type(error), error.status, error.attempts) == (kind, status, 2)


@pytest.mark.parametrize(("status", "unknown"), [(408, True), (429, False), (500, True), (400, False)])
def test_a_fault_may_have_applied_what_changes_data(status: int, unknown: bool) -> None:
    assert error_for(Reply(status, {}, b""), repeatable=False).maybe_applied is unknown
    assert not error_for(Reply(status, {}, b""), repeatable=True).maybe_applied


def test_the_problem_object_is_read() -> None:
    body = (
        b'{"type":"https://x","title":"One or more validation errors occurred.","status":400,'
        b'"traceId":"00-abc-1","errors":{"Name":["is required","is short"],"$.address.zip":["no"]}}'
    )
    error = error_for(Reply(400, {}, body))
    assert error.title == "One or more validation errors occurred."
    assert error.trace_id == "00-abc-1"
    assert error.errors == {"Name": ("is required", "is short"), "$.address.zip": ("no",)}
    assert str(error) == (
        "GET /customers: 400 One or more validation errors occurred.; Name: is required is short; "
        "$.address.zip: no (2 attempts, trace 00-abc-1)"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<html>502 Bad Gateway</html>",
        b'{"title": null, "errors": null, "traceId": null}',
        b'{"title": 5, "errors": [], "traceId": {}}',
        b'{"title": "\xff\xfe"}',
        b'{"title": "cut',
        b"[" * 200_000,
        b'{"x":' + b"[" * 200_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_any_body_makes_an_error_with_a_title(body: bytes) -> None:
    assert error_for(Reply(502, {}, body)).title == "the service gave no reason"


def test_an_odd_part_of_the_problem_costs_only_itself() -> None:
    body = b'{"title":"Wrong.","traceId":7,"errors":{"Name":"is required","Zip":null,"City":["a",1]}}'
    error = error_for(Reply(400, {}, body))
    assert (error.title, error.trace_id, error.errors) == ("Wrong.", None, {"Name": ("is required",)})


@given(st.binary(max_size=60), st.integers(300, 599))
def test_no_body_breaks_the_reading_of_an_error(body: bytes, status: int) -> None:
    assert "\n" not in str(error_for(Reply(status, {}, body)))


DATE = "Tue, 20 Jul 2021 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "Tue, 20 Jul 2021 12:00:30 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Tue, 20 Jul 2021 11:00:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Tue, 20 Jul 2021 12:00:30 GMT"}, None),  # whose clock would that be
        ({}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "٣"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert Reply(429, headers, b"").retry_after() == seconds
    assert error_for(Reply(429, headers, b"")).retry_after == seconds


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (DATE, datetime(2021, 7, 20, 12, tzinfo=UTC)),
        ("Tue, 20 Jul 2021 12:00:00 -0000", datetime(2021, 7, 20, 12, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2020 00:00:00 +99999999999999999", None),
        ("Mon, 32 Jan 2020 00:00:00 GMT", None),
    ],
)
def test_the_date_of_an_answer_is_the_services_clock(text: str, moment: datetime | None) -> None:
    assert Reply(200, {"date": text}, b"").served_at == moment


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_dates(text: str) -> None:
    reply = Reply(429, {"date": text, "retry-after": text}, b"")
    assert reply.served_at is None or reply.served_at.tzinfo is not None
    assert reply.retry_after() is None or (reply.retry_after() or 0) >= 0


def test_a_reply_does_not_show_its_body() -> None:
    """A token service's answer is the token."""
    assert repr(Reply(200, {"x": "y"}, b"a-bearer-token")) == "Reply(200, 14 bytes)"
