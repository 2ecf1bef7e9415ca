"""SQLite, from the standard library: one table an entity, raw JSON and key columns, any number of tenants.

Measured on 1 KB records, 5,000 a batch: pages of 8 KiB take a third less time than the default of 4;
a table WITHOUT ROWID is up to four times slower, as rows of this size fill its inner pages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations.blocking import count_in_a_shell
from servicetitan_crm_async.sync.destinations.protocol import Batch
from servicetitan_crm_async.sync.destinations.rows import KEY_COLUMNS, newest, text
from servicetitan_crm_async.sync.destinations.sqlite_reading import read_quietly
from servicetitan_crm_async.sync.destinations.tables import TableDestination

T = TypeVar("T")

# Records and ledger are in one database, so a commit is whole or absent at any setting of `synchronous`.
# FULL, because a commit that returned should also outlive a power cut, and costs little beside the
# records: with NORMAL the last commits could vanish, which the next run would notice and repeat.
_SETTINGS = (
    "pragma page_size = 8192",
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "pragma wal_autocheckpoint = 4000",
)
_TABLE = """
create table if not exists "{entity}" (
    tenant_id integer not null, id integer not null, modified_on text, active integer, raw text not null,
    modified_ticks integer not null, primary key (tenant_id, id)
)"""
_UPSERT = """
insert into "{entity}" (tenant_id, id, modified_on, active, raw, modified_ticks) values (?, ?, ?, ?, ?, ?)
on conflict (tenant_id, id) do update set modified_on = excluded.modified_on, active = excluded.active,
    raw = excluded.raw, modified_ticks = excluded.modified_ticks
where excluded.modified_ticks >= "{entity}".modified_ticks"""


class SqliteDestination(TableDestination):
    """A SQLite file.

    Tables are named as the entities and have the columns `tenant_id`, `id`, `modified_on` (the
    service's own text), `active`, `raw` (the record's JSON as sent) and `modified_ticks` (100 ns since
    1970, for ordering; the text does not sort). Programs that read are never in the way; for one that
    writes, a commit waits `patience` seconds and then raises `LedgerConflict`.

    Opened with `read_only`, each look opens the file for itself and sees it as of one moment.
    """

    _BEGIN = "begin immediate"
    _IDS = "select value from json_each(?)"

    def __init__(self, path: Path | str, *, read_only: bool = False, patience: float = 10.0) -> None:
        super().__init__(path, read_only=read_only)
        self._patience = patience
        self._connection: sqlite3.Connection | None = None

    def look(self, tenant: int) -> str:
        return count_in_a_shell("sqlite3", "sqlite3.connect(sys.argv[1])", tenant, self.location)

    def _open(self) -> None:
        if self._read_only:
            self._steady(self._find_own_tables)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connection = sqlite3.connect(
            self._path, timeout=self._patience, isolation_level=None
        )
        for setting in _SETTINGS:
            connection.execute(setting).fetchall()
        self._make_own_tables()

    def _steady(self, look: Callable[[], T]) -> T:
        if not self._read_only:
            return look()

        def through(connection: sqlite3.Connection) -> T:
            self._connection = connection
            return look()

        try:
            return read_quietly(self._path, through, patience=self._patience)
        finally:
            self._connection = None

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _merge(self, batch: Batch) -> None:
        # In the order of the key: neighbours share a page, which is a quarter of the time of an update.
        # `active` as a number: Python's adapters, asked what a bool is for SQLite, take a tenth of it all.
        fresh = newest(batch.records)
        rows = (
            (
                batch.tenant,
                record.id,
                record.modified_on,
                None if record.active is None else int(record.active),
                text(record.raw),
                record.ticks,
            )
            for record in map(fresh.__getitem__, sorted(fresh))
        )
        self._opened.executemany(_UPSERT.format(entity=batch.entity), rows)

    def _roll_back(self) -> None:
        with suppress(sqlite3.Error):
            self._opened.execute("rollback")

    @property
    def _opened(self) -> sqlite3.Connection:
        assert self._connection is not None
        return self._connection

    def _stream(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with closing(self._opened.execute(query, tuple(values))) as rows:
            yield from rows

    def _columns(self, table: str) -> set[str]:
        return {str(name) for (name,) in self._execute("select name from pragma_table_info(?)", (table,))}

    def _make_table(self, entity: str) -> None:
        self._execute(_TABLE.format(entity=entity))
        if not self._columns(entity).issuperset(KEY_COLUMNS):
            raise SyncError(f"{self.location}: its table {entity} is not one of ours; use another file")

    def _explain(self, error: Exception) -> SyncError | None:
        if not isinstance(error, sqlite3.Error):
            return super()._explain(error)
        code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return LedgerConflict(
                f"{self.location}: another program was writing to it for more than {self._patience:g} s; "
                "wait for it or stop it, then run again"
            )
        if code == sqlite3.SQLITE_NOTADB:
            return SyncError(f"{self.location}: this file is no SQLite database; name another one")
        if code == sqlite3.SQLITE_FULL:
            return SyncError(
                f"{self.location}: the disk is full; make room and run again, what was committed before stays"
            )
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
            what = "reading" if self._read_only else "writing"
            return SyncError(
                f"{self.location}: this file cannot be opened for {what}; change its rights or name another"
            )
        if code == sqlite3.SQLITE_CORRUPT:
            return SyncError(f"{self.location}: this database is damaged; restore it or start a new one")
        return SyncError(f"{self.location}: SQLite failed: {error}")
