"""A sandbox in a process of its own, so that its work and its memory are not counted as the client's."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from servicetitan_crm_async.sandbox import Sandbox, serve


@contextmanager
def sandbox_process(
    *, customers: int, rate_limit: int | None = None, latency: float = 0.0, locations: float = 0.0
) -> Iterator[dict[str, str]]:
    """The environment variables of a sandbox that lives while the block lasts."""
    options = json.dumps([customers, rate_limit, latency, locations])
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving", options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    assert server.stdin is not None
    try:
        yield json.loads(server.stdout.readline())
    finally:
        server.stdin.close()
        server.wait(timeout=10)
        server.stdout.close()


async def _serve(customers: int, rate_limit: int | None, latency: float, locations: float) -> None:
    sandbox = Sandbox(
        seed=1,
        customers=customers,
        rate_limit=rate_limit,
        latency=latency,
        locations_per_customer=locations,
        contacts=(0, 0),
        leads=0,
        bookings=0,
    )
    async with serve(sandbox) as server:
        print(json.dumps(server.environ), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(*json.loads(sys.argv[1])))
