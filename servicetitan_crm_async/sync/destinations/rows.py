"""What all destinations agree on: which version of a record wins, which names and ledgers do; pure."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable

from servicetitan_crm_async.errors import ConfigError, LedgerConflict
from servicetitan_crm_async.sync.destinations.protocol import Batch, Record, Versions
from servicetitan_crm_async.sync.ledger import Ledger, read_ledger

KEY_COLUMNS = ("tenant_id", "id", "modified_on", "active", "raw", "modified_ticks")
"""What every table has, whatever the entity."""

_ENTITY = re.compile(r"(?!sqlite_|sync_)[a-z][a-z0-9_]{0,62}", re.ASCII)


def newest(records: Iterable[Record]) -> dict[int, Record]:
    """One version of each id: the newest, and of equally new ones the last."""
    held: dict[int, Record] = {}
    for record in records:
        other = held.setdefault(record.id, record)
        if other is not record and record.ticks >= other.ticks:
            held[record.id] = record
    return held


def versions_of(rows: Iterable[tuple[int, int, object]]) -> Versions:
    """Rows of id, ticks and `active`, put side by side while they stream by."""
    ids, ticks = array("q"), array("q")
    inactive: list[int] = []
    for id_, at, active in rows:
        ids.append(id_)
        ticks.append(at)
        if not active and active is not None:
            inactive.append(id_)
    return Versions(ids, ticks, frozenset(inactive))


def text(raw: bytes) -> str:
    """A record's JSON for a column of text; bytes that are no UTF-8, which JSON forbids, become U+FFFD."""
    return raw.decode("utf-8", "replace")


def checked(tenant: int, entity: str) -> None:
    """Refuse what cannot name a table and a folder.

    Raises:
        ConfigError: the name is not lower-case letters, digits and underscores, or it begins as tables
            of our own (`sync_`) and of SQLite do.
    """
    if not _ENTITY.fullmatch(entity):
        raise ConfigError("entity: a table takes lower-case letters, digits and underscores for its name")
    checked_tenant(tenant)


def checked_tenant(tenant: int) -> None:
    """Refuse what is no tenant.

    Raises:
        ConfigError: the number is negative.
    """
    if tenant < 0:
        raise ConfigError("tenant: the number of a tenant is not negative")


def checked_batch(batch: Batch) -> None:
    """Refuse a batch that no ledger read later could be trusted after.

    Raises:
        ConfigError: the names do not do, or the ledger speaks of something other than the records.
    """
    checked(batch.tenant, batch.entity)
    if (batch.ledger.tenant, batch.ledger.entity) != (batch.tenant, batch.entity):
        raise ConfigError("ledger: it belongs to another tenant or entity than the records of the batch")


def stored_ledger(body: bytes | str, tenant: int, entity: str) -> Ledger:
    """The ledger found where that of (tenant, entity) is kept.

    Raises:
        LedgerConflict: it is of another layout, damaged, or was copied here from somewhere else.
    """
    ledger = read_ledger(body)
    if (ledger.tenant, ledger.entity) != (tenant, entity):
        raise LedgerConflict(
            f"the ledger kept for {entity} of tenant {tenant} is that of {ledger.entity} of tenant "
            f"{ledger.tenant}: the data was moved or renamed by hand. Move it back, or use another place."
        )
    return ledger
