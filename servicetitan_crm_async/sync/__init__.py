"""The incremental sync: `sync(crm, destination)` brings a mirror of the tenant up to date."""

from __future__ import annotations

from servicetitan_crm_async.sync.destinations import open_destination
from servicetitan_crm_async.sync.destinations.protocol import Batch, Destination, Record
from servicetitan_crm_async.sync.engine import SETTLE, sync
from servicetitan_crm_async.sync.entities import ENTITIES, Entity
from servicetitan_crm_async.sync.ledger import Ledger, OpenWindow
from servicetitan_crm_async.sync.report import EntityReport, Progress, SyncReport

__all__ = [
    "ENTITIES",
    "SETTLE",
    "Batch",
    "Destination",
    "Entity",
    "EntityReport",
    "Ledger",
    "OpenWindow",
    "Progress",
    "Record",
    "SyncReport",
    "open_destination",
    "sync",
]
