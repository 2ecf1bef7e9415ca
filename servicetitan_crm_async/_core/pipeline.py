"""One call from end to end: authorise, admit, send, read, decide.

Admission comes last before sending: a permit taken before a slow token fetch would let a second's worth
of calls leave together. So would one taken before a queue for connections, which is why the place among
those under way comes first.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import anyio
import msgspec

from servicetitan_crm_async._core.authority import fetch_token
from servicetitan_crm_async._core.calls import Request
from servicetitan_crm_async._core.clock import Clock
from servicetitan_crm_async._core.limiter import Limiter
from servicetitan_crm_async._core.replies import Reply, error_of
from servicetitan_crm_async._core.retrying import again_after
from servicetitan_crm_async._core.tokens import Token, TokenCache
from servicetitan_crm_async._core.transport import Transport, WireRequest
from servicetitan_crm_async._core.trying import tried
from servicetitan_crm_async.config import Credentials, Secret, Settings
from servicetitan_crm_async.errors import (
    AuthError,
    CallTimeout,
    DecodeError,
    RateLimited,
    TransportFailure,
)

logger = logging.getLogger("servicetitan_crm_async")

T = TypeVar("T")

_UNDER_WAY = 100
"""Requests of one client that may be out at once: at 60 a second, answers that take 1.7 s."""


class Answer(NamedTuple, Generic[T]):
    """A decoded value, the reply it came in, and how many attempts it took."""

    value: T
    reply: Reply
    attempts: int


class Statistics(NamedTuple):
    """What a client has done so far; a snapshot."""

    requests: int
    """Requests sent to the API, retries among them, token requests not."""
    retries: int
    throttled: int
    """Answers with status 429."""
    admission_seconds: float
    """Waited for a place under the rate limit, added up over all calls."""
    token_fetches: int
    """Of the token cache, which other clients with the same client id share."""
    bytes_received: int
    """Of answers' bodies, after decompression."""


class _Counters(msgspec.Struct):
    requests: int = 0
    retries: int = 0
    throttled: int = 0
    admission_seconds: float = 0.0
    bytes_received: int = 0


class _Progress(msgspec.Struct):
    """How far one call has come, for its errors and its log line."""

    attempts: int = 0
    refusals: int = 0
    authorised: bool = False
    in_flight: bool = False
    status: int | None = None


class Pipeline:
    """Carries the calls of one client."""

    def __init__(
        self,
        *,
        credentials: Credentials,
        settings: Settings,
        transport: Transport,
        tokens: TokenCache,
        limiter: Limiter,
        clock: Clock,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._credentials, self._settings = credentials, settings
        self._transport, self._tokens, self._limiter = transport, tokens, limiter
        self._clock, self._chance = clock, chance
        self._counters = _Counters()
        self._places = anyio.Semaphore(_UNDER_WAY, fast_acquire=True)

    async def call(self, request: Request, read: Callable[[bytes], T]) -> Answer[T]:
        """Send the request, again where that is safe, and decode what comes back.

        Cancelled, it stops where it is; a request on its way may still take effect.

        Raises:
            AuthError: the credentials were refused.
            ApiError: the service answered with an error, the last time round.
            TransportFailure: the network failed, or a time-out passed.
            DecodeError: the answer does not fit, or is no JSON.
        """
        began_at = self._clock.monotonic()
        progress = _Progress()
        outcome = "failed"
        try:
            async with asyncio.timeout(self._settings.timeouts.call):
                answer = await self._tries(request, read, progress, began_at)
            outcome = "ok"
            return answer
        except TimeoutError:
            pass  # raised below, where it has no context: that would be the cancelled request
        finally:
            # The path without its query: filters hold names and telephone numbers of people.
            if logger.isEnabledFor(logging.DEBUG):
                logger.debug(
                    "%s %s %s: status %s, %d attempts, %.3f s",
                    request.method,
                    request.path,
                    outcome,
                    progress.status,
                    progress.attempts,
                    self._clock.monotonic() - began_at,
                )
        raise CallTimeout(
            "call",
            self._settings.timeouts.call or 0.0,
            method=request.method,
            path=request.path,
            attempts=progress.attempts,
            maybe_applied=progress.in_flight and not request.repeatable,
        )

    def statistics(self) -> Statistics:
        c = self._counters
        return Statistics(
            c.requests, c.retries, c.throttled, c.admission_seconds, self._tokens.fetches, c.bytes_received
        )

    async def _tries(
        self, request: Request, read: Callable[[bytes], T], progress: _Progress, began_at: float
    ) -> Answer[T]:
        def again(error: Exception) -> float | bool:
            # A token can end, or be revoked, between the cache and the service: one fresh one is tried.
            if isinstance(error, AuthError) and progress.refusals == 1 and progress.status == 401:
                return 0.0
            if not progress.authorised:
                return False  # fetching a token has tries of its own, and they were used up
            wait = again_after(
                error,
                policy=self._settings.retries,
                repeatable=request.repeatable,
                attempt=progress.attempts,
                elapsed=self._clock.monotonic() - began_at,
                chance=self._chance(),
            )
            return False if wait is None else wait

        return await tried(lambda: self._attempt(request, read, progress), again)

    async def _attempt(self, request: Request, read: Callable[[bytes], T], progress: _Progress) -> Answer[T]:
        progress.attempts += 1
        if progress.attempts > 1:
            self._counters.retries += 1
        progress.status, progress.authorised = None, False
        token = await self._tokens.get(self._fetch_token)
        progress.authorised = True
        await self._admission(request, progress)
        try:
            reply = await self._exchange(request, token, progress)
        finally:
            self._places.release()
        progress.status = reply.status
        self._counters.bytes_received += len(reply.body)
        if reply.status == 401:
            progress.refusals += 1
            await self._tokens.forget(token)
            raise AuthError("the API refused the token or the app key", status=401)
        error = error_of(
            reply,
            method=request.method,
            path=request.path,
            attempts=progress.attempts,
            repeatable=request.repeatable,
        )
        if error is not None:
            if isinstance(error, RateLimited):
                self._counters.throttled += 1
                self._limiter.throttled(error.retry_after or 0.0)
            raise error
        try:
            return Answer(read(reply.body), reply, progress.attempts)
        except DecodeError as fault:
            raise DecodeError(
                fault.where, method=request.method, path=request.path, malformed=fault.malformed
            ) from None

    async def _admission(self, request: Request, progress: _Progress) -> None:
        limit = self._settings.timeouts.admission
        waits_from = self._clock.monotonic()
        try:
            if limit is None:
                return await self._admitted()
            async with asyncio.timeout(limit):
                return await self._admitted()
        except TimeoutError:
            pass
        finally:
            self._counters.admission_seconds += self._clock.monotonic() - waits_from
        raise CallTimeout(
            "admission",
            limit or 0.0,
            method=request.method,
            path=request.path,
            attempts=progress.attempts - 1,
        )

    async def _admitted(self) -> None:
        await self._places.acquire()
        try:
            await self._limiter.admit()
        except BaseException:
            self._places.release()
            raise

    async def _exchange(self, request: Request, token: Token, progress: _Progress) -> Reply:
        limit = self._settings.timeouts.attempt
        wire = self._wired(request, token)
        self._counters.requests += 1
        progress.in_flight = True
        try:
            async with asyncio.timeout(limit):
                reply = await self._transport.send(wire)
            progress.in_flight = False
            return reply
        except TimeoutError:
            pass
        except TransportFailure as failure:
            progress.in_flight = False
            failure.method, failure.path = request.method, request.path
            failure.attempts = progress.attempts
            failure.maybe_applied = failure.maybe_applied and not request.repeatable
            raise
        progress.in_flight = False
        raise CallTimeout(
            "attempt",
            limit,
            method=request.method,
            path=request.path,
            attempts=progress.attempts,
            maybe_applied=not request.repeatable,
        )

    def _wired(self, request: Request, token: Token) -> WireRequest:
        # Alone in its frame: a traceback may show the locals of all that are open when a call fails.
        headers = {
            "Authorization": f"Bearer {token.value.reveal()}",
            "ST-App-Key": self._credentials.app_key.reveal(),
            "Accept": "application/json",
        }
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        return WireRequest(request.method, f"{self._settings.host}{request.target}", headers, request.body)

    async def _fetch_token(self) -> tuple[Secret, float]:
        return await fetch_token(
            self._transport,
            self._settings,
            self._credentials,
            monotonic=self._clock.monotonic,
            chance=self._chance,
        )
