"""G: the sync after the first: what changed, and what it costs to find that nothing did."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import ALLOWED, Command, far_site, serving
from benchmarks.worker import Turn

TITLE = "incremental sync of a whole tenant, 50 ms away, 60 requests a second enforced"
CUSTOMERS = 100_000
CHANGES = (0, 100, 10_000)
OURS = "ours, sync to sqlite"
EMPTY = "0 changes"
_LATER = 600.0
"""Seconds between one run and the next: more than changes take to settle."""


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "G", TITLE)
    site = far_site(plan.size(CUSTOMERS), whole_tenant=True)
    with serving(site) as server, tempfile.TemporaryDirectory() as folder:
        books.about(site, records=server.records, entities=server.entities)

        def job(records: int) -> Job:
            return Job(
                environ=server.environ,
                records=records,
                page_size=0,
                destination=f"sqlite:{Path(folder) / 'mirror'}",
                per_second=ALLOWED,
            )

        plan.take(Turn("ours:synced_again", job(server.records)))
        changes = [plan.size(number, min(number, 1)) for number in CHANGES]
        books.run(
            [
                Entrant(
                    case=f"{number:,} changes",
                    contender=OURS,
                    entry="ours:synced_again",
                    job=job(number),
                    server=server,
                    before=Command(change=number, advance=_LATER),
                )
                for number in changes
            ]
        )
    return books.findings()
