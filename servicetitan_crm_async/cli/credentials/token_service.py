"""The token service asked by itself, to see whether it takes the credentials."""

from __future__ import annotations

from random import random
from time import monotonic

from servicetitan_crm_async._core.authority import fetch_token
from servicetitan_crm_async._core.transport import AiohttpTransport, Transport
from servicetitan_crm_async.config import Credentials, RetryPolicy, Secret, Settings, Timeouts

BRIEF = Settings(
    timeouts=Timeouts(connect=10, attempt=30, admission=30, call=40),
    retries=RetryPolicy(attempts=2, seconds=10, initial=0.2),
)
"""For a person who waits to hear what is wrong; a sync has more patience."""


def transport_of(settings: Settings) -> AiohttpTransport:
    """The transport of a client with these settings, not open yet."""
    return AiohttpTransport(
        connect_timeout=settings.timeouts.connect, max_response_bytes=settings.max_response_bytes
    )


async def new_token(who: Credentials, settings: Settings, transport: Transport) -> tuple[Secret, float]:
    """A token, and the seconds it serves.

    Raises:
        AuthError: the credentials are refused.
        TransportFailure: the token service cannot be reached.
        ApiError: it answered with an error that is no refusal.
    """
    return await fetch_token(transport, settings, who, monotonic=monotonic, chance=random)


async def check_credentials(who: Credentials, settings: Settings) -> None:
    """Fetch a token and forget it.

    Raises:
        AuthError, TransportFailure, ApiError: as `new_token`.
    """
    transport = transport_of(settings)
    await transport.open()
    try:
        await new_token(who, settings, transport)
    finally:
        await transport.close()
