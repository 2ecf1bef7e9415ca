"""The audit in virtual time: mirrors that are right and mirrors that are not, while the tenant lives on."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from churn_kit import churn
from destination_kit import ON_DISK, make
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import (
    AuthError,
    ConfigError,
    LedgerConflict,
    NotInContract,
    ServiceTitanCRM,
    Settings,
    SyncError,
)
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_text, to_ticks
from servicetitan_crm_async.sandbox import KINDS, Fault, Kind, Sandbox, serve
from servicetitan_crm_async.sync import AuditReport, Batch, EntityAudit, Progress, Record, audit, sync
from servicetitan_crm_async.sync.auditing.inventory import Finding, Inventory
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.destinations.protocol import Versions
from servicetitan_crm_async.sync.lease import new_lease
from servicetitan_crm_async.sync.windows import EARLIEST

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)
NO_IDS: tuple[Kind, ...] = ("customer_contacts", "location_contacts", "tag_types")
"""Their lists cannot be asked for ids."""


def tenant(customers: int = 400, *, seed: int = 5, life: float = 0.0) -> Sandbox:
    sandbox = Sandbox(
        seed=seed,
        customers=customers,
        born=BORN,
        life=life,
        visibility_delay=2.0 if life else 0.0,
        unstable_ties=True,
    )
    for day in range(50):
        sandbox.world().create("tag_types", at=ticks_of(BORN - timedelta(days=9 * day + 1)))
    return sandbox


class Damaged(MemoryDestination):
    """A mirror that its keeper can do harm to."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox, self.tenant = sandbox, sandbox.tenant.tenant_id
        self.commits: list[Batch] = []

    async def commit(self, batch: Batch) -> None:
        await super().commit(batch)
        self.commits.append(batch)

    def held(self, entity: str) -> dict[int, Record]:
        return self._rows[self.tenant, entity]

    def active(self, entity: str) -> list[int]:
        """The ids of what is not held as inactive, which need not be on the service."""
        return sorted(number for number, record in self.held(entity).items() if record.active is not False)

    def lose(self, entity: str, ids: Iterable[int]) -> None:
        for number in ids:
            del self.held(entity)[number]

    def age(self, entity: str, ids: Iterable[int], seconds: float = -3600.0) -> None:
        """Hold another version: one of an hour ago."""
        for number in ids:
            record = self.held(entity)[number]
            ticks = record.ticks + round(seconds * TICKS_PER_SECOND)
            text = to_text(ticks)
            assert record.modified_on is not None
            raw = record.raw.replace(record.modified_on.encode(), text.encode())
            self.held(entity)[number] = replace(record, ticks=ticks, modified_on=text, raw=raw)

    def invent(self, entity: str, like: Iterable[int]) -> list[int]:
        """Hold records that the service does not know."""
        made = []
        for number in like:
            record = self.held(entity)[number]
            other = number + 7_000_000_000
            raw = record.raw.replace(f'"id":{number}'.encode(), f'"id":{other}'.encode(), 1)
            self.held(entity)[other] = replace(record, id=other, raw=raw)
            made.append(other)
        return made


def audited(
    sandbox: Sandbox,
    main: Callable[[ServiceTitanCRM, SandboxTransport, Damaged], Awaitable[None]],
    *,
    settings: Settings | None = None,
    entities: Iterable[Kind] | None = None,
) -> Damaged:
    """Run with a client and a mirror that was synced once, everything having settled."""
    transport, mirror = SandboxTransport(sandbox), Damaged(sandbox)

    async def opened() -> None:
        async with client(transport, settings) as crm:
            report = await sync(crm, mirror, entities=entities, settle=SETTLE)
            assert not report.failed
            await asyncio.sleep(10)
            mirror.commits.clear()
            await main(crm, transport, mirror)

    run(opened())
    return mirror


def named(report: AuditReport) -> dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """What an audit names, by entity: missing, stale, surplus."""
    return {
        name: (entity.missing, entity.stale, entity.surplus)
        for name, entity in report.entities.items()
        if entity.differences
    }


def test_an_equal_mirror_costs_a_request_more_than_its_pages_or_eighteen() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        before = sandbox.statistics().requests
        small = await audit(crm, mirror)
        assert small.equal
        assert not small.failed
        assert {entity.requests for entity in small.entities.values()} == {2}
        assert small.requests == 2 * len(KINDS) == sandbox.statistics().requests - before
        large = await audit(crm, mirror, page_size=10)
        assert large.equal
        customers = large.entities["customers"]
        assert (customers.held, customers.windows, customers.requests) == (400, 16, 18)
        assert max(entity.requests for entity in large.entities.values()) == 18
        ledger = await mirror.load(mirror.tenant, "customers")
        assert ledger is not None
        assert customers.until == ledger.watermark

    assert not audited(sandbox, main).commits


def test_what_changed_since_the_last_sync_is_the_next_ones_and_counted_as_moved() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        for number in list(sandbox.records("customers"))[::40]:
            await asyncio.sleep(2)
            sandbox.world().edit("customers", number, at=transport.now)
        sandbox.world().create("customers", at=transport.now)
        report = await audit(crm, mirror, page_size=20)
        assert report.equal
        assert report.entities["customers"].moved == 11
        assert report.entities["customers"].requests == 18
        assert sum(entity.moved for entity in report.entities.values()) == 11

    audited(sandbox, main)


@pytest.mark.parametrize("entity", KINDS)
@pytest.mark.parametrize("page_size", [7, 5000])
def test_missing_stale_and_surplus_records_are_named_and_repaired(entity: Kind, page_size: int) -> None:
    """Each kind of damage alone, and then all three, where only a thorough audit is sure to see each."""
    sandbox = tenant(200)

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        numbers = mirror.active(entity)
        before = await mirror.load(mirror.tenant, entity)

        async def look(*, repair: bool = False, thorough: bool = False) -> EntityAudit:
            report = await audit(
                crm, mirror, entities=[entity], repair=repair, thorough=thorough, page_size=page_size
            )
            return report.entities[entity]

        mirror.lose(entity, numbers[3:6])
        found = await look()
        assert (found.missing, found.stale, found.surplus) == (tuple(numbers[3:6]), (), ())
        assert not mirror.commits
        assert (await look(repair=True)).equal
        made = mirror.invent(entity, numbers[8:10])
        found = await look()
        assert (found.missing, found.stale, found.surplus) == ((), (), tuple(made))
        mirror.lose(entity, made)
        mirror.age(entity, numbers[12:13])
        found = await look(thorough=True)
        assert (found.missing, found.stale, found.surplus) == ((), (numbers[12],), ())

        mirror.lose(entity, numbers[:2])
        made = mirror.invent(entity, numbers[15:17])
        damage = (tuple(numbers[:2]), (numbers[12],), tuple(made))
        found = await look(repair=True, thorough=True)
        assert (found.missing, found.stale, found.surplus) == damage
        assert (found.repaired, found.equal) == (5, True)
        found = await look()
        assert (found.differences, found.equal) == (0, True)
        retired = mirror.held(entity)
        assert all(retired[number].active is False for number in made)
        assert all(b'"active":false' in retired[number].raw for number in made)
        mirror.lose(entity, made)
        assert not differences(sandbox, mirror, entity)
        after = await mirror.load(mirror.tenant, entity)
        assert before is not None
        assert after is not None
        assert (after.watermark, after.runs, after.until) == (before.watermark, before.runs, None)
        assert after.records == before.records + 3 + 5

    audited(sandbox, main)


def test_three_differences_among_twenty_thousand_are_found_for_a_fifth_of_the_pages() -> None:
    sandbox = tenant(20_000)

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        by_time = sorted(mirror.held("customers").values(), key=lambda record: record.ticks)
        one, other, third = (by_time[place].id for place in (2_000, 9_000, 17_500))
        mirror.lose("customers", [one])
        back = by_time[9_000].ticks - by_time[5_000].ticks
        mirror.age("customers", [other], seconds=-back / TICKS_PER_SECOND)
        made = mirror.invent("customers", [third])
        report = await audit(crm, mirror, entities=["customers"], page_size=50)
        assert named(report) == {"customers": ((one,), (other,), tuple(made))}
        assert report.requests <= 400 / 5
        usual = await audit(crm, mirror, entities=["customers"], repair=True)
        assert named(usual) == named(report)
        assert usual.requests <= 4 * 1.1 + 2 + 2
        again = await audit(crm, mirror, entities=["customers"])
        assert again.equal

    audited(sandbox, main, entities=["customers"])


def test_a_mirror_that_lost_everything_is_filled_for_the_price_of_reading_it_in_bounded_batches() -> None:
    sandbox = tenant(6_000)

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        mirror.held("customers").clear()
        report = await audit(crm, mirror, entities=["customers"], repair=True, page_size=100, concurrency=4)
        assert report.entities["customers"].repaired == 6_000
        assert report.requests <= 60 * 1.1 + 2 * 4 + 2
        assert max(len(batch.records) for batch in mirror.commits) <= 1000 + 4 * 100
        assert len(mirror.commits) >= 4

    assert not differences(sandbox, audited(sandbox, main, entities=["customers"]), "customers")


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([20, 60, 5000]), st.booleans())
def test_a_right_mirror_is_called_equal_while_records_change(
    seed: int, page_size: int, thorough: bool
) -> None:
    """Forty changes a second, between any two requests: none of them is taken for a difference."""
    sandbox = tenant(150, seed=seed % 7)
    transport, mirror = SandboxTransport(sandbox, seed=seed), MemoryDestination()

    async def main() -> None:
        changes = asyncio.create_task(churn(transport, Random(seed), rate=40, seconds=9))
        async with client(transport) as crm:
            for _ in range(2):
                await sync(crm, mirror, page_size=page_size, settle=SETTLE)
                report = await audit(crm, mirror, page_size=page_size, thorough=thorough)
                assert not named(report)
                assert report.equal
        await changes

    run(main())


@pytest.mark.parametrize("seed", range(6))
def test_a_sync_at_work_meanwhile_is_no_difference(seed: int) -> None:
    sandbox = tenant(150, seed=seed)
    transport, mirror = SandboxTransport(sandbox, seed=seed), MemoryDestination()

    async def main() -> None:
        async with client(transport) as crm, client(transport) as other:
            await sync(crm, mirror, settle=SETTLE)
            await churn(transport, Random(seed), rate=40, seconds=5)
            changes = asyncio.create_task(churn(transport, Random(seed), rate=40, seconds=4))
            syncing = asyncio.create_task(sync(other, mirror, page_size=20, settle=SETTLE))
            await asyncio.sleep(seed / 5)
            report = await audit(crm, mirror, page_size=20, concurrency=2)
            assert report.equal
            assert not named(report)
            await syncing
            await changes

    run(main())


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_a_right_mirror_is_called_equal_while_changes_show_late(seed: int) -> None:
    sandbox = tenant(150, seed=seed % 7, life=30)
    transport, mirror = SandboxTransport(sandbox, seed=seed), MemoryDestination()

    async def main() -> None:
        async with client(transport) as crm:
            await asyncio.sleep(5)
            for _ in range(2):
                await sync(crm, mirror, page_size=20, settle=SETTLE)
                assert (await audit(crm, mirror, page_size=20)).equal

    run(main())


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["missing", "stale", "surplus"]), st.booleans())
def test_while_records_change_what_differs_is_named_and_nothing_else(
    seed: int, kind: str, repair: bool
) -> None:
    """Named is what was harmed, but for what has moved past the watermark before it was looked at."""
    sandbox, chance = tenant(150, seed=seed % 7), Random(seed)
    transport, mirror = SandboxTransport(sandbox, seed=seed), Damaged(sandbox)

    async def main() -> None:
        async with client(transport) as crm:
            await sync(crm, mirror, settle=SETTLE)
            harmed: dict[str, set[int]] = {}
            for entity in KINDS:
                ids = chance.sample(mirror.active(entity), 2)
                match kind:
                    case "missing":
                        mirror.lose(entity, ids)
                    case "stale":
                        mirror.age(entity, ids)
                    case _:
                        ids = mirror.invent(entity, ids)
                harmed[entity] = set(ids)
            changes = asyncio.create_task(churn(transport, chance, rate=40, seconds=6))
            # Unsorted, more on one instant than a page holds leaves in doubt what is surplus.
            size = 60 if kind == "surplus" else 20
            report = await audit(crm, mirror, page_size=size, thorough=kind == "stale", repair=repair)
            for entity in KINDS:
                found = report.entities[entity]
                assert found.until is not None
                assert found.error is None
                wrong = {"missing": found.missing, "stale": found.stale, "surplus": found.surplus}
                assert found.differences == len(wrong[kind])
                moved = {
                    number
                    for number, (text, _) in sandbox.records(entity).items()
                    if to_ticks(text) >= to_ticks(found.until)
                }
                assert set(wrong[kind]) <= harmed[entity]
                assert harmed[entity] - moved <= set(wrong[kind])
                assert found.equal == (repair or not found.differences)
            if repair:
                again = await audit(crm, mirror, page_size=20, thorough=True)
                assert not named(again)
                await changes
                await asyncio.sleep(10)
                await sync(crm, mirror, settle=SETTLE)
                held = {entity: harmed[entity] if kind == "surplus" else set() for entity in KINDS}
                for entity in KINDS:
                    mirror.lose(entity, held[entity])
            await changes

    run(main())
    if repair:
        assert not differences(sandbox, mirror)


@pytest.mark.parametrize("entity", ["customers", "customer_contacts", "tag_types"])
def test_more_records_on_one_instant_than_a_page_holds_are_compared(entity: Kind) -> None:
    sandbox = tenant(120)
    crowd = sorted(sandbox.records(entity))[10:50]
    sandbox.world().restamp(entity, crowd, to_ticks("2025-06-01T10:00:00.1234567Z"))

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        assert (await audit(crm, mirror, page_size=8, thorough=True)).equal
        mirror.lose(entity, crowd[7:9])
        report = await audit(crm, mirror, page_size=8)
        assert named(report) == {entity: (tuple(crowd[7:9]), (), ())}
        assert (await audit(crm, mirror, page_size=8, repair=True)).equal
        assert (await audit(crm, mirror, page_size=8, thorough=True)).equal
        sandbox.world().delete(entity, crowd[20], at=transport.now)
        report = await audit(crm, mirror, page_size=8)
        assert named(report) == {entity: ((), (), (crowd[20],))}
        assert (await audit(crm, mirror, page_size=8, repair=True)).equal

    audited(sandbox, main)


def test_deleted_contacts_of_a_mirror_made_by_feeds_are_no_difference_and_cost_nothing() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    transport = SandboxTransport(sandbox)
    deleted: tuple[Kind, ...] = ("customer_contacts", "leads")
    for kind in deleted:
        for number in sorted(sandbox.records(kind))[::5]:
            sandbox.world().delete(kind, number, at=ticks_of(BORN))

    async def main() -> None:
        async with client(transport) as crm:
            await asyncio.sleep(60)
            await sync(crm, mirror, strategy="feed", settle=SETTLE)
            report = await audit(crm, mirror, page_size=10)
            assert report.equal
            assert max(entity.requests for entity in report.entities.values()) <= 20
            assert report.entities["leads"].held > len(sandbox.records("leads"))

    run(main())


def test_a_contact_deleted_since_is_surplus_until_it_is_marked() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        gone: dict[str, tuple[int, ...]] = {}
        for kind in KINDS:
            number = sorted(mirror.held(kind))[4]
            sandbox.world().delete(kind, number, at=transport.now)
            gone[kind] = (number,)
        report = await audit(crm, mirror, page_size=10)
        assert {name: entity.surplus for name, entity in report.entities.items()} == gone
        assert (await audit(crm, mirror, page_size=10, repair=True)).equal
        again = await audit(crm, mirror, page_size=10)
        assert again.equal
        assert not named(again)
        # Where lists never show the inactive, a deleted record is expected to be absent.
        assert again.entities["customer_contacts"].requests == 18
        await sync(crm, mirror, settle=SETTLE)
        assert all(mirror.held(kind)[number].active is False for kind, (number,) in gone.items())

    audited(sandbox, main)


@pytest.mark.parametrize("entity", NO_IDS)
def test_no_record_is_marked_deleted_that_only_stands_elsewhere(entity: Kind) -> None:
    """Its true place has the right count by chance: before a repair, such a list is read wholly."""
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        by_time = sorted(mirror.held(entity).values(), key=lambda record: record.ticks)
        late = by_time[-3].id
        mirror.invent(entity, [late])
        mirror.age(entity, [late], seconds=(by_time[2].ticks - by_time[-3].ticks) / TICKS_PER_SECOND)
        assert late in (await audit(crm, mirror, entities=[entity], page_size=7)).entities[entity].surplus
        report = await audit(crm, mirror, entities=[entity], page_size=7, repair=True)
        assert late in report.entities[entity].stale
        assert late not in report.entities[entity].surplus
        assert mirror.held(entity)[late].active is not False
        assert report.equal

    audited(sandbox, main)


def test_a_version_newer_than_the_services_stays_and_is_not_called_repaired() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        one, other = sorted(mirror.held("customers"))[5:7]
        mirror.age("customers", [one], seconds=5)
        mirror.age("customers", [other], seconds=10 * 365 * 86_400)
        report = await audit(crm, mirror, entities=["customers"], repair=True, thorough=True)
        found = report.entities["customers"]
        assert (found.stale, found.surplus, found.repaired) == ((one, other), (), 0)
        assert not report.equal
        assert not report.failed

    audited(sandbox, main)


def test_a_record_past_the_watermark_that_the_service_does_not_know_is_surplus() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        made = []
        for entity in ("leads", "customer_contacts"):
            made += mirror.invent(entity, sorted(mirror.held(entity))[:1])
            mirror.age(entity, made[-1:], seconds=5 * 365 * 86_400)
        report = await audit(crm, mirror, page_size=10)
        assert [entity.surplus for entity in report.entities.values() if entity.surplus] == [
            (made[1],),
            (made[0],),
        ]

    audited(sandbox, main)


def test_a_thorough_audit_sees_what_equal_counts_hide() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        number = sorted(mirror.held("customers"))[100]
        made = mirror.invent("customers", [number])
        mirror.lose("customers", [number])
        usual = await audit(crm, mirror, entities=["customers"], page_size=20)
        assert usual.equal
        thorough = await audit(crm, mirror, entities=["customers"], page_size=20, thorough=True)
        assert named(thorough) == {"customers": ((number,), (), tuple(made))}
        assert thorough.requests <= 20 * 1.2 + 2 * 8 + 3

    audited(sandbox, main)


def test_a_mirror_begun_with_since_is_compared_from_there() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    number = sandbox.tenant.tenant_id
    middle = BORN - timedelta(days=700, microseconds=1234)

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            for since in (middle, middle - timedelta(days=300)):
                await sync(crm, mirror, since=since, settle=SETTLE)
                for page_size in (10, 5000):
                    assert (await audit(crm, mirror, page_size=page_size)).equal
                held = mirror.rows(number, "customers").values()
                assert 20 < len(held) < 400
                assert (await audit(crm, mirror, since=BORN - timedelta(days=9000))).equal
                assert all(record.ticks >= ticks_of(since) for record in held)

    run(main())


def test_what_differs_before_since_is_not_compared() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        by_time = sorted(mirror.held("customers").values(), key=lambda record: record.ticks)
        early, late = by_time[3], by_time[-3]
        mirror.lose("customers", [early.id, late.id])
        mirror.invent("customers", [by_time[4].id])
        for since in (datetime.fromisoformat(early.modified_on or "") + timedelta(days=30), BORN):
            for page_size in (5, 5000):
                report = await audit(crm, mirror, since=since, page_size=page_size)
                assert named(report) == ({} if since == BORN else {"customers": ((late.id,), (), ())})

    audited(sandbox, main)


def test_a_run_that_was_cut_short_counts_up_to_the_last_that_was_not() -> None:
    """What it landed past that watermark is neither named nor in the way."""
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        before = await mirror.load(mirror.tenant, "customers")
        assert before is not None
        await churn(transport, Random(3), rate=40, seconds=5)
        await asyncio.sleep(10)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await sync(crm, mirror, page_size=5, settle=SETTLE)
        ledger = await mirror.load(mirror.tenant, "customers")
        assert ledger is not None
        assert ledger.until is not None
        report = await audit(crm, mirror, page_size=10, repair=True)
        assert report.equal
        assert not named(report)
        assert report.entities["customers"].until == before.watermark
        assert await mirror.load(mirror.tenant, "customers") == ledger
        await sync(crm, mirror, settle=SETTLE)
        assert (await audit(crm, mirror, page_size=10)).equal

    assert not differences(sandbox, audited(sandbox, main))


def test_what_never_was_synced_to_an_end_is_said_to_need_a_sync_and_asked_nothing() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main() -> None:
        async with client(transport) as crm:
            await sync(crm, mirror, entities=["leads"], settle=SETTLE)
            before = sandbox.statistics().requests
            report = await audit(crm, mirror, entities=["customers", "leads"], repair=True)
            assert report.failed == ("customers",)
            assert "sync first" in str(report.entities["customers"].error)
            assert isinstance(report.entities["customers"].failure, SyncError)
            assert report.entities["customers"].until is None
            assert report.entities["leads"].equal
            assert not report.equal
            assert report.requests == sandbox.statistics().requests - before

    run(main())


def test_of_openapi_customers_alone_can_be_audited() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        numbers = sorted(mirror.held("customers"))
        sandbox.world().edit("customers", numbers[50], at=transport.now)
        assert (await audit(crm, mirror, entities=["customers"], page_size=10)).equal
        mirror.lose("customers", numbers[:3])
        report = await audit(crm, mirror, page_size=10, repair=True)
        assert report.failed == ("locations", "leads", "bookings", "tag_types")
        for name in report.failed:
            assert "openapi-2.0.0" in str(report.entities[name].error)
            assert isinstance(report.entities[name].failure, NotInContract)
        assert report.entities["customers"].missing == tuple(numbers[:3])
        assert report.entities["customers"].equal
        with pytest.raises(NotInContract):
            await audit(crm, mirror, entities=["customer_contacts"])

    audited(sandbox, main, settings=Settings(contract="openapi-2.0.0"))


def test_a_repair_needs_the_lease_and_a_mere_look_does_not() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        other = await mirror.claim(new_lease(mirror.tenant, BORN))
        mirror.lose("leads", sorted(mirror.held("leads"))[:2])
        assert len((await audit(crm, mirror)).entities["leads"].missing) == 2
        before = sandbox.statistics().requests
        with pytest.raises(LedgerConflict):
            await audit(crm, mirror, repair=True)
        assert sandbox.statistics().requests == before
        assert (await audit(crm, mirror, repair=True, take_over=True)).equal
        assert await mirror.lease(mirror.tenant) is None
        await mirror.release(other)

    audited(sandbox, main)


def test_a_repair_whose_lease_was_taken_ends_with_the_conflict() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        mirror.lose("leads", sorted(mirror.held("leads"))[:2])

        async def meddle() -> None:
            await asyncio.sleep(0.01)
            lease = new_lease(mirror.tenant, BORN)
            mirror._leases[mirror.tenant] = lease

        meddling = asyncio.create_task(meddle())
        with pytest.raises(LedgerConflict):
            await audit(crm, mirror, repair=True)
        await meddling

    assert not audited(sandbox, main).commits


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1.5))
def test_a_cancelled_repair_leaves_a_right_ledger_and_can_be_repeated(seed: int, after: float) -> None:
    class Slow(Damaged):
        async def commit(self, batch: Batch) -> None:
            await asyncio.sleep(0.02)
            await super().commit(batch)
            await asyncio.sleep(0.02)

    sandbox = tenant(120)
    transport, mirror = SandboxTransport(sandbox, seed=seed), Slow(sandbox)

    async def main() -> None:
        async with client(transport) as crm:
            await sync(crm, mirror, settle=SETTLE)
            await asyncio.sleep(10)
            for entity in KINDS:
                mirror.lose(entity, sorted(mirror.held(entity))[::3])
            try:
                async with asyncio.timeout(after):
                    await audit(crm, mirror, page_size=20, repair=True)
            except TimeoutError:
                pass
            assert await mirror.lease(mirror.tenant) is None
            assert (await audit(crm, mirror, page_size=20, repair=True)).equal

    run(main())
    assert not differences(sandbox, mirror)


def test_odd_records_are_not_named_and_leave_the_quarantine_once_repaired() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        number = sorted(mirror.held("customers"))[7]
        sandbox.world().edit("customers", number, at=transport.now)
        await asyncio.sleep(10)
        sandbox.faults.add(Fault.odd("modifiedOn", "yesterday", record=0, path="/customers", times=None))
        mirror.lose("customers", [number])
        synced = await sync(crm, mirror, entities=["customers"], settle=SETTLE)
        assert synced.entities["customers"].quarantined == 1
        assert not named(await audit(crm, mirror, entities=["customers"], page_size=1))
        sandbox.faults.clear()
        report = await audit(crm, mirror, entities=["customers"], repair=True)
        assert report.entities["customers"].missing == (number,)
        assert report.equal
        assert not await mirror.quarantine(mirror.tenant, "customers")

    audited(sandbox, main)


def test_a_failing_entity_leaves_the_others_to_go_on() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        for entity in ("leads", "bookings"):
            mirror.lose(entity, sorted(mirror.held(entity))[:2])
        sandbox.faults.add(Fault.status(403, path="/leads", after=1, times=None))
        report = await audit(crm, mirror, repair=True)
        assert report.failed == ("leads",)
        assert "403" in str(report.entities["leads"].error)
        assert not report.equal
        assert report.entities["bookings"].repaired == 2

    audited(sandbox, main)


def test_what_was_found_before_a_failure_is_repaired_all_the_same() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        mirror.lose("leads", sorted(mirror.held("leads"))[::2])
        sandbox.faults.add(Fault.status(403, path="/leads", after=4, times=None))
        report = await audit(
            crm, mirror, entities=["leads"], repair=True, thorough=True, page_size=10, concurrency=1
        )
        leads = report.entities["leads"]
        assert leads.error
        assert leads.repaired == leads.differences > 0

    audited(sandbox, main)


def test_refused_credentials_and_a_failing_destination_end_the_audit() -> None:
    class Full(Damaged):
        full = False

        async def commit(self, batch: Batch) -> None:
            if self.full:
                raise SyncError("the disk is full")
            await super().commit(batch)

    sandbox = tenant()
    transport, mirror = SandboxTransport(sandbox), Full(sandbox)

    async def main() -> None:
        async with client(transport) as crm:
            await sync(crm, mirror, settle=SETTLE)
            mirror.lose("leads", sorted(mirror.held("leads"))[:2])
            mirror.full = True
            for page_size in (1, 5000):
                with pytest.raises(SyncError, match="disk is full"):
                    await audit(crm, mirror, repair=True, page_size=page_size)
        sandbox.faults.add(Fault.expire_tokens())
        sandbox.faults.add(Fault.status(400, path="/connect/token", times=None))
        async with client(transport) as crm:
            with pytest.raises(AuthError):
                await audit(crm, mirror)

    run(main())


def test_every_attempt_is_counted_and_faults_change_nothing_else() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        mirror.lose("locations", sorted(mirror.held("locations"))[40:42])
        sandbox.faults.add(Fault.status(503, probability=0.1, times=None))
        sandbox.faults.add(Fault.cut(probability=0.05, times=None))
        before = sandbox.statistics().requests
        report = await audit(crm, mirror, page_size=20)
        assert list(named(report)) == ["locations"]
        assert report.requests == sandbox.statistics().requests - before

    audited(sandbox, main)


def test_progress_is_told_after_every_answer_and_at_the_end() -> None:
    told: list[Progress] = []

    async def main(crm: ServiceTitanCRM, transport: SandboxTransport, mirror: Damaged) -> None:
        mirror.invent("customer_contacts", sorted(mirror.held("customer_contacts"))[:1])
        report = await audit(
            crm,
            mirror,
            entities=["customer_contacts"],
            page_size=50,
            repair=True,
            on_progress=told.append,
        )
        contacts = report.entities["customer_contacts"]
        assert [progress.requests for progress in told] == [
            *range(1, contacts.requests + 1),
            contacts.requests,
        ]
        assert [progress.done for progress in told] == [False] * contacts.requests + [True]
        assert told[-1].records == contacts.held - 1

    audited(tenant(), main)


@pytest.mark.parametrize("kind", ON_DISK)
async def test_mirrors_on_disk_are_audited_without_writing_and_repaired(kind: str, tmp_path: Path) -> None:
    """Over sockets; two leads came to be seen long after their stamps, and one is none of the service's."""
    sandbox = Sandbox(seed=11, customers=150)
    async with serve(sandbox) as server, ServiceTitanCRM.from_env(server.environ) as crm:
        await sync(crm, make(kind, tmp_path), settle=timedelta(0))
        past = sandbox.now - 10**6 * TICKS_PER_SECOND
        late = tuple(sandbox.world().create("leads", at=past + number).id for number in range(2))
        async with make(kind, tmp_path) as mirror:
            ledger = await mirror.load(sandbox.tenant.tenant_id, "leads")
            assert ledger is not None
            body = {"id": 7, "leadName": "é", "modifiedOn": to_text(past)}
            stray = Record(7, to_text(past), past, None, msgspec.json.encode(body))
            await mirror.commit(Batch(ledger.tenant, "leads", [stray], ledger))

        for page_size in (10, 5000):
            before = tree(tmp_path)
            report = await audit(crm, make(kind, tmp_path, read_only=True), page_size=page_size)
            assert named(report) == {"leads": (late, (), (7,))}
            assert tree(tmp_path) == before
        report = await audit(crm, make(kind, tmp_path), repair=True)
        assert report.equal
        assert report.entities["leads"].repaired == 3
        again = await audit(crm, make(kind, tmp_path, read_only=True))
        assert again.equal
        assert not named(again)
        async with make(kind, tmp_path) as mirror:
            after = await mirror.load(ledger.tenant, "leads")
            assert after == msgspec.structs.replace(ledger, records=ledger.records + 3)
            (marked,) = await mirror.records(ledger.tenant, "leads", [7])
            assert marked.active is False
            assert msgspec.json.decode(marked.raw) == {**body, "active": False}


def tree(folder: Path) -> dict[Path, bytes]:
    """Every file below a folder, and what it holds."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("problem", "value"),
    [
        ("entities", {"entities": ["customer"]}),
        ("concurrency", {"concurrency": 0}),
        ("page_size", {"page_size": 5001}),
        ("since", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001
    ],
)
def test_a_bad_argument_fails_before_any_request(problem: str, value: dict[str, object]) -> None:
    sandbox = tenant(10)

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            with pytest.raises(ConfigError) as caught:
                await audit(crm, MemoryDestination(), **value)  # type: ignore[arg-type]
        assert set(caught.value.problems) == {problem}

    run(main())
    assert sandbox.statistics().requests == 0


@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 9_999_999)), max_size=60),
    st.integers(1, 20),
    st.integers(0, 3_000_000_000),
)
def test_parts_of_a_window_cover_it_and_begin_on_whole_seconds(
    instants: list[tuple[int, int]], count: int, end: int
) -> None:
    ticks = array("q", [seconds * TICKS_PER_SECOND + rest for seconds, rest in instants])
    inventory = Inventory(Versions(array("q", range(len(ticks))), ticks, frozenset()), end, says_active=True)
    whole = inventory.span(EARLIEST, end)
    assert inventory.expected(whole) == whole.held == sum(at < end for at in ticks)
    parts = inventory.parts(whole, count if whole.held else 1)
    assert len(parts) <= count
    assert [part.begin for part in parts] == [EARLIEST, *(part.end for part in parts[:-1])]
    assert parts[-1].end == end
    assert all(part.end % TICKS_PER_SECOND == 0 for part in parts[:-1])
    assert sum(part.held for part in parts) == whole.held


def test_what_was_seen_past_the_watermark_stays_there_whatever_an_older_answer_says() -> None:
    inventory = Inventory(
        Versions(array("q", [1, 2]), array("q", [10, 20]), frozenset()), 50, says_active=False
    )

    def shown(number: int, ticks: int) -> Finding:
        return inventory.book(Record(number, None, ticks, None, b""))

    assert [shown(1, 60), shown(1, 10), shown(3, 70), shown(3, 30)] == [Finding.MOVED] * 4
    assert [shown(2, 20), shown(4, 20)] == [Finding.SAME, Finding.MISSING]
    assert inventory.moved == 2
