"""What ledgers tell of the runs behind a mirror; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_ticks
from servicetitan_crm_async.insights.figures import SyncRun
from servicetitan_crm_async.sync.ledger import FinishedRun, Ledger


def age(instant: str | None, now: datetime) -> float | None:
    """Seconds since an instant; 0 for one to come."""
    return None if instant is None else max(0, ticks_of(now) - to_ticks(instant)) / TICKS_PER_SECOND


def last_run(ledger: Ledger) -> str | None:
    """When the last run ended that came to its end."""
    return ledger.history[-1].ended if ledger.history else None


def history(ledgers: Sequence[Ledger]) -> tuple[SyncRun, ...]:
    """The syncs that the ledgers remember, the oldest first.

    A tenant's mirror has one sync at a time, so runs of several entities that overlap belong to one. Each
    ledger remembers its last runs alone: of syncs before the oldest that all of them know, some entities
    are forgotten, and those are left out.
    """
    kept = [run for ledger in ledgers for run in ledger.history]
    full = [ledger.history for ledger in ledgers if len(ledger.history) < ledger.runs]
    known_from = max((to_ticks(runs[0].ended) for runs in full if runs), default=0)
    return tuple(
        _sync(together) for together in _together(kept) if to_ticks(together[-1].ended) >= known_from
    )


def _together(runs: Iterable[FinishedRun]) -> list[list[FinishedRun]]:
    """Runs in groups of those that overlap in time, each in the order in which they ended."""
    groups: list[list[FinishedRun]] = []
    ends = 0
    for run in sorted(runs, key=_began):
        if not groups or _began(run) > ends:
            groups.append([])
        groups[-1].append(run)
        ends = max(ends, to_ticks(run.ended))
    return [sorted(group, key=lambda run: to_ticks(run.ended)) for group in groups]


def _began(run: FinishedRun) -> int:
    return to_ticks(run.ended) - int((run.seconds or 0) * TICKS_PER_SECOND)


def _sync(runs: Sequence[FinishedRun]) -> SyncRun:
    counted = all(run.seconds is not None for run in runs)
    took = (to_ticks(runs[-1].ended) - min(map(_began, runs))) / TICKS_PER_SECOND
    return SyncRun(
        ended=runs[-1].ended,
        entities=len(runs),
        records=sum(run.records for run in runs),
        requests=sum(run.requests for run in runs),
        seconds=took if counted else None,
        retries=_sum(run.retries for run in runs),
        throttled=_sum(run.throttled for run in runs),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    """None as soon as one of them is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
