"""Ctrl-C and SIGTERM end a command in order: what runs is cancelled and cleans up after itself."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """The work was ended by a signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


def run_until_stopped(work: Callable[[], Awaitable[T]]) -> T:
    """Run the work in an event loop of its own.

    The first signal cancels it; a second one, for those who cannot wait, meets Python's own handlers.

    Raises:
        Stopped: a signal came, and the work has cleaned up.
    """
    return asyncio.run(_guarded(work))


async def _guarded(work: Callable[[], Awaitable[T]]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    caught: list[signal.Signals] = []

    def let_go() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    def stop(number: signal.Signals) -> None:
        caught.append(number)
        let_go()
        task.cancel()

    # Windows has no such handlers; there `asyncio.run` turns Ctrl-C into the same cancellation itself.
    with suppress(NotImplementedError):
        for number in _SIGNALS:
            loop.add_signal_handler(number, stop, number)
    try:
        return await work()
    except asyncio.CancelledError:
        if caught:
            raise Stopped(caught[0]) from None
        raise
    finally:
        with suppress(NotImplementedError):
            let_go()
