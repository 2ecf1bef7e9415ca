"""Many single calls, one after another or so many at once: the same for whoever makes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from benchmarks.job import Job, Watch

WARM_UP = 50
"""Calls before those that are measured, for what is made at the first ones."""


async def called(job: Job, watch: Watch, call: Callable[[int], Awaitable[int]]) -> int:
    """Call for every id of the job; how many answered with the right one."""

    async def work(ids: Iterator[int]) -> int:
        return sum([await call(number) == number for number in ids])

    await work(iter(job.ids[:WARM_UP]))
    watch.restart()
    ids = iter(job.ids)
    return sum(await asyncio.gather(*(work(ids) for _ in range(job.concurrency))))
