"""Mirrors of records made by hand, of every kind, and the figures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from servicetitan_crm_async._core.clock import to_ticks
from servicetitan_crm_async.insights import Figures, gather
from servicetitan_crm_async.sync import Batch, Ledger, Record, open_destination

TENANT = 7
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
STAMP = "2026-06-01T08:00:00Z"

Fields = dict[str, Any]


def record(id: int, **fields: Any) -> Fields:
    """A record with the fields that all have, unless they are given."""
    return {"id": id, "active": True, "createdOn": STAMP, "modifiedOn": STAMP, **fields}


def at(latitude: float | None, longitude: float | None, **fields: Any) -> Fields:
    """An address at a place."""
    home = {"street": "", "unit": None, "city": "Boise", "state": "ID", "zip": "83702", "country": "USA"}
    return {**home, "latitude": latitude, "longitude": longitude, **fields}


def ledger_of(entity: str, tenant: int = TENANT, **fields: Any) -> Ledger:
    """A ledger of a run that came to its end a minute before `NOW`, unless told otherwise."""
    known: Fields = {"strategy": "windows", "guarantee": "exact", "watermark": "2026-06-15T11:59:00.0000000Z"}
    return Ledger(tenant=tenant, entity=entity, contract="portal", **{**known, **fields})


async def fill(
    url: str, entities: Mapping[str, Sequence[Fields]], ledgers: Sequence[Ledger] = (), tenant: int = TENANT
) -> None:
    """Land records, and ledgers of these entities where they are not the plain ones."""
    special = {ledger.entity: ledger for ledger in ledgers}
    async with open_destination(url) as mirror:
        for entity, records in entities.items():
            landed = [_landed(fields) for fields in records]
            ledger = special.get(entity) or ledger_of(entity, tenant)
            await mirror.commit(Batch(tenant, entity, landed, ledger))


def _landed(fields: Fields) -> Record:
    stamp = fields.get("modifiedOn")
    ticks = 0 if stamp is None else to_ticks(stamp)
    return Record(fields["id"], stamp, ticks, fields.get("active"), msgspec.json.encode(fields))


async def figures_of(url: str, *, now: datetime = NOW, tenant: int | None = None) -> Figures:
    """As `gather` gives them."""
    async with open_destination(url, read_only=True) as mirror:
        return await gather(mirror, url, now=now, tenant=tenant)
