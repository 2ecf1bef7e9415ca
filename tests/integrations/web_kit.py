"""The example applications, served for real on a free port of loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import NamedTuple

import aiohttp
import anyio
import uvicorn
from aiohttp import web
from fastapi import FastAPI

from examples import aiohttp_app, fastapi_app
from servicetitan_crm_async import RateLimit, RetryPolicy, ServiceTitanCRM, Settings
from servicetitan_crm_async.integrations.lending import MakeClients
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer

SECRET = "a-secret-of-more-than-16-characters"
HASTY = Settings(rate=RateLimit(per_second=100_000), retries=RetryPolicy(attempts=1))
"""No failure is worth another try, and no limit is in the way of many requests at once."""
_PATIENCE = 30.0


@asynccontextmanager
async def uvicorn_serving(app: FastAPI) -> AsyncIterator[aiohttp.ClientSession]:
    """Callers of a FastAPI application under uvicorn, which is stopped in good order at the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="on"))
    running = asyncio.create_task(server.serve())
    try:
        await until(lambda: server.started)
        async with _callers(server.servers[0].sockets[0].getsockname()[1]) as callers:
            yield callers
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def aiohttp_serving(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    """The same for an aiohttp application."""
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_PATIENCE, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with _callers(runner.addresses[0][1]) as callers:
            yield callers
    finally:
        await runner.cleanup()


class Stack(NamedTuple):
    """A framework: how its example is made, what serves it."""

    name: str
    serving: Callable[[MakeClients], AbstractAsyncContextManager[aiohttp.ClientSession]]
    command: tuple[str, ...]
    """Of a process that serves the example on a free port, which it prints."""


STACKS = (
    Stack(
        "fastapi",
        lambda make: uvicorn_serving(fastapi_app.create_app(make)),
        ("uvicorn", "--factory", "examples.fastapi_app:create_app", "--port", "0"),
    ),
    Stack(
        "aiohttp", lambda make: aiohttp_serving(aiohttp_app.create_app(make)), ("examples.aiohttp_app", "0")
    ),
)


def making(server: SandboxServer, settings: Settings = HASTY) -> Callable[[], ServiceTitanCRM]:
    """Makes clients of the sandbox's first tenant."""
    return lambda: ServiceTitanCRM.from_env(server.environ, settings=settings)


def a_few(sandbox: Sandbox) -> Iterator[int]:
    """Ids of customers."""
    return iter(sorted(sandbox.records("customers")))


async def until(condition: Callable[[], bool]) -> None:
    """Return once it holds; it has long to do so, as machines may be slow."""
    with anyio.fail_after(_PATIENCE):
        while not condition():
            await anyio.sleep(0.005)


def visits(sandbox: Sandbox, method: str, ending: str) -> int:
    """How many requests the sandbox had, by method and the end of their path."""
    return sum(1 for visit in sandbox.journal if visit.method == method and visit.path.endswith(ending))


async def answered(request: Awaitable[aiohttp.ClientResponse]) -> tuple[int, bytes]:
    """Status and body of an answer."""
    async with await request as response:
        return response.status, await response.read()


def _callers(port: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=60),
    )
