"""F: memory does not grow with the number of records."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import Server, Site, serving
from benchmarks.works.streaming import case_of

TITLE = "peak memory, of ten times as many records"
CUSTOMERS = 1_000_000
STREAMED = 200_000
KINDS = ("ndjson", "sqlite")
PAGES = (500, 5000)
"""Records a page: what both contracts allow, and the portal's largest, which is the sync's default."""
TENTH, WHOLE = "a tenth", "the whole"
STREAM = f"typed stream, {case_of(500)}"
SYNCS = [f"{kind}, {case_of(size)}" for kind in KINDS for size in PAGES]


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "F", TITLE)
    whole, streamed = plan.size(CUSTOMERS, 100), plan.size(STREAMED, 50)
    site = Site(customers=whole)
    books.about(site, streamed=streamed)
    with (
        serving(Site(customers=whole // 10)) as tenth_server,
        serving(site) as whole_server,
        serving(Site(customers=streamed // 10)) as few_server,
        serving(Site(customers=streamed)) as many_server,
    ):
        syncs = [
            _entrant(f"{kind}, {case_of(size)}", contender, "ours:synced", server, size, kind)
            for kind in KINDS
            for size in PAGES
            for contender, server in ((TENTH, tenth_server), (WHOLE, whole_server))
        ]
        streams = [
            _entrant(STREAM, contender, "ours:typed", server, 500, "")
            for contender, server in ((TENTH, few_server), (WHOLE, many_server))
        ]
        books.run(syncs + streams)
    return books.findings()


def _entrant(case: str, contender: str, entry: str, server: Server, size: int, kind: str) -> Entrant:
    job = Job(
        environ=server.environ,
        records=server.customers,
        page_size=size,
        concurrency=4,
        destination=kind,
    )
    return Entrant(case=case, contender=contender, entry=entry, job=job, server=server)
