"""E: a sync from end to end, to each destination."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import ALLOWED, far_site, serving

TITLE = "sync of a whole tenant, 50 ms away, 60 requests a second enforced"
CUSTOMERS = 50_000
CASE, NOWHERE = "whole tenant", "callback that does nothing"
KINDS = {"memory": (), "ndjson": (), "sqlite": (), "duckdb": ("duckdb",)}


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "E", TITLE)
    site = far_site(plan.size(CUSTOMERS), whole_tenant=True)
    with serving(site) as server:
        books.about(site, records=server.records)

        def entrant(contender: str, entry: str, kind: str) -> Entrant:
            job = Job(
                environ=server.environ,
                records=server.records,
                page_size=0,
                destination=kind,
                per_second=ALLOWED,
            )
            return Entrant(case=CASE, contender=contender, entry=entry, job=job, server=server)

        books.run(
            [
                entrant(NOWHERE, "ours:synced_whole_to_nowhere", ""),
                *(
                    entrant(kind, "ours:synced_whole", kind)
                    for kind, needs in KINDS.items()
                    if books.present(kind, *needs)
                ),
            ]
        )
    return books.findings()
