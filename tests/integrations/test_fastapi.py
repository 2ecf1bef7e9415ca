"""FastAPI: lifespans, dependencies, and a middleware that stops what nobody waits for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.types import Message, Receive, Scope, Send
from web_kit import a_few, answered, making, until, uvicorn_serving, visits

from examples import fastapi_tenants
from servicetitan_crm_async.integrations import fastapi as servicetitan
from servicetitan_crm_async.integrations.lending import Lending
from servicetitan_crm_async.sandbox import Fault, SandboxServer

GET: Scope = {"type": "http", "method": "GET"}


def with_everything(make: servicetitan.MakeClients) -> FastAPI:
    app = FastAPI(lifespan=servicetitan.lifespan(make))
    app.add_middleware(servicetitan.StopReadsOnDisconnect)
    servicetitan.add_exception_handlers(app)
    return app


async def test_the_lifespan_goes_into_one_of_your_own(server: SandboxServer) -> None:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with servicetitan.lifespan(making(server))(app) as state:
            yield {**state, "greeting": "hello"}

    app = FastAPI(lifespan=lifespan)

    @app.get("/{id}")
    async def name(request: Request, id: int, crm: servicetitan.CRM) -> str:
        return f"{request.state.greeting} {(await crm.customers.get(id)).id}"

    some, *_ = a_few(server.sandbox)
    async with uvicorn_serving(app) as callers:
        assert await answered(callers.get(f"/{some}")) == (200, f'"hello {some}"'.encode())


async def test_a_mounted_application_has_the_same_clients(server: SandboxServer) -> None:
    app, inner = with_everything(making(server)), FastAPI()
    servicetitan.add_exception_handlers(inner)
    app.mount("/inner", inner)

    @inner.get("/tenant")
    async def tenant(crm: servicetitan.CRM) -> int:
        return crm.tenant_id

    async with uvicorn_serving(app) as callers:
        assert await answered(callers.get("/inner/tenant")) == (200, b"1001")


async def test_without_the_lifespan_the_answer_is_a_bare_500() -> None:
    app = FastAPI()
    servicetitan.add_exception_handlers(app)

    @app.get("/")
    async def tenant(crm: servicetitan.CRM) -> int:
        return crm.tenant_id

    async with uvicorn_serving(app) as callers:
        status, body = await answered(callers.get("/"))
    problem = json.loads(body)
    assert (status, problem.keys()) == (500, {"title", "status", "instance"})


async def test_a_client_is_out_until_a_streamed_answer_has_ended(server: SandboxServer) -> None:
    app = with_everything(making(server))
    out: list[int] = []

    @app.get("/")
    async def ids(request: Request, crm: servicetitan.CRM) -> StreamingResponse:
        lent: Lending = request.state.servicetitan

        async def lines() -> AsyncIterator[str]:
            async for customer in crm.customers.list(active="Any"):
                yield f"{customer.id}\n"
            out.append(lent.out)

        return StreamingResponse(lines())

    async with uvicorn_serving(app) as callers:
        status, body = await answered(callers.get("/"))
    assert (status, len(body.split()), out) == (200, len(list(a_few(server.sandbox))), [1])


async def test_what_comes_after_a_complete_answer_is_not_stopped(server: SandboxServer) -> None:
    app = with_everything(making(server))
    done = asyncio.Event()

    @app.get("/")
    async def later(tasks: BackgroundTasks) -> str:
        async def work() -> None:
            await asyncio.sleep(0.05)
            done.set()

        tasks.add_task(work)
        return "soon"

    async with uvicorn_serving(app) as callers:
        await answered(callers.get("/"))
    assert done.is_set()


async def test_a_get_with_a_body_gets_it_whole(server: SandboxServer) -> None:
    app = with_everything(making(server))

    @app.get("/")
    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(50):
            yield b"%d," % number * 1000
            await asyncio.sleep(0)

    async with uvicorn_serving(app) as callers:
        status, body = await answered(callers.get("/", data=chunks()))
    assert (status, body) == (200, b"".join(b"%d," % number * 1000 for number in range(50)))


async def test_other_peoples_errors_pass_as_they_are(server: SandboxServer) -> None:
    app = with_everything(making(server))

    @app.get("/gone")
    async def gone() -> None:
        raise HTTPException(410, "gone")

    async with uvicorn_serving(app) as callers:
        assert await answered(callers.get("/gone")) == (410, b'{"detail":"gone"}')


async def test_an_error_in_the_application_is_not_wrapped() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise ZeroDivisionError

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError

    with pytest.raises(ZeroDivisionError):
        await servicetitan.StopReadsOnDisconnect(broken)(GET, receive, send)


async def test_who_listens_for_the_end_is_told_of_it_after_the_answer() -> None:
    told: list[Message] = []
    complete = asyncio.Event()

    async def app(scope: object, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        told.extend([await receive(), await receive(), await receive()])

    async def receive() -> Message:
        if not told and not complete.is_set():
            complete.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    await servicetitan.StopReadsOnDisconnect(app)(GET, receive, send)
    assert [message["type"] for message in told] == ["http.request", "http.disconnect", "http.disconnect"]


async def test_many_tenants_each_with_its_own_client(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = tmp_path / "tenants.json"
    sandbox = server.sandbox
    sandbox.add_tenant(1002, customers=40)
    known = {
        str(tenant.tenant_id): {"client_id": tenant.client_id, "client_secret": tenant.client_secret}
        for tenant in sandbox.tenants.values()
    }
    for name, value in server.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TENANTS", str(tenants))
    monkeypatch.setenv("APP_KEY", sandbox.tenant.app_key)
    tenants.write_text(json.dumps({"1001": known["1001"]}))

    async with uvicorn_serving(fastapi_tenants.create_app()) as callers:

        async def asked(tenant_id: object) -> tuple[int, bytes]:
            return await answered(callers.get(f"/tenants/{tenant_id}/open-leads"))

        assert {status for status, _ in await asyncio.gather(*(asked(1001) for _ in range(5)))} == {200}
        status, body = await asked(1002)
        assert (status, json.loads(body)["detail"]) == (404, "There is no such tenant.")
        assert (await asked("many"))[0] == 422
        tenants.write_text(json.dumps(known))
        (status, first), (other, second) = await asyncio.gather(asked(1001), asked(1002))
        assert (status, other) == (200, 200)
        assert first != second
        sandbox.faults.add(Fault.refuse_token(times=None, tenant_id=1002))
        assert (await asked(1002))[0] == 502
        assert (await asked(1001))[0] == 200
    assert sandbox.statistics().token_requests <= 4


async def test_a_caller_that_goes_away_leaves_no_client_out(server: SandboxServer) -> None:
    some, *_ = a_few(server.sandbox)
    server.sandbox.faults.add(Fault.slow(600, path=f"/customers/{some}"))
    app = with_everything(making(server))
    lent: list[Lending] = []

    @app.get("/{id}")
    async def customer(request: Request, id: int, crm: servicetitan.CRM) -> int:
        lent.append(request.state.servicetitan)
        return (await crm.customers.get(id)).id

    async with uvicorn_serving(app) as callers:
        caller = asyncio.create_task(answered(callers.get(f"/{some}")))
        await until(lambda: visits(server.sandbox, "GET", f"/customers/{some}") == 1)
        assert lent[0].out == 1
        caller.cancel()
        await until(lambda: lent[0].out == 0)


def test_without_the_extra_the_error_says_which_one_it_is() -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from servicetitan_crm_async import ConfigError\n"
        "try:\n    import servicetitan_crm_async.integrations.fastapi\n"
        "except ConfigError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert "pip install 'servicetitan-crm-async[fastapi]'" in said


async def test_a_handler_that_fails_makes_servicetitan_deliver_again(server: SandboxServer) -> None:
    app = with_everything(making(server))
    tries: list[int] = []

    async def on_event(event: object, request: Request) -> None:
        async with servicetitan.client(request) as crm:
            tries.append(crm.tenant_id)
            await crm.customers.get(5)

    proof = servicetitan.SecretHeader("X-Secret", "a-secret-of-more-than-16-characters")
    app.include_router(servicetitan.webhook_route("/hook", on_event, proof=proof), prefix="/api")
    event = {"type": "some.thing", "userassignedid": "1", "time": "2026-02-03T04:05:08Z", "id": "1"}
    async with uvicorn_serving(app) as callers:
        headers = {"x-secret": "a-secret-of-more-than-16-characters"}
        status, _ = await answered(callers.post("/api/hook", json=event, headers=headers))
        async with callers.get("/openapi.json") as response:
            assert "/api/hook" not in (await response.json())["paths"]
    assert (status, tries) == (404, [1001])


async def test_websockets_have_clients_too(server: SandboxServer) -> None:
    """As far as the dependency goes: uvicorn needs another package to speak to web sockets."""
    app = with_everything(making(server))

    @app.websocket("/tenant")
    async def tenant(socket: WebSocket, crm: servicetitan.CRM) -> None:
        await socket.accept()
        await socket.send_text(str(crm.tenant_id))
        await socket.close()

    sent: list[Message] = []
    received: list[Message] = [{"type": "websocket.disconnect"}, {"type": "websocket.connect"}]

    async def receive() -> Message:
        return received.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async with servicetitan.lifespan(making(server))(app) as state:
        scope: Scope = {
            "type": "websocket",
            "path": "/tenant",
            "raw_path": b"/tenant",
            "query_string": b"",
            "headers": [],
            "subprotocols": [],
            "state": dict(state),
        }
        await app(scope, receive, send)
    assert [message.get("text") for message in sent] == [None, "1001", None]
