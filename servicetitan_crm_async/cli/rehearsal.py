"""`--dry-run`: a call made to the last, and not sent; not even a token is asked for."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.tokens import StoredToken
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.config import Credentials, Secret, Settings

_AN_HOUR = 3600.0


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request as it would have been sent."""

    method: str
    path: str
    """With its query."""
    body: msgspec.Raw | None = None


class _EndError(Exception):
    """The call has come to where it would be sent."""


class _Nowhere:
    """A transport that keeps the request and sends nothing."""

    def __init__(self) -> None:
        self.request: WireRequest | None = None

    async def send(self, request: WireRequest) -> Reply:
        self.request = request
        raise _EndError

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class _NoToken:
    """A token store that spares the question for a token."""

    async def load(self, key: str) -> StoredToken:
        now = time.time()
        return StoredToken(Secret("none"), now, now + _AN_HOUR)

    async def save(self, key: str, token: StoredToken | None) -> None: ...


async def rehearsed(
    credentials: Credentials, settings: Settings, call: Callable[[ServiceTitanCRM], Awaitable[object]]
) -> Rehearsed:
    """The one request that a call makes, checked as it would be, and not sent.

    Raises:
        ConfigError: the call is refused before anything would be sent.
    """
    nowhere = _Nowhere()
    async with ServiceTitanCRM(credentials, settings, transport=nowhere, token_store=_NoToken()) as crm:
        with suppress(_EndError):
            await call(crm)
    assert nowhere.request is not None, "a call that is not refused sends a request"
    method, url, _, body = nowhere.request
    return Rehearsed(
        method=method,
        path=url.removeprefix(settings.host),
        body=None if body is None else msgspec.Raw(body),
    )
