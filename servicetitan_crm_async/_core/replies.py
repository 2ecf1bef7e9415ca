"""What an answer means: status, headers and bytes into a value or an error; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec

from servicetitan_crm_async.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServiceFault,
)


class Reply(NamedTuple):
    """An answer read to its end; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    """From the moment the request left to the last byte."""

    @property
    def served_at(self) -> datetime | None:
        """The service's own clock when it answered, to the second; None where it does not say."""
        return _http_date(self.headers.get("date", ""))

    def retry_after(self) -> float | None:
        """Seconds the service asks us to wait, given as such or as a date; None where it asks nothing."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        until, now = _http_date(text), self.served_at
        if until is None or now is None:
            return None
        return max(0.0, (until - now).total_seconds())


class _Problem(msgspec.Struct):
    """The RFC 7807 object; every field may be missing or null, as a proxy may have answered."""

    title: str | None = None
    traceId: str | None = None  # noqa: N815
    errors: dict[str, list[str]] | None = None


def error_of(reply: Reply, *, method: str, path: str, attempts: int, repeatable: bool) -> ApiError | None:
    """The error a reply stands for, or None where it is a success.

    A redirect is an error too: the API answers none, and following one would take the token along.
    """
    if 200 <= reply.status < 300:
        return None
    try:
        problem = msgspec.json.decode(reply.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    return _kind(reply.status)(
        status=reply.status,
        title=problem.title or "the service gave no reason",
        method=method,
        path=path,
        trace_id=problem.traceId,
        errors=problem.errors,
        attempts=attempts,
        retry_after=reply.retry_after(),
        maybe_applied=not repeatable and (reply.status >= 500 or reply.status == 408),
    )


def _kind(status: int) -> type[ApiError]:
    match status:
        case 400 | 405 | 415 | 422:
            return InvalidRequest
        case 403:
            return Forbidden
        case 404 | 410:
            return NotFound
        case 409:
            return Conflict
        case 429:
            return RateLimited
        case _:
            return ServiceFault if status >= 500 or status == 408 else ApiError


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
