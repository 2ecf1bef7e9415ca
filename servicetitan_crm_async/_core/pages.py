"""Lists as pages: one after another, all at once, or a bounded stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, Generic, NamedTuple, Self, TypeAlias, TypeVar

import anyio

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import Page
from servicetitan_crm_async.models.raw_record import PageBody, RawRecord

T = TypeVar("T")

P = TypeVar("P", bound=Page[Any] | PageBody)

Fetch: TypeAlias = Callable[[int, bool, bool], Awaitable[P]]
"""The page of a number; with the total, if the second argument asks for it; as large as can be, if the
third says that the whole list is wanted."""


class Fetches(NamedTuple, Generic[T]):
    """The ways to get a page of one list."""

    typed: Fetch[Page[T]]
    raw: Fetch[Page[RawRecord]]
    bodies: Fetch[PageBody]


class Pages(Generic[T]):
    """A list of the service, asked for page by page; nothing is sent before it is iterated.

    Iterating again asks again. Page numbers slip while records change on the server: a record that
    leaves the list moves everything behind it one place forward, past the reader. For a copy that
    misses nothing use the sync.

    Unless `page_size` was given, a page has 500 records where the list is iterated, and as many as the
    contract allows where all of it is wanted: by `collect` and `stream`.
    """

    __slots__ = ("_counted", "_fetches", "_paged")

    def __init__(self, fetches: Fetches[T], *, paged: bool, counted: bool) -> None:
        """A list that is read by `fetches`.

        Args:
            paged: whether the operation takes a page number at all.
            counted: whether it can tell how many records there are.
        """
        self._fetches, self._paged, self._counted = fetches, paged, counted

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        """Every record, one page after another, the next page asked for when the last is used up."""
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page:
                    yield item

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """The pages, one after another; an empty list gives one empty page."""
        number = 1
        while True:
            page = await self._fetches.typed(number, False, False)
            yield page
            if not page.has_more:
                return
            number += 1

    async def collect(self, *, concurrency: int = 1) -> list[T]:
        """All records in the list's order, pages fetched up to `concurrency` at a time."""
        items: list[T] = []
        async with self.stream(concurrency=concurrency) as pages:
            async for page in pages:
                items.extend(page)
        return items

    def raw(self) -> Pages[RawRecord]:
        """The same list, each record as the JSON that was sent."""
        fetches = self._fetches
        as_sent = Fetches(fetches.raw, fetches.raw, fetches.bodies)
        return Pages(as_sent, paged=self._paged, counted=self._counted)

    def stream(self, *, concurrency: int = 4) -> AbstractAsyncContextManager[AsyncIterator[Page[T]]]:
        """The pages in order, up to `concurrency` of them fetched ahead of the reader.

        No more than that are held beside the reader's own, however long the list and however slow the
        reader.
        Leaving the block early, by an error or by cancellation, stops what is under way. The first
        call that fails ends the stream with its error. Outside the block there are no pages to be had.
        """
        return self._read_ahead(self._fetches.typed, concurrency)

    def bodies(self, *, concurrency: int = 4) -> AbstractAsyncContextManager[AsyncIterator[PageBody]]:
        """The pages as `stream` gives them, each as the JSON that was sent, its records unread.

        The cheapest way to carry a list on, to a file or an engine that reads JSON by itself. What is
        damaged inside a record is not noticed here.
        """
        return self._read_ahead(self._fetches.bodies, concurrency)

    @asynccontextmanager
    async def _read_ahead(self, fetch: Fetch[P], concurrency: int) -> AsyncIterator[AsyncIterator[P]]:
        if concurrency < 1:
            raise ConfigError({"concurrency": "must be at least 1"})
        ahead = _ReadAhead(fetch, concurrency, paged=self._paged, counted=self._counted)
        failure: list[BaseException] = []

        async def work() -> None:
            try:
                await ahead.fetch_pages()
            except Exception as error:
                ahead.fail(error)

        async with anyio.create_task_group() as tasks:
            # The task group lives around the iteration, not inside the generator that is iterated: a
            # generator abandoned between two pages would take the group's cancellation with it.
            for _ in range(concurrency if self._paged else 1):
                tasks.start_soon(work)
            try:
                yield ahead
            except anyio.get_cancelled_exc_class():
                raise
            except BaseException as error:
                failure.append(error)
            ahead.fail(ConfigError("the stream is over: its pages come inside `async with` alone"))
            tasks.cancel_scope.cancel()
        if failure:
            # Out here, so that the caller's error is not wrapped in the group's.
            raise failure[0]


class _ReadAhead(Generic[P]):
    """The books of one stream: which page is next to fetch, which to hand out, and where the list ends.

    The reader's iterator too, as an object and not a generator: one that is left half-way needs no end.
    """

    def __init__(
        self,
        fetch: Fetch[P],
        limit: int,
        *,
        paged: bool,
        counted: bool,
    ) -> None:
        self._fetch, self._limit = fetch, limit
        self._next, self._wanted = 1, 1
        self._last: int | None = None if paged else 1
        # The first page alone tells how many there are, where the service counts; pages fetched beside
        # it could lie past the end.
        self._count_comes_first = paged and counted and limit > 1
        self._ready: dict[int, P] = {}
        self._error: Exception | None = None
        self._changed = anyio.Event()

    def fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._tell()

    async def fetch_pages(self) -> None:
        """One worker: fetch the lowest page that nobody has taken, until the end of the list is known."""
        while self._error is None:
            number = self._next
            if self._last is not None and number > self._last:
                return
            if number >= self._wanted + self._limit or (number > 1 and self._count_comes_first):
                await self._changed.wait()
                continue
            self._next += 1
            page = await self._fetch(number, number == 1 and self._count_comes_first, True)
            self._learn_the_end(number, page)
            self._ready[number] = page
            self._tell()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> P:
        while self._wanted not in self._ready:
            if self._last is not None and self._wanted > self._last:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            await self._changed.wait()
        page = self._ready.pop(self._wanted)
        self._wanted += 1
        self._tell()
        return page

    def _learn_the_end(self, number: int, page: P) -> None:
        if number == 1:
            self._count_comes_first = False
        if not page.has_more:
            self._last = number if self._last is None else min(self._last, number)
        elif number == 1 and page.total_count is not None and page.page_size:
            self._last = max(2, -(-page.total_count // page.page_size))
        elif number == self._last:
            # The list grew since it was counted.
            self._last = number + 1

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
