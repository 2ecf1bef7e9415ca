"""So many at once, and those who wait take turns by group."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio


class Turns:
    """Places that groups share: a group with a hundred waiting gets no more turns than one with a single one.

    A plain semaphore serves in the order of arrival, so whoever asks more often gets more. Here a place
    that comes free goes to the group whose last turn began longest ago, and within it to who came first.
    """

    # The order in which groups began to wait would not do for that: one with a single worker is out of it
    # for as long as that one has a place, comes back behind a group that has others waiting, and gets one
    # turn to its two.

    def __init__(self, places: int) -> None:
        self._free = places
        """None are while anyone waits."""
        self._waiting: dict[str, deque[anyio.Event]] = {}
        self._began: dict[str, int] = {}
        """By group, the number of its last turn."""
        self._turns = 0

    @asynccontextmanager
    async def turn(self, group: str) -> AsyncIterator[None]:
        """A place, once it is this group's turn; cancelled while waiting, it goes to the next."""
        if self._free:
            self._free -= 1
            self._begin(group)
        else:
            await self._wait(group)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, group: str) -> None:
        mine = anyio.Event()
        self._waiting.setdefault(group, deque()).append(mine)
        try:
            await mine.wait()
        except BaseException:
            if mine.is_set():
                self._pass_on()
            else:
                self._waiting[group].remove(mine)
                self._drop_if_empty(group)
            raise

    def _pass_on(self) -> None:
        if not self._waiting:
            self._free += 1
            return
        group = min(self._waiting, key=lambda waiting: self._began.get(waiting, 0))
        self._begin(group)
        self._waiting[group].popleft().set()
        self._drop_if_empty(group)

    def _begin(self, group: str) -> None:
        self._turns += 1
        self._began[group] = self._turns

    def _drop_if_empty(self, group: str) -> None:
        if not self._waiting[group]:
            del self._waiting[group]
