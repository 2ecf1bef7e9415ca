"""Sync after sync: change follows change, for as long as anyone asks for the next round."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Self

import anyio

from servicetitan_crm_async.errors import AuthError, ConfigError, ServiceTitanError
from servicetitan_crm_async.sync.report import SyncReport

__all__ = ["Round", "follow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One sync of many: its report, or the error that ended it."""

    number: int
    """From 1."""
    report: SyncReport | None
    error: ServiceTitanError | None
    wait: float
    """Seconds until the next round begins; 0 where it is due already."""


def follow(
    run: Callable[[], Awaitable[SyncReport]],
    *,
    every: timedelta,
    jitter: float = 0.1,
    chance: Random | None = None,
) -> AsyncIterator[Round]:
    """Run a sync again and again, and give each round as it ends.

        async for each in follow(lambda: sync(crm, destination), every=timedelta(minutes=5)):
            print(each.report.records if each.report else each.error)

    The first round begins at once, each later one `every` after the beginning of the one before; a round
    that took longer is followed at once. Between two rounds nothing is open but what the caller opened, and
    nothing runs: to stop, leave the loop or cancel the task. A round that is cancelled leaves what a
    cancelled sync leaves.

    A first round that fails raises its error, for then something is wrong with how it was set up. Later
    ones give theirs, and the next round tries again: by then the network may be back, or the other program
    done with the destination.

    Args:
        run: one sync, such as `lambda: sync(crm, destination)`. With a `since` of long ago each round
            would read again from there; it is for the first alone.
        jitter: by which part of `every` a round may begin sooner or later, drawn anew each time, so that
            hundreds of tenants do not go on asking at the same instants.
        chance: where that is drawn from.

    Raises:
        ConfigError: `every` or `jitter` is out of range; or, while iterating, as `run` raises it.
        AuthError: while iterating, in any round: what was refused stays refused.
        ServiceTitanError: while iterating, in the first round.
    """
    problems = {}
    if every <= timedelta(0):
        problems["every"] = "must be more than 0"
    if not 0 <= jitter <= 1:
        problems["jitter"] = "must be 0 to 1"
    if problems:
        raise ConfigError(problems)
    return _Rounds(run, every.total_seconds(), jitter, Random() if chance is None else chance)  # noqa: S311


class _Rounds:
    """The iterator, as an object and not a generator: one that is left half-way needs no end."""

    def __init__(
        self, run: Callable[[], Awaitable[SyncReport]], every: float, jitter: float, chance: Random
    ) -> None:
        self._run, self._every, self._jitter, self._chance = run, every, jitter, chance
        self._number = 0
        self._due: float | None = None
        """When the next round begins, by the loop's clock."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Round:
        if self._due is not None:
            await anyio.sleep_until(self._due)
        began_at = anyio.current_time()
        report, error = await self._round()
        self._number += 1
        self._due = began_at + self._every * self._chance.uniform(1 - self._jitter, 1 + self._jitter)
        wait = max(0.0, self._due - anyio.current_time())
        return Round(number=self._number, report=report, error=error, wait=wait)

    async def _round(self) -> tuple[SyncReport | None, ServiceTitanError | None]:
        try:
            return await self._run(), None
        except (ConfigError, AuthError):
            raise
        except ServiceTitanError as error:
            if self._number == 0:
                raise
            return None, error.with_traceback(None)  # whose frames would keep the round alive
