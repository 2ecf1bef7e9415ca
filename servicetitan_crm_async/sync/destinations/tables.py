"""What databases with a table an entity have in common: one transaction for records and ledger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations.blocking import BlockingDestination
from servicetitan_crm_async.sync.destinations.protocol import Batch, OddRecord, Record, Versions
from servicetitan_crm_async.sync.destinations.rows import versions_of
from servicetitan_crm_async.sync.lease import Lease, granted, lost, read_lease

T = TypeVar("T")

_OWN_TABLES = (
    """
create table if not exists sync_ledger (
    tenant_id bigint not null, entity text not null, ledger text not null, primary key (tenant_id, entity)
)""",
    "create table if not exists sync_lease (tenant_id bigint primary key, lease text not null)",
    """
create table if not exists sync_quarantine (
    tenant_id bigint not null, entity text not null, key text not null, id bigint, reason text not null,
    since bigint, before bigint, seen text not null, raw text not null, primary key (tenant_id, entity, key)
)""",
)
_ODD = [field.name for field in msgspec.structs.fields(OddRecord)]
_ODD_COLUMNS = ", ".join(_ODD)
_CLEAR = "delete from sync_quarantine where tenant_id = ? and entity = ? and key in ({marks})"
_SET_ASIDE = f"insert into sync_quarantine (tenant_id, entity, {_ODD_COLUMNS}) values {{rows}}"  # noqa: S608
_ROWS = 100
"""Odd records in one statement: one each takes DuckDB ten times as long; SQLite allows 32,766 values."""
_QUARANTINE = f"""
select {_ODD_COLUMNS} from sync_quarantine where tenant_id = ? and entity = ? order by key"""  # noqa: S608
# By way of row numbers: SQLite then reads the table from front to back and not in the order of its key,
# and DuckDB unpacks the JSON of the records asked for alone.
_VERSIONS = """
select id, modified_ticks, active from "{entity}" where rowid in (
    select rowid from "{entity}" where tenant_id = ?)"""
_RECORDS = """
select id, modified_on, modified_ticks, active, raw from "{entity}" where rowid in (
    select rowid from "{entity}" where tenant_id = ? and id in ({ids})) order by id"""


class TableDestination(BlockingDestination):
    """A database file; subclasses say how it is opened, how a table is made and how records are merged.

    Ledgers are rows of `sync_ledger (tenant_id, entity, ledger)`. Each commit compares the one stored
    with the one it last read or wrote: where they differ, another sync has been here. Leases are rows of
    `sync_lease (tenant_id, lease)`, and a commit of a run that claimed one looks whether it still has it.
    Records that no row can be made of are rows of `sync_quarantine (tenant_id, entity, key, id, reason,
    since, before, seen, raw)`. A file made by an older version gets the tables it lacks when it is opened.
    """

    _BEGIN: ClassVar[str] = "begin"
    _IDS: ClassVar[str]
    """A query that makes rows of a JSON list of ids."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        super().__init__(path, read_only=read_only)
        self._made: set[str] = set()
        """The entities whose tables are known to be there, and to be ours."""
        self._known: dict[tuple[int, str], str | None] = {}
        """The ledgers as this destination last read or wrote them."""
        self._runs: dict[int, str] = {}
        """The run that claimed each tenant's lease through this destination."""

    @abstractmethod
    def _stream(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Run one statement and give its rows as they come; read them to the end."""

    @abstractmethod
    def _roll_back(self) -> None:
        """Undo the transaction; what went wrong may have undone it already."""

    @abstractmethod
    def _disconnect(self) -> None: ...

    @abstractmethod
    def _columns(self, table: str) -> Collection[str]:
        """The columns of a table; none where there is no such table."""

    @abstractmethod
    def _make_table(self, entity: str) -> None:
        """Create the table of an entity, or see that the one there is ours."""

    @abstractmethod
    def _merge(self, batch: Batch) -> None:
        """Land the records: newer and equally new versions replace, older ones do not."""

    def _announce(self, lease: Lease) -> None:
        """Tell those who cannot read `sync_lease` meanwhile; undone by `_retract`."""
        return

    def _retract(self, lease: Lease) -> None:
        return

    def _make_own_tables(self) -> None:
        for table in _OWN_TABLES:
            self._execute(table)

    def _find_own_tables(self) -> None:
        if not self._columns("sync_ledger"):
            raise SyncError(f"{self.location}: there is no mirror in this file; name another one")

    def _close(self) -> None:
        self._made.clear()
        self._known.clear()
        self._runs.clear()
        self._disconnect()

    def _claim(self, lease: Lease, take_over: bool) -> Lease:
        with self._transaction():
            held = granted(lease, self._holder(lease.tenant), self.location, take_over=take_over)
            body = msgspec.json.encode(held).decode()
            self._execute("insert or replace into sync_lease values (?, ?)", (held.tenant, body))
            self._announce(held)
        self._runs[held.tenant] = held.run
        return held

    def _release(self, lease: Lease) -> None:
        with self._transaction():
            holder = self._holder(lease.tenant)
            if holder is not None and holder.run == lease.run:
                self._execute("delete from sync_lease where tenant_id = ?", (lease.tenant,))
        self._retract(lease)
        if self._runs.get(lease.tenant) == lease.run:
            del self._runs[lease.tenant]

    def _lease(self, tenant: int) -> str | None:
        if self._lacks("sync_lease"):
            return None
        return self._text("select lease from sync_lease where tenant_id = ?", (tenant,))

    def _load(self, tenant: int, entity: str) -> str | None:
        body = self._known[tenant, entity] = self._stored(tenant, entity)
        return body

    def _ledgers(self) -> list[tuple[int, str, bytes | str]]:
        rows = self._execute("select tenant_id, entity, ledger from sync_ledger order by tenant_id, entity")
        return [(tenant, entity, ledger) for tenant, entity, ledger in rows]

    def _commit(self, batch: Batch) -> None:
        key = batch.tenant, batch.entity
        ledger = batch.ledger.to_json().decode()
        with self._transaction():
            self._see_that_nobody_came_between(batch)
            if batch.entity not in self._made:
                self._make_table(batch.entity)
            self._merge(batch)
            if batch.cleared or batch.odd:
                self._set_aside(batch)
            self._execute("insert or replace into sync_ledger values (?, ?, ?)", (*key, ledger))
        self._made.add(batch.entity)
        self._known[key] = ledger

    def _count(self, tenant: int, entity: str) -> int:
        if not self._columns(entity):
            return 0
        query = f'select count(*) from "{entity}" where tenant_id = ?'  # noqa: S608  # a checked name
        return int(self._execute(query, (tenant,))[0][0])

    def _quarantine(self, tenant: int, entity: str) -> list[OddRecord]:
        if self._lacks("sync_quarantine"):
            return []
        return [
            msgspec.convert(dict(zip(_ODD, row, strict=True)), OddRecord)
            for row in self._stream(_QUARANTINE, (tenant, entity))
        ]

    def _versions(self, tenant: int, entity: str) -> Versions:
        if not self._columns(entity):
            return versions_of(())
        return versions_of(self._stream(_VERSIONS.format(entity=entity), (tenant,)))

    def _records(self, tenant: int, entity: str, ids: Sequence[int]) -> list[Record]:
        if not self._columns(entity):
            return []
        query = _RECORDS.format(entity=entity, ids=self._IDS)
        rows = self._stream(query, (tenant, msgspec.json.encode(ids).decode()))
        return [
            Record(id_, modified_on, ticks, None if active is None else bool(active), raw.encode())
            for id_, modified_on, ticks, active, raw in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of what is done inside, or nothing."""
        self._execute(self._BEGIN)
        try:
            yield
            self._execute("commit")
        except BaseException:
            self._roll_back()
            raise

    def _set_aside(self, batch: Batch) -> None:
        key = batch.tenant, batch.entity
        odd = {one.key: one for one in batch.odd}
        for cleared in _parts([*{*batch.cleared, *odd}]):
            self._execute(_CLEAR.format(marks=_marks(len(cleared))), (*key, *cleared))
        for part in _parts([*odd.values()]):
            rows = ", ".join([f"({_marks(len(_ODD) + 2)})"] * len(part))
            values = (value for one in part for value in (*key, *msgspec.structs.astuple(one)))
            self._execute(_SET_ASIDE.format(rows=rows), tuple(values))

    def _see_that_nobody_came_between(self, batch: Batch) -> None:
        run = self._runs.get(batch.tenant)
        if run is not None:
            holder = self._holder(batch.tenant)
            if holder is None or holder.run != run:
                raise lost(holder, self.location)
        # Also for a destination that claims nothing, and for DuckDB, whose transactions do not see what
        # others commit meanwhile: they would let a lease go that is taken at this very moment.
        key = batch.tenant, batch.entity
        if self._known.get(key, ...) not in (..., self._stored(*key)):
            raise LedgerConflict(
                f"{self.location}: another sync has committed {batch.entity} of tenant {batch.tenant} "
                "meanwhile; let one of them run at a time. Nothing is lost: run again."
            )

    def _execute(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end."""
        return [*self._stream(query, values)]

    def _holder(self, tenant: int) -> Lease | None:
        body = self._lease(tenant)
        return None if body is None else read_lease(body)

    def _stored(self, tenant: int, entity: str) -> str | None:
        query = "select ledger from sync_ledger where tenant_id = ? and entity = ?"
        return self._text(query, (tenant, entity))

    def _text(self, query: str, values: Sequence[object]) -> str | None:
        rows = self._execute(query, values)
        return str(rows[0][0]) if rows else None

    def _lacks(self, table: str) -> bool:
        """Whether a table of ours is missing, as it may be in an older file that is read only."""
        return self._read_only and not self._columns(table)


def _parts(all_of_them: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(all_of_them), _ROWS):
        yield all_of_them[start : start + _ROWS]


def _marks(number: int) -> str:
    return ", ".join("?" * number)
