"""The token cache and its stores. The numbers are the invariants of `_core/tokens.py`."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_transport import (
    API_URL,
    AUTH_URL,
    CLIENT_SECRET,
    TOKEN_TEXT,
    Admitting,
    FakeTransport,
    Happening,
    after,
    client,
    grant,
    ok,
    status,
)
from virtual_time import LoopClock, run

from servicetitan_crm_async import (
    ApiError,
    AuthError,
    Credentials,
    DecodeError,
    FileTokenStore,
    RateLimited,
    RetryPolicy,
    Secret,
    ServiceFault,
    ServiceTitanCRM,
    Settings,
    StoredToken,
    Timeouts,
    TransportFailure,
)
from servicetitan_crm_async._core.tokens import TokenCache, TokenStore
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve

ONE_TRY = RetryPolicy(attempts=1)
REFUSED = "the token service refused the credentials (status 4"


class Service:
    """A token service in a function; counts, takes its time, and fails when told to."""

    def __init__(self, *, seconds: float = 1.0, life: float = 900.0) -> None:
        self.seconds, self.life = seconds, life
        self.fetches = 0
        self.failing: Exception | None = None

    async def __call__(self) -> tuple[Secret, float]:
        self.fetches += 1
        number = self.fetches
        await asyncio.sleep(self.seconds)
        if self.failing is not None:
            raise self.failing
        return Secret(f"token-{number}"), self.life


class MemoryStore:
    """A store in a dictionary that fails when told to."""

    def __init__(self, failing: Exception | None = None, *, seconds: float = 0.0) -> None:
        self.kept: dict[str, StoredToken] = {}
        self.failing, self.seconds = failing, seconds
        self.loads = 0

    async def load(self, key: str) -> StoredToken | None:
        self.loads += 1
        await asyncio.sleep(self.seconds)
        if self.failing:
            raise self.failing
        return self.kept.get(key)

    async def save(self, key: str, token: StoredToken | None) -> None:
        await asyncio.sleep(self.seconds)
        if self.failing:
            raise self.failing
        if token is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = token


def cache(store: TokenStore | None = None) -> TokenCache:
    return TokenCache("cid@https://auth", LoopClock(), store)


async def value(tokens: TokenCache, service: Service) -> str:
    return (await tokens.get(service)).value.reveal()


# One request


def test_one_token_request_for_a_thousand_cold_callers() -> None:
    """Invariant 1, with the whole pipeline over it."""

    async def main() -> None:
        transport = FakeTransport(latency=0.2)
        async with client(transport) as crm:
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(1000)))
        assert len(transport.sent) == 1000
        assert len(transport.token_requests) == 1
        assert {sent.token for sent in transport.sent} == {f"{TOKEN_TEXT}-1"}

    run(main())


async def test_one_token_request_for_a_thousand_cold_callers_over_sockets() -> None:
    async with serve(Sandbox(customers=5, rate_limit=None)) as server, fast_client(server) as crm:
        await asyncio.gather(*(crm.request("GET", CUSTOMERS, query={"pageSize": 1}) for _ in range(1000)))
        assert crm.statistics().token_fetches == 1
        assert server.sandbox.statistics().token_requests == 1
        assert server.sandbox.statistics().requests == 1000


async def test_fifty_concurrent_401s_cost_one_more_token_request_over_sockets() -> None:
    async with serve(Sandbox(customers=5, rate_limit=None)) as server, fast_client(server) as crm:
        await crm.request("GET", CUSTOMERS)
        server.sandbox.faults.add(Fault.refuse_token(times=50))
        await asyncio.gather(*(crm.request("GET", CUSTOMERS, query={"pageSize": 1}) for _ in range(50)))
        assert server.sandbox.statistics().token_requests == 2
        assert server.sandbox.statistics().statuses[401] == 50


CUSTOMERS = "/crm/v2/tenant/{tenant}/customers"


@asynccontextmanager
async def fast_client(server: SandboxServer) -> AsyncIterator[ServiceTitanCRM]:
    """A client that no limiter holds back: what is counted here is tokens."""
    tenant = server.sandbox.tenant
    who = Credentials(
        tenant_id=tenant.tenant_id,
        client_id=tenant.client_id,
        client_secret=tenant.client_secret,
        app_key=tenant.app_key,
    )
    settings = Settings(api_url=server.url, auth_url=server.token_url)
    async with ServiceTitanCRM(who, settings, limiter=Admitting()) as crm:
        yield crm


def test_fifty_concurrent_401s_cost_one_more_token_request() -> None:
    """Invariant 3: a refused token is forgotten only while it is the cached one."""

    async def main() -> None:
        transport = FakeTransport(latency=0.3)
        async with client(transport, limiter=Admitting()) as crm:
            await crm.request("GET", "/x")
            transport.script += [status(401)] * 50
            await asyncio.gather(*(crm.request("GET", "/x") for _ in range(50)))
        assert len(transport.token_requests) == 2
        assert [sent.token for sent in transport.sent[-50:]] == [f"{TOKEN_TEXT}-2"] * 50

    run(main())


def test_a_newer_token_is_not_forgotten_for_an_older_ones_refusal() -> None:
    async def main() -> None:
        tokens, service = cache(), Service()
        first = await tokens.get(service)
        await tokens.forget(first)
        second = await tokens.get(service)
        await tokens.forget(first)
        assert await tokens.get(service) is second
        assert service.fetches == tokens.fetches == 2

    run(main())


# Renewal


def test_near_expiry_one_renews_while_the_others_go_on_with_the_old_token() -> None:
    """Invariant 2."""

    async def main() -> None:
        tokens, service = cache(), Service(seconds=5)
        old = await tokens.get(service)
        await asyncio.sleep(900 - 5 - 50)  # within the second margin, not yet within the last
        began = asyncio.get_running_loop().time()
        renewing = asyncio.create_task(tokens.get(service))
        await asyncio.sleep(0)
        others = await asyncio.gather(*(tokens.get(service) for _ in range(20)))
        assert all(token is old for token in others)
        assert asyncio.get_running_loop().time() - began < 1
        assert (await renewing).value.reveal() == "token-2"
        assert (await tokens.get(service)).value.reveal() == "token-2"
        assert service.fetches == 2

    run(main())


def test_a_token_too_close_to_its_end_is_waited_for_by_all() -> None:
    async def main() -> None:
        tokens, service = cache(), Service(seconds=2)
        await tokens.get(service)
        await asyncio.sleep(880)
        assert {
            await_.value.reveal() for await_ in await asyncio.gather(*(tokens.get(service) for _ in range(9)))
        } == {"token-2"}

    run(main())


def test_a_token_counts_its_life_from_before_it_was_asked_for() -> None:
    async def main() -> None:
        tokens, service = cache(), Service(seconds=100, life=200)
        token = await tokens.get(service)
        assert token.issued_at + token.life == pytest.approx(200, abs=0.01)

    run(main())


def test_a_short_lived_token_serves_most_of_its_life() -> None:
    async def main() -> None:
        tokens, service = cache(), Service(seconds=0.01, life=10)
        for _ in range(70):
            await tokens.get(service)
            await asyncio.sleep(0.1)
        assert service.fetches == 1

    run(main())


# Cancellation and failure


def test_a_cancelled_fetcher_passes_its_turn() -> None:
    """Invariant 1: the next in line fetches, the others are none the wiser."""

    async def main() -> None:
        tokens, service = cache(), Service(seconds=10)
        fetcher = asyncio.create_task(tokens.get(service))
        await asyncio.sleep(1)
        others = [asyncio.create_task(value(tokens, service)) for _ in range(10)]
        await asyncio.sleep(1)
        fetcher.cancel()
        assert set(await asyncio.gather(*others)) == {"token-2"}
        assert fetcher.cancelled()
        assert service.fetches == 2

    run(main())


def test_a_cancelled_waiter_harms_nobody() -> None:
    async def main() -> None:
        tokens, service = cache(), Service(seconds=10)
        tasks = [asyncio.create_task(value(tokens, service)) for _ in range(10)]
        await asyncio.sleep(1)
        for task in tasks[1::2]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert ended[::2] == ["token-1"] * 5
        assert service.fetches == 1

    run(main())


def test_a_caller_cancelled_while_the_store_writes_does_not_lose_the_token() -> None:
    async def main() -> None:
        tokens, service = cache(MemoryStore(seconds=5)), Service(seconds=1)
        task = asyncio.create_task(tokens.get(service))
        await asyncio.sleep(7)
        task.cancel()
        assert await value(tokens, service) == "token-1"

    run(main())


def test_a_failed_fetch_answers_the_queue_once() -> None:
    """Invariant 4: a thousand who wait do not knock a thousand times; who comes later knocks again."""

    async def main() -> None:
        tokens, service = cache(), Service(seconds=3)
        service.failing = TransportFailure("no connection")
        ended = await asyncio.gather(*(tokens.get(service) for _ in range(1000)), return_exceptions=True)
        assert service.fetches == 1
        assert {type(error) for error in ended} == {TransportFailure}
        assert len({id(error) for error in ended}) == 1000  # a copy each
        service.failing = None
        await asyncio.sleep(0.1)
        assert await value(tokens, service) == "token-2"

    run(main())


def test_refused_credentials_are_remembered_for_five_seconds() -> None:
    async def main() -> None:
        tokens, service = cache(), Service(seconds=1)
        service.failing = AuthError("refused", status=400)
        for _ in range(9):
            with pytest.raises(AuthError):
                await tokens.get(service)
            await asyncio.sleep(0.5)
        assert service.fetches == 1
        await asyncio.sleep(1)
        service.failing = None
        assert await value(tokens, service) == "token-2"

    run(main())


# What the token service may answer


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        (status(400, b'{"error": "invalid_client"}'), AuthError, ": invalid_client (status 400)"),
        (status(401, b"\xff"), AuthError, REFUSED),
        (status(403, b'{"error": "' + CLIENT_SECRET.encode() + b'"}'), AuthError, REFUSED),
        (status(400, b"[" * 200_000), AuthError, REFUSED),
        (status(404), ApiError, "POST /connect/token: 404"),
        (status(302, location="https://evil.example"), ApiError, "POST /connect/token: 302"),
        (status(503), ServiceFault, "POST /connect/token: 503"),
        (status(429, retry_after="500"), RateLimited, "POST /connect/token: 429"),
        (ok(b"<html>"), DecodeError, "no access_token"),
        (ok(b'{"access_token": null}'), DecodeError, "no access_token"),
        (ok(b'{"access_token": "", "expires_in": 900}'), DecodeError, "no access_token"),
        (ok(b'{"access_token": "two\\nlines", "expires_in": 900}'), DecodeError, "no access_token"),
        (ok(b'{"access_token": "na\xc3\xafve", "expires_in": 900}'), DecodeError, "no access_token"),
        (ok(b'{"access_token": "x", "expires_in": "\xff"}'), DecodeError, "no access_token"),
        (ok(b"[" * 200_000), DecodeError, "no access_token"),
        (TransportFailure("broken", maybe_applied=True), TransportFailure, "broken (1 attempt)"),
        (after(9, ok()), TransportFailure, "the attempt time-out of 5 s passed"),
    ],
)  # fmt: skip
def test_what_goes_wrong_with_the_token_is_the_calls_error(
    answer: Happening, kind: type[Exception], text: str
) -> None:
    async def main() -> None:
        transport = FakeTransport(tokens=[answer])
        settings = Settings(api_url=API_URL, auth_url=AUTH_URL, retries=ONE_TRY, timeouts=Timeouts(attempt=5))
        async with client(transport, settings) as crm:
            with pytest.raises(kind) as caught:
                await crm.request("POST", "/x")
        assert text in str(caught.value)
        assert CLIENT_SECRET not in str(caught.value)
        assert not getattr(caught.value, "maybe_applied", False)
        assert transport.sent == []

    run(main())


def test_a_faltering_token_service_is_asked_again() -> None:
    async def main() -> None:
        transport = FakeTransport(
            tokens=[
                status(503),
                TransportFailure("broken", maybe_applied=True),
                ok(b"{"),
                status(429),
                grant(5),
            ]
        )
        async with client(transport) as crm:
            await crm.request("POST", "/x")
        assert [sent.token for sent in transport.sent] == [f"{TOKEN_TEXT}-5"]
        assert len(transport.token_requests) == 5

    run(main())


def test_a_dead_token_service_is_asked_no_more_often_than_the_policy_says() -> None:
    """A call does not multiply the tries of the token by its own."""

    async def main() -> None:
        transport = FakeTransport(tokens=[TransportFailure("no connection")] * 100)
        settings = Settings(api_url=API_URL, auth_url=AUTH_URL, retries=RetryPolicy(attempts=4))
        async with client(transport, settings) as crm:
            with pytest.raises(TransportFailure, match="4 attempts"):
                await crm.request("GET", "/x")
        assert len(transport.token_requests) == 4

    run(main())


# Stores


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    return MemoryStore() if request.param == "memory" else FileTokenStore(tmp_path / "deep" / "tokens")


async def test_a_store_gives_back_what_it_keeps_until_told_to_forget(store: TokenStore) -> None:
    assert await store.load("a") is None
    token = StoredToken(Secret("t"), 1.25, 901.5)
    await store.save("a", token)
    await store.save("b", token._replace(value=Secret("other")))
    assert await store.load("a") == token
    await store.save("a", token._replace(expires_at=5.0))
    assert (await store.load("a") or token).expires_at == 5.0
    await store.save("a", None)
    await store.save("a", None)
    assert await store.load("a") is None
    assert (await store.load("b") or token).value == Secret("other")


class WallClock:
    """The machine's clock, set anew between processes as the test likes."""

    def __init__(self, passed: float = 0.0) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=passed)
        self.passed = passed

    def monotonic(self) -> float:
        return 1000 - self.passed * 3  # another process, another clock

    def now(self) -> datetime:
        return self.at


async def test_a_second_process_uses_the_token_of_the_first(store: TokenStore) -> None:
    service = Service(seconds=0)
    first = TokenCache("key", WallClock(), store)
    assert await value(first, service) == "token-1"
    second = TokenCache("key", WallClock(600), store)
    assert await value(second, service) == "token-1"
    other = TokenCache("another key", WallClock(600), store)
    assert await value(other, service) == "token-2"
    late = TokenCache("key", WallClock(845), store)
    assert await value(late, service) == "token-3"
    assert service.fetches == 3


async def test_a_token_forgotten_after_a_401_does_not_return_from_the_store(store: TokenStore) -> None:
    service = Service(seconds=0)
    await TokenCache("key", WallClock(), store).get(service)
    second = TokenCache("key", WallClock(), store)
    stored = await second.get(service)
    assert stored.value == Secret("token-1")
    await second.forget(stored)
    assert await store.load("key") is None
    assert await value(second, service) == "token-2"
    assert await value(TokenCache("key", WallClock(), store), service) == "token-2"


async def test_what_another_process_renewed_is_not_fetched_again(store: TokenStore) -> None:
    service, early = Service(seconds=0), WallClock()
    long_lived = TokenCache("key", early, store)
    assert await value(long_lived, service) == "token-1"
    assert await value(TokenCache("key", WallClock(880), store), service) == "token-2"
    early.at += timedelta(seconds=880)
    first = await long_lived.get(service)
    await long_lived.forget(first)  # refused: but what the store holds by now is another's, and newer
    await store.save("key", StoredToken(Secret("token-2"), early.at.timestamp(), early.at.timestamp() + 900))
    assert await value(long_lived, service) == "token-2"
    assert service.fetches == 2


@pytest.mark.parametrize(
    "failing", [OSError("disk full"), PermissionError(), ConnectionError("cs.x"), RuntimeError("cs.x")]
)
def test_a_store_that_fails_is_worked_without(failing: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        tokens, service = cache(MemoryStore(failing)), Service()
        token = await tokens.get(service)
        await tokens.forget(token)
        assert await value(tokens, service) == "token-2"

    run(main())
    assert type(failing).__name__ in caplog.text
    assert "cs.x" not in caplog.text


@pytest.mark.parametrize("text", ["", "two\nlines", "naïve", "a b"])
def test_a_stored_token_that_no_header_can_hold_is_not_used(text: str) -> None:
    async def main() -> None:
        store = MemoryStore()
        now = LoopClock().now().timestamp()
        store.kept["cid@https://auth"] = StoredToken(Secret(text), now, now + 900)
        assert await value(cache(store), Service()) == "token-1"

    run(main())


def the_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


async def test_a_token_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    before = os.umask(0)
    try:
        await FileTokenStore(folder).save("cid@url", StoredToken(Secret("t"), 0, 900))
    finally:
        os.umask(before)
    assert stat.S_IMODE(the_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "cid" not in the_file(folder).name


async def test_a_token_file_is_replaced_whole(tmp_path: Path) -> None:
    """Whoever reads meanwhile sees the old one or the new one; nothing else is left in the folder."""
    store = FileTokenStore(tmp_path)
    await store.save("k", StoredToken(Secret("old"), 0, 900))
    with the_file(tmp_path).open("rb") as reader:
        await store.save("k", StoredToken(Secret("new"), 0, 900))
        assert b"old" in reader.read()
    assert b"new" in the_file(tmp_path).read_bytes()


async def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FileTokenStore(tmp_path)
    name = f"{hashlib.sha256(b'k').hexdigest()[:32]}.token"
    (tmp_path / name / "in the way").mkdir(parents=True)
    with pytest.raises(OSError, match=name):
        await store.save("k", StoredToken(Secret("new"), 0, 900))
    assert the_file(tmp_path).is_dir()
    service = Service(seconds=0)
    assert await value(TokenCache("k", WallClock(), store), service) == "token-1"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'["\xff", 1, 2]',
        b'["t"]',
        b'["t", "1", 2]',
        b"null",
        b'{"t": 1}',
        b"[" * 99_999,
    ],
)
async def test_a_damaged_token_file_is_ignored(content: bytes, tmp_path: Path) -> None:
    store, service = FileTokenStore(tmp_path), Service(seconds=0)
    await store.save("key", StoredToken(Secret("t"), 0, 900))
    the_file(tmp_path).write_bytes(content)
    assert await store.load("key") is None
    assert await value(TokenCache("key", WallClock(), store), service) == "token-1"
    assert await value(TokenCache("key", WallClock(), store), service) == "token-1"


async def test_a_token_from_the_future_is_no_older_than_new(tmp_path: Path) -> None:
    """The clock was set back since it was written; what was left of it is not prolonged."""
    store, service = FileTokenStore(tmp_path), Service(seconds=0)
    await TokenCache("key", WallClock(500), store).get(service)
    token = await TokenCache("key", WallClock(0), store).get(service)
    assert token.value == Secret("token-1")
    assert token.life == 900
