"""The few columns of each record that figures are made of, taken from its JSON by DuckDB.

They are the same for every kind of mirror, so that each figure has one definition. They lie in a database
of their own, in a temporary file: a mirror is never written to, and memory stays within a limit however
many records there are.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.flows.matching import Place, phone_key
from servicetitan_crm_async.models import Address
from servicetitan_crm_async.sync import ENTITIES
from servicetitan_crm_async.sync.destinations import read_ndjson
from servicetitan_crm_async.sync.destinations.sqlite_reading import read_quietly

if TYPE_CHECKING:
    import duckdb

MISSING = "the report needs an extra: pip install 'servicetitan-crm-async[report]'"

_STRUCTURE = msgspec.json.encode(
    {
        "id": "BIGINT",
        "active": "BOOLEAN",
        "createdOn": "TIMESTAMPTZ",
        "modifiedOn": "TIMESTAMPTZ",
        "status": "VARCHAR",
        "type": "VARCHAR",
        "value": "VARCHAR",
        "customerId": "BIGINT",
        "locationId": "BIGINT",
        "address": {
            "street": "VARCHAR",
            "unit": "VARCHAR",
            "city": "VARCHAR",
            "zip": "VARCHAR",
            "latitude": "DOUBLE",
            "longitude": "DOUBLE",
        },
    }
).decode()
# A field that does not fit its type is NULL, and so is each of a record that is no JSON: it counts all the
# same. Instants become TIMESTAMP in UTC, as in the DuckDB destination.
_FACTS = f"""
select
    fields.id as id,
    coalesce(fields.active, true) as active,
    make_timestamp(epoch_us(fields.createdOn)) as created,
    make_timestamp(epoch_us(fields.modifiedOn)) as modified,
    fields.status as status,
    fields.type as kind,
    fields.value as value,
    coalesce(fields.customerId, fields.locationId) as owner,
    fields.address.street as street,
    fields.address.unit as unit,
    fields.address.city as city,
    fields.address.zip as zip,
    fields.address.latitude as latitude,
    fields.address.longitude as longitude
from (
    select json_transform(case when json_valid(raw) then raw end, '{_STRUCTURE}') as fields
    from ("""  # noqa: S608  # names and types of ours


def _facts(source: str) -> str:
    """A query for the facts of what another one gives as `raw`."""
    return f"{_FACTS}{source}))"


_CHUNK = "select unnest(string_split(?, chr(30))) as raw"
_SEPARATOR = b"\x1e"
"""JSON has it nowhere: in a string it would be escaped."""
_CHUNK_BYTES = 8 * 2**20
_MEMORY = "512MB"


class Facts:
    """A table an entity, empty where the mirror has not got it; open while `opened` lasts."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._stopped = threading.Event()

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Run one statement to its end."""
        if self._stopped.is_set():
            raise SyncError("the report was stopped")
        return self._connection.execute(query, values).fetchall()

    def stop(self) -> None:
        """Let the statement under way fail, and all that would follow; from any thread."""
        self._stopped.set()
        self._connection.interrupt()

    def take(self, url: str, tenant: int, entities: Sequence[str]) -> None:
        """Take the facts of these entities of a tenant out of a mirror; the others get empty tables.

        Raises:
            SyncError: the mirror cannot be read, or there is no room for the facts.
        """
        kind, _, place = url.partition(":")
        path = Path(place).expanduser()
        for entity in ENTITIES:
            self._put(entity, ())
        if kind == "duckdb":
            self._take_from_duckdb(path, tenant, entities)
        elif kind == "sqlite":
            read_quietly(path, lambda connection: self._take_from_sqlite(connection, tenant, entities))
        else:
            for entity in entities:
                self._put(entity, (line.replace(b"\n", b" ") for line in read_ndjson(path, tenant, entity)))

    def _take_from_duckdb(self, path: Path, tenant: int, entities: Sequence[str]) -> None:
        self.rows(f"attach '{str(path.absolute()).replace(chr(39), chr(39) * 2)}' as mirror (read_only)")
        for entity in entities:
            source = f"select raw from mirror.main.{entity} where tenant_id = {tenant}"  # noqa: S608
            self.rows(f"insert into {entity} {_facts(source)}")

    def _take_from_sqlite(self, connection: sqlite3.Connection, tenant: int, entities: Sequence[str]) -> None:
        # Looked at again should the file change meanwhile, so each table is begun anew.
        for entity in entities:
            query = f"select cast(raw as blob) from {entity} where tenant_id = ?"  # noqa: S608
            with closing(connection.execute(query, (tenant,))) as rows:
                self._put(entity, (raw for (raw,) in rows))

    def _put(self, entity: str, records: Iterable[bytes]) -> None:
        self.rows(f"create or replace table {entity} as {_facts(_CHUNK)} limit 0", ("",))
        for chunk in _chunks(records):
            self.rows(f"insert into {entity} {_facts(_CHUNK)}", (chunk,))


@contextmanager
def opened() -> Iterator[Facts]:
    """A place for facts, gone at the end of the block.

    Raises:
        ConfigError: DuckDB is not installed.
        SyncError: a mirror failed while it was read, or the disk has no room for the facts.
    """
    try:
        import duckdb
    except ImportError:
        raise ConfigError(MISSING) from None
    with tempfile.TemporaryDirectory(prefix="servicetitan-report-", ignore_cleanup_errors=True) as folder:
        try:
            with closing(duckdb.connect(f"{folder}/facts.duckdb")) as connection:
                _set_up(connection, folder)
                yield Facts(connection)
        except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.InterruptException) as error:
            # Those of other kinds are errors of this package. Messages may quote the data.
            raise SyncError(
                f"the report's figures could not be made: DuckDB failed with {type(error).__name__}; they "
                f"need room in {folder.rpartition('/')[0]}"
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise SyncError(f"the mirror could not be read: {error}") from None


def _set_up(connection: duckdb.DuckDBPyConnection, folder: str) -> None:
    for setting in (
        "autoinstall_known_extensions = false",
        f"memory_limit = '{_MEMORY}'",
        "preserve_insertion_order = false",
        f"temp_directory = '{folder}/spilled'",
    ):
        connection.execute(f"set {setting}").fetchall()
    connection.create_function("phone_key", phone_key, ["VARCHAR"], "VARCHAR")
    connection.create_function(
        "place_key", _place_key, ["VARCHAR", "VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"
    )


def _place_key(street: str, unit: str, city: str, zip: str) -> str:
    """The same for each spelling of an address; empty where it has no street or no area."""
    place = Place.of(Address(street=street, unit=unit, city=city, state="", zip=zip, country=""))
    area = place.zip or place.city
    return f"{place.street}|{place.unit}|{area}" if place.street and area else ""


def _chunks(records: Iterable[bytes]) -> Iterator[str]:
    """Records as text, joined; a text that is none is mended, as the destinations do."""
    chunk: list[bytes] = []
    size = 0
    for record in records:
        chunk.append(record.replace(_SEPARATOR, b" "))
        size += len(record)
        if size >= _CHUNK_BYTES:
            yield _SEPARATOR.join(chunk).decode(errors="replace")
            chunk, size = [], 0
    if chunk:
        yield _SEPARATOR.join(chunk).decode(errors="replace")
