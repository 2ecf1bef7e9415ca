"""A closed window read by several workers, as a plan says: by seeking, or in slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import anyio

from servicetitan_crm_async._core.caller import in_any_state
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import to_text
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.odd import between_neighbours
from servicetitan_crm_async.sync.reading import RawPage
from servicetitan_crm_async.sync.sources.flow import Flow, lower_bound
from servicetitan_crm_async.sync.windows import Ask, Key

R = TypeVar("R")


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
        self._pages = flow.pages(operation)
        self.strategy = strategy
        self.token: str | None = None
        self._changed = anyio.Event()

    @property
    def guarantee(self) -> str:
        return "exact" if self._plan.exact else "best-effort"

    @property
    def until(self) -> int | None:
        return self._plan.until

    @property
    def watermark(self) -> int | None:
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
        ask = self._plan.ask(reading)
        async with self._pages(self._filters(ask)) as page:
            # In here nothing awaits: the books and what is handed over change together.
            if self._plan.until is None:
                self._plan.close(self._flow.end_after(page))
            keys = [Key(record.id, record.ticks) for record in page.records]
            places = self._plan.received(reading, keys, has_more=page.has_more, total=page.total)
            self._flow.land([page.records[place] for place in places], self._placed(page, ask))
        self._changed.set()
        self._changed = anyio.Event()

    def _placed(self, page: RawPage, ask: Ask) -> RawPage:
        """The page, its odd records each with the instants between which they are listed."""
        if not page.odd:
            return page
        before = self._plan.until if ask.before is None else ask.before
        assert before is not None, "the plan is closed before its first answer is handed over"
        in_order = ask.sort == "+ModifiedOn"
        return page._replace(
            odd=between_neighbours(page.odd, page.records, ask.since, before, in_order=in_order)
        )

    def _filters(self, ask: Ask) -> dict[str, FilterValue]:
        filters: dict[str, FilterValue] = {
            "modified_on_or_after": lower_bound(self._operation, ask.since),
            "modified_before": None if ask.before is None else to_text(ask.before),
            "sort": ask.sort,
            "page": ask.page,
            "page_size": self._flow.page_size,
            "include_total": ask.with_total or None,
        }
        return filters | in_any_state(self._operation)
