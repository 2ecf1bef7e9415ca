"""Clients of many tenants: opened once, never too many, never closed under someone; in virtual time.

The numbers are those of the invariants in integrations/tenants.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import anyio
import pytest
from simulation import SandboxTransport
from virtual_time import LoopClock, run

from servicetitan_crm_async import (
    AuthError,
    CallTimeout,
    ConfigError,
    Credentials,
    RetryPolicy,
    ServiceTitanCRM,
    Settings,
    UnknownTenant,
)
from servicetitan_crm_async.integrations.lending import Lending, lending
from servicetitan_crm_async.integrations.tenants import CredentialsOf, Tenants
from servicetitan_crm_async.sandbox import Fault, Sandbox

ASK = "/settings/v2/tenant/{tenant}/tag-types"


class CountingTransport(SandboxTransport):
    """A transport that knows how often it was opened and closed."""

    opened = closed = 0

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1


class Town:
    """A sandbox of several tenants, and who knows their credentials."""

    def __init__(self, tenants: int = 4) -> None:
        self.sandbox = Sandbox(seed=3, tenant_id=1, customers=0, token_requests_per_minute=None)
        for tenant_id in range(2, tenants + 1):
            self.sandbox.add_tenant(tenant_id)
        self.transport = CountingTransport(self.sandbox)
        self.asked: list[int] = []

    def credentials(self, tenant_id: int, secret: str | None = None) -> Credentials:
        tenant = self.sandbox.tenants[tenant_id]
        return Credentials(
            tenant_id=tenant_id,
            client_id=tenant.client_id,
            client_secret=secret or tenant.client_secret,
            app_key=tenant.app_key,
        )

    async def credentials_of(self, tenant_id: int) -> Credentials | None:
        self.asked.append(tenant_id)
        await asyncio.sleep(0.1)
        return self.credentials(tenant_id) if tenant_id in self.sandbox.tenants else None

    def tenants(
        self,
        credentials_of: CredentialsOf | None = None,
        *,
        limit: int = 100,
        idle: float = 900.0,
        patience: float = 5.0,
    ) -> Tenants:
        settings = Settings(retries=RetryPolicy(attempts=1))
        return Tenants(
            credentials_of or self.credentials_of,
            make=lambda who: ServiceTitanCRM(who, settings, transport=self.transport, clock=LoopClock()),
            limit=limit,
            idle=idle,
            patience=patience,
        )


async def call(tenants: Tenants, tenant_id: int) -> None:
    async with tenants.client(tenant_id) as crm:
        assert crm.tenant_id == tenant_id
        await crm.request("GET", ASK)


def in_town(main: Callable[[Town], Awaitable[None]]) -> None:
    async def with_town() -> None:
        await main(Town())

    run(with_town())


def test_however_many_ask_at_first_a_client_is_opened_once() -> None:
    """Invariant 2."""

    async def main(town: Town) -> None:
        async with town.tenants() as tenants:
            await asyncio.gather(*(call(tenants, tenant_id) for tenant_id in (1, 2) * 20))
            assert sorted(town.asked) == [1, 2]
            assert tenants.statistics() == (2, 0, 2)
        assert town.sandbox.statistics().token_requests == 2
        assert (town.transport.opened, town.transport.closed) == (1, 1)

    in_town(main)


def test_who_gives_up_while_opening_passes_the_turn_to_the_next() -> None:
    """Invariant 2."""

    async def main(town: Town) -> None:
        async with town.tenants() as tenants:
            first, *others = [asyncio.create_task(call(tenants, 1)) for _ in range(3)]
            await asyncio.sleep(0.05)
            first.cancel()
            await asyncio.gather(*others)
            assert first.cancelled()
            assert town.asked == [1, 1]
            assert tenants.statistics() == (1, 0, 1)

    in_town(main)


def test_the_one_unused_for_longest_makes_room_and_none_that_is_in_use() -> None:
    """Invariants 1 and 3."""

    async def main(town: Town) -> None:
        async with town.tenants(limit=3) as tenants, tenants.client(1) as used:
            await call(tenants, 2)
            await asyncio.sleep(0.5)
            await call(tenants, 3)
            left_at = asyncio.get_running_loop().time()
            async with tenants.client(4):
                assert tenants.statistics() == (3, 2, 4)
                assert asyncio.get_running_loop().time() - left_at < 0.9  # two had half a second of rest
            await used.request("GET", ASK)
            await call(tenants, 3)
            await call(tenants, 2)
            assert town.asked == [1, 2, 3, 4, 2]

    in_town(main)


def test_a_client_just_used_is_not_closed_within_a_second() -> None:
    """Invariant 3."""

    async def main(town: Town) -> None:
        async with town.tenants(limit=1) as tenants:
            await call(tenants, 1)
            freed_at = asyncio.get_running_loop().time()
            async with tenants.client(2):
                assert asyncio.get_running_loop().time() - freed_at == pytest.approx(1.0, abs=0.01)

    in_town(main)


def test_who_finds_no_place_is_told_in_time() -> None:
    async def main(town: Town) -> None:
        async with town.tenants(limit=1) as tenants, tenants.client(1):
            with pytest.raises(CallTimeout) as caught:
                async with tenants.client(2):
                    pytest.fail("there was no place")
            assert (caught.value.which, caught.value.seconds) == ("admission", 5.0)
            assert tenants.statistics() == (1, 1, 1)

    in_town(main)


def test_those_who_wait_for_a_place_get_it_in_their_order() -> None:
    """Invariant 1, and a place that someone who gave up had waited for goes to the next."""

    async def main(town: Town) -> None:
        order: list[int] = []

        async def visit(tenant_id: int) -> None:
            async with tenants.client(tenant_id):
                order.append(tenant_id)

        async with town.tenants(limit=1) as tenants:
            async with tenants.client(1):
                waiting = [asyncio.create_task(visit(tenant_id)) for tenant_id in (2, 3, 4)]
                await asyncio.sleep(0.5)
            waiting[0].cancel()
            await asyncio.gather(*waiting[1:])
        assert order == [3, 4]

    in_town(main)


def test_an_idle_client_is_closed_when_the_next_one_is_asked_for() -> None:
    async def main(town: Town) -> None:
        async with town.tenants(idle=60) as tenants:
            async with tenants.client(1) as kept, tenants.client(3):
                await call(tenants, 2)
                await asyncio.sleep(61)
                await call(tenants, 4)
                assert tenants.statistics() == (3, 2, 4)
            await asyncio.sleep(61)
            await call(tenants, 2)
            assert tenants.statistics() == (1, 0, 5)
            with pytest.raises(ConfigError, match="closed"):
                await kept.request("GET", ASK)

    in_town(main)


def test_a_tenant_nobody_knows() -> None:
    async def main(town: Town) -> None:
        known = {1: town.credentials(1), 3: town.credentials(2)}
        async with town.tenants(known.get) as tenants:
            await call(tenants, 1)
            with pytest.raises(UnknownTenant, match="no credentials for tenant 2") as caught:
                await call(tenants, 2)
            assert caught.value.tenant_id == 2
            with pytest.raises(ConfigError, match="another tenant's"):
                await call(tenants, 3)
            assert tenants.statistics() == (1, 0, 1)

    in_town(main)


def test_refused_credentials_are_asked_for_anew_and_replaced_under_nobody() -> None:
    """Invariants 1 and 3: what the old client is still used for ends with it."""

    async def main(town: Town) -> None:
        given = [town.credentials(1, "cs.old"), town.credentials(1, "cs.old"), town.credentials(1)]
        async with town.tenants(lambda _: given.pop(0)) as tenants, tenants.client(1) as old:
            for _ in range(2):
                with pytest.raises(AuthError):
                    await call(tenants, 1)
            await asyncio.sleep(60)  # a refusal is remembered for a while
            await call(tenants, 1)
            assert given == []
            assert tenants.statistics() == (2, 1, 2)
            with pytest.raises(AuthError):
                await old.request("GET", ASK)
            async with tenants.client(1) as new:
                await new.request("GET", ASK)
                assert new is not old

    in_town(main)


def test_a_replaced_client_is_closed_a_second_after_its_last_use() -> None:
    async def main(town: Town) -> None:
        given = [town.credentials(1, "cs.old"), town.credentials(1)]
        async with town.tenants(lambda _: given.pop(0)) as tenants:
            with pytest.raises(AuthError):
                await call(tenants, 1)
            await asyncio.sleep(60)
            await call(tenants, 1)
            assert tenants.statistics().open == 2
            await asyncio.sleep(2)
            await call(tenants, 1)
            assert tenants.statistics() == (1, 0, 2)

    in_town(main)


@pytest.mark.parametrize("seed", range(4))
def test_no_more_than_the_limit_are_open_however_clients_come_and_go(seed: int) -> None:
    """Invariant 1."""

    async def main(town: Town) -> None:
        chance = Random(seed)

        async def visitor() -> None:
            for _ in range(3):
                await asyncio.sleep(chance.uniform(0, 2))
                async with tenants.client(chance.randint(1, 4)) as crm:
                    assert tenants.statistics().open <= 2
                    for _ in range(chance.randint(1, 8)):
                        await crm.request("GET", ASK)

        async with town.tenants(limit=2, idle=0.5, patience=600) as tenants:
            await asyncio.gather(*(visitor() for _ in range(40)))
            assert tenants.statistics().opened > 4

    in_town(main)


def test_no_second_holds_more_than_the_rate_when_a_client_is_opened_again() -> None:
    """Invariant 3, in what the service itself counts: nothing on the way takes time here."""

    async def main(town: Town) -> None:
        town.transport.jitter = 0.0
        known = {tenant_id: town.credentials(tenant_id) for tenant_id in (1, 2)}
        async with town.tenants(known.get, limit=1) as tenants:
            for _ in range(35):
                for tenant_id in (1, 2):
                    async with tenants.client(tenant_id) as crm:
                        await asyncio.gather(crm.request("GET", ASK), crm.request("GET", ASK))
            assert tenants.statistics().opened == 70
        assert town.sandbox.statistics().rate_limited == 0

    in_town(main)


def test_each_state_has_a_message_of_its_own() -> None:
    async def main(town: Town) -> None:
        tenants = town.tenants()
        with pytest.raises(ConfigError, match="not open yet"):
            await call(tenants, 1)
        async with tenants:
            with pytest.raises(ConfigError, match="open already"):
                await tenants.__aenter__()
            async with tenants.client(1) as crm:
                pass
        with pytest.raises(ConfigError, match="are closed"):
            await call(tenants, 1)
        with pytest.raises(ConfigError, match="closed"):
            await crm.request("GET", ASK)
        with pytest.raises(ConfigError, match="at least 1"):
            town.tenants(limit=0)

    in_town(main)


def test_at_the_end_what_is_lent_has_time_to_come_back() -> None:
    async def main(town: Town) -> None:
        town.sandbox.faults.add(Fault.slow(20))
        async with anyio.create_task_group() as group:
            async with lending(town.tenants, grace=30) as lent:

                async def late() -> None:
                    async with lent.client(1) as crm:
                        await crm.request("GET", ASK)

                group.start_soon(late)
                await asyncio.sleep(10)
                assert lent.out == 1
            assert lent.out == 0
        assert asyncio.get_running_loop().time() > 20

    in_town(main)


def test_at_the_end_nobody_is_waited_for_without_end() -> None:
    async def main(town: Town) -> None:
        town.sandbox.faults.add(Fault.slow(600))

        async def endless(lent: Lending) -> None:
            async with lent.client(1) as crm:
                await crm.request("GET", ASK)

        async with lending(town.tenants, grace=30) as lent:
            task = asyncio.create_task(endless(lent))
            await asyncio.sleep(10)
        assert asyncio.get_running_loop().time() == pytest.approx(40, abs=0.1)
        assert (town.transport.closed, lent.out) == (1, 1)
        task.cancel()
        await asyncio.wait({task})
        assert lent.out == 0

    in_town(main)


def test_one_tenant_is_lent_under_its_own_id_or_none() -> None:
    async def main(town: Town) -> None:
        def make() -> ServiceTitanCRM:
            return ServiceTitanCRM(town.credentials(2), transport=town.transport)

        async with lending(make) as lent:
            for tenant_id in (None, 2):
                async with lent.client(tenant_id) as crm:
                    assert crm.tenant_id == 2
            with pytest.raises(UnknownTenant):
                async with lent.client(1):
                    pytest.fail("it is another tenant's")
        async with lending(town.tenants) as lent:
            with pytest.raises(ConfigError, match="say which"):
                async with lent.client():
                    pytest.fail("nobody said which")
            assert lent.out == 0

    in_town(main)
