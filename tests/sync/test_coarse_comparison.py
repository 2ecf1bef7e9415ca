"""Against a service that prints 100 ns and compares instants more coarsely, in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from churn_kit import churn
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import ServiceTitanCRM, Settings
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, Kind, Sandbox, ticks_of
from servicetitan_crm_async.sandbox.operations import Cutting
from servicetitan_crm_async.sync import EntityReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)
KINDS: tuple[Kind, ...] = ("customers", "customer_contacts")
COARSE = [1e-6, 0.001, 1.0]


def tenant(compares_to: float, cutting: Cutting, *, seed: int = 3, unstable_ties: bool = True) -> Sandbox:
    """Some 400 customers and as many contacts, most of them stamped within four seconds of one import."""
    sandbox = Sandbox(
        seed=seed,
        customers=400,
        locations_per_customer=0,
        contacts=(1, 1),
        leads=0,
        bookings=0,
        born=BORN,
        compares_to=compares_to,
        cutting=cutting,
        unstable_ties=unstable_ties,
    )
    chance = Random(seed)
    imported_at = ticks_of(BORN) - 86_400 * TICKS_PER_SECOND
    for kind in KINDS:
        for record in chance.sample(sandbox.world().tables[kind].rows, 300):
            within = chance.choice([20_000, TICKS_PER_SECOND])
            at = imported_at + chance.randrange(4) * TICKS_PER_SECOND + chance.randrange(within)
            sandbox.world().restamp(kind, [record.id], at)
    return sandbox


async def once(crm: ServiceTitanCRM, mirror: MemoryDestination, page_size: int) -> dict[str, EntityReport]:
    entities = [kind for kind in KINDS if crm.settings.contract == "portal" or kind == "customers"]
    report = await sync(crm, mirror, entities=entities, page_size=page_size, settle=SETTLE)
    assert not report.failed, {entity.error for entity in report.entities.values()}
    return dict(report.entities)


@pytest.mark.parametrize("cutting", ["bounds", "records"])
@pytest.mark.parametrize("compares_to", COARSE)
@pytest.mark.parametrize("seed", range(3))
def test_the_mirror_equals_a_source_that_compares_coarsely_and_changes_meanwhile(
    compares_to: float, cutting: Cutting, seed: int
) -> None:
    """Ten records to a page, some of them sharing a millisecond with a dozen others."""
    sandbox, mirror = tenant(compares_to, cutting, seed=seed, unstable_ties=seed > 0), MemoryDestination()
    transport = SandboxTransport(sandbox, seed=seed)

    async def main() -> None:
        async with client(transport) as crm:
            changes = asyncio.create_task(churn(transport, Random(seed), rate=30, seconds=6, kinds=KINDS))
            for _ in range(3):
                first = await once(crm, mirror, page_size=10)
                assert first["customers"].guarantee == "exact"
                await asyncio.sleep(1)
            await changes
            await asyncio.sleep(30)
            await once(crm, mirror, page_size=10)

    run(main())
    assert sandbox.world().written > 100
    assert not differences(sandbox, mirror, *KINDS)


@pytest.mark.parametrize("cutting", ["bounds", "records"])
@pytest.mark.parametrize("compares_to", COARSE)
@pytest.mark.parametrize("contract", ["portal", "openapi-2.0.0"])
def test_runs_cut_short_anywhere_are_taken_up_against_a_coarse_service(
    compares_to: float, cutting: Cutting, contract: ContractName
) -> None:
    """Every run is another process, which knows nothing of how finely the one before had come to read."""
    sandbox, mirror, chance = tenant(compares_to, cutting), MemoryDestination(), Random(8)

    async def main() -> None:
        for _ in range(12):
            async with client(SandboxTransport(sandbox), Settings(contract=contract)) as crm:
                try:
                    async with asyncio.timeout(chance.uniform(0.3, 1)):
                        await once(crm, mirror, page_size=10)
                except TimeoutError:
                    continue
        await asyncio.sleep(30)
        async with client(SandboxTransport(sandbox), Settings(contract=contract)) as crm:
            await once(crm, mirror, page_size=10)

    run(main())
    for kind in KINDS[: 2 if contract == "portal" else 1]:
        listed = sandbox.records(kind, contract=contract)
        held = mirror.rows(sandbox.tenant.tenant_id, kind)
        assert {n: r.raw for n, r in held.items()} == {n: raw for n, (_, raw) in listed.items()}


@pytest.mark.parametrize("compares_to", [0.0, *COARSE])
def test_a_crowded_first_run_costs_three_requests_more_and_a_quiet_one_a_single_request(
    compares_to: float,
) -> None:
    """At most 1.1 times the pages there are, two a worker, and three to ask how finely it compares."""
    sandbox, mirror = tenant(compares_to, "bounds"), MemoryDestination()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            first = await once(crm, mirror, page_size=20)
            assert first["customers"].requests <= 1.1 * 400 / 20 + 2 * 8 + 3
            await asyncio.sleep(60)
            following = await once(crm, mirror, page_size=20)
            assert {report.requests for report in following.values()} == {1}

    run(main())
