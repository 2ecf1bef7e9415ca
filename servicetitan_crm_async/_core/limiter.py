"""Admission of calls for one (app key, tenant): a rate, and a pause after a 429."""

# Invariants, quoted by number in tests/core/test_limiter.py.
# 1. No sliding second holds more admissions than the budget: a leaky bucket lets its capacity out at
#    once and then its drip, so capacity plus one second's drip stays under the budget. Admissions are
#    whole: the part of one by which the drip exceeds a whole number is in no second's count.
# 2. Admission is the last thing before sending. A permit kept while something slow happens would let a
#    second's worth of calls leave together.
# 3. A pause ends at the latest instant anyone asked for, and nobody who was admitted before it began
#    and has not yet returned leaves during it.
# 4. Always one unit a call: the bucket's waiters queue by weight, so a heavy one would starve.
# 5. A new pace gives no new burst: its bucket opens when its drip would have earned what it lets out.
# 6. What somebody waits for overtakes bulk work: it is held up by one call that came before it, however
#    many wait. Bulk work still gets one place in eight, so that a busy hour never stops it.

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

import anyio

from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.config import Priority, RateLimit

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

_PART_OF_ONE = 0.75
"""Of an admission: what the drip may have above a whole number. The last quarter is for clocks."""
_SLOWEST = 0.1
_SHORTEST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Longer ones end the call that met them; those that come later find out for themselves."""
_RECOVERY_SECONDS = 30.0
"""After this long without a 429 the pace goes one step up again."""

WEIGHTS: dict[str, float] = {"interactive": 7, "bulk": 1}
"""Of eight places, who gets how many while both wait."""


class Limiter(Protocol):
    """Whatever admits calls; one that spans processes can take this one's place."""

    def admit_now(self) -> bool:
        """Admit one request if that needs no waiting; False where it does, or where that is not known."""
        ...

    async def admit(self, priority: Priority = "interactive") -> None:
        """Return when one request may leave. Cancelled while waiting, it takes nothing from others."""
        ...

    def throttled(self, retry_after: float) -> None:
        """The service answered 429: nobody on this budget leaves for `retry_after` seconds."""
        ...


class LimiterStatistics(NamedTuple):
    """A snapshot of a limiter."""

    pace: float
    """The share of the drip in force: 1.0, less after repeated 429s."""
    drip: float
    """Requests a second in the long run, at this pace."""
    paused_for: float
    """Seconds until the pause after a 429 ends; 0.0 when there is none."""


class PacedLimiter:
    """Evenly paced admission within one event loop.

    At 60 a second two may leave at once and 56.75 a second follow, so 58 is the most in any sliding
    second. The rest is room for the network, which can bring requests that left evenly closer
    together: they may arrive 35 ms out of step and the service still counts no 61st.
    """

    def __init__(self, rate: RateLimit) -> None:
        self.rate = rate
        self._pace = 1.0
        self._resume_at = self._changed_at = self._opens_at = float("-inf")
        self._bucket = self._new_bucket()
        self._at_the_bucket = Turns(1, WEIGHTS)
        """The bucket serves in the order of arrival, so one at a time asks it."""

    def slow_to(self, rate: RateLimit) -> None:
        """Keep to this rate from now on if it is the slower; clients that share a budget may disagree."""
        if rate.budget < self.rate.budget:
            self.rate = rate
            self._change_buckets(asyncio.get_running_loop().time())

    def admit_now(self) -> bool:
        """Admit one request if there is a place that nobody waits for."""
        if not (
            self._at_the_bucket.free > 0
            and self._pace == 1.0
            and max(self._resume_at, self._opens_at) <= asyncio.get_running_loop().time()
            and self._bucket.has_capacity()
        ):
            return False
        # aiolimiter has no way to take what is there without awaiting; where there is capacity, this does
        # not wait, and so ends at its first step.
        try:
            self._bucket.acquire().send(None)
        except StopIteration:
            return True
        raise AssertionError("unreachable: the bucket has capacity")

    async def admit(self, priority: Priority = "interactive") -> None:
        if not self.admit_now():
            async with self._at_the_bucket.turn(priority):
                await self._place()

    async def _place(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # No event would do: the end may move while we sleep.
            while (pause := max(self._resume_at, self._opens_at) - loop.time()) > 0:  # noqa: ASYNC110
                await anyio.sleep(pause)
            self._recover(loop.time())
            bucket = self._bucket
            await bucket.acquire()
            if bucket is self._bucket and max(self._resume_at, self._opens_at) <= loop.time():
                return

    def throttled(self, retry_after: float) -> None:
        now = asyncio.get_running_loop().time()
        # Calls that left before a pause bring their own 429s home while it lasts; only one that comes
        # soon after a pause has run its course says that the pace itself is too fast.
        if self._resume_at <= now < self._resume_at + _RECOVERY_SECONDS:
            self._set_pace(max(_SLOWEST, self._pace / 2), now)
        self._changed_at = now
        self._resume_at = max(self._resume_at, now + min(max(retry_after, _SHORTEST_PAUSE), _LONGEST_PAUSE))

    def statistics(self) -> LimiterStatistics:
        paused_for = max(0.0, self._resume_at - asyncio.get_running_loop().time())
        return LimiterStatistics(self._pace, self._drip, paused_for)

    @property
    def _burst(self) -> int:
        return 1 if self.rate.budget < 20 else max(2, int(self.rate.budget // 30))

    @property
    def _drip(self) -> float:
        return (self.rate.budget - 2 * self._burst + _PART_OF_ONE) * self._pace

    def _new_bucket(self) -> AsyncLimiter:
        # Imported here, as it reads the metadata of installed packages when it is: importing this
        # package stays light.
        from aiolimiter import AsyncLimiter

        return AsyncLimiter(self._burst, self._burst / self._drip)

    def _set_pace(self, pace: float, now: float) -> None:
        self._pace, self._changed_at = pace, now
        self._change_buckets(now)

    def _change_buckets(self, now: float) -> None:
        # A bucket's rate is fixed, so a new pace is a new bucket; whoever still waits at the old one
        # comes round to this one.
        self._bucket = self._new_bucket()
        self._opens_at = now + self._burst / self._drip

    def _recover(self, now: float) -> None:
        if self._pace < 1.0 and now - self._changed_at >= _RECOVERY_SECONDS:
            self._set_pace(min(1.0, self._pace * 1.5), now)
