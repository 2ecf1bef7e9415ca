"""Looking into a mirror: versions, records and ledgers, read only, and mirrors of older versions."""

from __future__ import annotations

import signal
import sqlite3
from array import array
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import duckdb
import pytest
from destination_kit import (
    KINDS,
    ON_DISK,
    TENANT,
    YEAR_2024,
    another_program,
    batch,
    customer,
    held,
    ledger,
    make,
    odd_record,
    running,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.sync.destinations import (
    Mirror,
    NdjsonDestination,
    Record,
    Versions,
    open_destination,
)
from servicetitan_crm_async.sync.destinations.rows import newest
from servicetitan_crm_async.sync.destinations.sqlite_reading import read_quietly

versions = st.builds(customer, st.integers(1, 6), st.integers(0, 5), active=st.booleans())
_tenants = count(10_000_000)

WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from destination_kit import TENANT, batch, customer, make, odd_record

async def main(kind, folder):
    async with make(kind, Path(folder)) as destination:
        for run in range(1, 100):
            records, odd = [customer(number, run) for number in range(run)], [odd_record("id:1", str(run))]
            await destination.commit(batch(records, runs=run, odd=odd))
            print(run, flush=True)
            sys.stdin.readline()

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def pairs(found: Versions) -> dict[int, int]:
    assert len(found.ids) == len({*found.ids}) == len(found.ticks)
    return dict(zip(found.ids, found.ticks, strict=True))


def everything(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file of a folder: when it was written, where it lies and what is in it."""
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
async def test_an_entity_that_never_was_synced_has_no_versions(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as destination:
        none = array("q")
        assert await destination.versions(TENANT, "customers") == Versions(none, none, frozenset())
        assert await destination.records(TENANT, "customers", [1]) == []
        assert await destination.ledgers() == []
        assert await destination.lease(TENANT) is None
        for name in ("versions", "quarantine", "count"):
            with pytest.raises(ConfigError, match="entity"):
                await getattr(destination, name)(TENANT, "no entity")
            with pytest.raises(ConfigError, match="tenant"):
                await getattr(destination, name)(-1, "customers")


@settings(max_examples=20, deadline=None)
@given(batches=st.lists(st.lists(versions, max_size=6), max_size=5), wanted=st.lists(st.integers(0, 8)))
@pytest.mark.parametrize("kind", KINDS)
async def test_versions_and_records_are_those_that_won(
    kind: str, tmp_path_factory: pytest.TempPathFactory, batches: list[list[Record]], wanted: list[int]
) -> None:
    tenant, folder = next(_tenants), tmp_path_factory.getbasetemp() / "mirror"
    won = newest(record for records in batches for record in records)
    async with make(kind, folder) as destination:
        for records in batches:
            await destination.commit(batch(records, tenant=tenant))
        await _holds(destination, tenant, won, wanted)
    if kind != "memory":
        for read_only in (True, False) if batches else ():
            async with make(kind, folder, read_only=read_only) as destination:
                await _holds(destination, tenant, won, wanted)


async def _holds(destination: Mirror, tenant: int, won: dict[int, Record], wanted: list[int]) -> None:
    found = await destination.versions(tenant, "customers")
    assert pairs(found) == {id_: record.ticks for id_, record in won.items()}
    assert found.inactive == {id_ for id_, record in won.items() if not record.active}
    expected = [won[id_] for id_ in sorted({*wanted}) if id_ in won]
    assert [*await destination.records(tenant, "customers", iter(wanted))] == expected
    assert await destination.count(tenant, "customers") == len(won)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_record_that_says_little_comes_back_as_it_landed(kind: str, tmp_path: Path) -> None:
    bare = Record(2**63 - 1, None, 0, None, b'{"id":9223372036854775807,"name":"tag"}')
    async with make(kind, tmp_path) as destination:
        await destination.commit(batch([bare, customer(-5)], entity="tag_types"))
        assert await destination.records(TENANT, "tag_types", [bare.id, 2**70, -5]) == [customer(-5), bare]
        found = await destination.versions(TENANT, "tag_types")
        assert pairs(found) == {bare.id: 0, -5: YEAR_2024}
        assert not found.inactive


@pytest.mark.parametrize("kind", KINDS)
async def test_ledgers_come_in_the_order_of_tenant_and_entity(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as destination:
        for tenant, entity in ((20, "leads"), (20, "bookings"), (3, "leads")):
            await destination.commit(batch([], tenant=tenant, entity=entity, runs=tenant))
        assert [*await destination.ledgers()] == [
            ledger(3, "leads", runs=3),
            ledger(20, "bookings", runs=20),
            ledger(20, "leads", runs=20),
        ]


async def test_folders_of_others_beside_the_tenants_are_passed_over(tmp_path: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
        for name in (f"0{TENANT}/customers", f"notes/{TENANT}", f"{TENANT}/Not Ours", "5/new"):
            (tmp_path / name).mkdir(parents=True)
            if name != "5/new":
                (tmp_path / name / "manifest.json").write_bytes(b"mine")
        assert await destination.ledgers() == [ledger(records=1)]


@pytest.mark.parametrize("kind", ON_DISK)
async def test_reading_only_changes_nothing_and_makes_nothing(kind: str, tmp_path: Path) -> None:
    records = [customer(number, active=number > 3) for number in range(1, 31)]
    async with make(kind, tmp_path) as destination:
        with running() as lease:
            await destination.claim(lease)
            await destination.commit(batch(records, odd=[odd_record("id:1")]))
            await destination.release(lease)
    before = everything(tmp_path)
    async with make(kind, tmp_path, read_only=True) as mirror:
        assert await mirror.load(TENANT, "customers") == ledger(records=30)
        assert await mirror.load(TENANT, "leads") is None
        assert await mirror.ledgers() == [ledger(records=30)]
        assert await mirror.lease(TENANT) is None
        assert await mirror.quarantine(TENANT, "customers") == [odd_record("id:1")]
        assert await mirror.records(TENANT, "customers", [30]) == records[-1:]
        for entity, number in (("customers", 30), ("leads", 0)):
            assert await mirror.count(TENANT, entity) == number
            assert len((await mirror.versions(TENANT, entity)).ids) == number
        with running() as lease:
            with pytest.raises(SyncError, match="open it without read_only"):
                await mirror.claim(lease)
            with pytest.raises(SyncError, match="open it without read_only"):
                await mirror.commit(batch([customer(1, 9)]))
            await mirror.release(lease)
    assert everything(tmp_path) == before


@pytest.mark.parametrize("kind", ON_DISK)
async def test_reading_only_where_there_is_nothing_says_so_and_makes_nothing(
    kind: str, tmp_path: Path
) -> None:
    with pytest.raises(SyncError, match=rf"{kind}: there is nothing to read; sync to it first"):
        await make(kind, tmp_path, read_only=True).__aenter__()
    assert not [*tmp_path.iterdir()]


def test_a_memory_to_be_read_only_is_refused() -> None:
    with pytest.raises(ConfigError, match="memory: is empty at first"):
        open_destination("memory:", read_only=True)


@pytest.mark.parametrize("kind", ON_DISK)
async def test_reading_only_what_is_no_mirror_says_so(kind: str, tmp_path: Path) -> None:
    if kind == "sqlite":
        with closing(sqlite3.connect(tmp_path / kind)) as file:
            file.execute("create table notes (id integer)")
    elif kind == "duckdb":
        duckdb.connect(str(tmp_path / kind)).close()
    else:
        (tmp_path / kind).write_bytes(b"notes")
    with pytest.raises(SyncError, match=r"no mirror in this file|a folder is needed"):
        await make(kind, tmp_path, read_only=True).__aenter__()
    if kind != "ndjson":
        (tmp_path / kind).write_bytes(b"my notes, and no database\n" * 100)
        with pytest.raises(SyncError, match=r"no SQLite database|no DuckDB database"):
            await make(kind, tmp_path, read_only=True).__aenter__()


@pytest.mark.parametrize("kind", ["sqlite", "ndjson"])
async def test_reading_only_beside_another_program_sees_each_commit_and_is_not_in_its_way(
    kind: str, tmp_path: Path
) -> None:
    with another_program(WRITER, kind, str(tmp_path)) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        async with make(kind, tmp_path, read_only=True) as mirror:
            for run in range(1, 6):
                assert await mirror.ledgers() == [ledger(records=run, runs=run)]
                assert pairs(await mirror.versions(TENANT, "customers")) == dict.fromkeys(
                    range(run), YEAR_2024 + run
                )
                assert await mirror.count(TENANT, "customers") == run
                assert await mirror.quarantine(TENANT, "customers") == [odd_record("id:1", str(run))]
                writer.stdin.write(b"\n")
                writer.stdin.flush()
                assert int(writer.stdout.readline()) == run + 1


@pytest.mark.parametrize("kind", ON_DISK)
async def test_reading_only_what_a_killed_program_left_changes_no_data(kind: str, tmp_path: Path) -> None:
    with another_program(WRITER, kind, str(tmp_path)) as writer:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    if kind == "ndjson":
        home = tmp_path / kind / str(TENANT) / "customers"
        with (home / "000001.ndjson").open("ab") as file:
            file.write(b'{"id": 7')
        (home / "manifest.json.tmp").write_bytes(b"{")
    before = everything(tmp_path)
    async with make(kind, tmp_path, read_only=True) as mirror:
        assert await mirror.load(TENANT, "customers") == ledger(records=1, runs=1)
        assert await mirror.records(TENANT, "customers", range(9)) == [customer(0, 1)]
        assert pairs(await mirror.versions(TENANT, "customers")) == {0: YEAR_2024 + 1}
    # SQLite notes in shared memory, which is no data, who reads beside whom.
    after = {name: there for name, there in everything(tmp_path).items() if not name.endswith("-shm")}
    assert after == {name: there for name, there in before.items() if not name.endswith("-shm")}


@pytest.mark.parametrize("kind", ["sqlite", "ndjson"])
async def test_a_mirror_open_to_be_read_leaves_a_sync_of_the_same_program_alone(
    kind: str, tmp_path: Path
) -> None:
    async with make(kind, tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
    async with make(kind, tmp_path, read_only=True) as mirror:
        assert await mirror.count(TENANT, "customers") == 1
        async with make(kind, tmp_path) as destination:
            with running() as lease:
                await destination.claim(lease)
                await destination.commit(batch([customer(2), customer(3)]))
                assert await mirror.count(TENANT, "customers") == 3
                assert await mirror.lease(TENANT) == lease
                await destination.release(lease)
        assert await mirror.count(TENANT, "customers") == 3
        assert await mirror.lease(TENANT) is None
    assert not [*tmp_path.rglob("*-wal")]


@pytest.mark.parametrize("writer", ["comes and goes", "stays"])
@pytest.mark.parametrize("trouble", [False, True])
def test_a_look_into_a_quiet_file_is_repeated_where_it_changed_meanwhile(
    writer: str, trouble: bool, tmp_path: Path
) -> None:
    path, seen = tmp_path / "crm?#.db", list[int]()
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("pragma journal_mode = wal")
        file.execute("create table t (a)")

    with ExitStack() as closed_at_the_end:

        def look(connection: sqlite3.Connection) -> int:
            seen.append(int(connection.execute("select count(*) from t").fetchone()[0]))
            if len(seen) <= 2:
                file = closed_at_the_end.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
                file.execute("insert into t values (1)")
                if writer == "comes and goes":
                    file.close()
            if trouble and len(seen) == 1:
                raise sqlite3.DatabaseError("malformed, as pages of two states are")
            return seen[-1]

        # Beside a writer that stays, the second look is through SQLite's locks, and sees one moment.
        assert read_quietly(path, look) == (2 if writer == "comes and goes" else 1)
    assert seen == ([0, 1, 2] if writer == "comes and goes" else [0, 1])
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("in_use", [False, True])
def test_trouble_of_a_file_that_did_not_change_is_told(in_use: bool, tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("pragma journal_mode = wal")
        file.execute("create table t (a)")
        if not in_use:
            file.close()
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            read_quietly(path, lambda connection: connection.execute("select * from others"))


def test_a_file_that_is_not_there_is_not_looked_into(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        read_quietly(tmp_path / "crm.db", lambda connection: None)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("damage", ["missing", "older", "of other files", "garbage"])
async def test_without_an_index_that_fits_the_lines_are_read_and_none_is_written(
    damage: str, tmp_path: Path
) -> None:
    async with make("ndjson", tmp_path) as destination:
        await destination.commit(batch([customer(1, 5), customer(2)]))
        await destination.commit(batch([customer(1, 7, active=False), customer(3)]))
    index = tmp_path / "ndjson" / str(TENANT) / "customers" / ".index.sqlite"
    if damage == "garbage":
        index.write_bytes(b"no database " * 1_000)
    elif damage == "missing":
        index.unlink()
    else:
        with closing(sqlite3.connect(index)) as file:
            file.execute("pragma user_version = 0" if damage == "older" else "update covered set bytes = 1")
            file.commit()
    before = everything(tmp_path)
    async with make("ndjson", tmp_path, read_only=True) as mirror:
        found = await mirror.versions(TENANT, "customers")
        assert pairs(found) == {1: YEAR_2024 + 7, 2: YEAR_2024, 3: YEAR_2024}
        assert found.inactive == {1}
        assert await mirror.count(TENANT, "customers") == 3
    assert everything(tmp_path) == before


OLD_LEDGER = (
    b'{"layout":1,"tenant":1234567,"entity":"customers","contract":"portal","strategy":"windows",'
    b'"guarantee":"exact","watermark":"2024-01-01T00:00:00.0000000Z","since":null,"until":null,'
    b'"windows":[],"records":2,"runs":1}'
)


def _old_sqlite(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.executescript(
            "pragma journal_mode = wal;"
            "create table sync_ledger (tenant_id integer not null, entity text not null, "
            "ledger text not null, primary key (tenant_id, entity));"
            "create table customers (tenant_id integer not null, id integer not null, modified_on text, "
            "active integer, raw text not null, modified_ticks integer not null, "
            "primary key (tenant_id, id));"
        )
        file.execute("insert into sync_ledger values (?, ?, ?)", (TENANT, "customers", OLD_LEDGER.decode()))
        for one in (customer(1), customer(2, active=False)):
            row = (TENANT, one.id, one.modified_on, one.active, one.raw.decode(), one.ticks)
            file.execute("insert into customers values (?, ?, ?, ?, ?, ?)", row)
        file.commit()


def _old_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as data:
        data.execute(
            "create table sync_ledger (tenant_id bigint not null, entity varchar not null, "
            "ledger varchar not null, primary key (tenant_id, entity));"
            "create table customers (tenant_id bigint, id bigint, modified_on varchar, active boolean, "
            "name varchar, modified_ticks bigint, raw varchar, primary key (tenant_id, id))"
        )
        data.execute("insert into sync_ledger values (?, ?, ?)", (TENANT, "customers", OLD_LEDGER.decode()))
        for one in (customer(1), customer(2, active=False)):
            row = (TENANT, one.id, one.modified_on, one.active, "a name", one.ticks, one.raw.decode())
            data.execute("insert into customers values (?, ?, ?, ?, ?, ?, ?)", row)


def _old_ndjson(path: Path) -> None:
    home = path / str(TENANT) / "customers"
    home.mkdir(parents=True)
    lines = customer(1).raw + b"\n" + customer(2, active=False).raw + b"\n"
    (home / "000001.ndjson").write_bytes(lines)
    (home / "manifest.json").write_bytes(
        b'{"files":[{"name":"000001.ndjson","bytes":%d,"records":2}],"ledger":%s,"layout":1}\n'
        % (len(lines), OLD_LEDGER)
    )
    (path / str(TENANT) / ".lock").touch()
    with closing(sqlite3.connect(home / ".index.sqlite")) as file:
        file.executescript(
            "pragma journal_mode = wal;"
            "create table versions (id integer primary key, ticks integer, digest integer);"
            "create table covered (bytes integer);"
            f"insert into versions values (1, {YEAR_2024}, 1), (2, {YEAR_2024}, 2);"
            f"insert into covered values ({len(lines)});"
        )


@pytest.mark.parametrize(
    ("kind", "old"), [("sqlite", _old_sqlite), ("duckdb", _old_duckdb), ("ndjson", _old_ndjson)]
)
async def test_a_mirror_of_an_older_version_is_read_and_goes_on(
    kind: str, old: Callable[[Path], None], tmp_path: Path
) -> None:
    old(tmp_path / kind)
    before = everything(tmp_path)
    said = ledger(records=2, runs=1)
    async with make(kind, tmp_path, read_only=True) as mirror:
        assert await mirror.ledgers() == [said]
        assert await mirror.lease(TENANT) is None
        assert await mirror.quarantine(TENANT, "customers") == []
        assert (await mirror.versions(TENANT, "customers")).inactive == {2}
    assert everything(tmp_path) == before
    async with make(kind, tmp_path) as destination:
        with running() as lease:
            assert (await destination.claim(lease)).epoch == 1
            assert await destination.load(TENANT, "customers") == said
            assert await destination.quarantine(TENANT, "customers") == []
            assert pairs(await destination.versions(TENANT, "customers")) == {1: YEAR_2024, 2: YEAR_2024}
            await destination.commit(batch([customer(2, 1)], runs=2, odd=[odd_record("id:3")]))
            assert (await destination.versions(TENANT, "customers")).inactive == set()
            assert await destination.quarantine(TENANT, "customers") == [odd_record("id:3")]
            await destination.release(lease)
    assert held(destination) == {1: customer(1).raw, 2: customer(2, 1).raw}
