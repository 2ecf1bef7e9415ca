"""An event loop that runs one callback at a time and only while it is told to: it can stop at any await.

It has no threads, no sockets and no clock of its own. Several loops on one clock are several processes
on one machine; one that is never stepped again is a process that was killed. Whatever runs on it runs the
same way every time, in every process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack

import pytest
from anyio._backends import _asyncio as anyio_backend

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_TURN = 1e-6
"""Seconds that one callback takes: a timer that sets itself anew for this very instant still ends."""


@dataclass(slots=True)
class VirtualClock:
    """Seconds since the beginning of the test; whoever holds it may move it forward."""

    now: float = 0.0


class _Task(asyncio.Task[T]):
    """A task that hashes by its number: sets of tasks are gone through in the same order every time."""

    def __init__(
        self,
        number: int,
        work: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: Context | None,
    ) -> None:
        self._number = number
        super().__init__(work, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self._number


@contextmanager
def the_same_every_time() -> Iterator[None]:
    """Within it, whatever is cancelled on such a loop is cancelled in the same order every time.

    anyio keeps the scopes within a scope in a set, so their order would be that of their addresses. While
    it is in such a set a scope has a host task, and those have numbers.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(anyio_backend.CancelScope, "__hash__", lambda scope: hash(scope._host_task))
        yield


class SteppedLoop(asyncio.AbstractEventLoop):
    """The loop. What asyncio asks of one that does no I/O is here, and nothing else."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.steps = 0
        self.complaints: list[str] = []
        """What tasks left behind that nobody took: exceptions, and tasks that never ended."""
        self._tasks: list[asyncio.Task[Any]] = []
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()
        self._running = False

    def run_while(self, wanted: Callable[[], bool], latest: float = float("inf")) -> None:
        """Run callbacks while they are wanted, up to an instant.

        Raises:
            RuntimeError: everything waits and no timer is set.
        """
        asyncio._set_running_loop(self)
        self._running = True
        try:
            while wanted() and self._step(latest):
                pass
        finally:
            self._running = False
            asyncio._set_running_loop(None)

    @property
    def unfinished(self) -> list[asyncio.Task[Any]]:
        """The tasks that have not ended."""
        return [task for task in self._tasks if not task.done()]

    def _step(self, latest: float) -> bool:
        """Run what is next; False, and the clock at `latest`, where nothing is before that."""
        clock, timers, ready = self.clock, self._timers, self._ready
        while not ready or (timers and timers[0][0] <= clock.now):
            if not timers:
                raise RuntimeError("everything waits and no timer is set: a deadlock")
            when, _, timer = timers[0]
            if timer.cancelled():
                heappop(timers)
            elif when <= clock.now or not ready:
                if when > latest:
                    clock.now = max(clock.now, latest)
                    return False
                clock.now = max(clock.now, when)
                ready.append(timer)
                heappop(timers)
        if clock.now >= latest:
            return False
        handle = ready.popleft()
        clock.now += _TURN
        self.steps += 1
        if not handle.cancelled():
            handle._run()
        return True

    def time(self) -> float:
        return self.clock.now

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        task = _Task(next(self._numbers), coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def get_task_factory(self) -> None:
        return None

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.clock.now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: it is thrown away when its time comes."""
