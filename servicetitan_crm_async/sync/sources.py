"""How the changes of one entity are read: by seeking through windows, in slices, or page by page.

A source reads and hands over; it knows neither the destination nor the ledger's home. Handing over is
the synchronous `land`, called in the same breath as the books are changed, so that at any await the
ledger says exactly what was handed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Generic, Protocol, TypeVar

import anyio

from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import to_text
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import FeedStalled
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.reading import PageReader, RawPage
from servicetitan_crm_async.sync.slices import SlicePlan
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key, WindowPlan

logger = logging.getLogger("servicetitan_crm_async")

R = TypeVar("R")

Land = Callable[[Sequence[Record], RawPage], None]
"""Takes the records of a page that are to land; `room` was awaited before."""


class Source(Protocol):
    """One run over one entity."""

    @property
    def strategy(self) -> str: ...
    @property
    def guarantee(self) -> str: ...

    @property
    def until(self) -> int | None:
        """The end of the run in ticks, once the first answer has told the service's clock."""
        ...

    def open_windows(self) -> tuple[OpenWindow, ...]:
        """What is not handed over yet."""
        ...

    async def run(self) -> None:
        """Read to the end; cancelled or failed, what was handed over stays true."""
        ...


class Flow:
    """What a source is given: how to read a page, where to put it, and how much of both at once."""

    def __init__(
        self,
        reader: PageReader,
        *,
        slots: AbstractAsyncContextManager[object],
        room: Callable[[], AbstractAsyncContextManager[None]],
        land: Land,
        settle: int,
        page_size: int,
        workers: int,
    ) -> None:
        self._reader, self._slots, self.room, self.land = reader, slots, room, land
        self.settle, self.page_size, self.workers = settle, page_size, workers

    async def page(self, filters: dict[str, FilterValue]) -> RawPage:
        async with self._slots:
            return await self._reader.read(filters)


def source_for(operation: Operation, flow: Flow, *, since: int, open_run: OpenRun | None) -> Source:
    """The best way to read an entity under what its row in the route table allows."""
    windows = open_run.windows if open_run else (OpenWindow(since, since),)
    until = open_run.until if open_run else None
    if operation.closed and operation.counted and operation.sortable:
        seeking = WindowPlan(windows, until=until, page_size=flow.page_size, workers=flow.workers)
        return PlannedSource(operation, flow, seeking, "windows")
    if operation.closed and operation.counted:
        slicing = SlicePlan(windows, until=until, page_size=flow.page_size, workers=flow.workers)
        return PlannedSource(operation, flow, slicing, "slices")
    return PageSource(operation, flow, since=since)


class OpenRun:
    """A run that was cut short: where it was to end, and what is left of it."""

    def __init__(self, until: int, windows: tuple[OpenWindow, ...]) -> None:
        self.until, self.windows = until, windows


class Plan(Protocol[R]):
    """The books of a run that several workers read: `WindowPlan` or `SlicePlan`."""

    @property
    def until(self) -> int | None: ...
    @property
    def finished(self) -> bool: ...
    @property
    def exact(self) -> bool: ...
    def open_windows(self) -> tuple[OpenWindow, ...]: ...
    def close(self, until: int) -> None: ...
    def share_out(self) -> None: ...
    def take(self) -> R | None: ...
    def release(self, reading: R, /) -> None: ...
    def is_open(self, reading: R, /) -> bool: ...
    def ask(self, reading: R, /) -> Ask: ...
    def received(
        self, reading: R, keys: Sequence[Key], /, *, has_more: bool, total: int | None
    ) -> list[int]: ...


class PlannedSource(Generic[R]):
    """Reads a closed window with several workers as its plan says: see the plans for why nothing is lost."""

    def __init__(self, operation: Operation, flow: Flow, plan: Plan[R], strategy: str) -> None:
        self._operation, self._flow, self._plan = operation, flow, plan
        self.strategy = strategy
        self._changed = anyio.Event()

    @property
    def guarantee(self) -> str:
        return "exact" if self._plan.exact else "best-effort"

    @property
    def until(self) -> int | None:
        return self._plan.until

    def open_windows(self) -> tuple[OpenWindow, ...]:
        return self._plan.open_windows()

    async def run(self) -> None:
        # The first answer alone tells the service's clock and how much there is; the others wait for it.
        first = self._plan.take()
        if first is None:
            return
        await self._step(first)
        self._plan.share_out()
        self._plan.release(first)
        await all_or_first_failure([self._work] * self._flow.workers)

    async def _work(self) -> None:
        while not self._plan.finished:
            reading = self._plan.take()
            if reading is None:
                await self._changed.wait()
                continue
            while self._plan.is_open(reading):
                await self._step(reading)

    async def _step(self, reading: R) -> None:
        page = _of_an_instant(await self._flow.page(self._filters(self._plan.ask(reading))))
        async with self._flow.room():
            # In here nothing awaits: the books and what is handed over change together.
            if self._plan.until is None:
                self._plan.close(page.served_at - self._flow.settle)
            keys = [Key(record.id, record.ticks) for record in page.records]
            places = self._plan.received(reading, keys, has_more=page.has_more, total=page.total)
            self._flow.land([page.records[place] for place in places], page)
        self._changed.set()
        self._changed = anyio.Event()

    def _filters(self, ask: Ask) -> dict[str, FilterValue]:
        filters: dict[str, FilterValue] = {
            "modified_on_or_after": _lower_bound(self._operation, ask.since),
            "modified_before": None if ask.before is None else to_text(ask.before),
            "sort": ask.sort,
            "page": ask.page,
            "page_size": self._flow.page_size,
            "include_total": ask.with_total or None,
        }
        if "active" in self._operation.filters:
            # Without it the merged and the deactivated would never arrive.
            filters["active"] = "Any"
        return filters


class PageSource:
    """Reads by page number, several pages at once, and then checks that the positions stood still.

    For lists that cannot be closed. Left open above, a record that changes stays in the list; but one
    that is deleted, or that changes its place, makes others slip past the reader. So after each pass the
    service is asked what changed since it began: nothing, and the pass was as good as of one moment.
    Something, and it is read again, at last one page at a time, which loses the least. What is deleted
    outright leaves no trace in a list; leads, bookings and locations are not.
    """

    strategy = "pages"

    def __init__(self, operation: Operation, flow: Flow, *, since: int) -> None:
        self._operation, self._flow, self._since = operation, flow, since
        self._until: int | None = None
        self.guarantee = "best-effort"

    @property
    def until(self) -> int | None:
        return self._until

    def open_windows(self) -> tuple[OpenWindow, ...]:
        # Page numbers mean nothing to a later run: cut short, it is begun again.
        return ()

    async def run(self) -> None:
        for workers in (self._flow.workers, self._flow.workers, 1):
            numbers = _PageNumbers()
            first = await self._read(numbers)
            if numbers.end is not None:
                self.guarantee = "exact"  # all of it came in one answer, which is of one moment
                return
            # Where only an empty page says that there is no more, a short one still says there is little.
            full = len(first.records) + first.odd >= self._flow.page_size
            await all_or_first_failure([partial(self._work, numbers)] * (workers if full else 1))
            if await self._nothing_changed_since(first.served_at):
                self.guarantee = "verified"
                return

    async def _work(self, numbers: _PageNumbers) -> None:
        while numbers.end is None:
            await self._read(numbers)

    async def _read(self, numbers: _PageNumbers) -> RawPage:
        """Read and hand over the next page that nobody has taken."""
        number = numbers.take()
        page = await self._flow.page(self._filters(self._since, number, self._flow.page_size))
        async with self._flow.room():
            if self._until is None:
                self._until = max(self._since, page.served_at - self._flow.settle)
            numbers.book(number, page, self._operation.name)
            # What is newer than the run's end is the next run's, which asks for it again anyhow.
            self._flow.land([record for record in page.records if record.ticks < self._until], page)
        return page

    async def _nothing_changed_since(self, began_at: int) -> bool:
        # As long before the pass as a change may take to be seen, it may have come to be seen during it.
        page = await self._flow.page(self._filters(began_at - self._flow.settle, 1, 1))
        async with self._flow.room():
            self._flow.land((), page)
        return not page.records and not page.odd

    def _filters(self, since: int, number: int, page_size: int) -> dict[str, FilterValue]:
        known = self._operation.filters
        filters: dict[str, FilterValue] = {}
        if self._operation.paged:
            filters |= {"page": number, "page_size": page_size}
        if "modifiedOnOrAfter" in known:
            filters["modified_on_or_after"] = _lower_bound(self._operation, since)
        if "active" in known:
            filters["active"] = "Any"
        return filters


class _PageNumbers:
    """The books of one pass: which page is next, and where the list ends."""

    def __init__(self) -> None:
        self.end: int | None = None
        """The last page, once it is known."""
        self._next = 1
        self._ids: dict[int, tuple[int, ...]] = {}
        self._repeats = 0

    def take(self) -> int:
        self._next += 1
        return self._next - 1

    def book(self, number: int, page: RawPage, name: str) -> None:
        """Note what a page held.

        Raises:
            FeedStalled: page after page holds what its neighbour held, so the list would never end. Once
                may be chance: a page's worth of records came in below the reader.
        """
        ids = tuple(record.id for record in page.records)
        for neighbour in (number - 1, number + 1):
            self._repeats += bool(ids) and self._ids.get(neighbour) == ids
        if self._repeats > _PATIENCE:
            raise FeedStalled(
                f"{name}: {self._repeats} pages repeat their neighbours; "
                "the service seems to ignore the page number"
            )
        self._ids = {near: held for near, held in self._ids.items() if near >= number - _NEAR} | {number: ids}
        if not page.has_more:
            self.end = number if self.end is None else min(self.end, number)


_PATIENCE = 20
_NEAR = 100
"""How many pages back the ids of a page are kept; workers are never that far apart."""


def _of_an_instant(page: RawPage) -> RawPage:
    """The page without records that say no instant: they have no place in any window."""
    records = tuple(record for record in page.records if record.modified_on is not None)
    odd = len(page.records) - len(records)
    if odd:
        logger.warning("%d records of a page say not when they were modified and are left out", odd)
    return page._replace(records=records, odd=page.odd + odd)


def _lower_bound(operation: Operation, since: int) -> str | None:
    if since != EARLIEST:
        return to_text(since)
    # Lists of all contacts refuse to answer without a bound.
    return "1900-01-01T00:00:00Z" if operation.name.endswith(".list_all") else None
