"""Export feeds: one answer after the other, each with the token that asks for the next."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

from servicetitan_crm_async.errors import FeedStalled
from servicetitan_crm_async.models import FeedPage
from servicetitan_crm_async.models.raw_record import RawRecord

T = TypeVar("T")


class Feed(Generic[T]):
    """An export feed, read until it has nothing new; nothing is sent before it is iterated.

    It tells of active, inactive and deleted records, roughly in the order of their change, and of some
    more than once. Iterating again asks again, from where it began the first time.
    """

    __slots__ = ("_fetch", "_fetch_raw", "_name")

    def __init__(
        self,
        name: str,
        fetch: Callable[[str | None], Awaitable[FeedPage[T]]],
        fetch_raw: Callable[[str | None], Awaitable[FeedPage[RawRecord]]],
    ) -> None:
        """`fetch` gives the answer to a token, or the first one for None."""
        self._name, self._fetch, self._fetch_raw = name, fetch, fetch_raw

    async def __aiter__(self) -> AsyncGenerator[T, None]:
        """Every record, one answer after another.

        Raises:
            FeedStalled: a token came a second time while more was promised.
        """
        async with aclosing(self.pages()) as pages:
            async for page in pages:
                for item in page:
                    yield item

    async def pages(self) -> AsyncGenerator[FeedPage[T], None]:
        """The answers, the last of which says where to go on another day: its `continue_from`.

        Raises:
            FeedStalled: a token came a second time while more was promised.
        """
        used: set[str] = set()
        token = None
        while True:
            page = await self._fetch(token)
            yield page
            if not page.has_more:
                return
            token = next_token(self._name, page.continue_from, used)

    async def collect(self) -> list[T]:
        """All records, in the order they came."""
        return [item async for item in self]

    def raw(self) -> Feed[RawRecord]:
        """The same feed, each record as the JSON that was sent."""
        return Feed(self._name, self._fetch_raw, self._fetch_raw)


def next_token(name: str, token: str | None, used: set[str]) -> str:
    """The token to go on with, which is among the used ones from now on.

    Raises:
        FeedStalled: there is none, or it was used before; going on could never end.
    """
    if not token or token in used:
        raise FeedStalled(
            f"{name}: the feed says there is more and gives "
            f"{'a token it gave before' if token else 'no token'}; going on could never end"
        )
    used.add(token)
    return token
