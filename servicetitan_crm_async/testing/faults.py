"""Faults by the name of the request they strike: `"GET /customers"`, `"/leads/*/dismiss"`, `"*"`."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from servicetitan_crm_async.client import Json
from servicetitan_crm_async.sandbox import Fault, When
from servicetitan_crm_async.sandbox.faults import TOKEN_PATH
from servicetitan_crm_async.sandbox.routes import ROUTES
from servicetitan_crm_async.testing.hosting import Host


class FaultyHost(Host):
    """A sandbox in which things go wrong on demand.

    `on` says for which requests: a method and a path below the tenant, `*` standing for anything, or
    one of the two; all requests of the API by default, `"POST /connect/token"` for the token service.
    `times` of them are struck (None: all), after so many have been let through. Of several faults the
    first that strikes is the only one for that request.

    Raises:
        ValueError: no request is like `on`.
    """

    def fail(
        self,
        status: int = 503,
        *,
        on: str = "*",
        times: int | None = 1,
        after: int = 0,
        retry_after: float | None = None,
        applied: bool = False,
    ) -> None:
        """An error answer, with a `Retry-After` in seconds if given.

        `applied`: the service did what it was asked before things went wrong.
        """
        when = requests_like(on, times, after)
        self._strike(Fault.status(status, retry_after=retry_after, applied=applied, **when))

    def throttle(
        self, *, on: str = "*", times: int | None = 1, after: int = 0, retry_after: float | None = 1.0
    ) -> None:
        """429, as when another program uses up the budget."""
        self._strike(Fault.rate_limited(retry_after=retry_after, **requests_like(on, times, after)))

    def drop(self, *, on: str = "*", times: int | None = 1, after: int = 0, applied: bool = False) -> None:
        """The connection is reset before a byte of the answer."""
        self._strike(Fault.reset(applied=applied, **requests_like(on, times, after)))

    def cut(self, *, on: str = "*", times: int | None = 1, after: int = 0, keep: int = 10) -> None:
        """The connection closes after `keep` bytes of a body announced as longer."""
        self._strike(Fault.cut(keep=keep, **requests_like(on, times, after)))

    def garble(self, *, on: str = "*", times: int | None = 1, after: int = 0) -> None:
        """A complete body that is no JSON."""
        self._strike(Fault.corrupt(**requests_like(on, times, after)))

    def delay(self, seconds: float, *, on: str = "*", times: int | None = 1, after: int = 0) -> None:
        """Half the answer comes at once, the rest after these seconds of real time."""
        self._strike(Fault.slow(seconds, **requests_like(on, times, after)))

    def distort(
        self,
        field: str,
        value: Json,
        *,
        on: str = "*",
        times: int | None = 1,
        after: int = 0,
        record: int | None = 0,
    ) -> None:
        """A field of one record of the answer has another value than it has; of all with `record=None`.

        By its name on the wire: `modifiedOn`, `address.zip`.
        """
        self._strike(Fault.odd(field, value, record=record, **requests_like(on, times, after)))

    def expire_tokens(self, *, on: str = "*", after: int = 0) -> None:
        """Every token handed out so far is taken back, so the next request that uses one gets 401."""
        self._strike(Fault.expire_tokens(**requests_like(on, 1, after)))

    def recover(self) -> None:
        """Nothing goes wrong any more."""
        self.within(lambda sandbox: sandbox.faults.clear())

    def _strike(self, fault: Fault) -> None:
        self.within(lambda sandbox: sandbox.faults.add(fault))


def requests_like(on: str, times: int | None = 1, after: int = 0) -> When:
    """What a fault strikes, from the text that says it.

    Raises:
        ValueError: the sandbox knows no such request.
    """
    first, _, second = on.strip().partition(" ")
    method, path = (first, second.strip() or "*") if first.isalpha() else ("", on.strip())
    if not _known(method, path):
        raise ValueError(
            f"no request is like {on!r}; write 'GET /customers', '/leads/*/dismiss', 'POST' or '*'"
        )
    when = When(path=path, times=times, after=after)
    if method:
        when["method"] = method
    return when


def _known(method: str, path: str) -> bool:
    if path == TOKEN_PATH:
        return method in ("", "POST")
    return any(
        method in ("", route.method)
        and (
            fnmatchcase(route.template, path) or re.fullmatch(_PLACEHOLDER.sub("[^/]+", route.template), path)
        )
        for route in ROUTES
    )


_PLACEHOLDER = re.compile(r"\{\w+\}")
