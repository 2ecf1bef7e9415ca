"""aiohttp's server: clients for the life of an application, and errors as problems.

    from servicetitan_crm_async.integrations import aiohttp as servicetitan

    app = web.Application(middlewares=servicetitan.MIDDLEWARES)
    app.cleanup_ctx.append(servicetitan.cleanup_ctx(ServiceTitanCRM.from_env))

    async def customer(request: web.Request) -> web.Response:
        async with servicetitan.client(request) as crm:
            return servicetitan.model_response(await crm.customers.get(int(request.match_info["id"])))

    web.run_app(app, handler_cancellation=True)

For many tenants `cleanup_ctx` takes `lambda: Tenants(credentials_of)`, and `client` the id of one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeAlias

from aiohttp import web
from aiohttp.log import web_logger

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

__all__ = [
    "CLIENTS",
    "MIDDLEWARES",
    "MakeClients",
    "SecretHeader",
    "SecretPath",
    "Signature",
    "Tenants",
    "cleanup_ctx",
    "client",
    "finish_writes",
    "model_response",
    "problems",
    "webhook_route",
]

OnEvent: TypeAlias = Callable[[webhooks.Event, web.Request], Awaitable[None]]

# Not `web.Handler`'s: that name is a type alias of private modules.
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_READS = ("GET", "HEAD", "OPTIONS")

CLIENTS: Final = web.AppKey("servicetitan_crm_async.clients", Lending)
"""Where the application has its clients: `app[CLIENTS].client()`, also where there is no request."""


def cleanup_ctx(
    make: MakeClients, *, grace: float = GRACE_SECONDS
) -> Callable[[web.Application], AsyncIterator[None]]:
    """What `app.cleanup_ctx` takes: clients from the start of the application to its end.

    `make` is called at the start; settings that cannot hold together end it. At the end what is under way
    has `grace` seconds before the clients close. Nested applications find those of the one around them.
    """

    async def context(app: web.Application) -> AsyncIterator[None]:
        async with lending(make, grace=grace) as lent:
            app[CLIENTS] = lent
            yield

    return context


def client(
    request: web.Request, tenant_id: int | None = None
) -> AbstractAsyncContextManager[ServiceTitanCRM]:
    """The client for a request, or of a tenant, for as long as the block lasts.

    A tenant's id says which tenant is meant, not whether the caller may ask for it: that is for you to check.

    Raises:
        UnknownTenant, CallTimeout: as `Tenants.client`.
        ConfigError: the application has no such context, or many tenants and none is named.
    """
    if CLIENTS not in request.config_dict:
        raise ConfigError("the application does not run with servicetitan's cleanup_ctx")
    return request.config_dict[CLIENTS].client(tenant_id)


def model_response(content: object, *, status: int = 200) -> web.Response:
    """A response of models of this package, with the service's own names of fields."""
    return web.Response(body=encoded(content), status=status, content_type="application/json")


@web.middleware
async def problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Answers this package's errors with problem details (RFC 9457) that say nothing of secrets or insides.

    An answer that has begun cannot become another one; the error then ends it as any error does.
    """
    try:
        return await handler(request)
    except ServiceTitanError as error:
        problem = logged_problem(error)
        if request.writer.output_size:
            raise
        return _response(problem)


@web.middleware
async def finish_writes(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Lets writes run to their end when their caller goes away, for use with `handler_cancellation=True`.

    With that, aiohttp cancels a request whose caller has gone, and what it waits for takes no place under the
    rate limit any more. That is right for GET, HEAD and OPTIONS; of a write that is cut off nobody knows
    whether it took effect. A second cancellation, as at the end of the process, ends a write too.
    """
    if request.method in _READS:
        return await handler(request)
    work = asyncio.ensure_future(handler(request))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await _run_out(work)
        raise


MIDDLEWARES: Final = (finish_writes, problems)
"""Both, in their order: what goes wrong after the caller has gone becomes a line in the log all the same."""


async def _run_out(work: asyncio.Future[web.StreamResponse]) -> None:
    try:
        await asyncio.wait({work})
    finally:
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        error = work.exception() if work.done() and not work.cancelled() else None
        # A request that never came whole is none of a write's troubles; aiohttp says nothing of it either.
        if error is not None and not isinstance(error, ConnectionError | web.RequestPayloadError):
            web_logger.error("a write whose caller had gone failed", exc_info=error)


def _response(problem: Problem) -> web.Response:
    return web.Response(
        body=problem.body(), status=problem.status, headers=problem.headers(), content_type=MEDIA_TYPE
    )


def webhook_route(path: str, on_event: OnEvent, *, proof: Proof, max_bytes: int = MAX_BYTES) -> web.RouteDef:
    """A route that ServiceTitan posts events to; `app.add_routes` takes it.

    `on_event` gets each event, and the request for what else it needs: `client(request, event.tenant_id)`.
    The answer is 200 once it returns. When it fails, ServiceTitan delivers the event again, and it may do so
    anyway: `event.user_assigned_id` tells what was dealt with before. What is no event gets 400.

    Args:
        proof: `Signature`, `SecretPath` or `SecretHeader`.
        max_bytes: what is larger gets 413, whatever the application's `client_max_size`.
    """

    async def receive(request: web.Request) -> web.Response:
        body = await _body(request, max_bytes)
        if body is None:
            return _response(too_large(max_bytes))
        delivery = Delivery(request.headers, request.match_info.get(SECRET_PARAMETER, ""), body)
        event = event_of(delivery, proof)
        if isinstance(event, Problem):
            return _response(event)
        await on_event(event, request)
        return web.Response()

    return web.post(proof.route(path), receive)


async def _body(request: web.Request, limit: int) -> bytes | None:
    """The body, or None as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)
