"""One entity of a sync, from its ledger to the end of its run."""

# Invariants, quoted by number in tests/sync/test_engine.py.
# 1. A ledger never claims more than the destination has accepted.
# 2. The next run begins exactly where the last one ended, by the service's clock.
# 3. Any await may be the last line this process runs.

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import NamedTuple

import anyio
import msgspec

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.clock import ticks_of, to_text, to_ticks
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import AuthError, ConfigError, ServiceTitanError
from servicetitan_crm_async.sync.destinations.protocol import Destination, Mirror, OddRecord, Record
from servicetitan_crm_async.sync.entities import Entity
from servicetitan_crm_async.sync.ledger import HISTORY, FinishedRun, LastError, Ledger, OpenWindow
from servicetitan_crm_async.sync.odd import key_of, set_aside, windows_of
from servicetitan_crm_async.sync.outbox import Outbox
from servicetitan_crm_async.sync.reading import RawPage
from servicetitan_crm_async.sync.report import Counts, EntityReport, Progress
from servicetitan_crm_async.sync.sources import (
    FeedSource,
    Flow,
    IdSource,
    OpenRun,
    PageSource,
    Source,
    Strategy,
    planned_source,
    strategy_for,
)
from servicetitan_crm_async.sync.windows import EARLIEST

logger = logging.getLogger("servicetitan_crm_async")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every entity of a sync has in common; instants and times in ticks."""

    concurrency: int
    page_size: int
    since: int | None
    until: int | None
    settle: int
    overlap: int
    recent: bool
    tell: Callable[[Progress], None]


class Way(NamedTuple):
    """How an entity is to be read."""

    strategy: Strategy
    """Never `auto`."""
    operation: Operation
    """The row of its list."""
    feed: Operation | None
    """The row of its feed, where that is the strategy."""
    ids: tuple[int, ...] | None


class EntityRun:
    """One entity within a sync: its source, its ledger, its counts."""

    def __init__(
        self,
        entity: Entity,
        way: Way,
        caller: Caller,
        destination: Destination,
        outbox: Outbox,
        turns: Turns,
        options: Options,
    ) -> None:
        self.entity = entity
        self._way, self._caller, self._destination, self._outbox = way, caller, destination, outbox
        self._options = options
        self._flow = Flow(
            caller,
            turns=turns,
            entity=entity.name,
            room=outbox.room,
            land=self._land,
            settle=options.settle,
            until=options.until,
            page_size=options.page_size,
            workers=options.concurrency,
        )
        self._last: Ledger | None = None
        """The ledger of the last commit, or what the destination held before."""
        self._loaded = False
        self._source: Source | None = None
        """What is being read; None while odd records of earlier runs are retried."""
        self._since: str | None = None
        self._began: str | None = None
        self._finished = False
        self._records = self._requests = self._retries = self._throttled = 0
        self._before = Counts(0, 0, 0, 0, 0.0)
        """As it was when the run under way began."""
        self._quarantine: dict[str, OddRecord] = {}
        """What the quarantine holds of this entity, by key."""
        self._again: dict[str, int] = {}
        """Which of these only reading again can bring back, and from where on, in ticks."""
        self._odd: set[str] = set()
        self._recovered = 0
        self._missing: tuple[int, ...] = ()
        self._failure: ServiceTitanError | None = None

    async def to_the_end(self) -> None:
        """Retry what is odd, finish the run that was cut short, if there is one, and then run up to now."""
        try:
            self._last = await self._destination.load(self._caller.tenant, self.entity.name)
            self._loaded = True
            await self._retry()
            if self._way.strategy == "ids":
                await self._refresh()
            else:
                interrupted = self._interrupted()
                if interrupted is not None and self._last is not None:
                    await self._run(self._last.since, interrupted)
                await self._run(self._start(), None)
        except ServiceTitanError as error:
            self._failure = error.with_traceback(None)  # whose frames would keep this run alive
            if self._loaded:  # else what is there is not ours to write over
                await self._note(())
            if isinstance(error, AuthError):
                raise
        self._tell(done=True)

    def ledger(self, landed: int) -> Ledger:
        """The ledger true at this moment, once what was handed over has landed; the outbox commits it."""
        source, last = self._source, self._last or self._blank()
        ledger = msgspec.structs.replace(
            last,
            version=_version(),
            contract=self._caller.contract,
            records=last.records + landed,
        )
        if source is not None and source.until is not None:
            ledger = msgspec.structs.replace(
                ledger,
                strategy=source.strategy,
                guarantee=source.guarantee,
                since=self._since,
                until=to_text(source.until),
                windows=source.open_windows(),
                token=source.token,
            )
            if self._finished:
                ledger = self._closed(ledger, source)
        if self._failure is not None:
            error = LastError(at=_now(), text=str(self._failure))
            ledger = msgspec.structs.replace(ledger, error=error)
        self._last = ledger
        return ledger

    def report(self) -> EntityReport:
        source = self._source
        done = source is not None and self._finished and source.watermark is not None
        return EntityReport(
            records=self._records,
            requests=self._requests,
            retries=self._retries,
            odd=len(self._odd),
            recovered=self._recovered,
            quarantined=len(self._quarantine),
            missing=self._missing,
            strategy=source.strategy if source else "",
            guarantee=source.guarantee if source and self._failure is None else "none",
            since=self._began,
            until=to_text(source.watermark) if done and source and source.watermark is not None else None,
            error=self._error,
            failure=self._failure,
        )

    @property
    def _error(self) -> str | None:
        return None if self._failure is None else str(self._failure)

    def _blank(self) -> Ledger:
        """Of an entity that never was synced."""
        return Ledger(
            tenant=self._caller.tenant,
            entity=self.entity.name,
            contract=self._caller.contract,
            strategy=self._way.strategy,
            guarantee="none",
        )

    def _closed(self, ledger: Ledger, source: Source) -> Ledger:
        """The ledger of a run that came to its end."""
        assert source.watermark is not None
        before, now = self._before, self._counts()
        watermark = to_text(source.watermark)
        run = FinishedRun(
            since=self._since,
            until=watermark,
            ended=_now(),
            strategy=source.strategy,
            guarantee=source.guarantee,
            records=now.records - before.records,
            requests=now.requests - before.requests,
            retries=now.retries - before.retries,
            throttled=now.throttled - before.throttled,
            seconds=round(now.at - before.at, 3),
        )
        return msgspec.structs.replace(
            ledger,
            watermark=watermark,
            origin=self._since if ledger.watermark is None else _earlier(ledger.origin, self._since),
            since=None,
            until=None,
            windows=(),
            token=None,
            runs=ledger.runs + 1,
            history=(*ledger.history, run)[-HISTORY:],
            error=None,
        )

    def _interrupted(self) -> OpenRun | None:
        last = self._last
        if last is None or last.until is None:
            return None
        # Page numbers mean nothing to a later run, and a feed's token nothing to a list. Without windows any
        # other was read to its end, and only the ledger that says so is missing.
        ways = {last.strategy, self._way.strategy}
        if PageSource.strategy in ways or (FeedSource.strategy in ways and len(ways) > 1):
            return None
        # `since` asked for earlier than that run began, and than the mirror has, reads it all again anyway.
        asked = self._options.since
        if (
            asked is not None
            and last.since is not None
            and asked < to_ticks(last.since)
            and not self._has(asked)
        ):
            return None
        return OpenRun(to_ticks(last.until), last.windows, last.token)

    def _start(self) -> str | None:
        """Where a new run begins: never later than the last one ended, or what lies between is lost.

        One that was cut short and cannot be taken up is begun again from its own beginning.
        """
        asked, last = self._options.since, self._last
        if last is None or (last.watermark is None and last.until is None):
            return None if asked is None else to_text(asked)
        if last.until is not None:
            reached = None if last.since is None else to_ticks(last.since)
        else:
            assert last.watermark is not None
            reached = to_ticks(last.watermark) - self._options.overlap
        if reached is None:
            return None
        start = min([reached, *self._again.values()])
        if asked is not None and not self._has(asked):
            start = min(start, asked)
        return None if start <= EARLIEST else to_text(start)

    def _has(self, asked: int) -> bool:
        """Whether the mirror has what changed on or after this instant, up to its watermark."""
        last = self._last
        return (
            last is not None
            and last.watermark is not None
            and (last.origin is None or to_ticks(last.origin) <= asked)
        )

    async def _run(self, since: str | None, interrupted: OpenRun | None) -> None:
        self._finished = False
        self._before = self._counts()
        self._since = since
        self._began = since if self._source is None else self._began
        self._source = self._source_from(EARLIEST if since is None else to_ticks(since), interrupted)
        await self._source.run()
        # The end of the run is news for the ledger as much as a page is.
        await self._note(self._again.keys() - self._odd, finished=True)

    def _source_from(self, since: int, interrupted: OpenRun | None) -> Source:
        strategy, operation, feed, _ = self._way
        if feed is not None:
            recent = self._options.recent
            return FeedSource(feed, self._flow, since=since, open_run=interrupted, recent=recent)
        if strategy == "pages":
            return PageSource(operation, self._flow, since=since)
        windows = interrupted.windows if interrupted else (OpenWindow(since, since),)
        until = interrupted.until if interrupted else None
        return planned_source(strategy, operation, self._flow, windows, until)

    async def _refresh(self) -> None:
        """Fetch known records anew."""
        ids: Iterable[int] | None = self._way.ids
        if ids is None:
            if not isinstance(self._destination, Mirror):
                raise ConfigError(
                    {"ids": f"{self._destination.location} cannot tell which it holds; name them"}
                )
            ids = (await self._destination.versions(self._caller.tenant, self.entity.name)).ids
        source = IdSource(self._way.operation, self._flow, ids)
        self._source = source
        await source.run()
        self._missing = tuple(sorted(source.missing))
        await self._note(())

    async def _retry(self) -> None:
        """Fetch again what was too odd to land: by id where the list takes ids, else where it is listed.

        A list that can be asked for neither is read again from where its run began.
        """
        known = await self._destination.quarantine(self._caller.tenant, self.entity.name)
        self._quarantine = {odd.key: odd for odd in known}
        operation, strategy = self._way.operation, strategy_for(self._way.operation)
        by_id: dict[int, OddRecord] = {}
        by_window: list[OddRecord] = []
        for odd in known:
            if odd.id is not None and "ids" in operation.filters:
                by_id[odd.id] = odd
            elif odd.since is not None and strategy != "pages":
                by_window.append(odd)
            elif odd.since is not None:
                self._again[odd.key] = odd.since
        unsure: set[int] = set()
        try:
            if by_id:
                source = IdSource(operation, self._flow, by_id)
                await source.run()
                unsure = source.unsure
            if windows := windows_of(by_window):
                until = max(window.before for window in windows)
                await planned_source(strategy, operation, self._flow, windows, until).run()
        except AuthError:
            raise
        except ServiceTitanError as error:
            # A record that the service chokes on must not keep all others from landing.
            logger.warning("odd records of %s could not be fetched again: %s", self.entity.name, error)
            return
        # What was asked for again and did not come as an odd one is gone or has landed.
        asked = [*(odd for number, odd in by_id.items() if number not in unsure), *by_window]
        settled = {odd.key for odd in asked} - self._odd
        if settled:
            await self._note(settled)

    async def _note(self, cleared: Collection[str], *, finished: bool = False) -> None:
        """Commit the ledger as it is now, and wait for it."""
        async with self._outbox.room():
            # Not before there is room: the ledger of a commit in between would close the run already.
            self._finished = finished
            for key in cleared:
                self._recovered += self._quarantine.pop(key, None) is not None
            self._outbox.add(self.entity.name, self, (), cleared=cleared)
        await self._outbox.emptied(self.entity.name)

    def _land(self, records: Sequence[Record], page: RawPage) -> None:
        self._records += len(records)
        self._requests += page.attempts
        self._retries += page.attempts - 1
        self._throttled += page.throttled
        landed: list[str] = []
        if self._quarantine:
            landed = [key for record in records if (key := key_of(record.id)) in self._quarantine]
        for key in landed:
            del self._quarantine[key]
        self._recovered += len(landed)
        now = datetime.now(UTC)
        odd = {each.key: set_aside(each, now, self._quarantine.get(each.key)) for each in page.odd}
        self._quarantine |= odd
        self._odd.update(odd)
        self._outbox.add(self.entity.name, self, records, odd=tuple(odd.values()), cleared=landed)
        self._tell(done=False)

    def _counts(self) -> Counts:
        return Counts(self._records, self._requests, self._retries, self._throttled, anyio.current_time())

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


@cache
def _version() -> str:
    return version("servicetitan-crm-async")


def _now() -> str:
    return to_text(ticks_of(datetime.now(UTC)))


def _earlier(one: str | None, other: str | None) -> str | None:
    """The earlier of two instants; None is before all."""
    if one is None or other is None:
        return None
    return min(one, other, key=to_ticks)
