"""The library, as its users would write it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import aiolimiter  # noqa: F401  # as said below
import anyio

from benchmarks.contenders.calling import called
from benchmarks.contenders.floor import records_in
from benchmarks.job import Job, Watch
from servicetitan_crm_async import Credentials, Pages, RateLimit, ServiceTitanCRM, Settings
from servicetitan_crm_async.models import Customer
from servicetitan_crm_async.sync import open_destination, sync
from servicetitan_crm_async.sync.destinations import Batch, CallbackDestination, Destination

# What a first call imports, H measures; elsewhere it is there before the clock starts, as everyone's is.
anyio.run(anyio.sleep, 0)

T = TypeVar("T")


async def typed(job: Job, watch: Watch) -> int:
    """Pages of customers as a stream, each dropped before the next is asked for, as the floor's are."""
    async with _opened(job) as crm:
        return await _streamed(_customers(crm, job), job)


async def typed_kept(job: Job, watch: Watch) -> int:
    """The same, by a loop that still has a page while the next is made."""
    got = 0
    async with _opened(job) as crm, _customers(crm, job).stream(concurrency=job.concurrency) as stream:
        async for page in stream:
            got += len(page)
    return got


async def typed_one_by_one(job: Job, watch: Watch) -> int:
    """Customer after customer, a page asked for when the last is used up."""
    got = 0
    async with _opened(job) as crm:
        async for customer in _customers(crm, job):
            got += customer.id > 0
    return got


async def collected(job: Job, watch: Watch) -> int:
    """All of them in one list."""
    async with _opened(job) as crm:
        return len(await _customers(crm, job).collect(concurrency=job.concurrency))


async def raw(job: Job, watch: Watch) -> int:
    """Pages of records as they were sent, with their ids and instants."""
    async with _opened(job) as crm:
        return await _streamed(_customers(crm, job).raw(), job)


async def bodies(job: Job, watch: Watch) -> int:
    """Pages as they were sent, their records unread."""
    got = 0
    async with _opened(job) as crm, _customers(crm, job).bodies(concurrency=job.concurrency) as pages:
        async for page in pages:
            got += page.page_size if page.has_more else records_in(page.json)
    return got


async def synced_to_nowhere(job: Job, watch: Watch) -> int:
    """The sync of customers, which reads windows and keeps a ledger, into a callback that does nothing."""
    return await _synced(job, CallbackDestination(_nowhere), ["customers"])


async def synced_whole_to_nowhere(job: Job, watch: Watch) -> int:
    """The sync of everything that the tenant has."""
    return await _synced(job, CallbackDestination(_nowhere), None)


async def synced(job: Job, watch: Watch) -> int:
    """The customers into a new destination."""
    with _new_destination(job) as destination:
        return await _synced(job, destination, ["customers"])


async def synced_whole(job: Job, watch: Watch) -> int:
    """Everything into a new destination."""
    with _new_destination(job) as destination:
        return await _synced(job, destination, None)


async def synced_again(job: Job, watch: Watch) -> int:
    """Everything that changed, into a destination that has the rest."""
    return await _synced(job, open_destination(job.destination), None)


async def calls(job: Job, watch: Watch) -> int:
    """Customers, one a call."""
    async with _opened(job) as crm:

        async def call(number: int) -> int:
            return (await crm.customers.get(number)).id

        return await called(job, watch, call)


async def by_ids(job: Job, watch: Watch) -> int:
    async with _opened(job) as crm:
        return len((await crm.customers.get_many(job.ids)).records)


async def first_record(job: Job, watch: Watch) -> int:
    """How soon the first customer is there."""
    async with _opened(job) as crm:
        async for _ in crm.customers.list(page_size=1):
            return 1
    return 0


async def many_tenants(job: Job, watch: Watch) -> int:
    """Every tenant read to its end, all of them at once, on the same connections."""
    async with _opened(job) as crm:

        async def read(environ: dict[str, str]) -> int:
            credentials = Credentials(
                tenant_id=int(environ["SERVICETITAN_TENANT_ID"]),
                client_id=environ["SERVICETITAN_CLIENT_ID"],
                client_secret=environ["SERVICETITAN_CLIENT_SECRET"],
                app_key=environ["SERVICETITAN_APP_KEY"],
            )
            return await _streamed(_customers(crm.for_tenant(credentials), job), job)

        return sum(await asyncio.gather(*map(read, job.tenants)))


@asynccontextmanager
async def _opened(job: Job) -> AsyncIterator[ServiceTitanCRM]:
    settings = Settings(rate=RateLimit(per_second=job.per_second))
    async with ServiceTitanCRM.from_env(job.environ, settings=settings) as crm:
        yield crm


def _customers(crm: ServiceTitanCRM, job: Job) -> Pages[Customer]:
    return crm.customers.list(active="Any", page_size=job.page_size or None)


async def _streamed(pages: Pages[T], job: Job) -> int:
    got = 0
    async with pages.stream(concurrency=job.concurrency) as stream:
        async for page in stream:
            got += len(page)
            del page
    return got


async def _synced(job: Job, destination: Destination, entities: list[str] | None) -> int:
    async with _opened(job) as crm:
        report = await sync(crm, destination, entities=entities, page_size=job.page_size or None)
    failures = [f"{name}: {entity.error}" for name, entity in report.entities.items() if entity.error]
    if failures:
        raise RuntimeError("; ".join(failures))
    return report.records


@contextmanager
def _new_destination(job: Job) -> Iterator[Destination]:
    with tempfile.TemporaryDirectory() as folder:
        path = "" if job.destination == "memory" else str(Path(folder) / "mirror")
        yield open_destination(f"{job.destination}:{path}")


async def _nowhere(batch: Batch) -> None:
    return None
