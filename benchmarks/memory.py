"""The peak memory of reading 200,000 typed customers as a stream, above the idle process."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys

from benchmarks.serving import sandbox_process
from servicetitan_crm_async import ServiceTitanCRM

CUSTOMERS = 200_000


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _stream(environ: dict[str, str], customers: int) -> dict[str, float]:
    idle = _peak_mib()
    seen = 0
    async with (
        ServiceTitanCRM.from_env(environ) as crm,
        crm.customers.list(active="Any").stream(concurrency=4) as pages,
    ):
        async for page in pages:
            seen += sum(1 for customer in page if customer.id)
    assert seen == customers, seen
    peak = _peak_mib()
    return {"customers": seen, "idle_mib": idle, "peak_mib": peak, "above_idle_mib": peak - idle}


def _in_its_own_process(customers: int) -> dict[str, float]:
    with sandbox_process(customers=customers) as environ:
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", json.dumps([environ, customers])],
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, float] = json.loads(told.stdout)
    return found


def run() -> dict[str, float]:
    """The floor is a tenth of the records: what grows with their number shows in the ratio."""
    tenth, whole = _in_its_own_process(CUSTOMERS // 10), _in_its_own_process(CUSTOMERS)
    return {"ratio": whole["peak_mib"] / tenth["peak_mib"], **whole}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_stream(*json.loads(sys.argv[1])))))
