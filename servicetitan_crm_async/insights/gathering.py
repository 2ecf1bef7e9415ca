"""A mirror read, and its figures made; nothing in it is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.insights.atlas import atlas
from servicetitan_crm_async.insights.duplicates import likenesses
from servicetitan_crm_async.insights.facts import Facts, opened
from servicetitan_crm_async.insights.figures import Figures, Freshness
from servicetitan_crm_async.insights.measures import bookings, gaps, leads, timeline, totals
from servicetitan_crm_async.insights.runs import age, history, last_run
from servicetitan_crm_async.sync import ENTITIES, Ledger
from servicetitan_crm_async.sync.destinations import Mirror

T = TypeVar("T")


async def gather(mirror: Mirror, url: str, *, now: datetime, tenant: int | None = None) -> Figures:
    """The figures of one tenant in a mirror.

    Works beside a running sync where the kind of mirror lets others read; the ledgers are read before the
    records, so these are at least as fresh as the figures say. Memory stays bounded; the disk needs room
    for temporary files of about a tenth of the mirror. Cancelled, it stops within moments and leaves no
    file behind.

    Args:
        mirror: open, to be read only.
        url: what it was opened by: `duckdb:PATH`, `ndjson:DIR` or `sqlite:PATH`.
        now: aware; ages are counted to it.
        tenant: where the mirror holds several.

    Raises:
        ConfigError: DuckDB is not installed, nothing was synced, or it is not clear which tenant is meant.
        SyncError: the mirror cannot be read, or the disk is full.
    """
    ledgers = _of_one(await mirror.ledgers(), tenant)
    chosen = ledgers[0].tenant
    odd = {each.entity: len(await mirror.quarantine(chosen, each.entity)) for each in ledgers}
    with opened() as facts:
        return await _stoppable(facts, lambda: _figures(facts, mirror.location, url, ledgers, odd, now))


def _figures(
    facts: Facts, location: str, url: str, ledgers: Sequence[Ledger], odd: dict[str, int], now: datetime
) -> Figures:
    tenant, mirrored = ledgers[0].tenant, [ledger.entity for ledger in ledgers]
    facts.take(url, tenant, mirrored)
    return Figures(
        location=location,
        tenant=tenant,
        as_of=now,
        freshness=tuple(_freshness(facts, ledger, odd[ledger.entity], now) for ledger in ledgers),
        timeline=timeline(facts, mirrored, now),
        leads=leads(facts, now) if "leads" in mirrored else None,
        bookings=bookings(facts) if "bookings" in mirrored else None,
        atlas=atlas(facts) if "locations" in mirrored else None,
        gaps=gaps(facts, mirrored),
        likenesses=likenesses(facts, mirrored),
        not_mirrored=tuple(name for name in ENTITIES if name not in mirrored),
        history=history(ledgers),
    )


def _freshness(facts: Facts, ledger: Ledger, odd: int, now: datetime) -> Freshness:
    held, inactive, last_modified = totals(facts, ledger.entity)
    return Freshness(
        entity=ledger.entity,
        held=held,
        inactive=inactive,
        watermark=ledger.watermark,
        age_seconds=age(ledger.watermark, now),
        last_run=last_run(ledger),
        last_modified=last_modified,
        guarantee=ledger.guarantee,
        quarantined=odd,
        error=None if ledger.error is None else ledger.error.text,
    )


def _of_one(ledgers: Sequence[Ledger], tenant: int | None) -> list[Ledger]:
    """The ledgers of a tenant, in the order of reports; those of entities this version does not know are out.

    Raises:
        ConfigError: no tenant, or several and none was asked for.
    """
    there = sorted({ledger.tenant for ledger in ledgers})
    listed = ", ".join(map(str, there)) or "none"
    if tenant is None and len(there) != 1:
        raise ConfigError({"tenant": f"must say which: the mirror holds {listed}"})
    chosen = there[0] if tenant is None else tenant
    known = {ledger.entity: ledger for ledger in ledgers if ledger.tenant == chosen}
    found = [known[name] for name in ENTITIES if name in known]
    if not found:
        raise ConfigError({"tenant": f"{chosen} is not in the mirror, which holds {listed}"})
    return found


async def _stoppable(facts: Facts, work: Callable[[], T]) -> T:
    """Do the work in a thread. A caller that is cancelled stops it and leaves once it has ended."""
    with ThreadPoolExecutor(1, thread_name_prefix="report") as pool:
        done = asyncio.wrap_future(pool.submit(work))
        try:
            await asyncio.wait((done,))
        except BaseException:
            # Looked at, or asyncio would complain that nobody did.
            done.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            facts.stop()
            raise
        return done.result()
