"""Fifty thousand customers that change all the time, in virtual time: equal in the end, at a known cost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

from churn_kit import unlike_before
from simulation import SandboxTransport, client
from virtual_time import run

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async._core.clock import ticks_of
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync import SETTLE, EntityReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS, PAGE, WORKERS = 50_000, 500, 16
PAGES = CUSTOMERS // PAGE
LEAST_AND_A_TENTH = 1.1 * PAGES + 2 * WORKERS
IMPORTED = 20_000


def tenant(*, visibility_delay: float = 0.0) -> Sandbox:
    """Two hundred changes a second and 40 ± 40 ms to an answer."""
    return Sandbox(
        seed=9,
        customers=CUSTOMERS,
        locations_per_customer=0,
        contacts=(0, 0),
        leads=0,
        bookings=0,
        born=BORN,
        life=200,
        visibility_delay=visibility_delay,
        latency_jitter=0.08,
        unstable_ties=True,
    )


class Mirror:
    """Runs of the sync over the customers of one tenant."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.rows = sandbox, MemoryDestination()

    async def sync(self, crm: ServiceTitanCRM, settle: timedelta = SETTLE) -> EntityReport:
        report = await sync(
            crm, self.rows, entities=["customers"], page_size=PAGE, concurrency=WORKERS, settle=settle
        )
        return report.entities["customers"]

    def wrong(self, until: str | None) -> list[int]:
        assert until is not None
        held = self.rows.rows(self.sandbox.tenant.tenant_id, "customers")
        return unlike_before(self.sandbox, {number: record.raw for number, record in held.items()}, until)


def first_and_following(sandbox: Sandbox, *, lived: float = 0.0) -> tuple[EntityReport, list[int]]:
    """The first run, after the tenant has lived so long, and what is wrong after the following one."""
    mirror = Mirror(sandbox)

    async def main() -> tuple[EntityReport, list[int]]:
        async with client(SandboxTransport(sandbox, jitter=0)) as crm:
            await asyncio.sleep(lived)
            first = await mirror.sync(crm)
            assert mirror.wrong(first.until) == []
            await asyncio.sleep(SETTLE.total_seconds() + 10)
            following = await mirror.sync(crm)
            # What changed while the first run read is in what is compared.
            assert following.until is not None
            assert following.until > f"{BORN + timedelta(seconds=lived + first.requests / 60):%FT%T}"
            assert following.records > 0
            return first, mirror.wrong(following.until)

    return run(main())


def test_fifty_thousand_changing_customers_are_equal_after_the_following_run() -> None:
    """At most 1.1 times the pages there are, plus two requests a worker."""
    first, wrong = first_and_following(tenant())
    assert wrong == []
    assert (first.guarantee, first.retries) == ("exact", 0)
    assert first.records > CUSTOMERS - 1000
    assert first.requests <= LEAST_AND_A_TENTH


def test_twenty_thousand_of_them_on_one_instant_cost_its_pages_once_more() -> None:
    """A bulk import whose members come back in another order each time."""
    sandbox = tenant()
    numbers = [record.id for record in sandbox.world().tables["customers"].rows]
    imported_at = ticks_of(BORN - timedelta(days=700)) + 3
    sandbox.world().restamp("customers", Random(9).sample(numbers, IMPORTED), imported_at)
    first, wrong = first_and_following(sandbox)
    assert wrong == []
    assert (first.guarantee, first.retries) == ("exact", 0)
    assert first.records > CUSTOMERS - 1000
    assert first.requests <= LEAST_AND_A_TENTH + IMPORTED // PAGE


def test_rows_visible_up_to_five_seconds_late_are_all_there_with_the_default_settling() -> None:
    first, wrong = first_and_following(tenant(visibility_delay=5), lived=150)
    assert wrong == []
    assert first.guarantee == "exact"


def test_without_settling_late_rows_are_lost() -> None:
    """The simulation can show the difference."""
    mirror = Mirror(tenant(visibility_delay=5))

    async def main() -> list[int]:
        async with client(SandboxTransport(mirror.sandbox, jitter=0)) as crm:
            await asyncio.sleep(20)
            await mirror.sync(crm, timedelta(0))
            await asyncio.sleep(20)
            return mirror.wrong((await mirror.sync(crm, timedelta(0))).until)

    assert run(main())
