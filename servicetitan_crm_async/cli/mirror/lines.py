"""A sync as JSON lines, for programs: progress, and the report as the last line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from servicetitan_crm_async.cli.advice import Outcomes, failures, hints, told
from servicetitan_crm_async.cli.mirror.pace import Pace
from servicetitan_crm_async.cli.mirror.standing import Standing
from servicetitan_crm_async.cli.output import complain, write_line
from servicetitan_crm_async.sandbox import text_of
from servicetitan_crm_async.sync import ENTITIES, EntityReport, Progress, SyncReport
from servicetitan_crm_async.sync.following import Round

_SELDOM = 0.5
"""Seconds from one line of an entity to the next."""


class Lines:
    """Writes one JSON object a line to stdout, and nothing else.

    Args:
        brief: the report is enough, and progress only where it takes a while.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, brief: bool = False) -> None:
        self._clock, self._brief = clock, brief
        self._last: dict[str, float] = {}

    def standing(self, standing: Standing) -> None:
        recipe = standing.sandbox.world().recipe
        write_line(
            {
                "event": "sandbox",
                "seed": standing.sandbox.seed,
                "tenant": recipe.tenant_id,
                "customers_at_birth": recipe.customers,
                "file": str(standing.file),
                "clock": text_of(standing.start),
            }
        )

    @contextmanager
    def watch(self, pace: Pace) -> Iterator[Callable[[Progress], None]]:
        self._last = dict.fromkeys(ENTITIES, self._clock()) if self._brief else {}
        yield lambda progress: self._progress(pace, progress)

    def report(self, report: SyncReport, look: str) -> None:
        self._report(report, look, {})

    def round(self, ended: Round, look: str) -> None:
        which = {"round": ended.number, "next_in": round(ended.wait, 3)}
        if ended.report is not None:
            self._report(ended.report, look, which)
        elif ended.error is not None:
            write_line({"event": "error", "error": str(ended.error), **which})
            complain(told(ended.error))

    def _report(self, report: SyncReport, look: str, which: Mapping[str, float]) -> None:
        write_line(
            {
                "event": "report",
                "tenant": report.tenant,
                "entities": {name: _entity(entity) for name, entity in report.entities.items()},
                "requests": report.requests,
                "seconds": round(report.seconds, 3),
                "location": report.location,
                "look": look,
                **which,
            }
        )
        explain(report)

    def _progress(self, pace: Pace, progress: Progress) -> None:
        pace.heard(progress)
        now = self._clock()
        soon = now - self._last.get(progress.entity, -_SELDOM) < _SELDOM
        if soon and (self._brief or not progress.done):
            return
        self._last[progress.entity] = now
        write_line(
            {
                "event": "progress",
                "entity": progress.entity,
                "at": progress.at,
                "records": progress.records,
                "records_per_second": round(pace.row(progress.entity).records_per_second, 1),
                "requests": progress.requests,
                "retries": progress.retries,
                "rate_used": round(pace.requests_per_second() / pace.budget, 3),
                "done": progress.done,
                "error": progress.error,
            }
        )


def explain(report: Outcomes) -> None:
    """Say on stderr what failed, and what to do about it."""
    for names, error in failures(report):
        print(f"{names}: {error}", file=sys.stderr)
    for hint in hints(report):
        print(f"  {hint}", file=sys.stderr)


def _entity(entity: EntityReport) -> dict[str, object]:
    return {
        "records": entity.records,
        "requests": entity.requests,
        "retries": entity.retries,
        "guarantee": entity.guarantee,
        "since": entity.since,
        "until": entity.until,
        "strategy": entity.strategy,
        "odd": entity.odd,
        "recovered": entity.recovered,
        "quarantined": entity.quarantined,
        "missing": entity.missing,
        "error": entity.error,
    }
