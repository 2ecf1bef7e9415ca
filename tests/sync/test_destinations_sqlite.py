"""What is particular to `SqliteDestination`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from destination_kit import TENANT, batch, customer, held, raw_customer

from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations import SqliteDestination


async def test_a_table_has_the_keys_and_the_json_as_text(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "crm.db"
    async with SqliteDestination(path) as destination:
        await destination.commit(batch([customer(1, 4), customer(2, active=False)]))
    with closing(sqlite3.connect(path)) as file:
        rows = file.execute(
            "select tenant_id, id, modified_on, active, typeof(raw), json_extract(raw, '$.address.city'), "
            "modified_ticks from customers order by id"
        ).fetchall()
    first, second = customer(1, 4), customer(2)
    assert rows == [
        (TENANT, 1, first.modified_on, 1, "text", "Springfield", first.ticks),
        (TENANT, 2, second.modified_on, 0, "text", "Springfield", second.ticks),
    ]
    assert sorted(one.name for one in path.parent.iterdir()) == ["crm.db"]


async def test_half_a_surrogate_pair_is_kept_as_sent(tmp_path: Path) -> None:
    raw = b'{"id":1,"name":"half a pair: \\ud83d"}'
    async with SqliteDestination(tmp_path / "sqlite") as destination:
        await destination.commit(batch([raw_customer(raw)]))
    assert held(destination) == {1: raw}


async def test_a_reader_sees_the_last_commit_while_the_file_is_open(tmp_path: Path) -> None:
    async with SqliteDestination(tmp_path / "sqlite") as destination:
        await destination.commit(batch([customer(1)]))
        with closing(sqlite3.connect(tmp_path / "sqlite")) as reader:
            reader.execute("begin")
            assert reader.execute("select count(*) from customers").fetchone() == (1,)
            await destination.commit(batch([customer(2)]))
            assert reader.execute("select count(*) from customers").fetchone() == (1,)
        assert [*held(destination)] == [1, 2]


async def test_a_program_that_writes_for_too_long_is_named(tmp_path: Path) -> None:
    async with SqliteDestination(tmp_path / "crm.db", patience=0) as destination:
        await destination.commit(batch([customer(1)], runs=1))
        with closing(sqlite3.connect(tmp_path / "crm.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(LedgerConflict, match=r"crm\.db: another program was writing to it"):
                await destination.commit(batch([customer(2)], runs=2))
            other.execute("rollback")
        await destination.commit(batch([customer(2)], runs=2))
        assert await destination.count(TENANT, "customers") == 2


async def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and no database\n" * 100)
    before = path.read_bytes()
    with pytest.raises(SyncError, match="no SQLite database; name another one"):
        await SqliteDestination(path).__aenter__()
    assert path.read_bytes() == before


async def test_a_table_of_someone_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "crm.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("create table customers (id integer primary key, name text)")
    async with SqliteDestination(path) as destination:
        with pytest.raises(SyncError, match="its table customers is not one of ours"):
            await destination.commit(batch([customer(1)]))
        assert await destination.load(TENANT, "customers") is None
        with pytest.raises(SyncError, match="SQLite failed"):
            await destination.count(TENANT, "customers")
        await destination.commit(batch([customer(1)], entity="leads"))


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SyncError, match="cannot be opened for writing"):
        await SqliteDestination(tmp_path).__aenter__()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SyncError, match="file"):
        await SqliteDestination(tmp_path / "file" / "crm.db").__aenter__()
