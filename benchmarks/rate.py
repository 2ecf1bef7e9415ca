"""How much of 60 requests a second the client uses against a service that enforces them, 50 ms away."""

from __future__ import annotations

import asyncio
import time

from benchmarks.serving import sandbox_process
from servicetitan_crm_async import ServiceTitanCRM

REQUESTS = 900
ALLOWED = 60
LATENCY = 0.05


async def _measure(environ: dict[str, str]) -> dict[str, float]:
    async with ServiceTitanCRM.from_env(environ) as crm:
        began_at = time.perf_counter()
        async with crm.customers.list(page_size=5, active="Any").stream(concurrency=16) as pages:
            async for _ in pages:
                if crm.statistics().requests >= REQUESTS:
                    break
        seconds = time.perf_counter() - began_at
        done = crm.statistics()
        rate = done.requests / seconds
        return {
            "ratio": rate / ALLOWED,
            "requests_a_second": rate,
            "requests": done.requests,
            "seconds": seconds,
            "answers_429": done.throttled,
            "retries": done.retries,
        }


def run() -> dict[str, float]:
    with sandbox_process(customers=REQUESTS * 5, rate_limit=ALLOWED, latency=LATENCY) as environ:
        return asyncio.run(_measure(environ))
