"""So many at once, and those who wait take turns by group."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio


class Turns:
    """Places that groups share: a group with a hundred waiting gets no more turns than one with a single one.

    A plain semaphore serves in the order of arrival, so whoever asks more often gets more. Here a place
    that comes free goes to the group whose turn is due first, and within it to who came first. A group of
    weight 4 gets four turns to one of weight 1, while both have somebody waiting; none is kept from its
    turn for ever.
    """

    # The order in which groups began to wait would not do for that: one with a single worker is out of it
    # for as long as that one has a place, comes back behind a group that has others waiting, and gets one
    # turn to its two. So a group is due one step after its last turn, wherever it was in the meantime, and
    # the step is the shorter the more it weighs. One that stayed away gathers no turns for that.

    def __init__(self, places: int, weights: Mapping[str, float] | None = None) -> None:
        self._places = self._most = places
        self._free = places
        """None are while anyone waits; fewer than none while more are taken than there are by now."""
        self._weights = weights or {}
        self._waiting: dict[str, deque[anyio.Event]] = {}
        self._due: dict[str, float] = {}
        """By group, when its next turn is due; turns are counted, not seconds."""
        self._now = 0.0
        """When the turn was due that began last."""

    @property
    def free(self) -> int:
        """Places that are free, which none are while anyone waits."""
        return self._free

    @asynccontextmanager
    async def turn(self, group: str) -> AsyncIterator[None]:
        """A place, once it is this group's turn; cancelled while waiting, it goes to the next."""
        if self._free > 0:
            self._free -= 1
            self._begin(group)
        else:
            await self._wait(group)
        try:
            yield
        finally:
            self._pass_on()

    def narrow(self) -> None:
        """One place less, while more than two are left; whoever has one keeps it to the end of its turn."""
        if self._places > 2:
            self._places -= 1
            self._free -= 1

    def widen(self) -> None:
        """One place more, up to as many as there were at first."""
        if self._places < self._most:
            self._places += 1
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
        if not self._waiting or self._free < 0:
            self._free += 1
            return
        group = min(self._waiting, key=lambda waiting: self._due.get(waiting, 0.0))
        self._begin(group)
        self._waiting[group].popleft().set()
        self._drop_if_empty(group)

    def _begin(self, group: str) -> None:
        self._now = max(self._now, self._due.get(group, 0.0))
        self._due[group] = self._now + 1 / self._weights.get(group, 1.0)

    def _drop_if_empty(self, group: str) -> None:
        if not self._waiting[group]:
            del self._waiting[group]
