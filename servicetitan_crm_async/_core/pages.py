"""Lists as pages: one after another, all at once, or a bounded stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Generic, NamedTuple, Self, TypeAlias, TypeVar

import anyio

from servicetitan_crm_async.errors import ConfigError, DecodeError
from servicetitan_crm_async.models import Page
from servicetitan_crm_async.models.raw_record import PageBody, RawRecord

T = TypeVar("T")

P = TypeVar("P", bound=Page[Any] | PageBody)

Fetch: TypeAlias = Callable[[int, bool, bool], Awaitable[P]]
"""The page of a number; with the total, if the second argument asks for it; as large as can be, if the
third says that the whole list is wanted."""


class Fetches(NamedTuple, Generic[T]):
    """The ways to get a page of one list."""

    page: Fetch[Page[T]]
    body: Fetch[PageBody]
    read: Callable[[PageBody], Page[T]]
    """The page in a body; raises DecodeError."""
    raw: Callable[[], Fetches[RawRecord]]
    """Those of the same list that leave its records as they were sent."""


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
            page = await self._fetches.page(number, False, False)
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
        return Pages(self._fetches.raw(), paged=self._paged, counted=self._counted)

    @asynccontextmanager
    async def stream(self, *, concurrency: int = 4) -> AsyncIterator[AsyncIterator[Page[T]]]:
        """The pages in order, up to `concurrency` of them fetched ahead of the reader.

        No more than that are held beside the reader's own, however long the list and however slow the
        reader. A loop keeps its page while the next is made, unless it ends with `del page`: then the next
        is made in the same memory, which the processor still has at hand.

        Leaving the block early, by an error or by cancellation, stops what is under way. The first
        call that fails ends the stream with its error. Outside the block there are no pages to be had.
        """
        async with self.bodies(concurrency=concurrency) as bodies:
            yield _Read(bodies, self._fetches)

    @asynccontextmanager
    async def bodies(self, *, concurrency: int = 4) -> AsyncIterator[AsyncIterator[PageBody]]:
        """The pages as `stream` gives them, each as the JSON that was sent, its records unread.

        The cheapest way to carry a list on, to a file or an engine that reads JSON by itself. What is
        damaged inside a record is not noticed here.
        """
        if concurrency < 1:
            raise ConfigError({"concurrency": "must be at least 1"})
        ahead = _ReadAhead(self._fetches.body, concurrency, paged=self._paged, counted=self._counted)
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


class _Read(Generic[T]):
    """Bodies into pages, each when it is handed out: records wait unmade, and are made one page at a time.

    An object and not a generator: one that is left half-way needs no end.
    """

    def __init__(self, bodies: AsyncIterator[PageBody], fetches: Fetches[T]) -> None:
        self._bodies, self._fetches = bodies, fetches

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Page[T]:
        body = await anext(self._bodies)
        try:
            return self._fetches.read(body)
        except DecodeError:
            pass
        # Asked for again as a page, so that it is tried again where that helps, and fails as a call does.
        return await self._fetches.page(body.page, False, True)


class _ReadAhead:
    """The books of one stream: which page is next to fetch, which to hand out, and where the list ends.

    The reader's iterator too, as an object and not a generator: one that is left half-way needs no end.
    """

    def __init__(self, fetch: Fetch[PageBody], limit: int, *, paged: bool, counted: bool) -> None:
        self._fetch, self._limit = fetch, limit
        self._next, self._wanted = 1, 1
        self._last: int | None = None if paged else 1
        # The first page alone tells how many there are, where the service counts; pages fetched beside
        # it could lie past the end.
        self._count_comes_first = paged and counted and limit > 1
        # A place for each page that is fetched and not handed out yet. Whoever wants one waits for it
        # alone: to wake all whenever something happens costs more than a page does.
        self._places = anyio.Semaphore(1 if self._count_comes_first else limit, fast_acquire=True)
        self._ready: dict[int, PageBody] = {}
        self._error: Exception | None = None
        self._arrived = anyio.Event()

    def fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._arrived.set()

    async def fetch_pages(self) -> None:
        """One worker: fetch the lowest page that nobody has taken, until the end of the list is known."""
        while True:
            await self._places.acquire()
            number = self._next
            if self._error is not None or (self._last is not None and number > self._last):
                self._places.release()  # for the next to see that it is over
                return
            self._next += 1
            page = await self._fetch(number, number == 1 and self._count_comes_first, True)
            self._learn_the_end(number, page)
            self._ready[number] = page
            if number == 1 and self._count_comes_first:
                for _ in range(self._limit - 1):
                    self._places.release()
            self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> PageBody:
        while self._wanted not in self._ready:
            if self._last is not None and self._wanted > self._last:
                raise StopAsyncIteration
            if self._error is not None:
                raise self._error
            self._arrived = anyio.Event()
            await self._arrived.wait()
        page = self._ready.pop(self._wanted)
        self._wanted += 1
        self._places.release()
        return page

    def _learn_the_end(self, number: int, page: PageBody) -> None:
        if not page.has_more:
            self._last = number if self._last is None else min(self._last, number)
        elif number == 1 and page.total_count is not None and page.page_size:
            self._last = max(2, -(-page.total_count // page.page_size))
        elif number == self._last:
            # The list grew since it was counted.
            self._last = number + 1
