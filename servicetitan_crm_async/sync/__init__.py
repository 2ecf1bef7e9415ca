"""The incremental sync: `sync(crm, destination)` brings a mirror of the tenant up to date."""

from __future__ import annotations

from servicetitan_crm_async.sync.auditing.audit import AuditReport, EntityAudit, audit
from servicetitan_crm_async.sync.destinations import open_destination
from servicetitan_crm_async.sync.destinations.protocol import Batch, Destination, Mirror, OddRecord, Record
from servicetitan_crm_async.sync.engine import SETTLE, sync
from servicetitan_crm_async.sync.entities import ENTITIES, Entity
from servicetitan_crm_async.sync.following import Round, follow
from servicetitan_crm_async.sync.ledger import FinishedRun, LastError, Ledger, OpenWindow
from servicetitan_crm_async.sync.report import EntityReport, Progress, SyncReport
from servicetitan_crm_async.sync.sources import Strategy
from servicetitan_crm_async.sync.streaming.changes import changes
from servicetitan_crm_async.sync.streaming.deliveries import ChangeBatch

__all__ = [
    "ENTITIES",
    "SETTLE",
    "AuditReport",
    "Batch",
    "ChangeBatch",
    "Destination",
    "Entity",
    "EntityAudit",
    "EntityReport",
    "FinishedRun",
    "LastError",
    "Ledger",
    "Mirror",
    "OddRecord",
    "OpenWindow",
    "Progress",
    "Record",
    "Round",
    "Strategy",
    "SyncReport",
    "audit",
    "changes",
    "follow",
    "open_destination",
    "sync",
]
