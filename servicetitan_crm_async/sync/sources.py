"""How the changes of one entity are read: by seeking through windows, or page by page.

A source reads and hands over; it knows neither the destination nor the ledger's home. Handing over is
the synchronous `land`, called in the same breath as the books are changed, so that at any await the
ledger says exactly what was handed over.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import anyio

from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import to_text
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import FeedStalled
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.reading import PageReader, RawPage
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key, Reading, WindowPlan

Land = Callable[[Sequence[Record], RawPage], None]
"""Takes the records of a page that are to land; `room` was awaited before."""


class Source(Protocol):
    """One run over one entity."""

    strategy: str
    guarantee: str

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
        room: Callable[[], Awaitable[None]],
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
    if operation.closed and operation.sortable and operation.counted:
        return WindowSource(operation, flow, since=since, open_run=open_run)
    return PageSource(operation, flow, since=since)


class OpenRun:
    """A run that was cut short: where it was to end, and what is left of it."""

    def __init__(self, until: int, windows: tuple[OpenWindow, ...]) -> None:
        self.until, self.windows = until, windows


class WindowSource:
    """Seeks through closed windows, several at once: see `windows.py` for why nothing is lost."""

    strategy = "windows"
    guarantee = "exact"

    def __init__(self, operation: Operation, flow: Flow, *, since: int, open_run: OpenRun | None) -> None:
        self._operation, self._flow = operation, flow
        self._plan = WindowPlan(
            open_run.windows if open_run else [OpenWindow(since, since)],
            until=open_run.until if open_run else None,
            page_size=flow.page_size,
            workers=flow.workers,
        )
        self._changed = anyio.Event()

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

    async def _step(self, reading: Reading) -> None:
        page = await self._flow.page(self._filters(self._plan.ask(reading)))
        await self._flow.room()
        # From here to the end nothing awaits: the books and what is handed over change together.
        if self._plan.until is None:
            self._plan.close(page.served_at - self._flow.settle)
        keys = [Key(record.id, record.ticks) for record in page.records]
        places = self._plan.received(reading, keys, has_more=page.has_more, total=page.total)
        self._flow.land([page.records[place] for place in places], page)
        self._changed.set()
        self._changed = anyio.Event()

    def _filters(self, ask: Ask) -> dict[str, FilterValue]:
        filters: dict[str, FilterValue] = {
            "modified_on_or_after": None if ask.since == EARLIEST else to_text(ask.since),
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
    """Reads by page number, one page at a time, the list left open above.

    For lists that cannot be closed or sorted. Open above, a record that changes stays in the list, so
    edits do not make the others slip; a record that is deleted while the list is read does.
    """

    strategy = "pages"

    def __init__(self, operation: Operation, flow: Flow, *, since: int) -> None:
        self._operation, self._flow, self._since = operation, flow, since
        self._until: int | None = None
        # A list that comes in one answer is of one moment.
        self.guarantee = "best-effort" if operation.paged else "exact"

    @property
    def until(self) -> int | None:
        return self._until

    def open_windows(self) -> tuple[OpenWindow, ...]:
        # Page numbers mean nothing to a later run: cut short, it is begun again.
        return ()

    async def run(self) -> None:
        number, previous = 1, None
        while True:
            page = await self._flow.page(self._filters(number))
            await self._flow.room()
            if self._until is None:
                self._until = max(self._since, page.served_at - self._flow.settle)
            ids = [record.id for record in page.records]
            if ids and ids == previous:
                raise FeedStalled(
                    f"{self._operation.name}: page {number} repeats page {number - 1}; "
                    "the service seems to ignore the page number"
                )
            # What is newer than the run's end is the next run's, which asks for it again anyhow.
            self._flow.land([record for record in page.records if record.ticks < self._until], page)
            if not page.has_more:
                return
            number, previous = number + 1, ids

    def _filters(self, number: int) -> dict[str, FilterValue]:
        known = self._operation.filters
        filters: dict[str, FilterValue] = {}
        if self._operation.paged:
            filters |= {"page": number, "page_size": self._flow.page_size}
        if "modifiedOnOrAfter" in known:
            # Lists of all contacts refuse to answer without a bound.
            needed = self._operation.name.endswith(".list_all")
            if self._since != EARLIEST:
                filters["modified_on_or_after"] = to_text(self._since)
            elif needed:
                filters["modified_on_or_after"] = _BEGINNING
        if "active" in known:
            filters["active"] = "Any"
        return filters


_BEGINNING = "1900-01-01T00:00:00Z"
