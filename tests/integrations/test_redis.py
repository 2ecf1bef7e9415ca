"""Redis: one token and one rate for several processes.

What involves Redis takes real time, as its clock is no test's to move; the rest jumps. The tests run
against `REDIS_URL`, by default redis://127.0.0.1:6379, and are skipped where none answers; with `CI` set
they fail there instead, so that nobody takes a skip for a pass.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import uuid4

import anyio
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError
from virtual_time import run

from servicetitan_crm_async._core.clock import SystemClock
from servicetitan_crm_async._core.limiter import Limiter, PacedLimiter
from servicetitan_crm_async._core.tokens import StoredToken, TokenCache
from servicetitan_crm_async.config import Credentials, RateLimit, Secret
from servicetitan_crm_async.errors import ConfigError, ServiceTitanError, TransportFailure
from servicetitan_crm_async.integrations.redis import RedisLimiter, RedisTokenStore
from servicetitan_crm_async.sandbox import SandboxServer

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
RATE = RateLimit(per_second=30)
APP_KEY = "ak1.very-recognisable"
WHO = Credentials(tenant_id=7, client_id="cid.7", client_secret="cs1.secret", app_key=APP_KEY)
KEY = "cid.7@https://auth/connect/token"

NewLimiter = Callable[[], RedisLimiter]
Scenario = Callable[[Limiter], Coroutine[object, object, None]]
Check = Callable[[Scenario], Awaitable[None]]


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    async with Redis.from_url(URL, socket_connect_timeout=1) as redis:
        try:
            await redis.ping()
        except (RedisError, OSError) as error:
            # The URL may hold a password.
            reason = f"no Redis answers at REDIS_URL ({type(error).__name__}); the default is {URL!r}"
            if "REDIS_URL" in os.environ:
                reason = f"no Redis answers at REDIS_URL ({type(error).__name__})"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield redis


@pytest.fixture
async def prefix(redis: Redis) -> AsyncIterator[str]:
    """Of this test alone; what it leaves behind is removed."""
    prefix = f"test:{uuid4().hex}:"
    yield prefix
    async for name in redis.scan_iter(f"{prefix}*"):
        await redis.delete(name)


@pytest.fixture
async def store(prefix: str) -> AsyncIterator[RedisTokenStore]:
    async with RedisTokenStore(URL, prefix=prefix) as store:
        yield store


@pytest.fixture
async def new_limiter(prefix: str) -> AsyncIterator[NewLimiter]:
    """Makes limiters of one budget, with connections of their own, as processes have."""
    async with AsyncExitStack() as stack:

        def new() -> RedisLimiter:
            limiter = RedisLimiter(URL, credentials=WHO, rate=RATE, prefix=prefix)
            stack.push_async_exit(limiter)
            return limiter

        yield new


async def only_key(redis: Redis, prefix: str) -> str:
    (name,) = [name.decode() async for name in redis.scan_iter(f"{prefix}*")]
    return str(name)


def busiest_second(times: Iterable[float]) -> int:
    ordered = sorted(times)
    return max(sum(start <= at < start + 1 for at in ordered) for start in ordered)


async def departures(limiter: Limiter, *, seconds: float, callers: int = 8) -> list[float]:
    """When callers that do nothing but ask were let go."""
    times: list[float] = []
    loop = asyncio.get_running_loop()

    async def ask() -> None:
        while True:
            await limiter.admit()
            times.append(loop.time())

    with anyio.move_on_after(seconds):
        async with anyio.create_task_group() as callers_:
            for _ in range(callers):
                callers_.start_soon(ask)
    return times


async def seconds_of(limiter: Limiter) -> float:
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    await limiter.admit()
    return loop.time() - began_at


async def until_paused(limiter: RedisLimiter, seconds: float = 0.0) -> float:
    with anyio.fail_after(1):
        while (paused_for := (await limiter.statistics()).paused_for) <= seconds:
            await anyio.sleep(0.005)
    return paused_for


class TestEveryLimiter:
    """What the protocol promises, whoever keeps the count."""

    @pytest.fixture(params=["in-process", "redis"])
    def check(self, request: pytest.FixtureRequest) -> Check:
        """Lets a limiter live through a scenario."""
        if request.param == "redis":
            new: NewLimiter = request.getfixturevalue("new_limiter")
            return lambda scenario: scenario(new())

        async def in_virtual_time(scenario: Scenario) -> None:
            await asyncio.to_thread(lambda: run(scenario(PacedLimiter(RATE))))

        return in_virtual_time

    async def test_no_sliding_second_above_the_rate(self, check: Check) -> None:
        """And not far below it: most of what is allowed is used."""

        async def scenario(limiter: Limiter) -> None:
            times = await departures(limiter, seconds=1.6)
            assert 20 <= busiest_second(times) <= RATE.budget

        await check(scenario)

    async def test_a_pause_ends_at_the_latest_instant_anyone_asked_for(self, check: Check) -> None:
        async def scenario(limiter: Limiter) -> None:
            limiter.throttled(1.2)
            limiter.throttled(0)
            assert 1.15 <= await seconds_of(limiter) < 1.5

        await check(scenario)

    async def test_a_pause_holds_those_who_wait_already(self, check: Check) -> None:
        async def scenario(limiter: Limiter) -> None:
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(departures(limiter, seconds=1.3))
            await asyncio.sleep(0.1)
            paused_at = loop.time()
            limiter.throttled(1)
            times = await waiting
            assert min(times) < paused_at < max(times)
            assert not [at for at in times if paused_at < at < paused_at + 0.95]

        await check(scenario)

    async def test_a_cancelled_caller_takes_no_other_with_it(self, check: Check) -> None:
        """Nor its place: those behind move up."""

        async def scenario(limiter: Limiter) -> None:
            loop = asyncio.get_running_loop()
            began_at = loop.time()
            waiting = [asyncio.create_task(limiter.admit()) for _ in range(40)]
            await asyncio.sleep(0.1)
            for task in waiting[:30]:
                task.cancel()
            ends = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(end is None or isinstance(end, asyncio.CancelledError) for end in ends)
            assert ends[30:] == [None] * 10
            assert loop.time() - began_at < 0.8

        await check(scenario)


CALLER = """
import asyncio, json, sys, time
from servicetitan_crm_async.config import Credentials, RateLimit
from servicetitan_crm_async.integrations.redis import RedisLimiter

url, prefix, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
who = Credentials(tenant_id=7, client_id="cid.7", client_secret="cs1.secret", app_key=sys.argv[4])

async def main():
    times = []
    async with RedisLimiter(url, credentials=who, rate=RateLimit(per_second=30), prefix=prefix) as limiter:
        async def ask():
            while True:
                await limiter.admit()
                times.append(time.monotonic())

        print("ready", flush=True)
        sys.stdin.readline()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(ask() for _ in range(8)))
        except TimeoutError:
            pass
    print(json.dumps(times))

asyncio.run(main())
"""

READER = """
import asyncio, os, sys
from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.config import read_environment
from servicetitan_crm_async.integrations.redis import RedisLimiter, RedisTokenStore

url, prefix = sys.argv[1], sys.argv[2]

async def main():
    who, settings = read_environment()
    async with (
        RedisTokenStore(url, prefix=prefix) as store,
        RedisLimiter(url, credentials=who, rate=settings.rate, prefix=prefix) as limiter,
        ServiceTitanCRM(who, settings, token_store=store, limiter=limiter) as crm,
    ):
        await asyncio.gather(*(
            crm.request("GET", "/crm/v2/tenant/{tenant}/customers", query={"pageSize": 1}) for _ in range(3)
        ))
        print(crm.statistics().token_fetches)

asyncio.run(main())
"""


@asynccontextmanager
async def processes(
    code: str, *args: str, count: int = 2, env: dict[str, str] | None = None
) -> AsyncIterator[Sequence[asyncio.subprocess.Process]]:
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-c", code, *args),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(env or {})},
        )
        for _ in range(count)
    ]
    try:
        yield running
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def test_two_processes_together_never_exceed_the_rate(prefix: str) -> None:
    """And each gets its share: neither waits behind the other's queue."""
    async with processes(CALLER, URL, prefix, "1.8", APP_KEY) as both:
        for process in both:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in both))
    each: list[list[float]] = [json.loads(output) for output, _ in outputs]
    together = sorted([*each[0], *each[1]])
    assert 20 <= busiest_second(together) <= RATE.budget
    assert min(map(len, each)) > 0.35 * len(together)


async def test_a_pause_is_everyones(new_limiter: NewLimiter) -> None:
    first, second = new_limiter(), new_limiter()
    first.throttled(20)
    await until_paused(second)
    second.throttled(10)  # a shorter one does not shorten it
    await anyio.sleep(0.1)
    third = new_limiter()
    assert 19 < (await third.statistics()).paused_for < 20
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(third.admit(), 0.3)


async def test_a_pause_holds_those_who_wait_in_other_processes(new_limiter: NewLimiter) -> None:
    """Also those who had a place already and need only wait for its instant."""
    first, second = new_limiter(), new_limiter()
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(departures(second, seconds=0.7))
    await anyio.sleep(0.2)
    first.throttled(10)
    await until_paused(first)
    paused_at = loop.time()
    times = await waiting
    assert len(times) > 3
    # What was on its way from Redis as the pause began, it cannot call back.
    assert not [at for at in times if at > paused_at + 0.02]


async def test_those_who_give_up_use_up_no_place(new_limiter: NewLimiter) -> None:
    limiter = new_limiter()
    for _ in range(20):
        with suppress(TimeoutError):
            await asyncio.wait_for(limiter.admit(), 0.005)
    assert await seconds_of(limiter) < 0.3


async def test_repeated_refusals_slow_everyone_down(
    new_limiter: NewLimiter, redis: Redis, prefix: str
) -> None:
    first = new_limiter()
    full = (await first.statistics()).drip
    first.throttled(0)
    await until_paused(first)
    second = new_limiter()
    second.throttled(0)  # of the same pause: calls that had left before it bring their own 429s home
    await anyio.sleep(0.1)
    assert (await first.statistics()).drip == full
    await redis.hincrby(await only_key(redis, prefix), "resume", -2_000_000)  # the pause is over
    third = new_limiter()
    third.throttled(0)
    await until_paused(first)
    assert (await first.statistics()).drip == full / 2
    for field in ("resume", "changed"):
        await redis.hincrby(await only_key(redis, prefix), field, -31_000_000)  # half a minute later
    await new_limiter().admit()
    assert (await first.statistics()).pace == 0.75


async def by_task(limiter: Limiter, turns: int) -> bool:
    task = asyncio.create_task(limiter.admit())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    return task.cancelled()


def after(turns: int, do: Callable[[], None]) -> None:
    """Do it after so many turns of the loop."""
    loop = asyncio.get_running_loop()
    if turns:
        loop.call_soon(after, turns - 1, do)
    else:
        do()


async def by_scope(limiter: Limiter, turns: int) -> bool:
    with anyio.CancelScope() as scope:
        after(turns, scope.cancel)
        await limiter.admit()
    return scope.cancelled_caught


async def by_timeout(limiter: Limiter, turns: int) -> bool:
    try:
        async with asyncio.timeout(None) as limit:
            after(turns, lambda: limit.reschedule(asyncio.get_running_loop().time()))
            await limiter.admit()
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("cancelled", [by_task, by_scope, by_timeout])
async def test_no_cancellation_is_lost_on_the_way(
    new_limiter: NewLimiter, cancelled: Callable[[Limiter, int], Awaitable[bool]]
) -> None:
    """At whatever turn of the loop: redis-py loses some on Python 3.11, and their caller would wait on."""
    new_limiter().throttled(60)
    limiter = new_limiter()  # knows of the pause from Redis only, so it asks
    await until_paused(limiter)
    for turns in range(40):
        async with asyncio.timeout(2):
            assert await cancelled(limiter, turns), turns


async def test_a_clock_set_back_stops_nobody(new_limiter: NewLimiter, redis: Redis, prefix: str) -> None:
    limiter = new_limiter()
    await limiter.admit()
    name = await only_key(redis, prefix)
    for field in ("next", "seen", "changed"):
        await redis.hincrby(name, field, 3_600_000_000)
    assert await seconds_of(limiter) < 0.2


async def test_the_key_tells_nothing_and_ends(new_limiter: NewLimiter, redis: Redis, prefix: str) -> None:
    await new_limiter().admit()
    name = await only_key(redis, prefix)
    assert APP_KEY not in name
    assert APP_KEY not in str(await redis.hgetall(name))
    assert 0 < await redis.ttl(name) <= 601


async def test_tenants_do_not_wait_for_each_other(new_limiter: NewLimiter, prefix: str) -> None:
    new_limiter().throttled(5)
    other = Credentials(tenant_id=8, client_id="cid.8", client_secret="cs1.secret", app_key=APP_KEY)
    async with RedisLimiter(URL, credentials=other, prefix=prefix) as limiter:
        assert await seconds_of(limiter) < 0.5


@asynccontextmanager
async def way_to_redis(delay: float) -> AsyncIterator[str]:
    """A URL that leads to the same Redis, only that its answers take so long."""
    kwargs = Redis.from_url(URL).connection_pool.connection_kwargs

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wait: float) -> None:
        while data := await reader.read(65536):
            await asyncio.sleep(wait)
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(kwargs.get("host"), kwargs.get("port", 6379))
        await asyncio.gather(copy(reader, back, 0), copy(there, writer, delay))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/{kwargs.get('db', 0)}"


async def test_a_place_that_arrives_too_late_is_not_used(prefix: str, redis: Redis) -> None:
    """Nobody knows who left meanwhile: the rate would be a matter of luck."""
    if redis.connection_pool.connection_kwargs.get("password") or URL.startswith("unix"):
        pytest.skip("the slow way leads to a Redis without a password, on TCP")
    async with (
        way_to_redis(0.12) as url,
        RedisLimiter(url, credentials=WHO, rate=RATE, prefix=prefix) as limiter,
    ):
        with pytest.raises(TransportFailure, match="too late") as caught:
            await limiter.admit()
    assert caught.value.transient
    assert not caught.value.maybe_applied


@pytest.fixture
async def nowhere() -> AsyncIterator[str]:
    """The URL of a server that hangs up on everyone."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_without_redis_nobody_leaves(nowhere: str) -> None:
    async with RedisLimiter(nowhere, credentials=WHO) as limiter:
        with pytest.raises(TransportFailure, match="does not answer") as caught:
            await limiter.admit()
        with pytest.raises(TransportFailure):
            await limiter.statistics()
    assert caught.value.transient
    assert not caught.value.maybe_applied


async def test_a_pause_that_redis_did_not_hear_of_still_holds_here(nowhere: str) -> None:
    async with RedisLimiter(nowhere, credentials=WHO) as limiter:
        limiter.throttled(1)
        began_at = time.monotonic()
        with pytest.raises(TransportFailure):
            await limiter.admit()
        assert time.monotonic() - began_at > 0.95


async def test_a_refused_password_is_a_matter_of_settings() -> None:
    async with await asyncio.start_server(_refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with RedisLimiter(f"redis://:hunter2@127.0.0.1:{port}", credentials=WHO) as limiter:
            with pytest.raises(ConfigError) as caught:
                await limiter.admit()
    assert AuthenticationError.__name__ in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def _refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        writer.write(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n")
    writer.close()


def token(text: str = "t-1", *, life: float = 900.0) -> StoredToken:
    now = time.time()
    return StoredToken(Secret(text), now, now + life)


async def test_a_token_comes_back_with_what_is_left_of_its_life(store: RedisTokenStore) -> None:
    saved = token()
    await store.save(KEY, saved)
    loaded = await store.load(KEY)
    assert loaded is not None
    assert loaded.value == saved.value
    assert loaded.issued_at == pytest.approx(saved.issued_at, abs=0.5)
    assert loaded.expires_at == pytest.approx(saved.expires_at, abs=0.5)


async def test_machines_whose_clocks_differ_agree_on_a_tokens_age(
    store: RedisTokenStore, prefix: str
) -> None:
    """The one that saves it is an hour ahead; the life that is left counts, not the hour."""
    now = time.time() + 3600
    await store.save(KEY, StoredToken(Secret("t-1"), now, now + 900))
    async with RedisTokenStore(URL, prefix=prefix) as other:
        loaded = await other.load(KEY)
    assert loaded is not None
    assert loaded.expires_at == pytest.approx(time.time() + 900, abs=0.5)


async def test_a_token_ends_with_its_life(store: RedisTokenStore, redis: Redis, prefix: str) -> None:
    await store.save(KEY, token(life=900))
    name = await only_key(redis, prefix)
    assert KEY not in name
    assert name.startswith(f"{prefix}token:")
    assert 890 < await redis.ttl(name) <= 900


async def test_a_refused_token_is_removed_only_while_it_is_still_the_one(
    store: RedisTokenStore, prefix: str
) -> None:
    async with RedisTokenStore(URL, prefix=prefix) as other:
        await store.save(KEY, token("old"))
        await other.load(KEY)
        await other.save(KEY, token("new"))
        await store.save(KEY, None)
        loaded = await store.load(KEY)
        assert loaded is not None
        assert loaded.value.reveal() == "new"
        await other.save(KEY, None)
        assert await store.load(KEY) is None


async def test_while_one_fetches_the_others_wait_for_its_token(store: RedisTokenStore, prefix: str) -> None:
    async with RedisTokenStore(URL, prefix=prefix) as other:
        assert await store.load(KEY) is None
        waiting = asyncio.create_task(other.load(KEY))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await store.save(KEY, token("fetched"))
        loaded = await waiting
    assert loaded is not None
    assert loaded.value.reveal() == "fetched"


async def test_what_is_no_token_is_none(store: RedisTokenStore, redis: Redis, prefix: str) -> None:
    await store.save(KEY, token())
    name = await only_key(redis, prefix)
    await redis.set(name, b"{", ex=60)
    assert await store.load(KEY) is None


async def test_two_processes_make_one_token_request(server: SandboxServer, prefix: str) -> None:
    """They start together, and both need one at once."""
    async with processes(READER, URL, prefix, env=server.environ) as both:
        outputs = await asyncio.gather(*(process.communicate() for process in both))
    assert sorted(output for output, _ in outputs) == [b"0\n", b"1\n"]
    assert server.sandbox.statistics().token_requests == 1


async def test_a_store_that_fails_is_worked_without(nowhere: str) -> None:
    async def fetch() -> tuple[Secret, float]:
        return Secret("fetched"), 900.0

    async with RedisTokenStore(nowhere) as store:
        with pytest.raises(OSError, match="ConnectionError"):
            await store.load(KEY)
        cache = TokenCache(KEY, SystemClock(), store)
        got = await cache.get(fetch)
        assert got.value.reveal() == "fetched"
        await cache.forget(got)


@pytest.mark.parametrize("decoded", [False, True])
async def test_a_lent_client_is_used_and_never_closed(prefix: str, redis: Redis, decoded: bool) -> None:
    async with Redis.from_url(URL, decode_responses=decoded) as lent:
        connection = await lent.client_id()
        async with (
            RedisTokenStore(lent, prefix=prefix) as store,
            RedisLimiter(lent, credentials=WHO, prefix=prefix) as limiter,
        ):
            await store.save(KEY, token())
            assert await store.load(KEY) is not None
            await store.save(KEY, None)
            await limiter.admit()
            assert (await limiter.statistics()).paused_for == 0
        assert await lent.client_id() == connection


async def test_closing_leaves_nothing_running(new_limiter: NewLimiter, redis: Redis) -> None:
    before = asyncio.all_tasks()
    async with new_limiter() as limiter:
        limiter.throttled(60)
    assert asyncio.all_tasks() == before
    assert await until_paused(new_limiter(), 50)  # and it was told all the same


@pytest.mark.parametrize("make", [RedisTokenStore, lambda url: RedisLimiter(url, credentials=WHO)])
def test_without_the_extra_the_error_names_it(
    make: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"servicetitan-crm-async\[redis\]"):
        make(URL)


def test_a_malformed_url_is_not_quoted() -> None:
    with pytest.raises(ConfigError, match="redis://") as caught:
        RedisTokenStore("http://:hunter2@localhost")
    assert isinstance(caught.value, ServiceTitanError)
    assert "hunter2" not in str(caught.value)


def test_importing_the_module_does_not_import_redis() -> None:
    code = "import sys, servicetitan_crm_async.integrations.redis; sys.exit('redis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
