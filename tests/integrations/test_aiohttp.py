"""aiohttp: the context, the key, and middlewares for errors and for writes whose caller has gone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import aiohttp
import aiohttp.test_utils
import pytest
from aiohttp import web
from web_kit import a_few, aiohttp_serving, answered, making, until, visits

from servicetitan_crm_async import Credentials, ServiceTitanCRM
from servicetitan_crm_async.integrations import aiohttp as servicetitan
from servicetitan_crm_async.integrations.lending import MakeClients
from servicetitan_crm_async.sandbox import Fault, SandboxServer


def with_everything(make: MakeClients) -> web.Application:
    app = web.Application(middlewares=servicetitan.MIDDLEWARES)
    app.cleanup_ctx.append(servicetitan.cleanup_ctx(make))
    return app


async def tenant(request: web.Request) -> web.Response:
    named = request.query.get("tenant")
    async with servicetitan.client(request, int(named) if named else None) as crm:
        return web.json_response(crm.tenant_id)


async def test_the_key_has_clients_where_there_is_no_request(server: SandboxServer) -> None:
    app = with_everything(making(server))
    some, *_ = a_few(server.sandbox)
    found: list[int] = []

    async def at_start(app: web.Application) -> AsyncIterator[None]:
        async with app[servicetitan.CLIENTS].client() as crm:
            found.append((await crm.customers.get(some)).id)
        yield

    app.cleanup_ctx.append(at_start)
    async with aiohttp_serving(app):
        assert found == [some]


async def test_a_nested_application_has_the_same_clients(server: SandboxServer) -> None:
    app, inner = with_everything(making(server)), web.Application()
    inner.router.add_get("/tenant", tenant)
    app.add_subapp("/inner", inner)
    async with aiohttp_serving(app) as callers:
        assert await answered(callers.get("/inner/tenant")) == (200, b"1001")


async def test_many_tenants_each_with_its_own_client(server: SandboxServer) -> None:
    server.sandbox.add_tenant(1002, customers=0)
    known = {
        who.tenant_id: Credentials(
            tenant_id=who.tenant_id,
            client_id=who.client_id,
            client_secret=who.client_secret,
            app_key=who.app_key,
        )
        for who in server.sandbox.tenants.values()
    }
    app = with_everything(lambda: servicetitan.Tenants(known.get))
    app.router.add_get("/", tenant)
    async with aiohttp_serving(app) as callers:
        for tenant_id, status in ((1001, 200), (1002, 200), (1003, 404)):
            assert (await answered(callers.get("/", params={"tenant": tenant_id})))[0] == status
        assert (await answered(callers.get("/")))[0] == 500


async def test_without_the_context_the_answer_is_a_bare_500() -> None:
    app = web.Application(middlewares=servicetitan.MIDDLEWARES)
    app.router.add_get("/", tenant)
    async with aiohttp_serving(app) as callers:
        status, body = await answered(callers.get("/"))
    assert (status, json.loads(body).keys()) == (500, {"title", "status", "instance"})


async def test_an_answer_that_has_begun_does_not_become_another(server: SandboxServer) -> None:
    app = with_everything(making(server))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"so far so good")
        async with servicetitan.client(request) as crm:
            await crm.customers.get(5)
        return response

    app.router.add_get("/", stream)
    async with aiohttp_serving(app) as callers:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answered(callers.get("/"))
        async with callers.get("/") as response:
            assert response.status == 200
            assert await response.content.readany() == b"so far so good"


async def test_what_goes_wrong_after_the_caller_has_gone_is_logged(
    server: SandboxServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.sandbox.faults.add(Fault.slow(0.2, path="/customers/5", times=None))
    app = with_everything(making(server))
    begun: list[str] = []

    async def write(request: web.Request) -> web.Response:
        begun.append(request.path)
        async with servicetitan.client(request) as crm:
            await crm.request("GET", "/crm/v2/tenant/{tenant}/customers/5")
        return web.Response()

    async def fail(request: web.Request) -> web.Response:
        begun.append(request.path)
        await asyncio.sleep(0.2)
        raise ZeroDivisionError

    app.add_routes([web.post("/write", write), web.post("/fail", fail)])
    with caplog.at_level(logging.INFO):
        async with aiohttp_serving(app) as callers:
            leaving = [asyncio.create_task(answered(callers.post(path))) for path in ("/write", "/fail")]
            await until(lambda: len(begun) == 2)
            for caller in leaving:
                caller.cancel()
    said = [record.getMessage() for record in caplog.records]
    assert any("NotFound" in line and line.startswith("problem urn:uuid:") for line in said)
    assert "a write whose caller had gone failed" in said


async def test_a_second_cancellation_ends_a_write_too(server: SandboxServer) -> None:
    ended: list[str] = []
    running = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("with it")
        return web.Response()

    request = aiohttp.test_utils.make_mocked_request("POST", "/")
    task = asyncio.ensure_future(servicetitan.finish_writes(request, endless))
    await running.wait()
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    assert ended == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["with it"]


async def test_a_caller_that_goes_away_leaves_no_client_out(server: SandboxServer) -> None:
    some, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(600, path=f"/customers/{some}"))
    app = with_everything(making(server))

    async def customer(request: web.Request) -> web.Response:
        async with servicetitan.client(request) as crm:
            return servicetitan.model_response(await crm.customers.get(some))

    app.router.add_get("/", customer)
    async with aiohttp_serving(app) as callers:
        caller = asyncio.create_task(answered(callers.get("/")))
        await until(lambda: visits(server.sandbox, "GET", f"/customers/{some}") == 1)
        assert app[servicetitan.CLIENTS].out == 1
        caller.cancel()
        await until(lambda: app[servicetitan.CLIENTS].out == 0)


async def test_a_model_is_answered_in_the_services_own_words(server: SandboxServer) -> None:
    some, *_ = a_few(server.sandbox)
    async with ServiceTitanCRM.from_env(server.environ) as crm:
        customer = await crm.customers.get(some)
    response = servicetitan.model_response(customer, status=201)
    assert (response.status, response.content_type) == (201, "application/json")
    assert isinstance(response.body, bytes)
    assert {"id", "doNotMail", "createdOn"} <= json.loads(response.body).keys()
