"""Every exception the package raises, cut by what a caller would do about it.

    ServiceTitanError
        ConfigError > NotInContract          fix the settings or the call (also a ValueError)
                    > UnknownTenant
        TransportFailure > CallTimeout       the network; maybe_applied says whether the request
                         > ResponseTooLarge  may have taken effect
        AuthError                            the token service refused us
        ApiError                             the service answered, and the answer is an error
            InvalidRequest  Forbidden  NotFound  Conflict  RateLimited  ServiceFault
        DecodeError                          the answer broke the model
        SyncError > LedgerConflict  FeedStalled

`str(error)` is one line that a support desk can use. Errors pickle, and none carries a secret, a
request header or a body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "ApiError",
    "AuthError",
    "CallTimeout",
    "ConfigError",
    "Conflict",
    "DecodeError",
    "FeedStalled",
    "Forbidden",
    "InvalidRequest",
    "LedgerConflict",
    "NotFound",
    "NotInContract",
    "RateLimited",
    "ResponseTooLarge",
    "ServiceFault",
    "ServiceTitanError",
    "SyncError",
    "TransportFailure",
    "UnknownTenant",
]


def _rebuild(kind: type[ServiceTitanError], message: str, state: dict[str, object]) -> ServiceTitanError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class ServiceTitanError(Exception):
    """The base of everything this package raises on purpose."""

    def __str__(self) -> str:
        return _one_line(str(self.args[0])) if self.args else type(self).__name__

    # The default pickling calls the class with `args`, which keyword-only constructors refuse.
    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), str(self), dict(self.__dict__))


class ConfigError(ServiceTitanError, ValueError):
    """The settings or the arguments of a call are wrong; nothing was sent.

    `problems` maps each field or variable at fault to what is wrong with it, all of them at once.
    Values are never quoted: one of them may be a secret.
    """

    def __init__(self, problems: Mapping[str, str] | str) -> None:
        self.problems: dict[str, str] = {} if isinstance(problems, str) else dict(problems)
        super().__init__(
            problems if isinstance(problems, str) else "; ".join(f"{k}: {v}" for k, v in problems.items())
        )


class NotInContract(ConfigError):
    """The contract in use has no such operation or filter; the message names what to use instead."""


class UnknownTenant(ConfigError):
    """Nobody has credentials for this tenant."""

    def __init__(self, tenant_id: int) -> None:
        self.tenant_id = tenant_id
        super().__init__(f"there are no credentials for tenant {tenant_id}")


class TransportFailure(ServiceTitanError):
    """The network failed: no connection, a broken one, or an answer cut short.

    `maybe_applied` is true when a request that changes data may have taken effect before the
    failure; look before you repeat it.
    """

    transient = True
    """Whether another try could fare better."""

    def __init__(
        self, reason: str, *, method: str = "", path: str = "", attempts: int = 1, maybe_applied: bool = False
    ) -> None:
        self.reason, self.method, self.path = reason, method, path
        self.attempts, self.maybe_applied = attempts, maybe_applied
        super().__init__(reason)

    def __str__(self) -> str:
        fate = "; it may have taken effect" if self.maybe_applied else ""
        return _one_line(
            f"{self.method} {self.path}: {self.reason} ({_times(self.attempts)}){fate}".lstrip(" :")
        )


class CallTimeout(TransportFailure):
    """A time-out passed; `which` is `"connect"`, `"attempt"`, `"admission"` or `"call"`."""

    def __init__(
        self,
        which: str,
        seconds: float,
        *,
        method: str = "",
        path: str = "",
        attempts: int = 1,
        maybe_applied: bool = False,
    ) -> None:
        self.which, self.seconds = which, seconds
        super().__init__(
            f"the {which} time-out of {seconds:g} s passed",
            method=method,
            path=path,
            attempts=attempts,
            maybe_applied=maybe_applied,
        )


class ResponseTooLarge(TransportFailure):
    """The answer is larger than `limit` bytes; ask for smaller pages or raise `max_response_bytes`."""

    transient = False

    def __init__(
        self, limit: int, *, method: str = "", path: str = "", attempts: int = 1, maybe_applied: bool = False
    ) -> None:
        self.limit = limit
        super().__init__(
            f"the answer is over max_response_bytes ({limit}): ask for smaller pages or raise it",
            method=method,
            path=path,
            attempts=attempts,
            maybe_applied=maybe_applied,
        )


class AuthError(ServiceTitanError):
    """The token service, or the API with a fresh token, refused the credentials."""

    def __init__(self, reason: str, *, status: int | None = None, trace_id: str | None = None) -> None:
        self.reason, self.status, self.trace_id = reason, status, trace_id
        super().__init__(reason if status is None else f"{reason} (status {status})")


class ApiError(ServiceTitanError):
    """The service answered with an error.

    `errors` maps field names to the service's texts; `retry_after` is the service's wish in seconds;
    `maybe_applied` is true where a request that changes data may have taken effect all the same.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        method: str,
        path: str,
        trace_id: str | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        maybe_applied: bool = False,
    ) -> None:
        self.status, self.title, self.method, self.path = status, title, method, path
        self.trace_id, self.attempts = trace_id, attempts
        self.retry_after, self.maybe_applied = retry_after, maybe_applied
        self.errors: dict[str, tuple[str, ...]] = {k: tuple(v) for k, v in (errors or {}).items()}
        super().__init__(title)

    def __str__(self) -> str:
        fields = "".join(f"; {name}: {' '.join(texts)}" for name, texts in self.errors.items())
        trace = f", trace {self.trace_id}" if self.trace_id else ""
        tries = _times(self.attempts)
        fate = "; it may have taken effect" if self.maybe_applied else ""
        return _one_line(
            f"{self.method} {self.path}: {self.status} {self.title}{fields} ({tries}{trace}){fate}"
        )


class InvalidRequest(ApiError):
    """400, 405, 415, 422: the service refuses what was asked; `errors` says which fields."""


class Forbidden(ApiError):
    """403: the app lacks a scope, or the app key does not belong to this tenant."""


class NotFound(ApiError):
    """404: no such record, or no such path."""


class Conflict(ApiError):
    """409: the record is in a state that does not allow it."""


class RateLimited(ApiError):
    """429 until the retries were used up; `retry_after` is the service's last word, in seconds."""


class ServiceFault(ApiError):
    """408 or 5xx until the retries were used up; see `maybe_applied` before repeating a write."""


class DecodeError(ServiceTitanError):
    """The answer broke the model; `where` is the place in the document, never its content.

    `malformed` is true when it was no JSON at all, as after a cut that nothing else noticed.
    """

    def __init__(self, where: str, *, method: str = "", path: str = "", malformed: bool = False) -> None:
        self.where, self.method, self.path, self.malformed = where, method, path, malformed
        super().__init__(f"{method} {path}: the answer does not fit: {where}".lstrip(" :"))


class SyncError(ServiceTitanError):
    """A sync cannot go on; what was landed before stays, and the next run takes it up."""


class LedgerConflict(SyncError):
    """Someone else works on this destination, or its ledger is of a layout this version cannot read.

    Where another run holds it, `host`, `process` and `since` say which, as far as is known.
    """

    def __init__(
        self, reason: str, *, host: str | None = None, process: int | None = None, since: str | None = None
    ) -> None:
        self.host, self.process, self.since = host, process, since
        super().__init__(reason)


class FeedStalled(SyncError):
    """An export feed or a list repeats itself and would never end."""


def _one_line(text: str) -> str:
    # The service's words are part of it, and a line break in a log forges a line.
    return " ".join(text.split())


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"
