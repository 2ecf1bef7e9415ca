"""What a ledger remembers, and which ledgers a version reads."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from simulation import SandboxTransport, client
from virtual_time import run

import servicetitan_crm_async
from servicetitan_crm_async import AuthError, LedgerConflict
from servicetitan_crm_async.sandbox import Fault, Sandbox
from servicetitan_crm_async.sync import Ledger, OpenWindow, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.ledger import HISTORY, LAYOUT, read_ledger

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
OF_LAYOUT_1 = b"""{"layout":1,"tenant":1001,"entity":"customers","contract":"portal","strategy":"windows",
"guarantee":"exact","watermark":"2026-01-01T00:00:00.0000000Z","since":"2026-01-01T00:00:00.0000000Z",
"until":"2026-02-01T00:00:00.0000000Z","windows":[{"cursor":5,"before":9,"seen":[1]}],"records":7,"runs":2}"""


def tenant(customers: int = 60) -> Sandbox:
    return Sandbox(seed=4, customers=customers, locations_per_customer=0, born=BORN)


def test_a_ledger_of_the_layout_before_is_brought_up_whole() -> None:
    ledger = read_ledger(OF_LAYOUT_1)
    assert (ledger.layout, ledger.records, ledger.runs) == (LAYOUT, 7, 2)
    assert ledger.windows == (OpenWindow(5, 9, (1,)),)
    assert (ledger.history, ledger.error, ledger.token) == ((), None, None)
    assert read_ledger(ledger.to_json()) == ledger


@pytest.mark.parametrize("layout", [LAYOUT + 1, 99, 0, -1])
def test_a_ledger_of_another_layout_is_refused_and_never_half_read(layout: int) -> None:
    body = OF_LAYOUT_1.replace(b'"layout":1', b'"layout":%d' % layout)
    with pytest.raises(LedgerConflict, match=f"layout {layout}"):
        read_ledger(body)


def test_a_damaged_ledger_is_refused_at_every_cut() -> None:
    for length in range(len(OF_LAYOUT_1)):
        with pytest.raises(LedgerConflict):
            read_ledger(OF_LAYOUT_1[:length])


def test_a_ledger_that_cannot_be_read_is_not_written_over() -> None:
    class Newer(MemoryDestination):
        async def load(self, tenant: int, entity: str) -> Ledger | None:
            if entity == "customers":
                return read_ledger(OF_LAYOUT_1.replace(b'"layout":1', b'"layout":9'))
            return await super().load(tenant, entity)

    sandbox, mirror = tenant(), Newer()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            report = await sync(crm, mirror, entities=["customers", "leads"])
            assert report.failed == ("customers",)
            assert "layout 9" in str(report.entities["customers"].error)
        assert [ledger.entity for ledger in await mirror.ledgers()] == ["leads"]

    run(main())


def test_it_remembers_the_last_runs_and_no_more_than_so_many() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            reports = []
            for _ in range(HISTORY + 3):
                reports.append((await sync(crm, mirror, entities=["customers"])).entities["customers"])
                await asyncio.sleep(200)
        ledger = await mirror.load(sandbox.tenant.tenant_id, "customers")
        assert ledger is not None
        assert ledger.runs == HISTORY + 3
        assert [(past.since, past.until) for past in ledger.history] == [
            (report.since, report.until) for report in reports[-HISTORY:]
        ]
        assert [(past.records, past.requests) for past in ledger.history] == [
            (report.records, report.requests) for report in reports[-HISTORY:]
        ]
        assert ledger.version == servicetitan_crm_async.__version__

    run(main())


def test_the_last_error_stays_until_a_run_comes_to_its_end() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def last() -> Ledger:
        ledger = await mirror.load(sandbox.tenant.tenant_id, "customers")
        assert ledger is not None
        return ledger

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            sandbox.faults.add(Fault.status(403, path="/customers"))
            await sync(crm, mirror, entities=["customers"], page_size=10)
            first = await last()
            assert first.error is not None
            assert "403" in first.error.text
            assert (first.watermark, first.runs, first.records) == (None, 0, 0)
            # Refused at the third page: what landed, what is left and why it stopped are all there.
            sandbox.faults.add(Fault.status(403, path="/customers", after=2))
            since = BORN - timedelta(days=3000)
            await sync(crm, mirror, entities=["customers"], page_size=10, since=since, concurrency=1)
            second = await last()
            assert second.error is not None
            assert second.windows
            assert second.records > 0
            await sync(crm, mirror, entities=["customers"], page_size=10)
            third = await last()
            assert (third.error, third.windows, third.runs) == (None, (), 2)

    run(main())


def test_refused_credentials_are_the_last_error_too() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    sandbox.faults.add(Fault.status(400, path="/connect/token", times=None))

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            with pytest.raises(AuthError):
                await sync(crm, mirror, entities=["customers"])
        (ledger,) = await mirror.ledgers()
        assert ledger.error is not None
        assert "400" in ledger.error.text

    run(main())


def test_it_goes_to_json_and_back() -> None:
    ledger = read_ledger(OF_LAYOUT_1)
    assert msgspec.json.decode(ledger.to_json(), type=Ledger) == ledger


def test_a_finished_run_remembers_its_time_its_retries_and_how_many_were_429s() -> None:
    """Of each run its own: the next one begins to count anew."""
    sandbox, mirror = tenant(), MemoryDestination()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            sandbox.faults.add(Fault.status(429, path="/customers", times=2))
            sandbox.faults.add(Fault.status(503, path="/customers", times=1))
            began_at = asyncio.get_running_loop().time()
            report = await sync(crm, mirror, entities=["customers"])
            took = asyncio.get_running_loop().time() - began_at
            await asyncio.sleep(200)
            await sync(crm, mirror, entities=["customers"])
        ledger = await mirror.load(sandbox.tenant.tenant_id, "customers")
        assert ledger is not None
        first, second = ledger.history
        assert (first.retries, first.throttled) == (3, 2)
        assert first.retries == report.entities["customers"].retries
        assert first.seconds is not None
        assert 0 < first.seconds <= round(took, 3)
        assert (second.retries, second.throttled) == (0, 0)

    run(main())


def test_a_run_that_an_older_version_finished_says_nothing_of_what_it_did_not_count() -> None:
    """Unknown, and not zero; and it is carried on as it was."""
    past = (
        b'"runs":1,"history":[{"since":null,"until":"2026-01-01T00:00:00Z","ended":"2026-01-01T00:02:00Z",'
        b'"strategy":"windows","guarantee":"exact","records":7,"requests":2}]'
    )
    ledger = read_ledger(OF_LAYOUT_1.replace(b'"runs":2', past))
    (before,) = ledger.history
    assert (before.records, before.requests) == (7, 2)
    assert (before.retries, before.throttled, before.seconds) == (None, None, None)
    assert read_ledger(ledger.to_json()) == ledger
