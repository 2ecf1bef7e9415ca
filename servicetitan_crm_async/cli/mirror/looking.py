"""`servicetitan-crm status`: what a mirror holds and how far it has come; looking changes nothing in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Literal

import msgspec

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_ticks
from servicetitan_crm_async.cli.mirror.standing import TENANT, clock_of, file_beside
from servicetitan_crm_async.errors import ConfigError, LedgerConflict, SyncError
from servicetitan_crm_async.sync import ENTITIES, Ledger, open_destination
from servicetitan_crm_async.sync.destinations import Mirror
from servicetitan_crm_async.sync.lease import Lease, forget, granted, new_lease
from servicetitan_crm_async.sync.ledger import FinishedRun, LastError


class AtWork(msgspec.Struct, frozen=True, kw_only=True):
    """The run that holds a tenant's mirror."""

    host: str
    process: int
    since: str
    last_sign_of_life: str
    silent_seconds: float
    gone: bool
    """It ended without giving its lease back, as when it is killed; the next sync takes it."""


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """A record in quarantine."""

    key: str
    id: int | None
    reason: str
    seen: str


class EntityStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One entity of a mirror; instants are text, in UTC."""

    held: int
    watermark: str | None
    age_seconds: float | None
    """Since the watermark."""
    open_windows: int
    strategy: str
    guarantee: str
    contract: str
    version: str
    runs: int
    records: int
    quarantined: int
    error: LastError | None
    history: Sequence[FinishedRun]
    quarantine: Sequence[SetAside] | msgspec.UnsetType = msgspec.UNSET
    """Where it was asked for."""


class TenantStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant of a mirror, as it is printed for programs."""

    event: Literal["status"] = "status"
    location: str
    tenant: int
    at_work: AtWork | None
    entities: Mapping[str, EntityStatus]


async def look_into(to: str, *, quarantine: bool) -> list[TenantStatus]:
    """The status of every tenant in a mirror.

    Raises:
        ConfigError: there is no mirror.
        LedgerConflict: a sync is at work, and this kind of mirror cannot be read meanwhile.
    """
    async with existing(open_destination(to, read_only=True)) as mirror:
        return [
            await _tenant(mirror, tenant, [*of_tenant], quarantine=quarantine)
            for tenant, of_tenant in groupby(await mirror.ledgers(), attrgetter("tenant"))
        ]


@asynccontextmanager
async def existing(mirror: Mirror) -> AsyncIterator[Mirror]:
    """Open a mirror that is to be read only, and see that something was synced to it.

    Raises:
        ConfigError: nothing was, or it cannot be read.
        LedgerConflict: a sync is at work, and this kind of mirror cannot be read meanwhile.
    """
    try:
        async with mirror:
            if not await mirror.ledgers():
                nothing = f"{mirror.location}: nothing was synced to it yet; servicetitan-crm sync does that"
                raise ConfigError({"--to": nothing})
            yield mirror
    except LedgerConflict:
        raise
    except SyncError as error:
        raise ConfigError({"--to": str(error)}) from None


async def _tenant(
    mirror: Mirror, tenant: int, ledgers: Sequence[Ledger], *, quarantine: bool
) -> TenantStatus:
    now = ticks_of(datetime.now(UTC))
    lease = await mirror.lease(tenant)
    # A sandbox has a time of its own, by which its watermarks go.
    theirs = clock_of(file_beside(mirror)) if tenant == TENANT else None
    return TenantStatus(
        location=mirror.location,
        tenant=tenant,
        at_work=None if lease is None else _at_work(lease, now),
        entities={
            ledger.entity: await _entity(
                mirror, ledger, now if theirs is None else theirs, quarantine=quarantine
            )
            for ledger in sorted(ledgers, key=_place)
        },
    )


async def _entity(mirror: Mirror, ledger: Ledger, now: int, *, quarantine: bool) -> EntityStatus:
    odd = await mirror.quarantine(ledger.tenant, ledger.entity)
    aside = [SetAside(key=each.key, id=each.id, reason=each.reason, seen=each.seen) for each in odd]
    return EntityStatus(
        held=await mirror.count(ledger.tenant, ledger.entity),
        watermark=ledger.watermark,
        age_seconds=None if ledger.watermark is None else _seconds(ledger.watermark, now),
        open_windows=len(ledger.windows),
        strategy=ledger.strategy,
        guarantee=ledger.guarantee,
        contract=ledger.contract,
        version=ledger.version,
        runs=ledger.runs,
        records=ledger.records,
        quarantined=len(aside),
        error=ledger.error,
        history=ledger.history,
        quarantine=aside if quarantine else msgspec.UNSET,
    )


def _place(ledger: Ledger) -> int:
    """Where reports have it; what they do not know comes last."""
    return [*ENTITIES, ledger.entity].index(ledger.entity)


def _at_work(lease: Lease, now: int) -> AtWork:
    return AtWork(
        host=lease.host,
        process=lease.process,
        since=lease.since,
        last_sign_of_life=lease.renewed,
        silent_seconds=_seconds(lease.renewed, now),
        gone=_gone(lease),
    )


def _gone(lease: Lease) -> bool:
    """Whether a run that came now would be given its place."""
    coming = new_lease(lease.tenant, datetime.now(UTC))
    try:
        granted(coming, lease, "", take_over=False)
    except LedgerConflict:
        return False
    finally:
        forget(coming)
    return True


def _seconds(since: str, now: int) -> float:
    return round(max(0, now - to_ticks(since)) / TICKS_PER_SECOND, 1)
