"""The sync in virtual time: whole runs with latencies, faults, changes and deaths, in milliseconds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from churn_kit import churn
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import (
    AuthError,
    ConfigError,
    NotInContract,
    Settings,
    SyncError,
)
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_ticks
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.sandbox import Fault, Sandbox
from servicetitan_crm_async.sync import Batch, Progress, SyncReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)


def tenant(
    customers: int = 400,
    *,
    seed: int = 5,
    life: float = 0.0,
    visibility_delay: float = 0.0,
    latency: float = 0.0,
) -> Sandbox:
    return Sandbox(
        seed=seed,
        customers=customers,
        born=BORN,
        life=life,
        visibility_delay=visibility_delay,
        latency=latency,
        unstable_ties=True,
    )


class Death(BaseException):
    """The process ends here; nothing may handle it."""


class MortalDestination(MemoryDestination):
    """Dies at the n-th commit, before or after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_at: int | None = None
        self.after = False
        self.commits = 0

    async def commit(self, batch: Batch) -> None:
        self.commits += 1
        if self.commits == self.dies_at and not self.after:
            raise Death
        await asyncio.sleep(0.01)
        await super().commit(batch)
        if self.commits == self.dies_at:
            raise Death


def in_virtual_time(
    sandbox: Sandbox, main: Callable[[SandboxTransport], Coroutine[object, object, None]], seed: int = 0
) -> SandboxTransport:
    transport = SandboxTransport(sandbox, seed=seed)
    run(main(transport))
    return transport


async def once(transport: SandboxTransport, mirror: MemoryDestination, page_size: int = 40) -> SyncReport:
    async with client(transport) as crm:
        return await sync(crm, mirror, page_size=page_size, settle=SETTLE)


async def quiet(transport: SandboxTransport, mirror: MemoryDestination) -> SyncReport:
    """A last run well after the last change, when everything has settled."""
    await asyncio.sleep(30)
    return await once(transport, mirror)


def test_the_first_run_brings_everything_and_the_second_only_what_changed() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        first = await once(transport, mirror)
        assert not differences(sandbox, mirror)
        assert {report.guarantee for report in first.entities.values()} == {"exact"}
        assert all(report.since is None and report.error is None for report in first.entities.values())
        await asyncio.sleep(60)
        number = next(iter(sandbox.records("leads")))
        sandbox.world().edit("leads", number, at=transport.now)
        await asyncio.sleep(60)
        second = await once(transport, mirror)
        assert {name: report.records for name, report in second.entities.items() if report.records} == {
            "leads": 1
        }
        assert all(report.requests == 1 for report in second.entities.values())
        assert {name: report.since for name, report in second.entities.items()} == {
            name: report.until for name, report in first.entities.items()
        }
        assert not differences(sandbox, mirror)

    in_virtual_time(sandbox, main)


async def disturbed(
    transport: SandboxTransport, mirror: MemoryDestination, chance: Random, runs: int = 3
) -> None:
    """Runs during which records change all the time, and a quiet last one."""
    changes = asyncio.create_task(churn(transport, chance, rate=40, seconds=8))
    for _ in range(runs):
        await once(transport, mirror)
        await asyncio.sleep(1)
    await changes
    await quiet(transport, mirror)


@pytest.mark.parametrize("seed", range(8))
def test_the_mirror_equals_the_source_after_changes_during_the_sync(seed: int) -> None:
    """Forty changes a second while 400 customers are read forty at a time: creations, edits, merges."""
    sandbox, mirror = tenant(seed=seed), MemoryDestination()
    in_virtual_time(sandbox, lambda transport: disturbed(transport, mirror, Random(seed)), seed)
    assert sandbox.world().written > 50
    assert not differences(sandbox, mirror)


FAULTS = (
    Fault.status(503, probability=0.05, times=None),
    Fault.status(500, probability=0.03, times=None),
    Fault.reset(probability=0.05, times=None),
    Fault.cut(probability=0.05, times=None),
    Fault.corrupt(probability=0.03, times=None),
    Fault.rate_limited(retry_after=2, probability=0.02, times=None),
    Fault.refuse_token(probability=0.02, times=None),
    Fault.expire_tokens(probability=0.01, times=None),
    Fault.slow(3, probability=0.02, times=None),
)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.booleans())
def test_the_mirror_equals_the_source_after_any_faults_kills_and_changes(
    seed: int, dies_at: int, after: bool
) -> None:
    """Invariants 1 and 3: the process dies at a commit, before or after it took effect, and begins anew."""
    sandbox, mirror = tenant(120, seed=seed % 7), MortalDestination()
    mirror.dies_at, mirror.after = dies_at, after

    async def main(transport: SandboxTransport) -> None:
        changes = asyncio.create_task(churn(transport, Random(seed), rate=20, seconds=20))
        sandbox.faults.add(*FAULTS)
        for _ in range(3):
            try:
                await once(transport, mirror, page_size=20)
            except* (Death, AuthError):
                pass
        sandbox.faults.clear()
        await changes
        report = await quiet(transport, mirror)
        assert not report.failed

    in_virtual_time(sandbox, main, seed)
    assert not differences(sandbox, mirror)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 3))
def test_a_cancelled_sync_leaves_what_the_next_one_takes_up(seed: int, after: float) -> None:
    """Invariant 3: cancelled at any instant, nothing is lost, and what was landed is not asked for again."""
    sandbox, mirror = tenant(seed=3), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        try:
            async with asyncio.timeout(after):
                await once(transport, mirror)
        except TimeoutError:
            pass
        held = len(mirror.rows(sandbox.tenant.tenant_id, "customers"))
        report = await quiet(transport, mirror)
        assert report.entities["customers"].records == 400 - held

    in_virtual_time(sandbox, main, seed)
    assert not differences(sandbox, mirror)


@pytest.mark.parametrize(("settle", "loses"), [(0.0, True), (6.0, False)])
def test_settling_waits_for_changes_that_become_visible_late(settle: float, loses: bool) -> None:
    """Rows visible up to 5 s after their stamp: lost without settling, none with it."""
    sandbox, mirror = tenant(300, life=20, visibility_delay=5), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        async with client(transport) as crm:
            for _ in range(12):
                await sync(crm, mirror, entities=["customers"], settle=timedelta(seconds=settle))
                await asyncio.sleep(2)
            report = await sync(crm, mirror, entities=["customers"], settle=timedelta(seconds=settle))
            until = report.entities["customers"].until
            assert until is not None
            # Life goes on for ever, so what is compared is what was stamped, and left alone, before the end.
            due = {
                number: text
                for number, (text, _) in sandbox.records("customers").items()
                if to_ticks(text) < to_ticks(until)
            }
            held = mirror.rows(sandbox.tenant.tenant_id, "customers")
            lost = [n for n, text in due.items() if n not in held or held[n].modified_on != text]
            assert bool(lost) is loses

    in_virtual_time(sandbox, main)


@pytest.mark.parametrize("skew", [-86_400.0, 86_400.0])
def test_the_watermark_is_the_services_clock_whatever_the_machine_thinks(skew: float) -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        async with client(transport, skew=skew) as crm:
            report = await sync(crm, mirror, settle=SETTLE)
            for entity in report.entities.values():
                assert entity.until is not None
                behind = transport.now - to_ticks(entity.until)
                assert 0 < behind < 6 * TICKS_PER_SECOND

    in_virtual_time(sandbox, main)
    assert not differences(sandbox, mirror)


def test_a_failing_entity_leaves_the_others_to_go_on_and_its_next_run_takes_it_up() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.status(403, path="/leads", times=None))

    async def main(transport: SandboxTransport) -> None:
        report = await once(transport, mirror)
        assert report.failed == ("leads",)
        assert "403" in str(report.entities["leads"].error)
        assert report.entities["leads"].until is None
        assert set(differences(sandbox, mirror)) == {"leads"}
        sandbox.faults.clear()
        assert not (await once(transport, mirror)).failed

    in_virtual_time(sandbox, main)
    assert not differences(sandbox, mirror)


def test_refused_credentials_end_the_sync() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.status(400, path="/connect/token", times=None))

    async def main(transport: SandboxTransport) -> None:
        with pytest.raises(AuthError):
            await once(transport, MemoryDestination())

    in_virtual_time(sandbox, main)


def test_a_destination_that_fails_ends_the_sync_with_its_error() -> None:
    class Full(MemoryDestination):
        async def commit(self, batch: Batch) -> None:
            raise SyncError("the disk is full")

    async def main(transport: SandboxTransport) -> None:
        with pytest.raises(SyncError, match="disk is full"):
            await once(transport, Full())

    in_virtual_time(tenant(), main)


def test_an_odd_record_costs_no_other_and_is_counted() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("id", None, record=3, path="/customers"))
    sandbox.faults.add(Fault.odd("modifiedOn", "yesterday", record=5, path="/customers/contacts"))

    async def main(transport: SandboxTransport) -> None:
        report = await once(transport, mirror, page_size=5000)
        assert (report.entities["customers"].odd, report.entities["customer_contacts"].odd) == (1, 1)
        assert report.entities["customers"].records == 399

    in_virtual_time(sandbox, main)
    assert all(len(numbers) == 1 for numbers in differences(sandbox, mirror).values())


def test_openapi_is_synced_without_the_lists_it_lacks() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        async with client(transport, Settings(contract="openapi-2.0.0")) as crm:
            report = await sync(crm, mirror, page_size=50, settle=SETTLE)
            with pytest.raises(NotInContract):
                await sync(crm, mirror, entities=["customer_contacts"])
        assert set(report.entities) == {"customers", "locations", "leads", "bookings", "tag_types"}
        assert {n for n, e in report.entities.items() if e.strategy == "slices"} == {"customers"}
        assert {n: e.guarantee for n, e in report.entities.items()} == {
            "customers": "exact",
            "locations": "verified",
            "leads": "verified",
            "bookings": "verified",
            "tag_types": "exact",
        }

    in_virtual_time(sandbox, main)
    for entity in ("customers", "locations", "leads", "bookings"):
        listed = sandbox.records(entity, contract="openapi-2.0.0")
        held = mirror.rows(sandbox.tenant.tenant_id, entity)
        assert {n: r.raw for n, r in held.items()} == {n: raw for n, (_, raw) in listed.items()}


def test_pages_read_while_records_change_are_read_again_and_called_best_effort() -> None:
    sandbox, mirror = tenant(1500), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        async with client(transport, Settings(contract="openapi-2.0.0")) as crm:
            quiet_run = await sync(
                crm, mirror, entities=["leads"], page_size=50, settle=SETTLE, concurrency=4
            )
            assert quiet_run.entities["leads"].guarantee == "verified"
            # 225 leads are five pages; an empty one tells the end, and up to three more workers may have
            # asked past it; one request checks.
            assert quiet_run.entities["leads"].requests <= 5 + 1 + 3 + 1
            number = next(iter(sandbox.records("leads")))

            async def edits() -> None:
                while True:
                    await asyncio.sleep(0.02)
                    sandbox.world().edit("leads", number, at=transport.now)

            editing = asyncio.create_task(edits())
            busy = await sync(
                crm,
                MemoryDestination(),
                entities=["leads"],
                page_size=50,
                settle=timedelta(0),
                concurrency=4,
            )
            editing.cancel()
            assert busy.entities["leads"].guarantee == "best-effort"
            assert busy.entities["leads"].requests >= 3 * 5

    in_virtual_time(sandbox, main)


def test_a_service_that_ignores_the_page_number_is_noticed() -> None:
    class Stuck(SandboxTransport):
        async def send(self, request: WireRequest) -> Reply:
            first = re.sub(r"([?&]page=)\d+", r"\g<1>1", request.url)
            return await super().send(request._replace(url=first))

    async def main() -> None:
        async with client(Stuck(tenant()), Settings(contract="openapi-2.0.0")) as crm:
            report = await sync(crm, MemoryDestination(), entities=["leads"], page_size=10)
            assert "ignore the page number" in str(report.entities["leads"].error)

    run(main())


def test_an_entity_that_stalls_does_not_hold_up_the_others() -> None:
    """Even with one page at a time: the room it took for a page it could not hand over is given back."""

    class StuckLeads(SandboxTransport):
        async def send(self, request: WireRequest) -> Reply:
            if "/leads?" in request.url:
                request = request._replace(url=re.sub(r"([?&]page=)\d+", r"\g<1>1", request.url))
            return await super().send(request)

    sandbox, mirror = tenant(), MemoryDestination()

    async def main() -> None:
        async with client(StuckLeads(sandbox), Settings(contract="openapi-2.0.0")) as crm:
            report = await sync(crm, mirror, page_size=10, concurrency=1, settle=SETTLE)
            assert report.failed == ("leads",)

    run(main())
    for entity in ("customers", "locations", "bookings"):
        assert len(mirror.rows(sandbox.tenant.tenant_id, entity)) == len(sandbox.records(entity))


def test_a_record_whose_active_is_odd_lands_all_the_same() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.odd("active", "perhaps", record=3, path="/customers"))

    async def main(transport: SandboxTransport) -> None:
        report = await once(transport, mirror, page_size=5000)
        assert (report.entities["customers"].records, report.entities["customers"].odd) == (400, 0)

    in_virtual_time(sandbox, main)
    held = mirror.rows(sandbox.tenant.tenant_id, "customers").values()
    assert sum(record.active is None for record in held) == 1


def test_since_leaves_no_gap_behind_it() -> None:
    """Invariant 2: a `since` later than where the last run ended goes on from there all the same."""
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        async with client(transport) as crm:
            middle = BORN - timedelta(days=900)
            first = await sync(crm, mirror, entities=["customers"], since=middle, settle=SETTLE)
            expected = [
                n
                for n, (text, _) in sandbox.records("customers").items()
                if datetime.fromisoformat(text) >= middle
            ]
            assert first.entities["customers"].records == len(expected)
            late = await sync(
                crm, mirror, entities=["customers"], since=BORN + timedelta(days=9), settle=SETTLE
            )
            assert late.entities["customers"].since == first.entities["customers"].until
            again = await sync(crm, mirror, entities=["customers"], since=middle, settle=SETTLE)
            assert again.entities["customers"].since == late.entities["customers"].until
            earlier = await sync(
                crm, mirror, entities=["customers"], since=middle - timedelta(days=5000), settle=SETTLE
            )
            assert earlier.entities["customers"].records == 400

    in_virtual_time(sandbox, main)


def test_eight_readers_use_nine_tenths_of_the_rate_and_meet_no_429() -> None:
    """Seven entities with 32 workers, and one more sync beside them, against 60 a second enforced."""
    sandbox, mirror, other = tenant(1000, latency=0.05), MemoryDestination(), MemoryDestination()
    took: list[float] = []

    async def main(transport: SandboxTransport) -> None:
        began = asyncio.get_running_loop().time()
        async with client(transport) as crm:
            beside = asyncio.create_task(sync(crm, other, entities=["customers"], page_size=5, settle=SETTLE))
            await sync(crm, mirror, page_size=5, concurrency=32, settle=SETTLE)
            await beside
            took.append(asyncio.get_running_loop().time() - began)

    in_virtual_time(sandbox, main)
    assert not differences(sandbox, mirror)
    statistics = sandbox.statistics()
    assert statistics.rate_limited == 0
    assert statistics.busiest_second <= 60
    assert statistics.requests / took[0] >= 54


def test_progress_is_told_after_every_page_and_at_the_end() -> None:
    told: list[Progress] = []

    async def main(transport: SandboxTransport) -> None:
        async with client(transport) as crm:
            await sync(crm, MemoryDestination(), entities=["leads"], page_size=10, on_progress=told.append)

    in_virtual_time(tenant(), main)
    assert [progress.done for progress in told] == [False] * (len(told) - 1) + [True]
    assert told[-1].records == 60


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ("entities", {"entities": ["customer"]}),
        ("entities", {"entities": []}),
        ("concurrency", {"concurrency": 0}),
        ("page_size", {"page_size": 5001}),
        ("since", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001
        ("settle", {"settle": timedelta(seconds=-1)}),
    ],
)
def test_a_bad_argument_fails_before_any_request(named: str, value: dict[str, object]) -> None:
    async def main(transport: SandboxTransport) -> None:
        async with client(transport) as crm:
            with pytest.raises(ConfigError) as caught:
                await sync(crm, MemoryDestination(), **value)  # type: ignore[arg-type]
        assert set(caught.value.problems) == {named}

    assert in_virtual_time(tenant(10), main).sandbox.statistics().requests == 0
