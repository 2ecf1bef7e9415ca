"""What clients of one loop share: a token cache and a limiter by key, for as long as one of them lives."""

from __future__ import annotations

import asyncio
import gc
from weakref import ref

from fake_transport import API_URL, APP_KEY, AUTH_URL, FakeTransport, client, credentials
from virtual_time import run

from servicetitan_crm_async import Credentials, RateLimit, ServiceTitanCRM, Settings, StoredToken
from servicetitan_crm_async._core.limiter import PacedLimiter
from servicetitan_crm_async._core.tokens import TokenCache


def parts(crm: ServiceTitanCRM) -> tuple[TokenCache, PacedLimiter]:
    pipeline = crm._pipe()
    assert isinstance(pipeline._limiter, PacedLimiter)
    return pipeline._tokens, pipeline._limiter


def test_clients_with_the_same_credentials_share_one_token_and_one_limiter() -> None:
    async def main() -> None:
        transport = FakeTransport(latency=0.1)
        async with client(transport) as one, client(transport) as two:
            await asyncio.gather(*(crm.request("GET", "/x") for crm in (one, two) for _ in range(60)))
            assert parts(one) == parts(two)
        assert len(transport.token_requests) == 1
        times = [sent.at for sent in transport.sent]
        assert all(later - earlier > 0.99 for earlier, later in zip(times, times[60:], strict=False))

    run(main())


def test_a_wrong_secret_does_not_ride_on_anothers_token() -> None:
    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as one, client(transport, who=credentials(secret="cs.other")) as two:
            tokens, limiter = parts(one)
            assert parts(two)[0] is not tokens
            assert parts(two)[1] is limiter  # the budget is the app's in its tenant

    run(main())


def test_another_tenant_has_a_budget_of_its_own() -> None:
    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as one, client(transport, who=credentials(8, "cid.8")) as two:
            assert parts(two)[0] is not parts(one)[0]
            assert parts(two)[1] is not parts(one)[1]

    run(main())


def test_another_app_key_or_host_has_a_budget_of_its_own() -> None:
    async def main() -> None:
        transport = FakeTransport()
        other = Credentials(tenant_id=7, client_id="cid.fake", client_secret="s", app_key=f"{APP_KEY}-2")
        elsewhere = Settings(api_url=f"{API_URL}/elsewhere", auth_url=AUTH_URL)
        async with (
            client(transport) as one,
            client(transport, who=other) as two,
            client(transport, elsewhere) as three,
        ):
            assert len({id(parts(crm)[1]) for crm in (one, two, three)}) == 3

    run(main())


def test_clients_that_disagree_share_the_slower_rate() -> None:
    async def main() -> None:
        slow = Settings(api_url=API_URL, auth_url=AUTH_URL, rate=RateLimit(share=0.5))
        async with client(FakeTransport()) as one, client(FakeTransport(), slow) as two:
            assert parts(one)[1].rate.budget == 60
            assert parts(two)[1] is parts(one)[1]
            assert parts(one)[1].rate.budget == 30

    run(main())


class ListStore(list[str]):
    """A store that has no hash, as a dataclass has none, and equals every other that is empty."""

    async def load(self, key: str) -> StoredToken | None:
        return None

    async def save(self, key: str, token: StoredToken | None) -> None:
        return None


def test_a_store_counts_as_itself() -> None:
    async def main() -> None:
        transport, store = FakeTransport(), ListStore()
        async with (
            client(transport, store=store) as one,
            client(transport, store=store) as two,
            client(transport, store=ListStore()) as three,
        ):
            assert parts(one)[0] is parts(two)[0]
            assert parts(three)[0] is not parts(one)[0]

    run(main())


def test_nothing_is_kept_alive_after_the_clients_are_gone() -> None:
    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as one:
            await one.request("GET", "/x")
            alive = [ref(part) for part in parts(one)]
            async with client(transport) as two:
                await two.request("GET", "/x")
            del two
            gc.collect()
            assert all(part() is not None for part in alive)
        del one
        gc.collect()
        assert [part() for part in alive] == [None, None]
        async with client(transport) as three:
            await three.request("GET", "/x")
        assert len(transport.token_requests) == 2

    run(main())


def test_another_loop_has_its_own() -> None:
    transport = FakeTransport()

    async def main() -> tuple[TokenCache, PacedLimiter]:
        async with client(transport) as crm:
            await crm.request("GET", "/x")
            return parts(crm)

    first, second = run(main()), run(main())
    assert first[0] is not second[0]
    assert first[1] is not second[1]
    assert len(transport.token_requests) == 2


def test_a_loop_that_is_gone_is_not_remembered() -> None:
    async def main() -> ref[asyncio.AbstractEventLoop]:
        async with client(FakeTransport()) as crm:
            await crm.request("GET", "/x")
        return ref(asyncio.get_running_loop())

    loop = run(main())
    gc.collect()
    assert loop() is None
