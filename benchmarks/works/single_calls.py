"""C: what a call costs that gets one customer."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import Site, serving
from benchmarks.works.streaming import PYDANTIC, SERVICEPYTAN

TITLE = "GET one customer, again and again"
CALLS = 5_000
SEQUENTIAL, CONCURRENT = "one after another", "100 at once"
OURS, FLOOR = "ours", "floor"
_PEERS = {
    SERVICEPYTAN: ("peer_servicepytan:calls", "servicepytan"),
    PYDANTIC: ("peer_httpx:calls_as_models", "httpx"),
}


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "C", TITLE)
    calls = plan.size(CALLS)
    site = Site(customers=calls)
    books.about(site)
    with serving(site) as server:

        def entrant(case: str, contender: str, entry: str) -> Entrant:
            job = Job(
                environ=server.environ,
                records=calls,
                first_id=server.first_id,
                concurrency=100 if case == CONCURRENT else 1,
            )
            often = contender in (OURS, FLOOR)
            return Entrant(case=case, contender=contender, entry=entry, job=job, server=server, often=often)

        books.run(
            [
                *(entrant(case, OURS, "ours:calls") for case in (SEQUENTIAL, CONCURRENT)),
                *(entrant(case, FLOOR, "floor:calls") for case in (SEQUENTIAL, CONCURRENT)),
                *(
                    entrant(SEQUENTIAL, name, entry)
                    for name, (entry, needs) in _PEERS.items()
                    if books.present(name, needs)
                ),
            ]
        )
    return books.findings()
