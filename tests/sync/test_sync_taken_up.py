"""What a later run makes of one that was cut short at an awkward place, and of records without an instant."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import ServiceTitanError, Settings
from servicetitan_crm_async.sandbox import Fault, Sandbox
from servicetitan_crm_async.sync import Batch, EntityReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = 200


def tenant() -> Sandbox:
    return Sandbox(seed=4, customers=CUSTOMERS, locations_per_customer=0, leads=0.5, bookings=0, born=BORN)


class EndsUnwritten(MemoryDestination):
    """Dies, once, at the commit that would say that a run is at its end."""

    died = False

    async def commit(self, batch: Batch) -> None:
        if batch.ledger.until is None and not self.died:
            self.died = True
            raise ServiceTitanError("the process ends here")
        await super().commit(batch)


@pytest.mark.parametrize("entity", ["customers", "customer_contacts"])
def test_a_run_whose_end_alone_was_not_committed_is_not_read_again(entity: str) -> None:
    sandbox, mirror = tenant(), EndsUnwritten()

    async def main() -> EntityReport:
        async with client(SandboxTransport(sandbox)) as crm:
            with pytest.raises(ServiceTitanError, match="ends here"):
                await sync(crm, mirror, entities=[entity], page_size=20)
            await asyncio.sleep(200)
            report = await sync(crm, mirror, entities=[entity], page_size=20)
            return report.entities[entity]

    report = run(main())
    assert (report.records, report.requests) == (0, 1)
    assert report.until is not None
    assert report.until > f"{BORN:%FT%T}"


def test_a_first_run_by_page_numbers_that_was_cut_short_is_begun_again_whatever_since_says() -> None:
    """What it had not come to lies before `since`, and no later run would ask for it."""
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.status(403, path="/leads", after=2))

    async def main() -> None:
        async with client(SandboxTransport(sandbox), Settings(contract="openapi-2.0.0")) as crm:
            first = await sync(crm, mirror, entities=["leads"], page_size=20)
            assert first.failed == ("leads",)
            again = await sync(crm, mirror, entities=["leads"], page_size=20, since=BORN - timedelta(days=1))
            assert again.entities["leads"].since is None

    run(main())
    held = mirror.rows(sandbox.tenant.tenant_id, "leads")
    assert held.keys() == sandbox.records("leads", contract="openapi-2.0.0").keys()


@pytest.mark.parametrize("page", range(1, 6))
def test_a_record_without_an_instant_is_counted_as_odd_on_whatever_page_it_is(page: int) -> None:
    """It was passed over without a word, or ended the run: an instant of 0 is in no order with the others."""
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers", after=page))

    async def main() -> EntityReport:
        async with client(SandboxTransport(sandbox)) as crm:
            report = await sync(crm, mirror, entities=["customers"], page_size=50)
            return report.entities["customers"]

    report = run(main())
    assert report.error is None
    # A page may show the record of the one before again, and then nothing is missing.
    assert report.odd == 1
    assert report.records in (CUSTOMERS, CUSTOMERS - 1)
    assert len(differences(sandbox, mirror, "customers").get("customers", [])) == CUSTOMERS - report.records
