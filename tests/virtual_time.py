"""An event loop whose time stands still while anything runs and jumps to the next timer when nothing does.

A test that waits an hour takes a millisecond and always waits the same hour. There is no I/O to wait
for on such a loop; with sockets its time would jump past their answers.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import TypeVar

T = TypeVar("T")

_TURN = 1e-6
"""Seconds that one turn of the loop takes."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of blocking for a timer, moves the clock to it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits and no timer is set: a deadlock")
        ready = super().select(0)
        # Never quite still: a timer that is due within the clock's resolution fires early, and one that
        # then sets itself anew for the same instant would spin for ever.
        self.now += timeout if not ready and timeout > 0 else _TURN
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; its time starts at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class LoopClock:
    """The package's clock on a virtual loop: both of its clocks are the loop's time."""

    def __init__(self, began: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.began = began

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.monotonic())


def run(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine in virtual time, from 0."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
