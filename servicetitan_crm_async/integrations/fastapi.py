"""FastAPI, behind the extra `[fastapi]`: clients for the life of an application, and errors as problems.

    from servicetitan_crm_async.integrations import fastapi as servicetitan

    app = FastAPI(lifespan=servicetitan.lifespan(ServiceTitanCRM.from_env))
    app.add_middleware(servicetitan.StopReadsOnDisconnect)
    servicetitan.add_exception_handlers(app)

    @app.get("/customers/{id}")
    async def customer(id: int, crm: servicetitan.CRM) -> servicetitan.ModelResponse:
        return servicetitan.ModelResponse(await crm.customers.get(id))

For many tenants the lifespan takes `lambda: Tenants(credentials_of)`, and the dependency is `TenantCRM`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, TypeAlias, TypedDict

import anyio

from servicetitan_crm_async import webhooks
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.errors import ConfigError, ServiceTitanError
from servicetitan_crm_async.integrations.answers import encoded
from servicetitan_crm_async.integrations.deliveries import (
    MAX_BYTES,
    SECRET_PARAMETER,
    Delivery,
    Proof,
    SecretHeader,
    SecretPath,
    Signature,
    event_of,
    too_large,
)
from servicetitan_crm_async.integrations.lending import GRACE_SECONDS, Lending, MakeClients, lending
from servicetitan_crm_async.integrations.problems import MEDIA_TYPE, Problem, logged_problem
from servicetitan_crm_async.integrations.tenants import Tenants

try:
    from fastapi import APIRouter, Depends, FastAPI, Request, Response
    from fastapi.requests import HTTPConnection
    from starlette.requests import ClientDisconnect
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
except ImportError:
    raise ConfigError("FastAPI needs an extra: pip install 'servicetitan-crm-async[fastapi]'") from None

__all__ = [
    "CRM",
    "MakeClients",
    "ModelResponse",
    "SecretHeader",
    "SecretPath",
    "Signature",
    "State",
    "StopReadsOnDisconnect",
    "TenantCRM",
    "Tenants",
    "add_exception_handlers",
    "client",
    "lifespan",
    "webhook_route",
]

OnEvent: TypeAlias = Callable[[webhooks.Event, Request], Awaitable[None]]

_READS = ("GET", "HEAD")


class State(TypedDict):
    """What the lifespan adds to the state of every request."""

    servicetitan: Lending


def lifespan(
    make: MakeClients, *, grace: float = GRACE_SECONDS
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    """The lifespan of an application that calls ServiceTitan.

    `make` is called at each start, so an application that was stopped starts again; settings that cannot
    hold together end the start. At the end what is under way has `grace` seconds before the clients close.
    Inside a lifespan of your own, `async with` it and yield its state among yours.
    """

    @asynccontextmanager
    async def lifespan_of(app: FastAPI) -> AsyncIterator[State]:
        async with lending(make, grace=grace) as lent:
            yield State(servicetitan=lent)

    return lifespan_of


def client(
    connection: HTTPConnection, tenant_id: int | None = None
) -> AbstractAsyncContextManager[ServiceTitanCRM]:
    """The client for a request, or of a tenant, for as long as the block lasts.

    Raises:
        UnknownTenant, CallTimeout: as `Tenants.client`.
        ConfigError: the application has no such lifespan, or many tenants and none is named.
    """
    lent = getattr(connection.state, "servicetitan", None)
    if not isinstance(lent, Lending):
        raise ConfigError("the application does not run with servicetitan's lifespan")
    return lent.client(tenant_id)


async def _crm(connection: HTTPConnection) -> AsyncIterator[ServiceTitanCRM]:
    async with client(connection) as crm:
        yield crm


async def _tenant_crm(connection: HTTPConnection, tenant_id: int) -> AsyncIterator[ServiceTitanCRM]:
    async with client(connection, tenant_id) as crm:
        yield crm


CRM: TypeAlias = Annotated[ServiceTitanCRM, Depends(_crm)]
"""The type of a parameter that gets the client of the only tenant."""

TenantCRM: TypeAlias = Annotated[ServiceTitanCRM, Depends(_tenant_crm)]
"""The same for the tenant named by `tenant_id` in the path or the query.

It says which tenant is meant, not whether the caller may ask for it: that is for you to check.
"""


class ModelResponse(Response):
    """A response of models of this package, with the service's own names of fields."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        return encoded(content)


def add_exception_handlers(app: FastAPI) -> None:
    """Answer this package's errors with problem details (RFC 9457) that say nothing of secrets or insides."""
    app.add_exception_handler(ServiceTitanError, _on_error)


async def _on_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceTitanError):
        raise error
    return _response(logged_problem(error))


def _response(problem: Problem) -> Response:
    return Response(
        problem.body(), status_code=problem.status, headers=problem.headers(), media_type=MEDIA_TYPE
    )


def webhook_route(path: str, on_event: OnEvent, *, proof: Proof, max_bytes: int = MAX_BYTES) -> APIRouter:
    """A route that ServiceTitan posts events to; `app.include_router` takes it.

    `on_event` gets each event, and the request for what else it needs: `client(request, event.tenant_id)`.
    The answer is 200 once it returns. When it fails, ServiceTitan delivers the event again, and it may do so
    anyway: `event.user_assigned_id` tells what was dealt with before. What is no event gets 400.

    Args:
        proof: `Signature`, `SecretPath` or `SecretHeader`.
        max_bytes: what is larger gets 413.
    """
    router = APIRouter()

    async def receive(request: Request) -> Response:
        try:
            body = await _body(request, max_bytes)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _response(too_large(max_bytes))
        delivery = Delivery(request.headers, request.path_params.get(SECRET_PARAMETER, ""), body)
        event = event_of(delivery, proof)
        if isinstance(event, Problem):
            return _response(event)
        await on_event(event, request)
        return Response(status_code=200)

    router.add_api_route(
        proof.route(path), receive, methods=["POST"], include_in_schema=False, response_model=None
    )
    return router


async def _body(request: Request, limit: int) -> bytes | None:
    """The body, or None as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


class StopReadsOnDisconnect:
    """Middleware: when a caller goes away, what was to be read for it is read no further.

    Servers let a request run on after its caller has gone, and its calls go on taking places under the rate
    limit. GET and HEAD are cancelled instead, unless their answer is complete. Other methods run to their
    end: of a write that is cut off nobody knows whether it took effect.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in _READS:
            await self._app(scope, receive, send)
            return
        failure: Exception | None = None
        answered = False
        put, take = anyio.create_memory_object_stream[Message](1)

        async def read_ahead() -> None:
            # A disconnect is told to who asks for the next message, which the application may never do.
            async with put:
                while (message := await receive())["type"] != "http.disconnect":
                    await put.send(message)
            if not answered:
                group.cancel_scope.cancel()

        async def next_message() -> Message:
            try:
                return await take.receive()
            except anyio.EndOfStream:
                return {"type": "http.disconnect"}

        async def watched_send(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        async with take, anyio.create_task_group() as group:
            group.start_soon(read_ahead)
            try:
                await self._app(scope, next_message, watched_send)
            except Exception as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure  # out here, where no group of errors is made of it
