"""Redis, behind the extra `[redis]`: one token and one rate for all the processes that serve a tenant.

    async with RedisTokenStore(url) as store, RedisLimiter(url, credentials=who, rate=RateLimit()) as limiter:
        async with ServiceTitanCRM(who, settings, token_store=store, limiter=limiter) as crm:
            ...

Redis 5 or later. A client of yours that you lend instead of a URL is used and never closed.
"""

# Invariants, quoted by number in tests/integrations/test_redis.py.
# 1. A place is an instant of Redis's clock, at least one interval after the one before, and belongs to
#    one process. Who leaves on it does so at most _LAG seconds after it, else the place is void. So a
#    sliding second holds the places of 1 + _LAG seconds at most, and the interval is set by that.
# 2. Nobody leaves on a place before the end of a pause, also when he had the place before the pause.
# 3. A process holds _AT_ONCE places at most, however many of its calls wait. That is enough to hide the
#    way to Redis and back, nobody wakes up for a place that another takes, and the processes take turns.
# 4. A place whose caller was cancelled goes to the next caller of the same process.
#
# Why not pyrate-limiter's Redis bucket (4.5.1). Its instants are the clients' own: two processes whose
# clocks were 2 s apart let 121 of 60 through in a second. With true clocks the whole second's worth
# leaves within 10 ms, which leaves no room for the network; all who wait are told the same instant, and
# come back for a place that one of them gets; whoever waits holds a lock that no other call of the
# process passes; each limiter starts a task that runs until it is closed; and there is no pause.

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
import anyio.lowlevel
import msgspec

from servicetitan_crm_async._core.clock import Clock, SystemClock
from servicetitan_crm_async._core.limiter import WEIGHTS, LimiterStatistics
from servicetitan_crm_async._core.tokens import StoredToken
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.config import Credentials, Priority, RateLimit, Secret
from servicetitan_crm_async.errors import ConfigError, ServiceTitanError, TransportFailure

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisLimiter", "RedisTokenStore"]

_MISSING = "Redis needs an extra: pip install 'servicetitan-crm-async[redis]'"
_PREFIX = "servicetitan_crm_async:"
_ANSWER_SECONDS = 2.0
_CLOSE_SECONDS = 5.0

_FETCH_SECONDS = 5.0
"""How long one process fetches a token before another tries."""
_PATIENCE_SECONDS = 10.0
"""How long a process waits for a token that another one fetches."""
_LOOK_SECONDS = 0.1

_LAG = 0.1
"""Seconds from a place to the departure on it. More would tolerate slower ways and cost pace."""
_NOT_EARLY = 0.002
"""Who asks too early for the place he has must ask once more."""
_AT_ONCE = 4
_LATE_ANSWERS = 5
_SHORTEST_PAUSE = 1.0
_TELL_AGAIN_SECONDS = 0.5
_LAST_WORDS_SECONDS = 1.0

# Instants are microseconds; a Lua number holds them exactly, but only %.0f prints them so.
_STATE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local kept = redis.call('HMGET', KEYS[1], 'next', 'resume', 'changed', 'seen', 'pace')
local next_at, resume = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
local changed, seen, pace = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0, tonumber(kept[5]) or 1
if seen > now then
    -- The clock was set back, or another server took over: what was to come is still as far away.
    local back = seen - now
    next_at, resume, changed = next_at - back, resume - back, changed - back
end
local function keep()
    local function text(instant) return string.format('%.0f', instant) end
    redis.call('HSET', KEYS[1], 'next', text(next_at), 'resume', text(resume),
        'changed', text(changed), 'seen', text(now), 'pace', tostring(pace))
    redis.call('PEXPIRE', KEYS[1], text((math.max(next_at, resume, now) - now) / 1000 + 600000))
end
"""

# ARGV: the place one has or 0, the interval, how late a place may be asked for. Answers with the place
# to use and how far in the future it is; one that has come may be used at once.
_ADMIT = (
    _STATE
    + """
if pace < 1 and now - changed >= 30000000 then
    pace, changed = math.min(1, pace * 1.5), now
end
local place, interval, reach = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if place < resume or place >= next_at or now - place > reach then
    place = math.max(next_at, resume, now)
    next_at = place + math.ceil(interval / pace)
end
keep()
return {place, place - now}
"""
)

# ARGV: how long. The rule of PacedLimiter: only a 429 soon after a pause has run its course says that the
# pace is too fast. Repeating it is harmless: the pause it made itself has not run its course.
_PAUSE = (
    _STATE
    + """
if resume > 0 and resume <= now and now < resume + 30000000 then
    pace = math.max(0.1, pace / 2)
end
changed, resume = now, math.max(resume, now + tonumber(ARGV[1]))
keep()
"""
)

_FORGET = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class _OnRedis:
    """A lent client, or one of its own with a visible end."""

    def __init__(self, client_or_url: Redis | str) -> None:
        self._owns = isinstance(client_or_url, str)
        self._redis = _client(client_or_url) if isinstance(client_or_url, str) else client_or_url

    async def aclose(self) -> None:
        """Close the connections, unless they were lent; also under cancellation, within 5 seconds."""
        if self._owns:
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._redis.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Kept(msgspec.Struct):
    value: str
    life: float


class RedisTokenStore(_OnRedis):
    """Tokens in Redis, for fleets: the token service is throttled, and asked by one process for all.

    A token lies under a digest of client id and token URL for as long as it lives, 15 minutes, and in
    the clear; let nobody else read that Redis. How old it is goes by Redis's clock, so the machines'
    own need not agree. Of many processes that start at once one fetches and the others wait for its
    token, for 10 seconds at most. A refused token is removed only while it is still the one there.

    When Redis fails, each process works with a token of its own.

    Args:
        client_or_url: `redis://`, `rediss://` or `unix://`, or a `redis.asyncio.Redis` to borrow.
        prefix: of all keys, for a Redis that is shared.

    Raises:
        ConfigError: the extra is not installed, or the URL is none.
    """

    def __init__(
        self, client_or_url: Redis | str, *, prefix: str = _PREFIX, clock: Clock | None = None
    ) -> None:
        super().__init__(client_or_url)
        self._prefix, self._clock = prefix, clock or SystemClock()
        self._forget = self._redis.register_script(_FORGET)
        self._last: dict[str, bytes] = {}

    async def load(self, key: str) -> StoredToken | None:
        """The token; None asks the caller to fetch and save one, which others meanwhile wait for."""
        name = self._name(key)
        async with _failing_as_files_do():
            with anyio.move_on_after(_PATIENCE_SECONDS):
                while True:
                    if (found := await self._found(name)) is not None:
                        return found
                    if await self._redis.set(_turn(name), b"", nx=True, px=int(_FETCH_SECONDS * 1000)):
                        break
                    await anyio.sleep(_LOOK_SECONDS)
        return None

    async def save(self, key: str, token: StoredToken | None) -> None:
        name = self._name(key)
        async with _failing_as_files_do():
            if token is None:
                last = self._last.pop(name, None)
                if last is not None:
                    await self._forget(keys=[name], args=[last])
                return
            life = token.expires_at - token.issued_at
            self._last[name] = packed = msgspec.json.encode(_Kept(token.value.reveal(), life))
            await self._redis.set(name, packed, px=max(1, int(life * 1000)))
            await self._redis.delete(_turn(name))

    async def _found(self, name: str) -> StoredToken | None:
        async with self._redis.pipeline(transaction=True) as both:
            both.get(name)
            both.pttl(name)
            packed, left = await both.execute()
        if packed is None or left <= 0:
            return None
        try:
            kept = msgspec.json.decode(packed, type=_Kept)
        except msgspec.DecodeError:
            return None
        self._last[name] = packed.encode() if isinstance(packed, str) else packed
        ends_at = self._clock.now().timestamp() + left / 1000
        return StoredToken(Secret(kept.value), ends_at - kept.life, ends_at)

    def _name(self, key: str) -> str:
        return f"{self._prefix}token:{hashlib.sha256(key.encode()).hexdigest()[:32]}"


class RedisLimiter(_OnRedis):
    """One rate, and one pause after a 429, for every process that calls with this app key and tenant.

    No sliding second holds more departures than `rate.budget`, all processes together; at 60 a second
    they leave 52 to 53 a second. All time is Redis's, so the machines' clocks need not agree. Tell
    every process the same rate; where they differ, the largest is what is kept to.

    Without Redis nobody leaves: better late than over the rate. `admit` then raises, and the pipeline
    tries again as after any failure of the network. So it does when Redis answers, but five times in a
    row too late to be sure of the rate: the way there and back may take some 80 ms.

    One limiter belongs to one event loop. What it holds in Redis is one hash under a digest of app key
    and tenant, which ends ten minutes after its last use.

    Args:
        client_or_url: `redis://`, `rediss://` or `unix://`, or a `redis.asyncio.Redis` to borrow.
        credentials: whose budget it is.
        rate: of all processes together.
        prefix: of all keys, for a Redis that is shared.

    Raises:
        ConfigError: the extra is not installed, or the URL is none.
    """

    def __init__(
        self,
        client_or_url: Redis | str,
        *,
        credentials: Credentials,
        rate: RateLimit | None = None,
        prefix: str = _PREFIX,
    ) -> None:
        super().__init__(client_or_url)
        self.rate = rate or RateLimit()
        budget = f"{credentials.app_key.reveal()}\n{credentials.tenant_id}"
        self._name = f"{prefix}rate:{hashlib.sha256(budget.encode()).hexdigest()[:32]}"
        # At most budget - 2 intervals fit between the places of a second, which are one more. That one
        # and the next are the network's, which can bring evenly spaced requests closer together.
        self._interval = math.ceil(1e6 * (1 + _LAG) / (self.rate.budget - 2))
        self._admit = self._redis.register_script(_ADMIT)
        self._pause = self._redis.register_script(_PAUSE)
        self._turns = Turns(_AT_ONCE, WEIGHTS)
        self._spare: deque[int] = deque(maxlen=_AT_ONCE)
        self._resume_at = float("-inf")
        self._teller: asyncio.Task[None] | None = None

    def admit_now(self) -> bool:
        """False: Redis has to be asked."""
        return False

    async def admit(self, priority: Priority = "interactive") -> None:
        """Return when one request may leave. Cancelled while waiting, it takes nothing from others.

        What somebody waits for overtakes bulk work of the same process.

        Raises:
            TransportFailure: Redis does not answer, or too late; nothing was sent.
            ConfigError: Redis refuses the user or the password.
        """
        loop = asyncio.get_running_loop()
        async with self._turns.turn(priority):
            place = self._spare.popleft() if self._spare else 0
            late = 0
            try:
                while late < _LATE_ANSWERS:
                    # No event would do: the end may move while we sleep.
                    while (pause := self._resume_at - loop.time()) > 0:  # noqa: ASYNC110
                        await anyio.sleep(pause)
                    asked_at = loop.time()
                    place, ahead = await self._ask(place)
                    if ahead > 0:
                        # From when we asked: the next question takes as long to get there.
                        await anyio.sleep(max(0.0, asked_at + ahead + _NOT_EARLY - loop.time()))
                        continue
                    place, now = 0, loop.time()
                    if now - asked_at - ahead > _LAG:
                        late += 1
                    elif self._resume_at <= now:
                        return
            finally:
                if place:
                    self._spare.append(place)
        raise TransportFailure("the limiter's Redis answers too late to be sure of the rate")

    def throttled(self, retry_after: float) -> None:
        """The service answered 429: nobody on this budget leaves for `retry_after` seconds.

        This process stops at once, the others as soon as Redis knows. Until it does, or the pause is
        over, one task goes on telling it.
        """
        loop = asyncio.get_running_loop()
        self._resume_at = max(self._resume_at, loop.time() + max(retry_after, _SHORTEST_PAUSE))
        # The house starts tasks in task groups; `throttled` cannot wait, and what called it may never
        # call again, so this is the one task outside. `aclose` ends it.
        if self._teller is None or self._teller.done():
            self._teller = loop.create_task(self._tell())

    async def statistics(self) -> LimiterStatistics:
        """The state that all processes share; a snapshot.

        Raises:
            TransportFailure, ConfigError: as `admit`.
        """
        async with _failing_as_networks_do(), self._redis.pipeline(transaction=True) as both:
            both.time()
            both.hmget(self._name, ["resume", "pace"])
            (seconds, micros), (resume, pace) = await both.execute()
        share = float(pace or 1)
        paused_for = max(0.0, int(resume or 0) / 1e6 - seconds - micros / 1e6)
        return LimiterStatistics(share, 1e6 / self._interval * share, paused_for)

    async def aclose(self) -> None:
        """Close the connections, unless they were lent, after a last try to tell of a pause."""
        teller, self._teller = self._teller, None
        if teller is not None:
            with anyio.CancelScope(shield=True):
                await asyncio.wait({teller}, timeout=_LAST_WORDS_SECONDS)
                teller.cancel()
                await asyncio.wait({teller})
        await super().aclose()

    async def _ask(self, place: int) -> tuple[int, float]:
        """The place to leave on, and the seconds until it comes; below 0 it has come."""
        async with _failing_as_networks_do():
            at, ahead = await self._admit(
                keys=[self._name], args=[place, self._interval, int(_LAG / 2 * 1e6)]
            )
        return at, ahead / 1e6

    async def _tell(self) -> None:
        loop = asyncio.get_running_loop()
        told = float("-inf")
        while told < self._resume_at and (left := self._resume_at - loop.time()) > 0:
            until = self._resume_at
            try:
                async with _failing_as_networks_do():
                    await self._pause(keys=[self._name], args=[math.ceil(left * 1e6)])
            except ServiceTitanError:
                await anyio.sleep(_TELL_AGAIN_SECONDS)
            else:
                told = until


def _turn(name: str) -> str:
    return f"{name}:turn"


def _client(url: str) -> Redis:
    try:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ImportError:
        raise ConfigError(_MISSING) from None
    try:
        return Redis.from_url(
            url,
            socket_timeout=_ANSWER_SECONDS,
            socket_connect_timeout=_ANSWER_SECONDS,
            # Once, for a kept connection that turns out dead; the rest is the pipeline's to decide.
            retry=Retry(NoBackoff(), 1),
        )
    except ValueError:
        # The URL may hold a password, and the error quotes it.
        raise ConfigError({"client_or_url": "must be a redis://, rediss:// or unix:// URL"}) from None


@asynccontextmanager
async def _failing_as_files_do() -> AsyncIterator[None]:
    # The token cache works without a store that raises OSError, as a file does. redis-py's errors are
    # none, not even those of its sockets.
    from redis.exceptions import RedisError

    try:
        async with _heeding_cancellation():
            yield
    except RedisError as error:
        raise OSError(f"the token store's Redis failed ({type(error).__name__})") from None


@asynccontextmanager
async def _failing_as_networks_do() -> AsyncIterator[None]:
    from redis.exceptions import RedisError

    try:
        async with _heeding_cancellation():
            yield
    except (RedisError, OSError) as error:
        raise _failure(error) from None


@asynccontextmanager
async def _heeding_cancellation() -> AsyncIterator[None]:
    # redis-py sends within asyncio.wait_for, which until Python 3.12 loses a cancellation that comes as
    # the sending ends. The caller would wait on, and a time-out around it would never fire.
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            await anyio.lowlevel.checkpoint()  # a scope of anyio's knows its own cancellations only
            raise asyncio.CancelledError


def _failure(error: Exception) -> ServiceTitanError:
    from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return ConfigError(f"the limiter's Redis refuses this user or password ({type(error).__name__})")
    return TransportFailure(f"the limiter's Redis does not answer ({type(error).__name__})")
