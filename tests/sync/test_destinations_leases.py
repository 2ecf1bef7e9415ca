"""One run at a time: what a destination makes of leases, over objects and over processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest
from destination_kit import (
    KINDS,
    NOW,
    ON_DISK,
    TENANT,
    another_program,
    batch,
    customer,
    held,
    ledger,
    make,
    odd_record,
    running,
)

from servicetitan_crm_async.errors import LedgerConflict
from servicetitan_crm_async.sync.destinations import DuckDBDestination, Mirror, NdjsonDestination
from servicetitan_crm_async.sync.lease import STALE_AFTER, Lease, forget, new_lease, renewed, this_process

HOLDER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from datetime import UTC, datetime
from pathlib import Path
from destination_kit import TENANT, batch, customer, make
from servicetitan_crm_async.sync.lease import new_lease

async def main(kind, folder):
    async with make(kind, Path(folder)) as destination:
        lease = await destination.claim(new_lease(TENANT, datetime.now(UTC)))
        await destination.commit(batch([customer(1)], runs=1))
        print(lease.since, flush=True)
        sys.stdin.readline()
        await destination.release(lease)

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


@asynccontextmanager
async def beside(first: Mirror, kind: str, folder: Path) -> AsyncIterator[Mirror]:
    """What another run of this process would open; memory is shared by having the same object."""
    if kind == "memory":
        yield first
    else:
        async with make(kind, folder) as second:
            yield second


def _asked(lease: Lease, at: datetime) -> Lease:
    """The same lease, asked for at another time by a run that begins."""
    return msgspec.structs.replace(renewed(lease, at), beats=0)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_second_of_two_runs_is_told_who_the_first_is(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, beside(first, kind, tmp_path) as second:
        with running() as mine, running() as other:
            assert await first.lease(TENANT) is None
            assert await first.claim(mine) == mine
            assert await first.lease(TENANT) == await second.lease(TENANT) == mine
            with pytest.raises(LedgerConflict, match=r"host .+, process \d+, since 2024-03-01T12") as caught:
                await second.claim(other)
            error = caught.value
            assert (error.host, error.process, error.since) == (mine.host, mine.process, mine.since)
            await first.commit(batch([customer(1)]))
            await first.release(mine)
            await first.release(mine)
            assert await first.lease(TENANT) is None
            assert await second.claim(other) == other
            await first.release(mine)
            assert await second.lease(TENANT) == other
            await second.commit(batch([customer(2)], runs=1))
            await second.release(other)
    if kind != "memory":
        assert [*held(first)] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_sign_of_life_renews_the_lease_and_nothing_else(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as destination:
        with running() as wanted:
            killed = msgspec.structs.replace(wanted, run="killed", host="elsewhere")
            if kind != "ndjson":  # whose lock would tell that nobody has it
                await destination.claim(killed)
            lease = await destination.claim(wanted, take_over=True)
            later = renewed(lease, NOW + timedelta(minutes=1))
            assert await destination.claim(later) == later
            assert await destination.lease(TENANT) == later
            assert (later.since, later.epoch) == (wanted.since, 1 if kind == "ndjson" else 2)
            await destination.commit(batch([customer(1)]))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lease_is_for_one_tenant_alone(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, beside(first, kind, tmp_path) as second:
        with running() as mine, running(7) as other:
            await first.claim(mine)
            await second.claim(other)
            await first.commit(batch([customer(1)]))
            await second.commit(batch([customer(2)], tenant=7))
            await first.release(mine)
            assert await second.lease(7) == other
            await second.commit(batch([customer(3)], tenant=7))


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_a_run_whose_place_was_taken_stops_at_its_next_commit(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, make(kind, tmp_path) as second:
        with running() as mine, running() as other:
            await first.claim(mine)
            await first.commit(batch([customer(1)], runs=1))
            assert (await second.claim(other, take_over=True)).epoch == 2
            lost = batch([customer(9)], entity="leads", runs=2, odd=[odd_record("id:9")])
            for _ in range(2):
                with pytest.raises(LedgerConflict, match="took this one's place") as caught:
                    await first.commit(lost)
                assert caught.value.process == other.process
            with pytest.raises(LedgerConflict, match="took this one's place"):
                await first.claim(renewed(mine, NOW + timedelta(minutes=1)))
            await first.release(mine)
            assert await second.load(TENANT, "leads") is None
            assert await second.count(TENANT, "leads") == 0
            assert await second.quarantine(TENANT, "leads") == []
            assert await second.load(TENANT, "customers") == ledger(records=1, runs=1)
            await second.commit(batch([customer(2)], runs=2))
    assert [*held(first)] == [1, 2]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_a_run_whose_lease_was_given_away_stops_at_its_next_commit(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, make(kind, tmp_path) as second:
        with running() as mine:
            await first.claim(mine)
            await second.release(mine)
            with pytest.raises(LedgerConflict, match="no longer holds its lease"):
                await first.commit(batch([customer(1)]))
            assert await second.load(TENANT, "customers") is None


@pytest.mark.parametrize("kind", ["memory", "sqlite", "duckdb"])
async def test_a_run_of_another_host_is_waited_for_until_it_is_silent_too_long(
    kind: str, tmp_path: Path
) -> None:
    async with make(kind, tmp_path) as destination:
        with running() as wanted:
            await destination.claim(msgspec.structs.replace(wanted, run="other", host="elsewhere"))
            with pytest.raises(LedgerConflict, match="host elsewhere"):
                await destination.claim(_asked(wanted, NOW + STALE_AFTER))
            late = _asked(wanted, NOW + STALE_AFTER + timedelta(seconds=1))
            assert (await destination.claim(late)).epoch == 2
            await destination.commit(batch([customer(1)]))


@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_run_of_another_process_is_named_and_gives_way_once_it_is_killed(
    kind: str, tmp_path: Path
) -> None:
    with another_program(HOLDER, kind, str(tmp_path)) as other:
        with pytest.raises(LedgerConflict, match="another sync of tenant") as caught, running() as wanted:
            async with make(kind, tmp_path) as destination:
                await destination.claim(wanted)
        if kind == "duckdb":
            with pytest.raises(LedgerConflict, match=f"process {other.pid}"):
                await make(kind, tmp_path, read_only=True).__aenter__()
        host, _ = this_process()
        assert (caught.value.host, caught.value.process) == (host, other.pid)
        assert caught.value.since is not None
        assert caught.value.since.startswith("20")
        other.kill()
        other.wait()
    async with make(kind, tmp_path) as destination:
        with running() as wanted:
            assert (await destination.claim(wanted)).epoch == 2
            assert await destination.load(TENANT, "customers") == ledger(records=1, runs=1)
            await destination.commit(batch([customer(2)], runs=2))
            await destination.release(wanted)
    assert [*held(destination)] == [1, 2]


@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_run_of_another_process_that_ends_leaves_no_lease(kind: str, tmp_path: Path) -> None:
    with another_program(HOLDER, kind, str(tmp_path)) as other:
        other.communicate(b"\n")
        assert other.returncode == 0
    async with make(kind, tmp_path) as destination:
        assert await destination.lease(TENANT) is None
        with running() as wanted:
            assert (await destination.claim(wanted)).epoch == 1
    assert not (tmp_path / "duckdb.lease.tmp").exists()


async def test_a_sqlite_run_is_taken_over_while_its_process_lives(tmp_path: Path) -> None:
    taker = HOLDER.replace("datetime.now(UTC))", "datetime.now(UTC)), take_over=True").replace(
        "runs=1", "entity='leads', runs=1"
    )
    async with make("sqlite", tmp_path) as destination:
        with running() as mine:
            await destination.claim(mine)
            await destination.commit(batch([customer(1)]))
            with another_program(taker, "sqlite", str(tmp_path)) as other:
                with pytest.raises(LedgerConflict, match="took this one's place") as caught:
                    await destination.commit(batch([customer(2)]))
                assert caught.value.process == other.pid


@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_cancelled_claim_is_given_back_by_release(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as destination:
        for beats in range(6):
            lease = new_lease(TENANT, NOW)
            task = asyncio.create_task(destination.claim(lease))
            for _ in range(beats):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):  # it may have ended before
                await task
            await destination.release(lease)
            assert await destination.lease(TENANT) is None
            forget(lease)


async def test_a_lock_of_ndjson_is_not_broken_by_taking_over(tmp_path: Path) -> None:
    async with NdjsonDestination(tmp_path) as first, NdjsonDestination(tmp_path) as second:
        with running() as mine, running() as other:
            await first.claim(msgspec.structs.replace(mine, host="elsewhere"))
            with pytest.raises(LedgerConflict, match=r"elsewhere.+\(--take-over\) cannot break it") as caught:
                await second.claim(other, take_over=True)
            assert caught.value.since == mine.since
            with pytest.raises(LedgerConflict, match="elsewhere"):
                await first.claim(other)  # through the same lock the lease decides, as everywhere
            assert (await first.claim(other, take_over=True)).epoch == 2
            await first.release(mine)
            assert await first.lease(TENANT) == msgspec.structs.replace(other, epoch=2)


async def test_a_lease_that_nobody_has_locked_gives_way_at_once(tmp_path: Path) -> None:
    async with NdjsonDestination(tmp_path) as killed:
        with running() as mine:
            await killed.claim(msgspec.structs.replace(mine, host="elsewhere", epoch=4))
    body = (tmp_path / str(TENANT) / ".lock").read_bytes()
    assert json.loads(body)["host"] == "elsewhere"  # leaving without release is what a kill looks like
    async with NdjsonDestination(tmp_path) as destination:
        with running() as wanted:
            assert (await destination.claim(wanted)).epoch == 5
            await destination.release(wanted)
    assert (tmp_path / str(TENANT) / ".lock").read_bytes() == b""


async def test_a_lock_deleted_by_hand_stops_the_run_that_held_it(tmp_path: Path) -> None:
    lock = tmp_path / "ndjson" / str(TENANT) / ".lock"
    async with make("ndjson", tmp_path) as first, make("ndjson", tmp_path) as second:
        with running() as mine, running() as other:
            await first.claim(mine)
            await first.commit(batch([customer(1)], runs=1))
            lock.unlink()
            with pytest.raises(LedgerConflict, match="no longer holds its lease"):
                await first.commit(batch([customer(2)], runs=2))
            await second.claim(other)
            with pytest.raises(LedgerConflict, match="took this one's place"):
                await first.commit(batch([customer(2)], runs=2))
            await second.commit(batch([customer(3)], runs=2))
            await first.release(mine)
            assert await second.lease(TENANT) == other
    assert [*held(second)] == [1, 3]


async def test_a_duckdb_file_names_beside_it_who_has_it_open(tmp_path: Path) -> None:
    path, notice = tmp_path / "duckdb", tmp_path / "duckdb.lease"
    async with DuckDBDestination(path) as destination:
        with running() as mine, running(7) as other:
            lease = await destination.claim(mine)
            assert msgspec.json.decode(notice.read_bytes(), type=Lease) == lease
            await destination.claim(other)
            await destination.release(mine)
            assert msgspec.json.decode(notice.read_bytes(), type=Lease) == other
            await destination.release(other)
            assert [one.name for one in sorted(tmp_path.iterdir())] == ["duckdb", "duckdb.wal"]


@pytest.mark.parametrize("left", ["nothing", "garbage", "a killed run", "this process"])
async def test_a_program_that_is_no_sync_is_not_taken_for_one(left: str, tmp_path: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with running() as lease:
        gone = msgspec.structs.replace(lease, process=2**22 + 1) if left == "a killed run" else lease
    if left == "garbage":
        (tmp_path / "duckdb.lease").write_bytes(b'{"tenant": 1')
    elif left != "nothing":
        (tmp_path / "duckdb.lease").write_bytes(msgspec.json.encode(gone))
    with another_program(code, str(tmp_path / "duckdb")):
        for read_only in (False, True):
            with pytest.raises(LedgerConflict, match="another program has it open; close it"):
                await make("duckdb", tmp_path, read_only=read_only).__aenter__()


async def test_a_sync_of_this_program_is_named_to_who_wants_to_read_its_duckdb_file(tmp_path: Path) -> None:
    async with make("duckdb", tmp_path) as destination:
        with running() as mine:
            await destination.claim(mine)
            with pytest.raises(LedgerConflict, match="another sync of tenant") as caught:
                await make("duckdb", tmp_path, read_only=True).__aenter__()
            assert caught.value.since == mine.since
            await destination.release(mine)
        with pytest.raises(LedgerConflict, match="this program has it open with other settings"):
            await make("duckdb", tmp_path, read_only=True).__aenter__()
    with duckdb.connect(str(tmp_path / "duckdb")) as data:
        assert data.execute("select count(*) from sync_lease").fetchall() == [(0,)]
