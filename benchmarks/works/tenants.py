"""I: many tenants in one process."""

from __future__ import annotations

from benchmarks.comparing import Comparison, Entrant, Plan
from benchmarks.findings import Findings
from benchmarks.job import Job
from benchmarks.serving import ALLOWED, far_site, serving

TITLE = "1, 10 and 100 tenants in one process, 50 ms away, each with its 60 requests a second"
CUSTOMERS = 2_000
"""Of each tenant, in twenty pages."""
TENANTS = (1, 10, 100)
OURS = "ours, typed"


def run(plan: Plan) -> Findings:
    books = Comparison(plan, "I", TITLE)
    customers = plan.size(CUSTOMERS, 40)
    counts = [plan.size(number, least) for number, least in zip(TENANTS, (1, 2, 4), strict=True)]
    site = far_site(customers, tenants=counts[-1])
    books.about(site)
    with serving(site) as server:
        books.run(
            [
                Entrant(
                    case=case_of(count),
                    contender=OURS,
                    entry="ours:many_tenants",
                    job=Job(
                        environ=server.environ,
                        records=count * customers,
                        page_size=customers // 20,
                        concurrency=4,
                        per_second=ALLOWED,
                        tenants=server.environs[:count],
                    ),
                    server=server,
                )
                for count in counts
            ]
        )
    return books.findings()


def case_of(count: int) -> str:
    return f"{count} tenant" + "s" * (count > 1)
