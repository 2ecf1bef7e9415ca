"""The token service: one request for a token, tried again where that helps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from servicetitan_crm_async._core.replies import Reply, error_of
from servicetitan_crm_async._core.retrying import again_after
from servicetitan_crm_async._core.tokens import is_bearer
from servicetitan_crm_async._core.transport import Transport, WireRequest
from servicetitan_crm_async._core.trying import tried
from servicetitan_crm_async.config import Credentials, Secret, Settings
from servicetitan_crm_async.errors import AuthError, CallTimeout, DecodeError, TransportFailure

_PATH = "/connect/token"
_OAUTH_CODES = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)


class _Grant(msgspec.Struct):
    access_token: str
    expires_in: float


class _Refusal(msgspec.Struct):
    error: str = ""


async def fetch_token(
    transport: Transport,
    settings: Settings,
    credentials: Credentials,
    *,
    monotonic: Callable[[], float],
    chance: Callable[[], float],
) -> tuple[Secret, float]:
    """Ask the token service, `POST /connect/token`; answers the token and its life in seconds.

    Repeated as a GET would be: asking twice only makes a second token.
    """
    began_at = monotonic()
    attempts = 0

    def again(error: Exception) -> float | bool:
        wait = again_after(
            error,
            policy=settings.retries,
            repeatable=True,
            attempt=attempts,
            elapsed=monotonic() - began_at,
            chance=chance(),
        )
        return False if wait is None else wait

    wire = WireRequest(
        "POST",
        settings.token_url,
        {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret.reveal(),
            }
        ).encode(),
    )

    async def attempt() -> tuple[Secret, float]:
        nonlocal attempts
        attempts += 1
        return _read_grant(await _ask(transport, wire, settings, attempts), attempts)

    return await tried(attempt, again)


async def _ask(transport: Transport, wire: WireRequest, settings: Settings, attempts: int) -> Reply:
    limit = settings.timeouts.attempt
    try:
        async with asyncio.timeout(limit):
            return await transport.send(wire)
    except TimeoutError:
        pass  # raised below, where it has no context: that would be the cancelled request
    except TransportFailure as failure:
        failure.method, failure.path, failure.attempts = "POST", _PATH, attempts
        failure.maybe_applied = False
        raise
    raise CallTimeout("attempt", limit, method="POST", path=_PATH, attempts=attempts)


def _read_grant(reply: Reply, attempts: int) -> tuple[Secret, float]:
    if reply.status in (400, 401, 403):
        raise AuthError(f"the token service refused the credentials{_why(reply)}", status=reply.status)
    error = error_of(reply, method="POST", path=_PATH, attempts=attempts, repeatable=True)
    if error is not None:
        raise error
    grant = _grant_of(reply.body)
    if grant is None:
        raise DecodeError("no access_token and expires_in", method="POST", path=_PATH, malformed=True)
    return grant


def _grant_of(body: bytes) -> tuple[Secret, float] | None:
    try:
        grant = msgspec.json.decode(body, type=_Grant)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return (Secret(grant.access_token), grant.expires_in) if is_bearer(grant.access_token) else None


def _why(reply: Reply) -> str:
    # The OAuth error code is one of a few known words; anything else a service may echo stays out.
    try:
        code = msgspec.json.decode(reply.body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return f": {code}" if code in _OAUTH_CODES else ""
