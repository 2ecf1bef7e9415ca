"""Lists as pages: one after another, all at once, or a bounded stream; on a list without a server."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable
from itertools import count
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run

from servicetitan_crm_async import ConfigError, DecodeError, PageBody, RawRecord, TransportFailure
from servicetitan_crm_async._core.pages import Fetches, Pages
from servicetitan_crm_async.models import Page


class FakeList:
    """A list of numbers that is read in pages; remembers what was asked and how many pages are out.

    `says_more` is false of envelopes that hold data alone. `held` counts pages that were fetched, or are
    being, and not handed out yet; tell it by `took`.
    """

    def __init__(
        self,
        records: int = 95,
        *,
        page_size: int = 10,
        counted: bool = True,
        says_more: bool = True,
        latency: Callable[[], float] = lambda: 0.05,
        failing: dict[int, Exception] | None = None,
    ) -> None:
        self.records = list(range(records))
        self.page_size, self.counted, self.says_more = page_size, counted, says_more
        self.latency, self.failing = latency, failing or {}
        self.asked: list[tuple[int, bool]] = []
        self.under_way = self.most_under_way = 0
        self.held = self.most_held = 0
        self.before_answer: Callable[[int], None] = lambda number: None

    async def fetch_body(self, number: int, count: bool, whole: bool) -> PageBody:
        self.asked.append((number, count))
        self.under_way += 1
        self.held += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.most_held = max(self.most_held, self.held)
        try:
            await asyncio.sleep(self.latency())
            self.before_answer(number)
            if number in self.failing:
                raise self.failing[number]
        finally:
            self.under_way -= 1
        start = (number - 1) * self.page_size
        data = tuple(self.records[start : start + self.page_size])
        return PageBody(
            json=json.dumps(data).encode(),
            page=number,
            page_size=self.page_size,
            has_more=start + self.page_size < len(self.records) if self.says_more else bool(data),
            total_count=len(self.records) if count else None,
        )

    def read(self, body: PageBody) -> Page[int]:
        return Page(
            data=tuple(json.loads(body.json)),
            page=body.page,
            page_size=body.page_size,
            has_more=body.has_more,
            total_count=body.total_count,
        )

    async def fetch(self, number: int, count: bool, whole: bool) -> Page[int]:
        return self.read(await self.fetch_body(number, count, whole))

    def raw(self) -> Fetches[RawRecord]:
        raise NotImplementedError

    @property
    def fetches(self) -> Fetches[int]:
        return Fetches(self.fetch, self.fetch_body, self.read, self.raw)

    def took(self) -> None:
        self.held -= 1

    @property
    def pages(self) -> Pages[int]:
        return Pages(self.fetches, paged=True, counted=self.counted)


def numbers(count: int) -> list[int]:
    return list(range(count))


def test_iterating_gives_every_record_page_by_page() -> None:
    async def main() -> None:
        source = FakeList(25)
        assert [number async for number in source.pages] == numbers(25)
        assert source.asked == [(1, False), (2, False), (3, False)]
        assert [len(page) async for page in source.pages.pages()] == [10, 10, 5]
        assert len(source.asked) == 6  # iterating again asks again

    run(main())


def test_nothing_is_asked_before_iteration_nor_ahead_of_it() -> None:
    async def main() -> None:
        source = FakeList(25)
        pages = source.pages
        iterator = aiter(pages)
        assert source.asked == []
        for _ in range(10):
            await anext(iterator)
        assert source.asked == [(1, False)]
        await iterator.aclose()

    run(main())


@pytest.mark.parametrize("says_more", [True, False])
def test_an_empty_list_is_one_empty_page(says_more: bool) -> None:
    async def main() -> None:
        source = FakeList(0, says_more=says_more)
        assert [len(page) async for page in source.pages.pages()] == [0]
        assert await source.pages.collect(concurrency=4) == []

    run(main())


def test_without_a_word_about_more_reading_ends_with_an_empty_page() -> None:
    """A short page proves nothing, as the service may cap what it sends."""

    async def main() -> None:
        source = FakeList(25, says_more=False, counted=False)
        assert await source.pages.collect() == numbers(25)
        assert max(number for number, _ in source.asked) >= 4

    run(main())


def test_what_is_not_paged_is_asked_once() -> None:
    async def main() -> None:
        source = FakeList(7, counted=False)
        pages = Pages(source.fetches, paged=False, counted=False)
        assert await pages.collect(concurrency=8) == numbers(7)
        assert [number async for number in pages] == numbers(7)
        assert source.asked == [(1, False), (1, False)]

    run(main())


@settings(deadline=None, max_examples=80)
@given(
    records=st.integers(0, 130),
    concurrency=st.integers(1, 9),
    counted=st.booleans(),
    says_more=st.booleans(),
    seed=st.integers(0, 99),
    slow_reader=st.booleans(),
)
def test_a_stream_gives_the_pages_in_order_and_holds_no_more_than_it_may(
    records: int, concurrency: int, counted: bool, says_more: bool, seed: int, slow_reader: bool
) -> None:
    chance = Random(seed)

    async def main() -> None:
        source = FakeList(
            records, counted=counted, says_more=says_more, latency=lambda: chance.uniform(0, 0.2)
        )
        found: list[int] = []
        async with source.pages.stream(concurrency=concurrency) as pages:
            async for page in pages:
                source.took()
                found += page
                if slow_reader:
                    await asyncio.sleep(0.5)
        assert found == numbers(records)
        assert source.most_held <= concurrency
        assert source.most_under_way <= concurrency
        asked = [number for number, _ in source.asked]
        assert len(asked) == len(set(asked))
        if counted and says_more and concurrency > 1:
            assert source.asked[0] == (1, True)
            assert len(asked) == max(1, -(-records // 10))  # the count tells: none past the end
        else:
            assert counted or not any(count for _, count in source.asked)
            assert len(asked) <= max(1, -(-records // 10)) + concurrency

    run(main())


def test_a_stream_is_as_fast_as_its_concurrency() -> None:
    async def main() -> float:
        source = FakeList(800, latency=lambda: 1.0)
        await source.pages.collect(concurrency=8)
        return asyncio.get_running_loop().time()

    assert run(main()) <= 1 + 10 + 0.1


def test_a_list_that_grows_while_it_streams_is_read_to_its_new_end() -> None:
    async def main() -> None:
        source = FakeList(60)

        def grow(number: int) -> None:
            if number in (3, 6, 7):
                source.records += range(len(source.records), len(source.records) + 15)

        source.before_answer = grow
        assert await source.pages.collect(concurrency=3) == numbers(len(source.records))

    run(main())


def test_a_list_that_shrinks_while_it_streams_ends_where_it_ends() -> None:
    async def main() -> None:
        source = FakeList(200)

        def shrink(number: int) -> None:
            if number == 2:
                del source.records[35:]

        source.before_answer = shrink
        assert await source.pages.collect(concurrency=4) == numbers(35)
        assert len(source.asked) <= 9

    run(main())


def test_leaving_a_stream_early_stops_what_is_under_way() -> None:
    async def main() -> None:
        source = FakeList(1000)
        async with source.pages.stream(concurrency=4) as pages:
            async for page in pages:
                assert page.page == 1
                break
        assert source.under_way == 0
        asked = len(source.asked)
        await asyncio.sleep(5)
        assert len(source.asked) == asked
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_stream_that_nobody_reads_asks_for_no_more_than_it_may() -> None:
    async def main() -> None:
        source = FakeList(1000)
        async with source.pages.stream(concurrency=4):
            await asyncio.sleep(10)
        assert source.most_held == len(source.asked) == 4

    run(main())


def test_pages_of_a_stream_that_is_over_cannot_be_had() -> None:
    async def main() -> None:
        async with FakeList(100).pages.stream() as pages:
            await anext(pages)
        with pytest.raises(ConfigError, match="over"):
            await anext(pages)

    run(main())


class Wrong(Exception):
    """The caller's own."""


class Abort(BaseException):
    """Like SystemExit: no Exception."""


@pytest.mark.parametrize("kind", [Wrong, Abort, ValueError])
def test_an_error_in_the_block_comes_out_as_itself(kind: type[BaseException]) -> None:
    async def main() -> None:
        source = FakeList(1000)
        error = kind("mine")

        async def read() -> None:
            async with source.pages.stream() as pages:
                async for _ in pages:
                    raise error

        with pytest.raises(kind) as caught:
            await read()
        assert caught.value is error
        assert source.under_way == 0

    run(main())


@pytest.mark.parametrize("failing", [1, 2, 7, 10])
@pytest.mark.parametrize("counted", [True, False])
def test_a_fetch_that_fails_ends_the_stream_with_its_error(failing: int, counted: bool) -> None:
    async def main() -> None:
        error = TransportFailure("broken")
        source = FakeList(100, failing={failing: error}, counted=counted)
        read: list[int] = []

        async def stream() -> None:
            async with source.pages.stream(concurrency=3) as pages:
                async for page in pages:
                    read.extend(page)

        with pytest.raises(TransportFailure) as caught:
            await stream()
        assert caught.value is error
        assert read == numbers(len(read))
        assert len(read) < failing * 10
        assert source.under_way == 0
        with pytest.raises(TransportFailure):
            await source.pages.collect()

    run(main())


def test_cancelling_a_reader_cancels_its_fetches_and_comes_out_as_cancellation() -> None:
    async def main() -> None:
        source = FakeList(1000, latency=lambda: 1.0)
        task = asyncio.create_task(source.pages.collect(concurrency=5))
        await asyncio.sleep(2.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert source.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def test_a_time_out_around_a_stream_is_a_time_out() -> None:
    async def main() -> None:
        source = FakeList(1000, latency=lambda: 1.0)

        async def read() -> None:
            async with asyncio.timeout(2.5), source.pages.stream() as pages:
                async for _ in pages:
                    pass

        with pytest.raises(TimeoutError):
            await read()
        with anyio.move_on_after(1.5) as scope:
            await source.pages.collect(concurrency=2)
        assert scope.cancelled_caught
        assert source.under_way == 0

    run(main())


def test_iteration_abandoned_half_way_leaks_nothing() -> None:
    """Neither a task nor a generator that the loop has to finish."""

    async def main() -> None:
        source = FakeList(1000)
        async for number in source.pages:
            if number == 15:
                break
        async with source.pages.stream() as pages:
            await anext(pages)
        del pages
        gc.collect()
        await asyncio.sleep(0)
        assert source.under_way == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


@pytest.mark.parametrize("concurrency", [0, -1])
def test_a_concurrency_below_one_is_named(concurrency: int) -> None:
    async def main() -> None:
        with pytest.raises(ConfigError, match="concurrency"):
            await FakeList().pages.collect(concurrency=concurrency)

    run(main())


def test_two_readers_of_one_list_do_not_disturb_each_other() -> None:
    async def main() -> None:
        ticket = count()
        source = FakeList(95, latency=lambda: (next(ticket) % 5) * 0.01)
        pages = source.pages
        found = await asyncio.gather(
            pages.collect(concurrency=2), pages.collect(concurrency=7), pages.collect()
        )
        assert list(found) == [numbers(95)] * 3

    run(main())


@pytest.mark.parametrize("damaged", [1, 2])
def test_a_page_that_does_not_decode_is_asked_for_again_as_a_page(damaged: int) -> None:
    """The transport saw a whole body, so only decoding tells; what is still damaged then is an error."""

    class Damaged(FakeList):
        refusals = damaged

        def read(self, body: PageBody) -> Page[int]:
            if body.page == 3 and self.refusals:
                self.refusals -= 1
                raise DecodeError("it is no JSON", malformed=True)
            return super().read(body)

    async def main() -> None:
        source = Damaged(45)
        if damaged == 1:
            assert await source.pages.collect(concurrency=4) == numbers(45)
        else:
            with pytest.raises(DecodeError):
                await source.pages.collect(concurrency=4)
        assert sorted(number for number, _ in source.asked) == [1, 2, 3, 3, 4, 5]

    run(main())


def test_records_are_made_when_their_page_is_handed_out() -> None:
    """Pages that wait for the reader wait as bytes."""

    class Counted(FakeList):
        made = 0

        def read(self, body: PageBody) -> Page[int]:
            self.made += 1
            return super().read(body)

    async def main() -> None:
        source = Counted(95)
        async with source.pages.stream(concurrency=4) as pages:
            for number in range(1, 11):
                await anext(pages)
                await asyncio.sleep(1)
                assert source.made == number

    run(main())
