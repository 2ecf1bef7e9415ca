"""A list that can be neither closed nor sorted, read by page number and checked afterwards."""

from __future__ import annotations

from functools import partial

from servicetitan_crm_async._core.caller import in_any_state
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import whole_second
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import FeedStalled
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.odd import between_neighbours
from servicetitan_crm_async.sync.reading import RawPage
from servicetitan_crm_async.sync.sources.flow import Flow, lower_bound


class PageSource:
    """Reads by page number, several pages at once, and then checks that the positions stood still.

    For lists that cannot be closed. Left open above, a record that changes stays in the list; but one
    that is deleted, or that changes its place, makes others slip past the reader. So after each pass the
    service is asked what changed since it began: nothing, and the pass was as good as of one moment.
    Something, and it is read again, at last one page at a time, which loses the least. What is deleted
    outright leaves no trace in a list; leads, bookings and locations are not.
    """

    strategy = "pages"
    token: str | None = None

    def __init__(self, operation: Operation, flow: Flow, *, since: int) -> None:
        self._operation, self._flow, self._since = operation, flow, since
        self._pages = flow.pages(operation)
        self._until: int | None = None
        self.guarantee = "best-effort"

    @property
    def until(self) -> int | None:
        return self._until

    @property
    def watermark(self) -> int | None:
        return self._until

    def open_windows(self) -> tuple[OpenWindow, ...]:
        # Page numbers mean nothing to a later run: cut short, it is begun again.
        return ()

    async def run(self) -> None:
        for workers in (self._flow.workers, self._flow.workers, 1):
            numbers = _PageNumbers()
            began_at, shown = await self._read(numbers)
            if numbers.end is not None:
                self.guarantee = "exact"  # all of it came in one answer, which is of one moment
                return
            # Where only an empty page says that there is no more, a short one still says there is little.
            full = shown >= self._flow.page_size
            await all_or_first_failure([partial(self._work, numbers)] * (workers if full else 1))
            if await self._nothing_changed_since(began_at):
                self.guarantee = "verified"
                return

    async def _work(self, numbers: _PageNumbers) -> None:
        while numbers.end is None:
            await self._read(numbers)

    async def _read(self, numbers: _PageNumbers) -> tuple[int, int]:
        """Read and hand over the next page that nobody has taken; when it was served, how many it showed."""
        number = numbers.take()
        async with self._pages(self._filters(self._since, number, self._flow.page_size)) as page:
            if self._until is None:
                self._until = max(self._since, self._flow.end_after(page))
            numbers.book(number, page, self._operation.name)
            # What is odd may be anywhere in the run, as the pages are in no order of change.
            odd = between_neighbours(page.odd, (), self._since, self._until, in_order=False)
            # What is newer than the run's end is the next run's, which asks for it again anyhow.
            records = [record for record in page.records if record.ticks < self._until]
            self._flow.land(records, page._replace(odd=odd))
            return page.served_at, len(page.records) + len(page.odd)

    async def _nothing_changed_since(self, began_at: int) -> bool:
        # As long before the pass as a change may take to be seen, it may have come to be seen during it.
        async with self._pages(self._filters(began_at - self._flow.settle, 1, 1)) as page:
            self._flow.land((), page)
        return not page.records and not page.odd

    def _filters(self, since: int, number: int, page_size: int) -> dict[str, FilterValue]:
        known = self._operation.filters
        filters: dict[str, FilterValue] = {}
        if self._operation.paged:
            filters |= {"page": number, "page_size": page_size}
        if "modifiedOnOrAfter" in known:
            filters["modified_on_or_after"] = lower_bound(self._operation, whole_second(since))
        return filters | in_any_state(self._operation)


class _PageNumbers:
    """The books of one pass: which page is next, and where the list ends."""

    def __init__(self) -> None:
        self.end: int | None = None
        """The last page, once it is known."""
        self._next = 1
        self._shown: dict[int, int] = {}
        """Of pages read lately, a hash of their ids."""
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
        shown = hash(tuple(record.id for record in page.records))
        for neighbour in (number - 1, number + 1):
            self._repeats += bool(page.records) and self._shown.get(neighbour) == shown
        if self._repeats > _PATIENCE:
            raise FeedStalled(
                f"{name}: {self._repeats} pages repeat their neighbours; "
                "the service seems to ignore the page number"
            )
        self._shown = {near: known for near, known in self._shown.items() if near >= number - _NEAR}
        self._shown[number] = shown
        if not page.has_more:
            self.end = number if self.end is None else min(self.end, number)


_PATIENCE = 20
_NEAR = 100
"""How many pages back a page is remembered; workers are never that far apart."""
