"""DuckDB, behind the extra `[duckdb]`: one table an entity with typed columns, any number of tenants.

DuckDB itself takes the JSON apart; Python hands it the records as text. Rows that are replaced are
deleted and inserted, found by a join over the key columns alone: on 200,000 rows of customers that took
a quarter of the time of ON CONFLICT and of MERGE, which read or rewrite every column. The primary key
over (tenant_id, id) costs about a fifth of a load and holds whatever else writes to the file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from servicetitan_crm_async.errors import ConfigError, LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations.blocking import count_in_a_shell, locked_out
from servicetitan_crm_async.sync.destinations.columns import Column, Fields, columns_of, quoted
from servicetitan_crm_async.sync.destinations.protocol import Batch, Record
from servicetitan_crm_async.sync.destinations.rows import KEY_COLUMNS, newest, text
from servicetitan_crm_async.sync.destinations.tables import TableDestination
from servicetitan_crm_async.sync.entities import ENTITIES
from servicetitan_crm_async.sync.lease import Lease, granted, read_lease, this_process

if TYPE_CHECKING:
    import duckdb

_MISSING = "the DuckDB destination needs an extra: pip install 'servicetitan-crm-async[duckdb]'"
_KEYS = {
    "tenant_id": "BIGINT",
    "id": "BIGINT",
    "modified_on": "VARCHAR",
    "active": "BOOLEAN",
    "modified_ticks": "BIGINT",
    "raw": "VARCHAR",
}
_SEPARATOR = "\x1e"
"""JSON has it nowhere: in a string it would be escaped."""
# Columns go in as one text each. As lists they take two thirds of the time with DuckDB 2, and fifty
# times as long with DuckDB 1.
_STAGE = """
create or replace temp table sync_stage as select
    ?::bigint as tenant_id,
    unnest(string_split(?, chr(30)))::bigint as id,
    nullif(unnest(string_split(?, chr(30))), '') as modified_on,
    nullif(unnest(string_split(?, chr(30))), '')::boolean as active,
    unnest(string_split(?, chr(30)))::bigint as modified_ticks,
    unnest(string_split(?, chr(30))) as raw"""
_PART = 16 * 2**20
"""Bytes of JSON merged at once: a merge takes some eight times as much memory."""
_FETCH = 10_000
"""Rows taken over from DuckDB at once."""
_CONNECT = "duckdb.connect(sys.argv[1], read_only=True)"


class DuckDBDestination(TableDestination):
    """A DuckDB file.

    Tables are named as the entities. Their columns are `tenant_id`, `id`, `modified_on` (the service's
    own text), `active`, the other fields of the entity's model with their types, `modified_ticks` (100 ns
    since 1970, for ordering; the text does not sort) and `raw` (the record's JSON as sent). Instants are
    TIMESTAMP in UTC. A field whose value does not fit its type is NULL, and `raw` still has it.

    A table made by an older version gets the columns it lacks when it is written next, filled from `raw`.
    Columns of your own become NULL when a record changes: keep them in a table of your own.
    While a destination is open no other program can open the file, not even to read it: that is DuckDB's
    rule. So the lease of a run is also in `PATH.lease` beside the file, for the error that others get.

    Args:
        models: The model of each entity, where it is not that of `ENTITIES`. An entity without one gets
            no typed columns.
        memory_limit: What DuckDB may use for its buffers; it would take most of the machine.
    """

    _IDS = """select unnest(from_json(?, '["BIGINT"]'))"""

    def __init__(
        self,
        path: Path | str,
        *,
        read_only: bool = False,
        models: Mapping[str, type[msgspec.Struct]] | None = None,
        memory_limit: str = "512MB",
    ) -> None:
        if importlib.util.find_spec("duckdb") is None:
            raise ConfigError(_MISSING)
        super().__init__(path, read_only=read_only)
        self._models: Mapping[str, type[msgspec.Struct]] = {
            **{entity.name: entity.model for entity in ENTITIES.values()},
            **(models or {}),
        }
        self._memory_limit = memory_limit
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._statements: dict[str, _Table] = {}

    def look(self, tenant: int) -> str:
        return count_in_a_shell("duckdb", _CONNECT, tenant, self.location)

    def _open(self) -> None:
        try:
            import duckdb
        except ImportError:
            raise ConfigError(_MISSING) from None
        if not self._read_only:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        self._refuse_other_files()
        connection = self._connection = duckdb.connect(str(self._path.absolute()), read_only=self._read_only)
        # Set after connecting: a reader in this process would have to connect with the same settings.
        connection.execute("set autoinstall_known_extensions = false")  # a sync does not download code
        # A checkpoint takes longer the larger the file, so let 128 MB of commits pass between two.
        connection.execute("set checkpoint_threshold = '128MB'")
        connection.execute(f"set memory_limit = {_literal(self._memory_limit)}")
        with suppress(duckdb.Error):  # without the extension for time zones everything is UTC anyway
            connection.execute("set TimeZone = 'UTC'")
        if self._read_only:
            self._find_own_tables()
        else:
            self._make_own_tables()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _merge(self, batch: Batch) -> None:
        table = self._table(batch.entity)
        for part in _parts(newest(batch.records)):
            self._execute(_STAGE, _staged(batch.tenant, part))
            for statement in table.merge:
                self._execute(statement)

    def _stream(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        # To the end, as DuckDB refuses the next statement while a result is left unread.
        assert self._connection is not None
        result = self._connection.execute(query, values)
        while rows := result.fetchmany(_FETCH):
            yield from rows

    def _roll_back(self) -> None:
        import duckdb

        with suppress(duckdb.Error):  # what went wrong may have rolled back already
            self._execute("rollback")

    def _announce(self, lease: Lease) -> None:
        unfinished = self._notice.with_name(f"{self._notice.name}.tmp")
        unfinished.write_bytes(msgspec.json.encode(lease))
        unfinished.replace(self._notice)

    def _retract(self, lease: Lease) -> None:
        # Another run of this process, for another tenant, announces itself with each sign of life.
        announced = self._announced()
        if announced is not None and announced.run == lease.run:
            self._notice.unlink(missing_ok=True)

    @property
    def _notice(self) -> Path:
        return self._path.with_name(f"{self._path.name}.lease")

    def _announced(self) -> Lease | None:
        try:
            return read_lease(self._notice.read_bytes())
        except OSError:
            return None

    def _taken(self, otherwise: str) -> LedgerConflict:
        """The error where the file cannot be opened: it names the run that has it open, if one does."""
        announced = self._announced()
        if announced is not None:
            host, process = this_process()
            # As of its own last sign of life: the lock on the file is one, so only a process that is gone
            # tells that another program has the file open now.
            now = msgspec.structs.replace(announced, run="", host=host, process=process)
            try:
                granted(now, announced, self.location, take_over=False)
            except LedgerConflict:
                return locked_out(announced, self.location)
        return LedgerConflict(f"{self.location}: {otherwise}")

    def _refuse_other_files(self) -> None:
        # DuckDB would take a file of SQLite for a reason to download an extension.
        if self._path.is_file():
            with self._path.open("rb") as file:
                head = file.read(12)
            if head and head[8:] != b"DUCK":
                raise SyncError(f"{self.location}: this file is no DuckDB database; name another one")

    def _columns(self, table: str) -> dict[str, str]:
        """The types of a table's columns, spelled DuckDB's way; nothing where there is no such table."""
        query = (
            "select column_name, data_type from duckdb_columns() where table_name = ? "
            "and schema_name = 'main' and database_name in (current_database(), 'temp') order by column_index"
        )
        return {str(name): str(kind) for name, kind in self._execute(query, (table,))}

    def _table(self, entity: str) -> _Table:
        if entity not in self._statements:
            model = self._models.get(entity)
            self._statements[entity] = _Table(entity, columns_of(model, without=KEY_COLUMNS) if model else ())
        return self._statements[entity]

    def _make_table(self, entity: str) -> None:
        """Create the table, or give one that was made for another model the columns of this one."""
        table = self._table(entity)
        there = self._columns(table.name)
        if not there:
            self._execute(table.create(table.name, "table"))
            return
        self._execute(table.create("sync_wanted", "or replace temp table"))
        wanted = self._columns("sync_wanted")
        self._execute("drop table temp.sync_wanted")
        if any(there.get(name) != wanted[name] for name in KEY_COLUMNS):
            raise SyncError(f"{self.location}: its table {table.name} is not one of ours; use another file")
        # A column whose type changed is made anew: it holds nothing that `raw` has not.
        other = [column for column in table.columns if there.get(column.name) != wanted[column.name]]
        for column in other:
            if column.name in there:
                self._execute(f"alter table {quoted(table.name)} drop column {quoted(column.name)}")
            self._execute(
                f"alter table {quoted(table.name)} add column {quoted(column.name)} {column.type.sql}"
            )
        if other:
            self._execute(table.fill(other))

    def _explain(self, error: Exception) -> SyncError | None:
        import duckdb

        if not isinstance(error, duckdb.Error):
            return super()._explain(error)
        said = str(error).partition("\n")[0]
        if "lock" in said and isinstance(error, duckdb.IOException):
            return self._taken("another program has it open; close it there, then run again")
        if isinstance(error, duckdb.ConnectionException) and "configuration" in said:
            return self._taken("this program has it open with other settings; close that connection first")
        if isinstance(error, duckdb.TransactionException):
            return LedgerConflict(
                f"{self.location}: another connection of this program wrote to it at the same time; run again"
            )
        if isinstance(error, duckdb.OutOfMemoryException):
            return SyncError(
                f"{self.location}: DuckDB needs more than the {self._memory_limit} it may use; "
                "raise memory_limit or land smaller batches"
            )
        if "No space left" in said:
            return SyncError(
                f"{self.location}: the disk is full; make room and run again, what was committed before stays"
            )
        if isinstance(error, duckdb.IOException | duckdb.CatalogException | duckdb.BinderException):
            return SyncError(f"{self.location}: DuckDB failed: {said}")
        # Messages of other kinds may quote the data.
        return SyncError(f"{self.location}: DuckDB failed with {type(error).__name__}")


class _Table(NamedTuple):
    """The statements for one entity."""

    name: str
    columns: tuple[Column, ...]

    @property
    def merge(self) -> tuple[str, ...]:
        """Land what is staged: newer and equally new versions replace, older ones do not."""
        table, same = quoted(self.name), "held.tenant_id = fresh.tenant_id and held.id = fresh.id"
        # A difference, as DuckDB 1.3.0 takes `>` in a join for `=` on few rows (duckdb/duckdb#17693).
        older = f"{same} and held.modified_ticks - fresh.modified_ticks > 0"
        return (
            f"delete from sync_stage as fresh using {table} as held where {older}",  # noqa: S608
            f"delete from {table} as held using sync_stage as fresh where {same}",  # noqa: S608
            f"insert into {table} by name {self._typed('sync_stage', [*_KEYS], self.columns)}",
        )

    def create(self, name: str, kind: str) -> str:
        *first, ticks, raw = (f"{quoted(key)} {sql}" for key, sql in _KEYS.items())
        typed = (f"{quoted(column.name)} {column.type.sql}" for column in self.columns)
        columns = ", ".join((*first, *typed, ticks, raw, "primary key (tenant_id, id)"))
        return f"create {kind} {quoted(name)} ({columns})"

    def fill(self, columns: Sequence[Column]) -> str:
        """Fill columns of the rows that are there from their raw JSON."""
        changes = ", ".join(f"{quoted(column.name)} = fresh.{quoted(column.name)}" for column in columns)
        return (
            f"update {quoted(self.name)} as held set {changes} "  # noqa: S608
            f"from ({self._typed(quoted(self.name), ['tenant_id', 'id'], columns)}) as fresh "
            "where held.tenant_id = fresh.tenant_id and held.id = fresh.id"
        )

    @staticmethod
    def _typed(source: str, keys: Sequence[str], columns: Sequence[Column]) -> str:
        """Rows of `source` with columns made of their JSON: all NULL where DuckDB calls it malformed."""
        if not columns:
            return f"select {', '.join(keys)} from {source}"  # noqa: S608
        structure = _literal(msgspec.json.encode(Fields(tuple(columns)).structure).decode())
        made = (f"{column.expression('taken')} as {quoted(column.name)}" for column in columns)
        return (
            f"select {', '.join((*keys, *made))} from (select {', '.join(keys)}, "  # noqa: S608
            f"json_transform(case when json_valid(raw) then raw end, {structure}) as taken from {source})"
        )


def _parts(records: Mapping[int, Record]) -> Iterator[list[Record]]:
    """The records in parts of a size that DuckDB merges within its memory; as a rule one part."""
    part: list[Record] = []
    size = 0
    for record in records.values():
        part.append(record)
        size += len(record.raw)
        if size >= _PART:
            yield part
            part, size = [], 0
    if part:
        yield part


def _staged(tenant: int, records: Sequence[Record]) -> tuple[int | str, ...]:
    return (
        tenant,
        _joined(str(record.id) for record in records),
        _joined(record.modified_on or "" for record in records),
        _joined("" if record.active is None else str(record.active) for record in records),
        _joined(str(record.ticks) for record in records),
        _joined(text(record.raw) for record in records),
    )


def _joined(texts: Iterable[str]) -> str:
    return _SEPARATOR.join([one.replace(_SEPARATOR, "\ufffd") for one in texts])


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
