"""The skin over real sockets: faults as a client meets them, gzip, and a shutdown that leaves nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from sandbox_desk import small

from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve


class Visitor:
    """A bare aiohttp client that knows where the sandbox is."""

    def __init__(self, server: SandboxServer, session: aiohttp.ClientSession, token: str) -> None:
        self.server = server
        self.session = session
        self.headers = {
            "Authorization": f"Bearer {token}",
            "ST-App-Key": server.environ["SERVICETITAN_APP_KEY"],
        }

    def call(self, resource: str, method: str = "GET", **options: Any) -> Any:
        url = f"{self.server.url}/crm/v2/tenant/{self.server.environ['SERVICETITAN_TENANT_ID']}{resource}"
        return self.session.request(
            method, url, headers={**self.headers, **options.pop("headers", {})}, **options
        )


@asynccontextmanager
async def visiting(sandbox: Sandbox, *, compress: bool = False) -> AsyncIterator[Visitor]:
    async with serve(sandbox, compress=compress) as server, aiohttp.ClientSession() as session:
        environ = server.environ
        form = {
            "grant_type": "client_credentials",
            "client_id": environ["SERVICETITAN_CLIENT_ID"],
            "client_secret": environ["SERVICETITAN_CLIENT_SECRET"],
        }
        async with session.post(environ["SERVICETITAN_AUTH_URL"], data=form) as answer:
            token = (await answer.json())["access_token"]
        yield Visitor(server, session, token)


async def test_bytes_over_a_socket_are_the_bytes_of_the_answer() -> None:
    sandbox = small()
    async with visiting(sandbox) as visitor:
        async with visitor.call("/customers?active=Any&sort=%2BId&pageSize=60") as answer:
            body = await answer.read()
        async with visitor.call("/customers?active=Any&sort=+Id&pageSize=60") as answer:
            assert await answer.read() == body
        assert b",".join(each for _, each in sandbox.records("customers").values()) in body
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
        assert answer.headers.getall("Date") == [answer.headers["Date"]]
    assert sandbox.statistics().requests == 2


async def test_a_reset_reaches_the_client_as_a_lost_connection() -> None:
    sandbox = small()
    sandbox.faults.add(Fault.reset(method="POST"))
    async with visiting(sandbox) as visitor:
        with pytest.raises(aiohttp.ClientError):
            await visitor.call("/leads", "POST", json={})
    assert sandbox.statistics().statuses[0] == 1


async def test_a_reset_can_come_before_or_after_the_write() -> None:
    sandbox = small()
    before = len(sandbox.records("leads"))
    lead = {"campaignId": 1, "summary": "s", "callReasonId": 1}
    sandbox.faults.add(Fault.reset(method="POST"), Fault.reset(method="POST", applied=True))
    async with visiting(sandbox) as visitor:
        for expected in (before, before + 1):
            with pytest.raises(aiohttp.ClientError):
                await visitor.call("/leads", "POST", json=lead)
            assert len(sandbox.records("leads")) == expected


async def test_a_cut_body_is_shorter_than_announced() -> None:
    sandbox = small()
    sandbox.faults.add(Fault.cut(keep=64, path="/customers"))
    async with visiting(sandbox) as visitor:
        async with visitor.call("/customers") as answer:
            assert answer.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        async with visitor.call("/customers") as answer:
            await answer.json()


async def test_a_slow_body_comes_in_the_end() -> None:
    sandbox = small()
    sandbox.faults.add(Fault.slow(0.02))
    async with visiting(sandbox) as visitor:
        start = time.monotonic()
        async with visitor.call("/customers") as answer:
            assert (await answer.json())["page"] == 1
        assert time.monotonic() - start >= 0.02


async def test_latency_delays_the_answer() -> None:
    async with visiting(small(latency=0.02)) as visitor:
        start = time.monotonic()
        async with visitor.call("/customers") as answer:
            await answer.read()
        assert time.monotonic() - start >= 0.02


async def test_gzip_is_spoken_only_when_both_sides_want_it() -> None:
    for compress, accepted, expected in (
        (True, "gzip", "gzip"),
        (True, "identity", None),
        (False, "gzip", None),
    ):
        headers = {"Accept-Encoding": accepted}
        async with (
            visiting(small(), compress=compress) as visitor,
            visitor.call("/customers", headers=headers) as answer,
        ):
            assert answer.headers.get("Content-Encoding") == expected
            assert len((await answer.json())["data"]) == 50


async def test_two_servers_run_side_by_side() -> None:
    async with visiting(small(seed=1)) as first, visiting(small(seed=2)) as second:
        bodies = []
        for visitor in (first, second):
            async with visitor.call("/customers") as answer:
                bodies.append(await answer.read())
        assert bodies[0] != bodies[1]
        assert first.server.port != second.server.port


async def test_leaving_closes_idle_and_busy_connections_at_once_and_leaves_no_task() -> None:
    sandbox = small()
    sandbox.faults.add(Fault.slow(60, path="/leads"))
    async with aiohttp.ClientSession() as session:
        async with serve(sandbox) as server:
            async with session.get(server.url) as answer:
                assert answer.status == 404
            slow = asyncio.create_task(session.get(f"{server.url}/crm/v2/tenant/1001/leads"))
            await asyncio.sleep(0.01)
            start = time.monotonic()
        assert time.monotonic() - start < 1
        answer = await asyncio.wait_for(slow, 1)
        answer.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(aiohttp.ClientConnectorError):
        async with aiohttp.ClientSession() as session, session.get(server.url):
            pass


async def test_the_server_lives_by_the_clock_it_is_given() -> None:
    sandbox = small()
    async with (
        serve(sandbox, clock=lambda: sandbox.world().recipe.born) as server,
        aiohttp.ClientSession() as session,
        session.get(server.url) as answer,
    ):
        assert answer.headers["Date"] == "Sun, 01 Mar 2026 12:00:00 GMT"
