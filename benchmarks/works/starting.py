"""H: importing, and the first record a fresh program gets."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import Site, serving
from benchmarks.works.streaming import DLT, PYDANTIC, SERVICEPYTAN

TITLE = "import, and the first record of a fresh program"
IMPORT, FIRST = "import", "first record"
OURS, FLOOR = "ours", "floor"
_FIRST_OF = {
    OURS: ("ours:first_record", "servicetitan_crm_async"),
    FLOOR: ("floor:first_record", "aiohttp"),
    SERVICEPYTAN: ("peer_servicepytan:first_record", "servicepytan"),
    PYDANTIC: ("peer_httpx:first_record", "httpx"),
    DLT: ("peer_dlt:first_record", "dlt"),
}


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "H", TITLE)
    site = Site(server="sandbox", customers=plan.size(1000))
    books.about(site)
    with serving(site) as server:
        job = Job(environ=server.environ, records=1, page_size=1)

        def entrant(case: str, contender: str, entry: str) -> Entrant:
            return Entrant(case=case, contender=contender, entry=entry, job=job, server=server)

        books.run(
            [
                entrant(IMPORT, OURS, "importing:package"),
                *(
                    entrant(FIRST, name, entry)
                    for name, (entry, needs) in _FIRST_OF.items()
                    if books.present(name, needs)
                ),
            ]
        )
    return books.findings()
