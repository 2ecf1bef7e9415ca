"""Fixtures of the whole suite: a sandbox on a free loopback port, and a client of it."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    """A small tenant that nobody disturbs."""
    async with serve(Sandbox(seed=7, customers=120)) as server:
        yield server


@pytest.fixture
async def crm(server: SandboxServer) -> AsyncIterator[ServiceTitanCRM]:
    """A client of `server`, open."""
    async with ServiceTitanCRM.from_env(server.environ) as crm:
        yield crm


def _mend_aioresponses() -> None:
    """aioresponses 0.7.9 builds a ClientResponse without the `stream_writer` that aiohttp 3.14 wants.

    Turns itself off once aioresponses knows the argument, or aiohttp no longer wants it.
    """
    wanted = inspect.signature(aiohttp.ClientResponse.__init__).parameters.get("stream_writer")
    if wanted is None or "stream_writer" in inspect.getsource(aioresponses.core):
        return

    class Response(aiohttp.ClientResponse):
        def __init__(self, *args: object, **kwargs: object) -> None:
            kwargs.setdefault("stream_writer", Mock())
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    setattr(aioresponses.core, "ClientResponse", Response)  # noqa: B010  # it is not exported


_mend_aioresponses()
