"""Export feeds: one answer after the other, by the tokens the service gives; on a feed without a server."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from servicetitan_crm_async import Feed, FeedStalled, RawRecord
from servicetitan_crm_async.models import FeedPage


class FakeFeed:
    """Answers of a feed by the token that asks for them; remembers what was asked."""

    def __init__(self, *answers: tuple[Sequence[int], bool, str]) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    async def fetch(self, token: str | None) -> FeedPage[int]:
        self.asked.append(token)
        place = next((i + 1 for i, answer in enumerate(self.answers) if answer[2] == token), 0)
        data, has_more, continue_from = self.answers[min(place, len(self.answers) - 1)]
        return FeedPage(data=tuple(data), has_more=has_more, continue_from=continue_from)

    async def fetch_raw(self, token: str | None) -> FeedPage[RawRecord]:
        page = await self.fetch(token)
        data = tuple(RawRecord(id=each, modified_on=None, data=b"%d" % each) for each in page.data)
        return FeedPage(data=data, has_more=page.has_more, continue_from=page.continue_from)

    @property
    def feed(self) -> Feed[int]:
        return Feed("customers.export", self.fetch, self.fetch_raw)


async def test_a_feed_is_read_by_its_tokens_until_it_has_nothing_new() -> None:
    source = FakeFeed(([1, 2], True, "a"), ([], True, "b"), ([3], False, "c"))
    assert await source.feed.collect() == [1, 2, 3]
    assert source.asked == [None, "a", "b"]


async def test_nothing_is_asked_before_it_is_iterated_and_iterating_again_begins_again() -> None:
    source = FakeFeed(([1], True, "a"), ([2], False, "b"))
    feed = source.feed
    assert source.asked == []
    assert [item async for item in feed] == [item async for item in feed] == [1, 2]
    assert source.asked == [None, "a", None, "a"]


async def test_the_last_answer_says_where_to_go_on() -> None:
    source = FakeFeed(([1], True, "a"), ([2], False, "b"))
    pages = [page async for page in source.feed.pages()]
    assert [(len(page), page.has_more, page.continue_from) for page in pages] == [
        (1, True, "a"),
        (1, False, "b"),
    ]


@pytest.mark.parametrize("token", ["a", ""])
async def test_a_token_that_comes_again_or_not_at_all_is_an_error(token: str) -> None:
    source = FakeFeed(([1], True, "a"), ([2], True, token))
    pages = source.feed.pages()
    assert [(await anext(pages)).data for _ in range(2)] == [(1,), (2,)]
    with pytest.raises(FeedStalled, match=r"^customers\.export: "):
        await anext(pages)


async def test_a_feed_that_is_left_half_way_asks_no_more() -> None:
    source = FakeFeed(([1, 2], True, "a"), ([3], False, "b"))
    pages = source.feed.pages()
    assert (await anext(pages)).data == (1, 2)
    await pages.aclose()
    assert source.asked == [None]


async def test_a_raw_feed_follows_the_same_tokens() -> None:
    source = FakeFeed(([1, 2], True, "a"), ([3], False, "b"))
    assert [record.data for record in await source.feed.raw().raw().collect()] == [b"1", b"2", b"3"]
    assert source.asked == [None, "a"]
