"""The clock of a sandbox under test: it runs as the machine's does, and is put forward by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import anyio

from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, datetime_of, system_ticks, ticks_of_seconds

_LOOK_SECONDS = 0.01
"""Whoever waits looks this often whether the clock was put forward meanwhile."""


class SandboxClock:
    """What time it is for a sandbox, and for the clients it hands out.

    Tokens expire by it, records are stamped by it, answers are dated by it. It is the `clock` that
    `ServiceTitanCRM` takes, so a client of one's own can live by it too. It never goes back.

    Args:
        beginning: an instant in ticks of 100 ns before which it does not start.
    """

    def __init__(self, beginning: int = 0) -> None:
        self._ahead = max(0, beginning - system_ticks())
        self._skips = False

    def __repr__(self) -> str:
        return f"<SandboxClock {self.now().isoformat()}>"

    def ticks(self) -> int:
        """The instant in ticks of 100 ns since 1970."""
        return system_ticks() + self._ahead

    def now(self) -> datetime:
        """The instant, aware, in UTC."""
        return datetime_of(self.ticks())

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, those put forward included."""
        return time.monotonic() + self._ahead / TICKS_PER_SECOND

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> datetime:
        """Put the clock forward; returns what it shows then.

        Raises:
            ValueError: that would put it back.
        """
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if span < timedelta():
            raise ValueError("the clock goes forward only")
        self._ahead += ticks_of_seconds(span.total_seconds())
        return self.now()

    async def reach(self, instant: float) -> None:
        """Wait until `monotonic()` is this far; where waits are skipped, put the clock there."""
        while (left := instant - self.monotonic()) > 0:
            if not self.skip(left):
                await anyio.sleep(min(left, _LOOK_SECONDS))

    def skip(self, seconds: float) -> bool:
        """Put the clock forward by a wait where waits are skipped; returns whether they are."""
        if self._skips:
            # A tick more, as the float of a large number of seconds may fall short of it.
            self._ahead += ticks_of_seconds(seconds) + 1
        return self._skips

    @contextmanager
    def skipping_waits(self) -> Iterator[None]:
        """While the block lasts, whoever would wait by this clock puts it forward instead."""
        before, self._skips = self._skips, True
        try:
            yield
        finally:
            self._skips = before
