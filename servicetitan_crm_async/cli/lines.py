"""A sync as JSON lines, for programs: progress, and the report as the last line."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from servicetitan_crm_async.cli.advice import failures, hints
from servicetitan_crm_async.cli.pace import Pace
from servicetitan_crm_async.cli.standing import Standing
from servicetitan_crm_async.sandbox import text_of
from servicetitan_crm_async.sync import EntityReport, Progress, SyncReport

_SELDOM = 0.5
"""Seconds from one line of an entity to the next."""


class Lines:
    """Writes one JSON object a line to stdout, and nothing else."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def standing(self, standing: Standing) -> None:
        recipe = standing.sandbox.world().recipe
        _write(
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
        yield lambda progress: self._progress(pace, progress)

    def report(self, report: SyncReport, look: str) -> None:
        _write(
            {
                "event": "report",
                "tenant": report.tenant,
                "entities": {name: _entity(entity) for name, entity in report.entities.items()},
                "requests": report.requests,
                "seconds": round(report.seconds, 3),
                "location": report.location,
                "look": look,
            }
        )
        for names, error in failures(report):
            print(f"{names}: {error}", file=sys.stderr)
        for hint in hints(report):
            print(f"  {hint}", file=sys.stderr)

    def _progress(self, pace: Pace, progress: Progress) -> None:
        pace.heard(progress)
        now = self._clock()
        if not progress.done and now - self._last.get(progress.entity, -_SELDOM) < _SELDOM:
            return
        self._last[progress.entity] = now
        _write(
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
        "error": entity.error,
    }


def _write(event: dict[str, object]) -> None:
    sys.stdout.write(msgspec.json.encode(event).decode() + "\n")
    sys.stdout.flush()  # whoever reads wants to know now
