"""The sync: sources against a destination, bounded, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import anyio

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.clock import ticks_in, ticks_of, whole_second
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.client import ServiceTitanCRM, caller_of
from servicetitan_crm_async.contract import MAX_PAGE_SIZE
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.hooks import BatchEvent
from servicetitan_crm_async.sync.choosing import chosen_entities, problems_with
from servicetitan_crm_async.sync.destinations.protocol import Batch, Destination
from servicetitan_crm_async.sync.entities import ENTITIES, Entity
from servicetitan_crm_async.sync.leasing import under_lease
from servicetitan_crm_async.sync.outbox import Outbox
from servicetitan_crm_async.sync.report import Progress, SyncReport
from servicetitan_crm_async.sync.running import EntityRun, Options, Way
from servicetitan_crm_async.sync.sources import (
    STRATEGIES,
    Strategy,
    check_strategy,
    strategy_for,
)

SETTLE = timedelta(minutes=2)
"""How long a change may take to become visible on the service after its stamp."""

_WAITING = 10_000
"""Records that may wait to land: of pages of 5,000, one a worker would be some eighty megabytes."""


async def sync(
    crm: ServiceTitanCRM,
    destination: Destination,
    *,
    entities: Iterable[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    ids: Iterable[int] | None = None,
    include_recent_changes: bool = False,
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    take_over: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> SyncReport:
    """Bring the destination up to date with the tenant, and return what was done.

    Each entity goes on where its last run ended; one that was cut short is finished first. The first
    time everything is read, or what changed on or after `since`. Given again, `since` costs nothing; one
    that is earlier reads what the mirror lacks, and a later one leaves no gap. Records land together
    with the ledger that says so: cancelled, failed or killed at any point, the next call takes up what
    is missing, and repeating a call costs only what changed. An entity that fails leaves the others to
    go on, and its report says why. A record that no row can be made of is kept beside the data with the
    reason, and fetched again by the next call.

    One run at a time works on a tenant's mirror. One that was killed is known to be gone where it ran on
    this machine, and elsewhere once it has been silent for five minutes.

    Args:
        entities: names from `ENTITIES`; all that the contract in use can list where none are given.
        until: read what changed before this instant alone, where it lies before what has settled; like
            `since` it counts by the whole second.
        strategy: how to read, for all entities or by name; `auto` takes the best that the contract allows.
            `feed` reads the export feeds, which tell of deleted records, too. `ids` fetches anew the
            records that the destination holds, or those of `ids`, and moves no watermark.
        ids: with the strategy `ids` and one entity: which records.
        include_recent_changes: ask the feeds for changes that are not settled; they come sooner, and twice.
        concurrency: pages under way at once, over all entities, which take turns; as few as two while the
            destination is the slower one.
        page_size: the contract's largest where not given.
        settle: how long a change may take to become visible on the service after its stamp.
        overlap: begin each run so long before the end of the last one, over and above `settle`.
        take_over: go on even if another run seems to be at work; that one then fails at its next commit.
        on_progress: called after every page, from the running loop; keep it short.

    Raises:
        ConfigError: an unknown entity, a value out of range, or a strategy that the contract rules out.
        NotInContract: an entity asked for by name that the contract in use cannot list.
        AuthError: the credentials were refused; nothing can go on.
        LedgerConflict: another run is at work on this tenant's mirror; the error says which.
        SyncError: the destination failed; what it had committed stays.
    """
    caller = caller_of(crm).in_bulk()
    options = _options(
        caller, concurrency, page_size, since, until, settle, overlap, include_recent_changes, on_progress
    )
    chosen = chosen_entities(caller, entities)
    ways = _ways(caller, chosen, strategy, ids)
    began_at = anyio.current_time()
    pages = max(2, min(concurrency, _WAITING // options.page_size))
    async with destination:
        outbox = Outbox(destination, pages=pages, landed=partial(_tell_of_batch, caller))
        turns = Turns(concurrency)
        runs = [
            EntityRun(entity, way, caller, destination, outbox, turns, options)
            for entity, way in zip(chosen, ways, strict=True)
        ]

        async def read() -> None:
            await all_or_first_failure([run.to_the_end for run in runs])
            outbox.close()

        async def read_and_land() -> None:
            await all_or_first_failure([read, outbox.run])

        await under_lease(destination, caller.tenant, read_and_land, take_over=take_over)
    return SyncReport(
        tenant=caller.tenant,
        entities={run.entity.name: run.report() for run in runs},
        seconds=anyio.current_time() - began_at,
        location=destination.location,
    )


def _ways(
    caller: Caller,
    chosen: Sequence[Entity],
    strategy: Strategy | Mapping[str, Strategy],
    ids: Iterable[int] | None,
) -> list[Way]:
    """How each entity is to be read.

    Raises:
        ConfigError: a strategy that is none, that the contract rules out, or for an entity that is none.
        NotInContract: a feed that the contract in use does not have.
    """
    by_name = {} if isinstance(strategy, str) else dict(strategy)
    for_all: Strategy = strategy if isinstance(strategy, str) else "auto"
    known = None if ids is None else tuple(ids)
    problems = {}
    if wrong := {for_all, *by_name.values()}.difference(STRATEGIES):
        problems["strategy"] = f"unknown: {', '.join(sorted(wrong))}; known are {', '.join(STRATEGIES)}"
    elif strange := by_name.keys() - ENTITIES.keys():
        problems["strategy"] = f"unknown entities: {', '.join(sorted(strange))}"
    if known is not None and (strategy != "ids" or len(chosen) != 1):
        problems["ids"] = 'go with strategy="ids" and one entity'
    if problems:
        raise ConfigError(problems)
    return [_way(caller, entity, by_name.get(entity.name, for_all), known) for entity in chosen]


def _way(caller: Caller, entity: Entity, strategy: Strategy, ids: tuple[int, ...] | None) -> Way:
    operation = caller.operation(entity.operation)
    if strategy == "feed":
        return Way(strategy, operation, caller.operation(entity.feed), None)
    check_strategy(strategy, operation)
    return Way(strategy_for(operation) if strategy == "auto" else strategy, operation, None, ids)


def _options(
    caller: Caller,
    concurrency: int,
    page_size: int | None,
    since: datetime | None,
    until: datetime | None,
    settle: timedelta,
    overlap: timedelta,
    recent: bool,
    tell: Callable[[Progress], None] | None,
) -> Options:
    problems = problems_with(
        caller, concurrency=concurrency, page_size=page_size, instants={"since": since, "until": until}
    )
    for name, span in (("settle", settle), ("overlap", overlap)):
        if span < timedelta(0):
            problems[name] = "must be at least 0"
    if problems:
        raise ConfigError(problems)
    return Options(
        concurrency=concurrency,
        page_size=page_size or MAX_PAGE_SIZE[caller.contract],
        since=None if since is None else whole_second(ticks_of(since)),
        until=None if until is None else whole_second(ticks_of(until)),
        settle=ticks_in(settle),
        overlap=ticks_in(overlap),
        recent=recent,
        tell=tell or _tell_nobody,
    )


def _tell_of_batch(caller: Caller, batch: Batch, seconds: float) -> None:
    event = BatchEvent(batch.tenant, batch.entity, len(batch.records), seconds)
    caller.tell(lambda hook: hook.on_batch(event))


def _tell_nobody(progress: Progress) -> None:
    return None
