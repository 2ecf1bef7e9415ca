"""Clients of a sandbox under test: they live by its clock, in no hurry and at no pace."""

from __future__ import annotations

import asyncio

from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import AiohttpTransport, WireRequest
from servicetitan_crm_async.config import Priority, RetryPolicy, Settings
from servicetitan_crm_async.hooks import Hooks, RetryEvent
from servicetitan_crm_async.testing.clock import SandboxClock

QUICK = Settings(retries=RetryPolicy(initial=0.001, longest=0.01))
"""As usual, but a try follows a failed one within 10 ms. A `Retry-After` is kept to."""


class SandboxLimiter:
    """Admits every call at once; after a 429 nobody leaves until the sandbox's clock is that far."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._resume_at = float("-inf")

    def admit_now(self) -> bool:
        return self._resume_at <= self._clock.monotonic()

    async def admit(self, priority: Priority = "interactive") -> None:
        await self._clock.reach(self._resume_at)

    def throttled(self, retry_after: float) -> None:
        self._resume_at = max(self._resume_at, self._clock.monotonic() + retry_after)


class SkippedWaits(Hooks):
    """Puts the clock forward by what a client would wait between two tries, where waits are skipped."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock

    def on_retry(self, event: RetryEvent) -> None:
        self._clock.skip(event.seconds)


class Ferry:
    """Carries requests to the loop in which the sockets are, from whichever loop calls.

    A client that is open before any loop runs, and is used in one that this package knows nothing of,
    can have no sockets there: nobody could close them when that loop is gone.
    """

    def __init__(self, settings: Settings) -> None:
        self._carrier = AiohttpTransport(
            connect_timeout=settings.timeouts.connect, max_response_bytes=settings.max_response_bytes
        )
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._carrier.open()

    async def close(self) -> None:
        await self._carrier.close()

    async def send(self, request: WireRequest) -> Reply:
        assert self._loop is not None, "sent before it was opened"
        sent = asyncio.run_coroutine_threadsafe(self._carrier.send(request), self._loop)
        return await asyncio.wrap_future(sent)
