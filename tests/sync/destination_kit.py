"""What the tests of destinations share: records, ledgers, batches, and one way to look into each kind."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec

from servicetitan_crm_async._core.clock import to_text
from servicetitan_crm_async.sync.destinations import (
    Batch,
    Destination,
    MemoryDestination,
    Mirror,
    OddRecord,
    Record,
    open_destination,
    read_ndjson,
)
from servicetitan_crm_async.sync.lease import Lease, forget, new_lease
from servicetitan_crm_async.sync.ledger import Ledger

KINDS = ("memory", "sqlite", "ndjson", "duckdb")
ON_DISK = KINDS[1:]
TENANT = 1234567
YEAR_2024 = 1_704_067_200 * 10_000_000
"""Its first instant, in ticks."""
NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)


def make(kind: str, folder: Path, *, read_only: bool = False) -> Mirror:
    return open_destination("memory:" if kind == "memory" else f"{kind}:{folder / kind}", read_only=read_only)


def customer(id_: int, version: int = 0, *, active: bool = True, **fields: object) -> Record:
    """A customer as the portal sends it; a higher version was modified so many ticks later."""
    ticks = YEAR_2024 + version
    body = {
        "id": id_,
        "active": active,
        "name": f"Customer {id_}, version {version}",
        "type": "Residential",
        "address": {
            "street": f"{id_} Main Street",
            "unit": None,
            "city": "Springfield",
            "state": "IL",
            "zip": "62701",
            "country": "USA",
            "latitude": 39.78,
            "longitude": -89.65,
        },
        "balance": 12.5,
        "doNotMail": False,
        "doNotService": False,
        "createdOn": "2021-07-19T20:35:38.2876004Z",
        "modifiedOn": to_text(ticks),
        "tagTypeIds": [1, 2, 3],
        "customFields": [{"typeId": 5, "name": "Source", "value": "Web"}],
        **fields,
    }
    return Record(id_, to_text(ticks), ticks, active, json.dumps(body).encode())


def raw_customer(raw: bytes, id_: int = 1, version: int = 0) -> Record:
    """A record whose JSON is given to the letter."""
    return Record(id_, to_text(YEAR_2024 + version), YEAR_2024 + version, True, raw)


def ledger(tenant: int = TENANT, entity: str = "customers", *, records: int = 0, runs: int = 0) -> Ledger:
    return Ledger(
        tenant=tenant,
        entity=entity,
        contract="portal",
        strategy="windows",
        guarantee="exact",
        watermark="2024-01-01T00:00:00.0000000Z",
        records=records,
        runs=runs,
    )


def batch(
    records: Iterable[Record],
    *,
    tenant: int = TENANT,
    entity: str = "customers",
    runs: int = 0,
    odd: Sequence[OddRecord] = (),
    cleared: Collection[str] = (),
) -> Batch:
    records = tuple(records)
    said = ledger(tenant, entity, records=len(records), runs=runs)
    return Batch(tenant, entity, records, said, odd, cleared)


def odd_record(key: str, reason: str = "data[1].id: expected int", **fields: object) -> OddRecord:
    """A record for the quarantine."""
    whole = OddRecord(
        key=key,
        id=17,
        reason=reason,
        since=YEAR_2024,
        before=YEAR_2024 + 1,
        seen="2024-03-01T12:00:00.0000000Z",
        raw='{"id": "x",\n "name": "Zoë"}',
    )
    return msgspec.structs.replace(whole, **fields)


@contextmanager
def running(tenant: int = TENANT, now: datetime = NOW) -> Iterator[Lease]:
    """The lease a run of this process asks for; the run is over at the end of the block."""
    lease = new_lease(tenant, now)
    try:
        yield lease
    finally:
        forget(lease)


@contextmanager
def another_program(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has printed its first line; it gets killed at the end of the block."""
    command = [sys.executable, "-c", code, *arguments, str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline()
            yield other
        finally:
            other.kill()


def held(destination: Destination, tenant: int = TENANT, entity: str = "customers") -> dict[int, bytes]:
    """The current version of every record, read past the destination itself."""
    if isinstance(destination, MemoryDestination):
        return {id_: record.raw for id_, record in destination.rows(tenant, entity).items()}
    path = Path(destination.location)
    if path.name == "ndjson":
        return {json.loads(raw)["id"]: raw for raw in read_ndjson(path, tenant, entity)}
    query = f"select id, raw from {entity} where tenant_id = {tenant}"
    if path.name == "sqlite":
        with closing(sqlite3.connect(path)) as file:
            rows = file.execute(query).fetchall()
    else:
        with duckdb.connect(str(path)) as data:
            rows = data.execute(query).fetchall()
    assert len({id_ for id_, _ in rows}) == len(rows)
    return {id_: raw.encode() for id_, raw in rows}
