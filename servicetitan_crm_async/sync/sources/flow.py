"""What every source is given and what it must be.

A source reads and hands over; it knows neither the destination nor the ledger's home. Handing over is
the synchronous `land`, called in the same breath as the books are changed, so that at any await the
ledger says exactly what was handed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple, Protocol

import anyio

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import to_text, whole_second
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.reading import PageReader, RawPage
from servicetitan_crm_async.sync.windows import EARLIEST

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
        """The end of the run in ticks, once the first answer has told the service's clock.

        None of a source that moves no watermark.
        """
        ...

    @property
    def watermark(self) -> int | None:
        """Where the next run begins, in ticks, once this one has come to its end."""
        ...

    @property
    def token(self) -> str | None:
        """Where a feed goes on."""
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
        caller: Caller,
        *,
        turns: Turns,
        entity: str,
        room: Callable[[], AbstractAsyncContextManager[bool]],
        land: Land,
        settle: int,
        until: int | None,
        page_size: int,
        workers: int,
    ) -> None:
        self._caller, self._turns, self._entity = caller, turns, entity
        self._room, self.land = room, land
        self._door = anyio.Lock(fast_acquire=True)
        """Whoever waits for room holds it; in order of arrival."""
        self._until = until
        self.settle, self.page_size, self.workers = settle, page_size, workers

    def reader(self, operation: Operation) -> Callable[[dict[str, FilterValue]], Awaitable[RawPage]]:
        """What reads pages that only tell something, each when it is this entity's turn."""
        pages = PageReader(self._caller, operation)

        async def read(filters: dict[str, FilterValue]) -> RawPage:
            async with self._turns.turn(self._entity):
                return await pages.read(filters)

        return read

    def pages(
        self, operation: Operation
    ) -> Callable[[dict[str, FilterValue]], AbstractAsyncContextManager[RawPage]]:
        """What reads pages that are to land: inside the block there is room for one, and nothing may await.

        The turn is kept until then. Otherwise each entity would go on reading beside a slow destination, and
        hold a page a worker that has nowhere to go. And while a page waits for room, no other is asked for:
        it would only wait behind it. Those that were asked for before do wait: for each of them one less is
        under way from then on, and one more for each that comes when the destination has nothing to do.
        """
        pages = PageReader(self._caller, operation)

        @asynccontextmanager
        async def read(filters: dict[str, FilterValue]) -> AsyncIterator[RawPage]:
            async with self._turns.turn(self._entity):
                async with self._door:
                    pass
                fetched = await pages.fetch(filters)
                if self._door.locked():
                    self._turns.narrow()
                async with self._door, self._room() as idle:
                    if idle:
                        self._turns.widen()
                    yield await pages.read(filters, fetched)

        return read

    def end_after(self, first: RawPage) -> int:
        """Where a run ends whose first answer this is: what had settled by then, or what was asked for."""
        settled = whole_second(first.served_at - self.settle)
        return settled if self._until is None else min(settled, self._until)


class OpenRun(NamedTuple):
    """A run that was cut short: where it was to end, and what is left of it."""

    until: int
    windows: tuple[OpenWindow, ...]
    token: str | None


def lower_bound(operation: Operation, since: int) -> str | None:
    """The text of `modifiedOnOrAfter`; None leaves it out."""
    if since != EARLIEST:
        return to_text(since)
    # Lists of all contacts refuse to answer without a bound.
    return "1900-01-01T00:00:00Z" if operation.name.endswith(".list_all") else None
