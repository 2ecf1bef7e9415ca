"""Records that cannot land are kept beside the data, with the reason, and fetched again by the next run."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation import SandboxTransport, client, differences, with_client
from virtual_time import run

from servicetitan_crm_async import ServiceTitanCRM, Settings
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.sandbox import Fault, Kind, Sandbox
from servicetitan_crm_async.sandbox.messages import Json
from servicetitan_crm_async.sync import EntityReport, open_destination, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination, Record
from servicetitan_crm_async.sync.destinations.protocol import OddRecord
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.odd import Odd, between_neighbours, windows_of

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = 120


def tenant() -> Sandbox:
    return Sandbox(seed=4, customers=CUSTOMERS, locations_per_customer=0, born=BORN, feed_page=20)


async def once(crm: ServiceTitanCRM, mirror: MemoryDestination, entity: str, **how: str) -> EntityReport:
    report = await sync(crm, mirror, entities=[entity], page_size=20, **how)  # type: ignore[arg-type]
    assert not report.failed, report.entities[entity].error
    return report.entities[entity]


ODDITIES: tuple[tuple[str, Json], ...] = (
    ("id", None),
    ("id", "seven"),
    ("id", 2**63),
    ("id", 1.5),
    ("modifiedOn", None),
    ("modifiedOn", "yesterday"),
    ("modifiedOn", 5),
)


@pytest.mark.parametrize(("field", "value"), ODDITIES)
@pytest.mark.parametrize("path", ["/customers", "/customers/contacts"])
def test_an_odd_record_is_set_aside_and_lands_with_the_next_run(field: str, value: Json, path: str) -> None:
    """By its id where it shows one and the list takes ids, else by the instants of its neighbours."""
    sandbox, mirror = tenant(), MemoryDestination()
    entity: Kind = "customers" if path == "/customers" else "customer_contacts"
    # The last record of a page may come again with the next one, so a middle one is taken.
    sandbox.faults.add(Fault.odd(field, value, record=7, path=path, after=1))

    async def main(crm: ServiceTitanCRM) -> None:
        first = await once(crm, mirror, entity)
        if first.quarantined:
            assert (first.odd, first.recovered) == (1, 0)
            (odd,) = await mirror.quarantine(sandbox.tenant.tenant_id, entity)
            assert field in odd.reason
            assert str(value) not in odd.reason or value is None
            assert json.loads(odd.raw)[field] == value
            if entity == "customers":  # a slice that overflowed is read again, and lands what it showed
                assert len(differences(sandbox, mirror, entity)[entity]) == 1
        elif entity == "customers":
            pytest.fail("nothing was set aside")
        await asyncio.sleep(300)
        second = await once(crm, mirror, entity)
        assert (second.odd, second.quarantined) == (0, 0)
        assert second.recovered == first.quarantined
        assert second.requests <= 5

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, entity)


def test_a_record_that_stays_odd_stays_in_quarantine_and_keeps_the_instant_it_was_first_seen() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers", times=None))

    async def main(crm: ServiceTitanCRM) -> None:
        first = await once(crm, mirror, "customers")
        before = {odd.key: odd.seen for odd in await mirror.quarantine(sandbox.tenant.tenant_id, "customers")}
        assert first.quarantined == len(before) > 0
        await asyncio.sleep(300)
        await once(crm, mirror, "customers")
        after = {odd.key: odd.seen for odd in await mirror.quarantine(sandbox.tenant.tenant_id, "customers")}
        assert before.items() & after.items()
        sandbox.faults.clear()
        assert (await once(crm, mirror, "customers")).quarantined == 0

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


def test_a_record_that_comes_without_its_id_when_asked_for_by_it_stays_in_quarantine() -> None:
    """It was taken for gone, and the one without an id for another that nothing could find again."""
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers"))

    async def main(crm: ServiceTitanCRM) -> None:
        await once(crm, mirror, "customers")
        (before,) = await mirror.quarantine(sandbox.tenant.tenant_id, "customers")
        sandbox.faults.add(Fault.odd("id", None, record=0, path="/customers"))
        second = await once(crm, mirror, "customers")
        assert (second.quarantined, second.recovered) == (1, 0)
        assert await mirror.quarantine(sandbox.tenant.tenant_id, "customers") == [before]
        assert (await once(crm, mirror, "customers")).recovered == 1

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


def test_a_record_the_service_chokes_on_keeps_no_other_from_landing() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers"))

    async def main(crm: ServiceTitanCRM) -> None:
        await once(crm, mirror, "customers")
        sandbox.world().edit("customers", max(sandbox.records("customers")))
        await asyncio.sleep(300)
        sandbox.faults.add(Fault.status(403, path="/customers"))
        second = await once(crm, mirror, "customers")
        assert (second.records, second.quarantined) == (1, 1)
        assert (await once(crm, mirror, "customers")).quarantined == 0

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


def test_a_record_that_changes_leaves_the_quarantine_by_landing() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers"))

    async def main(crm: ServiceTitanCRM) -> None:
        await once(crm, mirror, "customers")
        (odd,) = await mirror.quarantine(sandbox.tenant.tenant_id, "customers")
        assert odd.id is not None
        await asyncio.sleep(300)
        sandbox.world().edit("customers", odd.id)
        await asyncio.sleep(300)
        # The retry fails again, and the feed brings the record all the same.
        sandbox.faults.add(Fault.odd("modifiedOn", None, record=None, path="/customers", times=None))
        report = await once(crm, mirror, "customers", strategy="feed")
        assert report.recovered == 1
        assert report.quarantined == 0

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


@pytest.mark.parametrize("field", ["id", "modifiedOn"])
@pytest.mark.parametrize("strategy", ["pages", "feed"])
def test_an_odd_record_of_pages_and_feeds_is_found_again(field: str, strategy: str) -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    path = "/customers" if strategy == "pages" else "/export/customers"
    sandbox.faults.add(Fault.odd(field, None, record=3, path=path, after=1))

    async def main(crm: ServiceTitanCRM) -> None:
        assert (await once(crm, mirror, "customers", strategy=strategy)).quarantined == 1
        sandbox.faults.clear()
        await asyncio.sleep(300)
        assert (await once(crm, mirror, "customers", strategy=strategy)).quarantined == 0

    with_client(SandboxTransport(sandbox), main)
    # Feeds print some records otherwise, but customers as lists do.
    assert not differences(sandbox, mirror, "customers")


def test_a_list_that_can_be_asked_for_nothing_is_read_again_for_an_odd_record() -> None:
    """Leads of openapi-2.0.0 take neither ids nor a window."""
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("id", None, record=3, path="/leads"))

    async def main() -> None:
        async with client(SandboxTransport(sandbox), Settings(contract="openapi-2.0.0")) as crm:
            assert (await once(crm, mirror, "leads")).quarantined == 1
            await asyncio.sleep(300)
            second = await once(crm, mirror, "leads")
            assert (second.quarantined, second.recovered, second.since) == (0, 1, None)
            await asyncio.sleep(300)
            assert (await once(crm, mirror, "leads")).since is not None

    run(main())
    listed = sandbox.records("leads", contract="openapi-2.0.0")
    assert mirror.rows(sandbox.tenant.tenant_id, "leads").keys() == listed.keys()


def test_a_record_that_is_gone_leaves_the_quarantine() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("modifiedOn", None, record=3, path="/customers/contacts", after=2))

    async def main(crm: ServiceTitanCRM) -> None:
        await once(crm, mirror, "customer_contacts")
        for odd in await mirror.quarantine(sandbox.tenant.tenant_id, "customer_contacts"):
            assert odd.id is not None
            sandbox.world().delete("customer_contacts", odd.id)
        await asyncio.sleep(300)
        assert (await once(crm, mirror, "customer_contacts")).quarantined == 0

    with_client(SandboxTransport(sandbox), main)


@pytest.mark.parametrize("kind", ["ndjson", "sqlite", "duckdb"])
def test_the_quarantine_outlives_the_program(kind: str, tmp_path: Path) -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.odd("modifiedOn", "soon", record=3, path="/customers"))
    place = f"{kind}:{tmp_path / kind}"

    async def main() -> None:
        transport = SandboxTransport(sandbox)
        async with client(transport) as crm:
            first = await sync(crm, open_destination(place), entities=["customers"])
            assert first.entities["customers"].quarantined == 1
            async with open_destination(place) as mirror:
                (odd,) = await mirror.quarantine(sandbox.tenant.tenant_id, "customers")
                assert "instant" in odd.reason
                assert await mirror.count(sandbox.tenant.tenant_id, "customers") == CUSTOMERS - 1
            second = await sync(crm, open_destination(place), entities=["customers"])
            assert (second.entities["customers"].recovered, second.entities["customers"].quarantined) == (
                1,
                0,
            )
            async with open_destination(place) as mirror:
                assert await mirror.count(sandbox.tenant.tenant_id, "customers") == CUSTOMERS

    # Threads answer in their own time, which a virtual loop would jump past.
    asyncio.run(main())


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_the_windows_of_odd_records_hold_each_of_them_and_do_not_overlap(
    spans: list[tuple[int, int]],
) -> None:
    records = [
        OddRecord(key=str(n), id=None, reason="", since=since, before=before, seen="", raw="")
        for n, (since, before) in enumerate(spans)
    ]
    windows = windows_of(records)
    assert all(earlier.before < later.cursor for earlier, later in pairwise(windows))
    for since, before in spans:
        if since < before:
            assert any(window.cursor <= since and before <= window.before for window in windows)
    assert windows_of([]) == ()
    assert all(isinstance(window, OpenWindow) for window in windows)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 3 * TICKS_PER_SECOND))
def test_an_odd_record_is_placed_between_its_neighbours(usable: list[bool], apart: int) -> None:
    """To the whole second, as the service may sort no more finely."""
    end = 100 * TICKS_PER_SECOND
    records = [Record(n, "", apart * n, None, b"") for n, keyed in enumerate(usable) if keyed]
    odd = [Odd(None, "", n, b"") for n, keyed in enumerate(usable) if not keyed]
    for each in between_neighbours(odd, records, -5, end, in_order=True):
        assert each.since is not None
        assert each.before is not None
        before = max((record.ticks for record in records if record.id < each.place), default=-5)
        after = min((record.ticks for record in records if record.id > each.place), default=end)
        assert max(-5, before - TICKS_PER_SECOND) < each.since + 1 <= before + 1
        assert after < each.before <= after + TICKS_PER_SECOND
