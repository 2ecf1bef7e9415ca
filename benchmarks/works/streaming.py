"""A: a whole list, as fast as it comes."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import Site, serving

TITLE = "200,000 customers, no latency, no limit"
CUSTOMERS = 200_000
PAGES = (500, 5000)
OURS_TYPED, OURS_BODIES, OURS_SYNC = "ours, typed", "ours, bodies", "ours, sync to nowhere"
OURS_KEPT, OURS_RAW = "ours, typed, last page kept", "ours, raw records"
BYTES, QUIET, PLAIN = "floor, bytes", "floor, decoded quietly", "floor, decoded"
SERVICEPYTAN, HTTPX, PYDANTIC, DLT = "servicepytan", "httpx + json", "httpx + pydantic", "dlt rest_api"
ENTRIES = {
    OURS_TYPED: "ours:typed",
    OURS_KEPT: "ours:typed_kept",
    "ours, typed one by one": "ours:typed_one_by_one",
    "ours, collected": "ours:collected",
    OURS_BODIES: "ours:bodies",
    OURS_RAW: "ours:raw",
    OURS_SYNC: "ours:synced_to_nowhere",
    BYTES: "floor:bytes_concurrent",
    "floor, bytes, sequential": "floor:bytes_sequential",
    QUIET: "floor:decoded_quietly",
    PLAIN: "floor:decoded_concurrent",
    "floor, decoded, sequential": "floor:decoded_sequential",
    "floor, decoded in memory": "floor:decoded_in_memory",
}
_JUDGED = (OURS_TYPED, OURS_BODIES, BYTES, QUIET, PLAIN, SERVICEPYTAN)
PEERS = {
    SERVICEPYTAN: ("peer_servicepytan:pages", "servicepytan"),
    HTTPX: ("peer_httpx:pages_as_json", "httpx"),
    PYDANTIC: ("peer_httpx:pages_as_models", "httpx"),
    DLT: ("peer_dlt:pages", "dlt"),
}


def case_of(page_size: int) -> str:
    return f"page size {page_size}"


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "A", TITLE)
    customers = plan.size(CUSTOMERS)
    entries = ENTRIES | {name: entry for name, (entry, needs) in PEERS.items() if books.present(name, needs)}
    site = Site(customers=customers)
    books.about(site)
    with serving(site) as server:
        books.run(
            [
                Entrant(
                    case=case_of(size),
                    contender=name,
                    entry=entry,
                    job=Job(environ=server.environ, records=customers, page_size=size),
                    server=server,
                    often=name in _JUDGED,
                )
                for size in PAGES
                for name, entry in entries.items()
            ]
        )
    return books.findings()
