"""The usual ways of keeping a copy up to date lose records where the sync loses none: the test can fail.

Every way is written as its users write it, on the lists this package offers, and runs under the same
changes, by the same seeds, as the sync does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

import pytest
from churn_kit import churn
from naive_kit import (
    Copy,
    Way,
    active_by_default,
    from_its_own_clock,
    from_the_largest_seen,
    lost,
    numbers_over_a_closed_window,
    seeking_by_microseconds,
    sixteen_pages_at_once,
)
from simulation import SandboxTransport, client
from virtual_time import run

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.models import Customer
from servicetitan_crm_async.sandbox import Sandbox, datetime_of
from servicetitan_crm_async.sync import sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
MID_HISTORY = BORN - timedelta(days=600)
IMPORTED_AT = ticks_of(BORN - timedelta(days=400)) + 7
"""An instant that 100 customers share; microseconds cannot say it."""
PAGE = 10
SEEDS = range(4)


class Case(NamedTuple):
    way: Way
    since: datetime | None = None
    skew: float = 0.0
    """Seconds by which the machine's clock is fast."""


CASES = [
    Case(numbers_over_a_closed_window),
    Case(sixteen_pages_at_once, since=MID_HISTORY),
    Case(from_the_largest_seen),
    Case(from_its_own_clock, skew=60),
    Case(active_by_default),
    Case(seeking_by_microseconds),
]


def tenant(seed: int) -> Sandbox:
    sandbox = Sandbox(
        seed=seed,
        customers=400,
        locations_per_customer=0,
        contacts=(0, 0),
        leads=0,
        bookings=0,
        born=BORN,
        unstable_ties=True,
    )
    numbers = [record.id for record in sandbox.world().tables["customers"].rows]
    sandbox.world().restamp("customers", Random(seed).sample(numbers, 100), IMPORTED_AT)
    return sandbox


async def disturbed(seed: int, read: Callable[[], Awaitable[None]], transport: SandboxTransport) -> None:
    """Three passes while thirty records a second change, and a last one when all has been quiet."""
    changes = asyncio.create_task(churn(transport, Random(seed), rate=30, seconds=8, kinds=["customers"]))
    for _ in range(3):
        await read()
        await asyncio.sleep(1)
    await changes
    await asyncio.sleep(30)
    await read()


def lost_by(case: Case, seed: int) -> list[int]:
    sandbox, copy = tenant(seed), Copy()
    transport = SandboxTransport(sandbox, seed=seed, jitter=0.25)

    async def main() -> None:
        watermark = case.since
        async with client(transport, skew=case.skew) as crm:

            async def read() -> None:
                nonlocal watermark
                now = datetime_of(transport.now + round(case.skew * TICKS_PER_SECOND))
                watermark = await case.way(crm, copy, watermark, now, PAGE)

            await disturbed(seed, read, transport)

    run(main())
    return lost(sandbox, copy, case.since)


def lost_by_the_sync(case: Case, seed: int) -> list[int]:
    sandbox, copy, mirror = tenant(seed), Copy(), MemoryDestination()
    transport = SandboxTransport(sandbox, seed=seed, jitter=0.25)

    async def main() -> None:
        async with client(transport, skew=case.skew) as crm:

            async def read() -> None:
                since = case.since if not mirror.rows(crm.tenant_id, "customers") else None
                await sync(
                    crm,
                    mirror,
                    entities=["customers"],
                    since=since,
                    page_size=PAGE,
                    settle=timedelta(seconds=3),
                )

            await disturbed(seed, read, transport)

    run(main())
    decode = decoder_for(Customer)
    for record in mirror.rows(sandbox.tenant.tenant_id, "customers").values():
        copy.take(decode(record.raw))
    return lost(sandbox, copy, case.since)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.way.__name__)
def test_the_naive_way_loses_records_and_the_sync_none(case: Case) -> None:
    assert [lost_by_the_sync(case, seed) for seed in SEEDS] == [[] for _ in SEEDS]
    assert all(lost_by(case, seed) for seed in SEEDS)


def test_the_ways_lose_nothing_while_nothing_changes() -> None:
    """Written honestly, they fail for what they do not think of and for nothing else."""
    for case in CASES[:4]:
        sandbox, copy = tenant(1), Copy()
        transport = SandboxTransport(sandbox)

        async def main(case: Case = case, copy: Copy = copy, transport: SandboxTransport = transport) -> None:
            async with client(transport) as crm:
                await case.way(crm, copy, case.since, BORN, PAGE)

        run(main())
        assert lost(sandbox, copy, case.since) == []
