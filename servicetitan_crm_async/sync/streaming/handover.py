"""From one task's hands into another's: a giver waits until what it gave was taken."""

from __future__ import annotations

from typing import Generic, Self, TypeVar

import anyio

T = TypeVar("T")


class Handover(Generic[T]):
    """One thing at a time, given by one task and iterated over by another.

    A taker that is cancelled while it waits has taken nothing, even where something was given at that
    very moment: taking is one step without an await. A queue that puts things into the hands of who
    waits loses them there.
    """

    def __init__(self) -> None:
        self._given: list[T] = []
        """Holds at most one."""
        self._closed = False
        self._error: Exception | None = None
        self._changed = anyio.Event()

    async def give(self, item: T) -> None:
        """Offer a thing, and return once it was taken."""
        self._given.append(item)
        self._tell()
        while self._given:
            await self._changed.wait()

    def close(self, error: Exception | None = None) -> None:
        """End the iteration, with an error if there is one; only the first call counts.

        What was given and not taken is gone.
        """
        if not self._closed:
            self._closed, self._error = True, error
        self._given.clear()
        self._tell()

    def check(self) -> None:
        """Raise the error with which it was closed, if it was."""
        if self._error is not None:
            raise self._error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._given:
            self.check()
            if self._closed:
                raise StopAsyncIteration
            await self._changed.wait()
        item = self._given.pop()
        self._tell()
        return item

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
