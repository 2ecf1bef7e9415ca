"""D: customers whose ids are known."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import ALLOWED, far_site, serving
from benchmarks.works.streaming import PYDANTIC, SERVICEPYTAN

TITLE = "get_many of 10,000 ids, 50 ms away, 60 requests a second enforced"
IDS = 10_000
CASE, OURS, FLOOR = "10,000 ids", "ours, get_many", "floor, 50 ids a request, paced"
_ENTRIES = {
    OURS: ("ours:by_ids", "servicetitan_crm_async"),
    FLOOR: ("floor:by_ids", "aiohttp"),
    SERVICEPYTAN: ("peer_servicepytan:by_ids", "servicepytan"),
    PYDANTIC: ("peer_httpx:by_ids_as_models", "httpx"),
}


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "D", TITLE)
    wanted = plan.size(IDS, 100)
    site = far_site(wanted)
    books.about(site)
    with serving(site) as server:
        job = Job(environ=server.environ, records=wanted, first_id=server.first_id, per_second=ALLOWED)
        books.run(
            [
                Entrant(case=CASE, contender=name, entry=entry, job=job, server=server)
                for name, (entry, needs) in _ENTRIES.items()
                if books.present(name, needs)
            ]
        )
    return books.findings()
