"""The sync: sources against a destination, bounded, resumable."""

# Invariants, quoted by number in tests/sync/test_engine.py.
# 1. A ledger never claims more than the destination has accepted.
# 2. The next run begins exactly where the last one ended, by the service's clock.
# 3. Any await may be the last line this process runs.

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import anyio

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_text, to_ticks
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.client import ServiceTitanCRM, caller_of
from servicetitan_crm_async.contract import MAX_PAGE_SIZE
from servicetitan_crm_async.errors import AuthError, ConfigError, NotInContract, ServiceTitanError
from servicetitan_crm_async.sync.destinations.protocol import Destination, Record
from servicetitan_crm_async.sync.entities import ENTITIES, Entity
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.outbox import Outbox
from servicetitan_crm_async.sync.reading import PageReader, RawPage
from servicetitan_crm_async.sync.report import EntityReport, Progress, SyncReport
from servicetitan_crm_async.sync.sources import Flow, OpenRun, PageSource, Source, source_for
from servicetitan_crm_async.sync.windows import EARLIEST

SETTLE = timedelta(minutes=2)
"""How long a change may take to become visible on the service after its stamp."""


async def sync(
    crm: ServiceTitanCRM,
    destination: Destination,
    *,
    entities: Iterable[str] | None = None,
    since: datetime | None = None,
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    on_progress: Callable[[Progress], None] | None = None,
) -> SyncReport:
    """Bring the destination up to date with the tenant, and return what was done.

    Each entity goes on where its last run ended; one that was cut short is finished first. The first
    time everything is read, or what changed on or after `since`; a `since` later than where the last
    run ended leaves no gap, it goes on from there all the same. Records land together with the ledger
    that says so: cancelled, failed or killed at any point, the next call takes up what is missing, and
    repeating a call costs only what changed. An entity that fails leaves the others to go on, and its
    report says why.

    Args:
        entities: names from `ENTITIES`; all that the contract in use can list where none are given.
        concurrency: pages under way at once, over all entities.
        page_size: the contract's largest where not given.
        settle: how long a change may take to become visible on the service after its stamp.
        on_progress: called after every page, from the running loop; keep it short.

    Raises:
        ConfigError: an unknown entity, or a value out of range.
        NotInContract: an entity asked for by name that the contract in use cannot list.
        AuthError: the credentials were refused; nothing can go on.
        SyncError: the destination failed; what it had committed stays.
    """
    caller = caller_of(crm)
    options = _options(caller, concurrency, page_size, since, settle, on_progress)
    chosen = _chosen(caller, entities)
    began_at = anyio.current_time()
    async with destination:
        outbox = Outbox(destination, pages=concurrency)
        slots = anyio.Semaphore(concurrency)
        runs = [_EntityRun(entity, caller, destination, outbox, slots, options) for entity in chosen]

        async def read() -> None:
            await all_or_first_failure([run.to_the_end for run in runs])
            outbox.close()

        await all_or_first_failure([read, outbox.run])
    return SyncReport(
        tenant=caller.tenant,
        entities={run.entity.name: run.report() for run in runs},
        seconds=anyio.current_time() - began_at,
        location=destination.location,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What every entity of a sync has in common; instants and times in ticks."""

    concurrency: int
    page_size: int
    since: int | None
    settle: int
    tell: Callable[[Progress], None]


class _EntityRun:
    """One entity within a sync: its source, its ledger, its counts."""

    def __init__(
        self,
        entity: Entity,
        caller: Caller,
        destination: Destination,
        outbox: Outbox,
        slots: anyio.Semaphore,
        options: _Options,
    ) -> None:
        self.entity = entity
        self._caller, self._destination, self._outbox = caller, destination, outbox
        self._slots, self._options = slots, options
        self._operation = caller.operation(entity.operation)
        self._last: Ledger | None = None
        """The ledger of the last commit, or what the destination held before."""
        self._source: Source | None = None
        self._since: str | None = None
        self._began: str | None = None
        self._finished = False
        self._records = self._requests = self._retries = self._odd = 0
        self._failure: ServiceTitanError | None = None

    async def to_the_end(self) -> None:
        """Finish the run that was cut short, if there is one, and then run up to now."""
        try:
            self._last = await self._destination.load(self._caller.tenant, self.entity.name)
            interrupted = self._interrupted()
            if interrupted is not None and self._last is not None:
                await self._run(self._last.since, interrupted)
            await self._run(self._start(), None)
        except AuthError:
            raise
        except ServiceTitanError as error:
            self._failure = error.with_traceback(None)  # whose frames would keep this run alive
        self._tell(done=True)

    def ledger(self, landed: int) -> Ledger:
        """The ledger true at this moment, once what was handed over has landed; the outbox commits it."""
        source, last = self._source, self._last
        assert source is not None
        assert source.until is not None, "a page was handed over, so its answer told the end of the run"
        until = to_text(source.until)
        done = self._finished
        self._last = Ledger(
            tenant=self._caller.tenant,
            entity=self.entity.name,
            contract=self._caller.contract,
            strategy=source.strategy,
            guarantee=source.guarantee,
            watermark=until if done else (last.watermark if last else None),
            since=None if done else self._since,
            until=None if done else until,
            windows=source.open_windows(),
            records=(last.records if last else 0) + landed,
            runs=(last.runs if last else 0) + done,
        )
        return self._last

    def report(self) -> EntityReport:
        source = self._source
        return EntityReport(
            records=self._records,
            requests=self._requests,
            retries=self._retries,
            odd=self._odd,
            strategy=source.strategy if source else "",
            guarantee=source.guarantee if source and self._failure is None else "none",
            since=self._began,
            until=to_text(source.until) if source and source.until is not None and self._finished else None,
            error=self._error,
            failure=self._failure,
        )

    @property
    def _error(self) -> str | None:
        return None if self._failure is None else str(self._failure)

    def _interrupted(self) -> OpenRun | None:
        last = self._last
        if last is None or last.until is None:
            return None
        # Page numbers mean nothing to a later run. Without windows any other was read to its end, and
        # only the ledger that says so is missing.
        if last.strategy == PageSource.strategy:
            return None
        # `since` asked for earlier than that run began reads it all again anyway.
        asked = self._options.since
        if asked is not None and (last.since is not None and asked < to_ticks(last.since)):
            return None
        return OpenRun(to_ticks(last.until), last.windows)

    def _start(self) -> str | None:
        """Where a new run begins: never later than the last one ended, or what lies between is lost.

        One that was cut short and cannot be taken up is begun again from its own beginning.
        """
        asked, last = self._options.since, self._last
        if last is None:
            return None if asked is None else to_text(asked)
        reached = last.watermark if last.until is None else last.since
        if asked is None or reached is None:
            return reached
        return to_text(min(asked, to_ticks(reached)))

    async def _run(self, since: str | None, interrupted: OpenRun | None) -> None:
        self._since, self._finished = since, False
        self._began = since if self._source is None else self._began
        options = self._options
        flow = Flow(
            PageReader(self._caller, self._operation),
            slots=self._slots,
            room=self._outbox.room,
            land=self._land,
            settle=options.settle,
            page_size=options.page_size,
            workers=options.concurrency,
        )
        self._source = source_for(
            self._operation,
            flow,
            since=EARLIEST if since is None else to_ticks(since),
            open_run=interrupted,
        )
        await self._source.run()
        # The end of the run is news for the ledger as much as a page is.
        async with self._outbox.room():
            self._finished = True
            self._outbox.add(self.entity.name, self, ())
        await self._outbox.emptied(self.entity.name)

    def _land(self, records: Sequence[Record], page: RawPage) -> None:
        self._records += len(records)
        self._odd += page.odd
        self._requests += page.attempts
        self._retries += page.attempts - 1
        self._outbox.add(self.entity.name, self, records)
        self._tell(done=False)

    def _tell(self, *, done: bool) -> None:
        self._options.tell(
            Progress(
                entity=self.entity.name,
                at=datetime.now(UTC),
                records=self._records,
                requests=self._requests,
                retries=self._retries,
                done=done,
                error=self._error,
            )
        )


def _chosen(caller: Caller, names: Iterable[str] | None) -> list[Entity]:
    if names is None:
        return [entity for entity in ENTITIES.values() if _listable(caller, entity)]
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in ENTITIES]
    if unknown or not wanted:
        what = f"unknown: {', '.join(unknown)}" if unknown else "none given"
        raise ConfigError({"entities": f"{what}; known are {', '.join(ENTITIES)}"})
    chosen = [ENTITIES[name] for name in wanted]
    for entity in chosen:
        caller.operation(entity.operation)
    return chosen


def _listable(caller: Caller, entity: Entity) -> bool:
    try:
        caller.operation(entity.operation)
    except NotInContract:
        return False
    return True


def _options(
    caller: Caller,
    concurrency: int,
    page_size: int | None,
    since: datetime | None,
    settle: timedelta,
    tell: Callable[[Progress], None] | None,
) -> _Options:
    most = MAX_PAGE_SIZE[caller.contract]
    problems = {}
    if concurrency < 1:
        problems["concurrency"] = "must be at least 1"
    if page_size is not None and not 1 <= page_size <= most:
        problems["page_size"] = f"must be 1 to {most} in contract {caller.contract!r}"
    if since is not None and since.utcoffset() is None:
        problems["since"] = "must be aware: give it a time zone, such as datetime.UTC"
    if settle < timedelta(0):
        problems["settle"] = "must be at least 0"
    if problems:
        raise ConfigError(problems)
    return _Options(
        concurrency=concurrency,
        page_size=page_size or most,
        since=None if since is None else ticks_of(since),
        settle=round(settle.total_seconds() * TICKS_PER_SECOND),
        tell=tell or _tell_nobody,
    )


def _tell_nobody(progress: Progress) -> None:
    return None
