"""The peak memory of a sync of a million customers to NDJSON and to SQLite, against that of a tenth."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.serving import sandbox_process
from servicetitan_crm_async import RateLimit, ServiceTitanCRM, Settings
from servicetitan_crm_async.sync import open_destination, sync

CUSTOMERS = 1_000_000
KINDS = ("ndjson", "sqlite")
PAGES = (500, 5000)
"""Records a page: what both contracts allow, and the portal's largest, which is the default."""
FAST = Settings(rate=RateLimit(per_second=1000))
"""The sandbox beside it sets no limit, and memory is what is asked for."""


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _sync(environ: dict[str, str], kind: str, page: int, customers: int) -> dict[str, float]:
    idle, began_at = _peak_mib(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        destination = open_destination(f"{kind}:{Path(folder) / kind}")
        async with ServiceTitanCRM.from_env(environ, settings=FAST) as crm:
            report = await sync(crm, destination, entities=["customers"], page_size=page)
    assert not report.failed, report
    # The sandbox was born a moment ago; what it stamped in its last two minutes is the next run's.
    assert 0.999 * customers < report.records <= customers, report.records
    return {"idle_mib": idle, "peak_mib": _peak_mib(), "seconds": time.perf_counter() - began_at}


def _in_its_own_process(environ: dict[str, str], kind: str, page: int, customers: int) -> dict[str, float]:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.sync_memory", json.dumps([environ, kind, page, customers])],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, float] = json.loads(told.stdout)
    return found


def _every_case(customers: int) -> dict[str, dict[str, float]]:
    with sandbox_process(customers=customers) as environ:
        # Shown once, a record is ready at once: unless all are, the sandbox is too slow for any backlog.
        _in_its_own_process(environ, KINDS[0], PAGES[0], customers)
        return {
            f"{kind}_{page}": _in_its_own_process(environ, kind, page, customers)
            for kind in KINDS
            for page in PAGES
        }


def run() -> dict[str, float]:
    """The floor is a tenth of the records: what grows with their number shows in the ratios."""
    tenth, whole = _every_case(CUSTOMERS // 10), _every_case(CUSTOMERS)
    found: dict[str, float] = {"customers": CUSTOMERS}
    for case in whole:
        found[f"{case}_ratio"] = whole[case]["peak_mib"] / tenth[case]["peak_mib"]
        found |= {f"{case}_tenth_{name}": value for name, value in tenth[case].items()}
        found |= {f"{case}_{name}": value for name, value in whole[case].items()}
    return {"ratio": max(found[f"{case}_ratio"] for case in whole), **found}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_sync(*json.loads(sys.argv[1])))))
