"""B: the same list from a service that is 150 ms away and enforces its limit.

Peers wait rather than compute here, so one of httpx stands for both.
"""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import ALLOWED, far_site, serving
from benchmarks.works.streaming import DLT, HTTPX, PEERS, SERVICEPYTAN, case_of

TITLE = "100,000 customers, 150 ms away, 60 requests a second enforced"
CUSTOMERS = 100_000
LATENCY = 0.15
PAGE, DEFAULT, SMALL = case_of(500), "our default page size", "a thousand pages"
TYPED, SYNC, FLOOR = "ours, typed", "ours, sync", "floor, decoded, paced"
_UNDER_WAY = 16
"""Pages at once: at 60 a second and 150 ms, nine or more have to be under way."""


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "B", TITLE)
    customers = plan.size(CUSTOMERS)
    site = far_site(customers, latency=LATENCY)
    books.about(site)
    with serving(site) as server:

        def entrant(case: str, contender: str, entry: str, page_size: int) -> Entrant:
            job = Job(
                environ=server.environ,
                records=customers,
                page_size=page_size,
                concurrency=_UNDER_WAY,
                per_second=ALLOWED,
            )
            return Entrant(case=case, contender=contender, entry=entry, job=job, server=server)

        books.run(
            [
                entrant(PAGE, TYPED, "ours:typed", 500),
                entrant(PAGE, FLOOR, "floor:paced", 500),
                *(
                    entrant(PAGE, name, PEERS[name][0], 500)
                    for name in (SERVICEPYTAN, HTTPX, DLT)
                    if books.present(name, PEERS[name][1])
                ),
                entrant(DEFAULT, SYNC, "ours:synced_to_nowhere", 0),
                entrant(DEFAULT, "ours, list", "ours:typed", 0),
                entrant(case_of(5000), TYPED, "ours:typed", 5000),
                entrant(case_of(5000), FLOOR, "floor:paced", 5000),
                entrant(SMALL, TYPED, "ours:typed", customers // plan.size(1000, 10)),
            ]
        )
    return books.findings()
