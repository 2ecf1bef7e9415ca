"""Hand-written loops over aiohttp and msgspec: what the same work costs with nothing around it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter

from benchmarks.contenders.calling import called
from benchmarks.job import IDS_A_REQUEST, Job, Watch
from servicetitan_crm_async.models import Customer, Envelope

Get = Callable[[str], Awaitable[bytes]]
"""Fetches what a path on the server, with its query, stands for."""


class _Ends(msgspec.Struct, rename="camel"):
    has_more: bool
    total_count: int | None


_ends = msgspec.json.Decoder(_Ends)
_page = msgspec.json.Decoder(Envelope[Customer])
_one = msgspec.json.Decoder(Customer)


async def bytes_sequential(job: Job, watch: Watch) -> int:
    return await _one_page_after_another(job, _left_as_bytes)


async def bytes_concurrent(job: Job, watch: Watch) -> int:
    return await _side_by_side(job, _left_as_bytes)


async def decoded_sequential(job: Job, watch: Watch) -> int:
    return await _one_page_after_another(job, _decoded)


async def decoded_concurrent(job: Job, watch: Watch) -> int:
    return await _side_by_side(job, _decoded)


async def decoded_quietly(job: Job, watch: Watch) -> int:
    return await _side_by_side(job, _decoded_quietly)


async def decoded_in_memory(job: Job, watch: Watch) -> int:
    """The same pages, once they are all there: no network, no loop."""
    async with _opened(job) as get:
        bodies = [await get(_page_path(job, number)) for number in range(1, _pages(job, job.records) + 1)]
    watch.restart()
    return sum(map(_decoded_quietly, bodies))


async def calls(job: Job, watch: Watch) -> int:
    async with _opened(job) as get:

        async def call(number: int) -> int:
            return _one.decode(await get(f"{job.path}/{number}")).id

        return await called(job, watch, call)


async def first_record(job: Job, watch: Watch) -> int:
    async with _opened(job) as get:
        return _decoded(await get(_page_path(job, 1)))


async def by_ids(job: Job, watch: Watch) -> int:
    """Fifty ids a request, side by side, as fast as a leaky bucket below the rate lets them go."""
    # Four at once and 56 a second after that: what 60 in any sliding second leaves room for.
    bucket = AsyncLimiter(4, 4 / (job.per_second - 4))
    got = 0
    async with _opened(job) as get:
        starts = iter(job.ids[::IDS_A_REQUEST])

        async def work() -> None:
            nonlocal got
            for start in starts:
                wanted = range(start, min(start + IDS_A_REQUEST, job.ids.stop))
                await bucket.acquire()
                text = "%2C".join(map(str, wanted))
                body = await get(f"{job.path}?active=Any&ids={text}&page=1&pageSize={IDS_A_REQUEST}")
                got += _decoded(body)

        await asyncio.gather(*(work() for _ in range(job.concurrency)))
    return got


async def paced(job: Job, watch: Watch) -> int:
    """Pages side by side, no faster than the rate."""
    return await _side_by_side(job, _decoded, AsyncLimiter(4, 4 / (job.per_second - 4)))


async def _one_page_after_another(job: Job, take: Callable[[bytes], int]) -> int:
    got, number = 0, 0
    async with _opened(job) as get:
        more = True
        while more:
            number += 1
            body = await get(_page_path(job, number))
            got += take(body)
            more = b'"hasMore":true' in body[:80]
    return got


async def _side_by_side(job: Job, take: Callable[[bytes], int], bucket: AsyncLimiter | None = None) -> int:
    """The first page tells how many there are; so many workers fetch the rest."""
    async with _opened(job) as get:
        body = await get(f"{_page_path(job, 1)}&includeTotal=true")
        total, got = _ends.decode(body).total_count or 0, take(body)
        numbers = iter(range(2, _pages(job, total) + 1))

        async def work() -> None:
            nonlocal got
            for number in numbers:
                if bucket is not None:
                    await bucket.acquire()
                # Awaited first: `got += take(await …)` would read `got` before it waits.
                body = await get(_page_path(job, number))
                got += take(body)

        await asyncio.gather(*(work() for _ in range(job.concurrency)))
    return got


@asynccontextmanager
async def _opened(job: Job) -> AsyncIterator[Get]:
    """A session with a token, as much of it as a careful program would set."""
    env = job.environ
    form = {
        "grant_type": "client_credentials",
        "client_id": env["SERVICETITAN_CLIENT_ID"],
        "client_secret": env["SERVICETITAN_CLIENT_SECRET"],
    }
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.post(env["SERVICETITAN_AUTH_URL"], data=form) as answer:
            token = (await answer.json())["access_token"]
        headers = {"Authorization": f"Bearer {token}", "ST-App-Key": env["SERVICETITAN_APP_KEY"]}

        async def get(target: str) -> bytes:
            async with session.get(job.url + target, headers=headers) as answer:
                answer.raise_for_status()
                return await answer.read()

        yield get


def _page_path(job: Job, number: int) -> str:
    return f"{job.path}?active=Any&pageSize={job.page_size}&page={number}"


def _pages(job: Job, records: int) -> int:
    return -(-records // job.page_size)


def records_in(body: bytes) -> int:
    """How many customers a page has, without reading them."""
    return body.count(b'"createdOn"')


def _left_as_bytes(body: bytes) -> int:
    # Only the last page has to be counted, as the others are full.
    full = b'"hasMore":true' in body[:80]
    size = int(body[body.index(b'"pageSize":') + 11 : body.index(b',"hasMore"')])
    return size if full else records_in(body)


def _decoded(body: bytes) -> int:
    return len(_page.decode(body).data)


def _decoded_quietly(body: bytes) -> int:
    """The collector, which a page's many new objects would set off, waits until the page is there."""
    gc.disable()
    try:
        return len(_page.decode(body).data)
    finally:
        gc.enable()
