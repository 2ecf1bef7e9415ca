"""What an answer means: status, headers and bytes into a value or an error; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, TypeVar

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

T = TypeVar("T")


class Reply(NamedTuple):
    """An answer read to its end; header names are found in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float = 0.0
    """From the moment the request left to the last byte."""

    def __repr__(self) -> str:
        # A token service's answer holds the token, and a traceback may show the locals of its frames.
        return f"Reply({self.status}, {len(self.body)} bytes)"

    @property
    def served_at(self) -> datetime | None:
        """The service's own clock when it answered, to the second; None where it does not say."""
        return _http_date(self.headers.get("date", ""))

    def retry_after(self) -> float | None:
        """Seconds the service asks us to wait, given as such or as a date; None where it asks nothing."""
        text = self.headers.get("retry-after", "").strip()
        if _SECONDS.fullmatch(text):
            return float(text)
        until, now = _http_date(text), self.served_at
        if until is None or now is None:
            return None
        return max(0.0, (until - now).total_seconds())


_SECONDS = re.compile(r"\d{1,9}(\.\d+)?", re.ASCII)


def error_of(reply: Reply, *, method: str, path: str, attempts: int, repeatable: bool) -> ApiError | None:
    """The error a reply stands for, or None where it is a success.

    A redirect is an error too: the API answers none, and following one would take the token along.
    """
    if 200 <= reply.status < 300:
        return None
    problem = _part(reply.body, dict[str, msgspec.Raw]) or {}
    return _kind(reply.status)(
        status=reply.status,
        title=_part(problem.get("title"), str) or "the service gave no reason",
        method=method,
        path=path,
        trace_id=_part(problem.get("traceId"), str),
        errors=_field_errors(problem.get("errors")),
        attempts=attempts,
        retry_after=reply.retry_after(),
        maybe_applied=not repeatable and (reply.status >= 500 or reply.status == 408),
    )


def _part(json: bytes | msgspec.Raw | None, kind: type[T]) -> T | None:
    """One part of an RFC 7807 object; any may be missing or odd, as a proxy may have answered."""
    if json is None:
        return None
    try:
        return msgspec.json.decode(json, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _field_errors(json: msgspec.Raw | None) -> dict[str, list[str]]:
    fields = _part(json, dict[str, msgspec.Raw]) or {}
    texts = {name: _part(part, list[str]) or [_part(part, str) or ""] for name, part in fields.items()}
    return {name: found for name, found in texts.items() if any(found)}


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
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
