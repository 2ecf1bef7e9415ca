"""Errors as problem details (RFC 9457) for whoever called the application.

What a problem says is written here: no word of an error's text, of an answer or of a setting goes out. Who
looks for the reason finds the problem's `instance` in the log, with the error beside it.
"""

from __future__ import annotations

import logging
import math
import re
from functools import lru_cache
from http import HTTPStatus
from uuid import uuid4

import msgspec

from servicetitan_crm_async.contract import OPERATIONS
from servicetitan_crm_async.errors import (
    ApiError,
    CallTimeout,
    ConfigError,
    Conflict,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServiceFault,
    ServiceTitanError,
    SyncError,
    TransportFailure,
    UnknownTenant,
)

__all__ = ["MEDIA_TYPE", "Problem", "bare_problem", "logged_problem", "problem_of"]

logger = logging.getLogger("servicetitan_crm_async")

MEDIA_TYPE = "application/problem+json"

_UNKNOWN_FATE = "The change may have taken effect: look before you repeat it."
_PART = r"[A-Za-z]+(\[\d{1,4}\])?"
_PLACE = re.compile(rf"(\$\.)?{_PART}(\.{_PART})*", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)
_MOST_FIELDS = 50


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem details object; what is empty is left out. Its type is `about:blank`, so that is too."""

    title: str
    status: int
    detail: str = ""
    instance: str = ""
    """Of this very occurrence, as in the log."""
    fields: tuple[str, ...] = ()
    """Which fields the service refused, as far as its contract has a name for them."""
    maybe_applied: bool = False
    """Whether a change may have taken effect all the same."""
    retry_after: int | None = None
    """Seconds until another try may fare better; in the header `Retry-After` too."""

    def body(self) -> bytes:
        """The JSON that goes out."""
        return msgspec.json.encode(self)

    def headers(self) -> dict[str, str]:
        """The headers that go with it, the content type not among them."""
        found = {"Cache-Control": "no-store"}
        if self.retry_after is not None:
            found["Retry-After"] = str(self.retry_after)
        return found


def problem_of(error: ServiceTitanError, *, instance: str = "") -> Problem:
    """What a caller of the application may know of an error; pure.

    404, 409 and 422 are about the record or the fields that were asked for. The credentials, the rate and the
    connections are the application's own, so what goes wrong with them is a 502, 503 or 504 to its caller.
    """
    status, detail = _status(error), _detail(error)
    maybe_applied = isinstance(error, ApiError | TransportFailure) and error.maybe_applied
    return Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=f"{detail} {_UNKNOWN_FATE}".lstrip() if maybe_applied else detail,
        instance=instance,
        fields=_fields(error) if isinstance(error, InvalidRequest) else (),
        maybe_applied=maybe_applied,
        retry_after=_retry_after(error) if status == 503 else None,
    )


def bare_problem(status: int, detail: str = "") -> Problem:
    """A problem that no error of this package stands behind."""
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)


def logged_problem(error: ServiceTitanError) -> Problem:
    """The problem of an error, with an `instance` under which the log has the error itself."""
    problem = problem_of(error, instance=f"urn:uuid:{uuid4()}")
    level = logging.WARNING if problem.status >= 500 else logging.INFO
    # A 500 is a mistake in the program or its settings, which takes a traceback to find.
    trace = error if problem.status == 500 else None
    logger.log(level, "problem %s: %s: %s", problem.instance, type(error).__name__, error, exc_info=trace)
    return problem


def _status(error: ServiceTitanError) -> int:
    match error:
        case NotFound() | UnknownTenant():
            return 404
        case Conflict():
            return 409
        case InvalidRequest():
            return 422
        case RateLimited() | CallTimeout(which="admission") | ServiceFault(status=503):
            return 503
        case CallTimeout() | ServiceFault(status=408 | 504):
            return 504
        case ConfigError() | SyncError():
            return 500
        case _:
            return 502


def _detail(error: ServiceTitanError) -> str:
    match error:
        case UnknownTenant():
            return "There is no such tenant."
        case NotFound():
            return "There is no such record."
        case Conflict():
            return "The record is in a state that does not allow it."
        case InvalidRequest():
            return "ServiceTitan does not accept this."
        case RateLimited() | CallTimeout(which="admission"):
            return "Too much is asked of ServiceTitan at the moment."
        case CallTimeout() | ServiceFault(status=408 | 504):
            return "ServiceTitan did not answer in time."
        case ConfigError() | SyncError():
            return ""
        case _:
            return "ServiceTitan could not be asked, or its answer could not be used."


def _retry_after(error: ServiceTitanError) -> int:
    wish = error.retry_after if isinstance(error, ApiError) else None
    return max(1, math.ceil(wish or 0))


def _fields(error: InvalidRequest) -> tuple[str, ...]:
    """The names among the field errors that the contract has too.

    Their texts quote values, and a name could be anything: what is no word of the contract stays here.
    """
    known = [name for name in error.errors if _is_known(name)]
    return tuple(known[:_MOST_FIELDS])


def _is_known(place: str) -> bool:
    words = _WORD.findall(place) if _PLACE.fullmatch(place) else []
    return bool(words) and all(word.casefold() in _vocabulary() for word in words)


@lru_cache(maxsize=1)
def _vocabulary() -> frozenset[str]:
    words: set[str] = set()
    for row in OPERATIONS:
        paths = [*row.filters, *(row.body.required + row.body.optional if row.body else ())]
        words.update(word.casefold() for path in paths for word in _WORD.findall(path))
    return frozenset(words)
