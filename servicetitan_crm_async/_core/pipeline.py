"""One call from end to end: authorise, admit, send, read, decide.

Admission comes last before sending: a permit taken before a slow token fetch would let a second's worth
of calls leave together. So would one taken before a queue for connections, which is why the place among
those under way comes first.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Generic, NamedTuple, TypeVar

import anyio
import msgspec

from servicetitan_crm_async._core.authority import fetch_token
from servicetitan_crm_async._core.calls import Request
from servicetitan_crm_async._core.clock import Clock
from servicetitan_crm_async._core.limiter import Limiter
from servicetitan_crm_async._core.redact import shown_headers, shown_query
from servicetitan_crm_async._core.replies import Reply, error_of
from servicetitan_crm_async._core.retrying import again_after
from servicetitan_crm_async._core.tokens import Token, TokenCache
from servicetitan_crm_async._core.transport import Transport, WireRequest
from servicetitan_crm_async._core.trying import tried
from servicetitan_crm_async.config import CallOptions, Credentials, Priority, Secret, Settings
from servicetitan_crm_async.errors import (
    AuthError,
    CallTimeout,
    DecodeError,
    RateLimited,
    TransportFailure,
)
from servicetitan_crm_async.hooks import (
    CallEvent,
    CallInfo,
    EndEvent,
    Hooks,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    tell,
)

logger = logging.getLogger("servicetitan_crm_async")

T = TypeVar("T")

_UNDER_WAY = 100
"""Requests of one client and priority that may be out at once: at 60 a second, answers that take 1.7 s."""


class Answer(NamedTuple, Generic[T]):
    """A decoded value, the reply it came in, and how many attempts it took."""

    value: T
    reply: Reply
    attempts: int
    throttled: int = 0
    """Attempts that were answered with status 429."""


class Heard(NamedTuple):
    """An answer of the service, for those who want it as it came."""

    request: Request
    reply: Reply
    attempts: int


listening: ContextVar[list[Heard] | None] = ContextVar("listening", default=None)
"""Where the answers go that come in this context, if somebody wants them."""


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
    """How far one call has come, for its errors and for those who watch."""

    began_at: float
    options: CallOptions
    watched: CallInfo | None
    attempts: int = 0
    refusals: int = 0
    throttled: int = 0
    authorised: bool = False
    in_flight: bool = False
    reply: Reply | None = None
    """Of the last attempt, once it is there."""


class Pipeline:
    """Carries the calls of one client."""

    # A time-out is set where something is waited for, and only there. Most calls find a token and a free
    # place, so that one timer, around the request itself, is all they need; a second one around the
    # whole call would be a tenth of what the call costs. And whatever waits for an answer is as shallow as
    # can be: each coroutine more, times the calls under way, is memory that every answer walks through.

    def __init__(
        self,
        *,
        credentials: Credentials,
        settings: Settings,
        transport: Transport,
        tokens: TokenCache,
        limiter: Limiter,
        clock: Clock,
        hooks: Sequence[Hooks] = (),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.hooks = tuple(hooks)
        self._credentials, self._settings = credentials, settings
        self._host, self._options = settings.host, settings.calls
        self._transport, self._tokens, self._limiter = transport, tokens, limiter
        self._clock, self._chance = clock, chance
        self._counters = _Counters()
        # Bulk work that takes all of its places must not keep out what somebody waits for.
        self._places: dict[Priority, anyio.Semaphore] = {
            "interactive": anyio.Semaphore(_UNDER_WAY, fast_acquire=True),
            "bulk": anyio.Semaphore(_UNDER_WAY, fast_acquire=True),
        }

    async def call(
        self, request: Request, read: Callable[[bytes], T], options: CallOptions | None = None
    ) -> Answer[T]:
        """Send the request, again where that is safe, and decode what comes back.

        Cancelled, it stops where it is; a request on its way may still take effect.

        Raises:
            AuthError: the credentials were refused.
            ApiError: the service answered with an error, the last time round.
            TransportFailure: the network failed, or a time-out passed.
            DecodeError: the answer does not fit, or is no JSON.
        """
        progress = _Progress(self._clock.monotonic(), options or self._options, None)
        if self.hooks or logger.isEnabledFor(logging.DEBUG):
            answer = await self._watched(request, read, progress)
        else:
            answer = await self._tries(request, read, progress)
        if (heard := listening.get()) is not None:
            heard.append(Heard(request, answer.reply, answer.attempts))
        return answer

    def statistics(self) -> Statistics:
        c = self._counters
        return Statistics(
            c.requests, c.retries, c.throttled, c.admission_seconds, self._tokens.fetches, c.bytes_received
        )

    async def _watched(self, request: Request, read: Callable[[bytes], T], progress: _Progress) -> Answer[T]:
        """The call, and what is told of it: to the hooks as it goes on, to the log when it is over."""
        call = progress.watched = CallInfo(
            tenant_id=self._credentials.tenant_id,
            method=request.method,
            path=request.path,
            query=shown_query(request.query),
            url=self._host,
            operation=request.operation,
            template=request.template,
        )
        tell(self.hooks, lambda hook: hook.on_call(CallEvent(call)))
        failure: str | None = None
        try:
            return await self._tries(request, read, progress)
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            reply, seconds = progress.reply, self._clock.monotonic() - progress.began_at
            end = EndEvent(call, progress.attempts, seconds, None if reply is None else reply.status, failure)
            tell(self.hooks, lambda hook: hook.on_end(end))
            _log(end, reply)

    def _tries(
        self, request: Request, read: Callable[[bytes], T], progress: _Progress
    ) -> Awaitable[Answer[T]]:
        def again(error: Exception) -> float | bool:
            wait = self._again_after(error, request, progress)
            if wait is not None and (call := progress.watched) is not None:
                event = RetryEvent(call, progress.attempts, type(error).__name__, wait)
                tell(self.hooks, lambda hook: hook.on_retry(event))
            return False if wait is None else wait

        return tried(lambda: self._attempt(request, read, progress), again)

    def _again_after(self, error: Exception, request: Request, progress: _Progress) -> float | None:
        # A token can end, or be revoked, between the cache and the service: one fresh one is tried.
        if isinstance(error, AuthError) and progress.refusals == 1 and progress.reply is not None:
            return 0.0
        if not progress.authorised:
            return None  # fetching a token has tries of its own, and they were used up
        return again_after(
            error,
            policy=progress.options.policy,
            repeatable=request.repeatable,
            attempt=progress.attempts,
            elapsed=self._clock.monotonic() - progress.began_at,
            chance=self._chance(),
        )

    async def _attempt(self, request: Request, read: Callable[[bytes], T], progress: _Progress) -> Answer[T]:
        progress.attempts += 1
        if progress.attempts > 1:
            self._counters.retries += 1
        progress.reply, progress.authorised = None, False
        token = self._tokens.at_hand()
        if token is None:
            fetching = self._tokens.get(self._fetch_token)
            token = await self._within(None, "call", request, progress, fetching)
        progress.authorised = True
        places = self._places[progress.options.priority]
        if places.value and self._limiter.admit_now():
            places.acquire_nowait()
        else:
            await self._admission(places, request, progress)
        self._counters.requests += 1
        progress.in_flight = True
        try:
            reply = progress.reply = await self._exchange(request, token, progress)
        except TransportFailure as failure:
            failure.method, failure.path = request.method, request.path
            failure.attempts = progress.attempts
            failure.maybe_applied = failure.maybe_applied and not request.repeatable
            raise
        finally:
            progress.in_flight = False
            places.release()
        self._counters.bytes_received += len(reply.body)
        if reply.status == 401:
            progress.refusals += 1
            await self._within(None, "call", request, progress, self._tokens.forget(token))
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
                progress.throttled += 1
                self._limiter.throttled(error.retry_after or 0.0)
            raise error
        try:
            return Answer(read(reply.body), reply, progress.attempts, progress.throttled)
        except DecodeError as fault:
            raise DecodeError(
                fault.where, method=request.method, path=request.path, malformed=fault.malformed
            ) from None

    async def _admission(self, places: anyio.Semaphore, request: Request, progress: _Progress) -> None:
        """A place among those under way, and then one under the rate limit."""
        waits_from = self._clock.monotonic()

        async def in_line() -> None:
            await places.acquire()
            try:
                await self._limiter.admit(progress.options.priority)
            except BaseException:
                places.release()
                raise

        try:
            await self._within(self._settings.timeouts.admission, "admission", request, progress, in_line())
        finally:
            self._counters.admission_seconds += self._clock.monotonic() - waits_from

    def _exchange(self, request: Request, token: Token, progress: _Progress) -> Awaitable[Reply]:
        sending = self._transport.send(self._wired(request, token))
        exchange = self._within(self._settings.timeouts.attempt, "attempt", request, progress, sending)
        if (call := progress.watched) is None:
            return exchange
        # Outside of the time-out, or what is told of one would be the cancellation it works by.
        return self._watched_exchange(call, progress.attempts, exchange)

    async def _watched_exchange(self, call: CallInfo, attempt: int, exchange: Awaitable[Reply]) -> Reply:
        left_at = self._clock.monotonic()
        tell(self.hooks, lambda hook: hook.on_request(RequestEvent(call, attempt)))
        status, size, failure = None, 0, None
        try:
            reply = await exchange
            status, size = reply.status, len(reply.body)
            return reply
        except BaseException as error:
            failure = type(error).__name__
            raise
        finally:
            event = ResponseEvent(call, attempt, self._clock.monotonic() - left_at, status, size, failure)
            tell(self.hooks, lambda hook: hook.on_response(event))

    async def _within(
        self, limit: float | None, which: str, request: Request, progress: _Progress, work: Awaitable[T]
    ) -> T:
        """What the work returns, unless its own limit or the end of the call comes first."""
        whole = progress.options.timeout
        left = None if whole is None else whole - (self._clock.monotonic() - progress.began_at)
        if limit is None or (left is not None and left < limit):
            which, limit, seconds = "call", left, whole
        else:
            seconds = limit
        try:
            async with asyncio.timeout(limit):
                return await work
        except TimeoutError:
            pass  # raised below, where it has no context: that would be the cancelled request
        raise CallTimeout(
            which,
            seconds or 0.0,
            method=request.method,
            path=request.path,
            attempts=progress.attempts - (not progress.in_flight),
            maybe_applied=progress.in_flight and not request.repeatable,
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
        return WireRequest(request.method, f"{self._host}{request.target}", headers, request.body)

    async def _fetch_token(self) -> tuple[Secret, float]:
        return await fetch_token(
            self._transport,
            self._settings,
            self._credentials,
            monotonic=self._clock.monotonic,
            chance=self._chance,
        )


def _log(end: EndEvent, reply: Reply | None) -> None:
    """The one line of a call; what is harmless of it is also there by name, for logs that are searched."""
    call = end.call
    logger.debug(
        "%s %s %s: status %s, %d attempts, %.3f s",
        call.method,
        f"{call.path}?{call.query}" if call.query else call.path,
        "ok" if end.error is None else f"failed ({end.error})",
        end.status,
        end.attempts,
        end.seconds,
        extra={
            "servicetitan": {
                "tenant_id": call.tenant_id,
                "operation": call.operation,
                "method": call.method,
                "path": call.path,
                "query": call.query,
                "status": end.status,
                "error": end.error,
                "attempts": end.attempts,
                "seconds": end.seconds,
                "headers": {} if reply is None else shown_headers(reply.headers),
            }
        },
    )
