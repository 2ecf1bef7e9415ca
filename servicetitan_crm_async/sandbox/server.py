"""The skin: an HTTP server that asks the sandbox for answers and acts out what happens to them."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from .gate import Tenant
from .messages import Answer, Mishap, Request
from .sandbox import Sandbox

_LINGER_NOT = struct.pack("ii", 1, 0)
_WORTH_COMPRESSING = 1024


def system_ticks() -> int:
    """Ticks of the machine's clock."""
    return time.time_ns() // 100


class SandboxServer:
    """A sandbox that listens; made by `serve`."""

    def __init__(self, sandbox: Sandbox, host: str, port: int) -> None:
        self.sandbox = sandbox
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.host}:{self.port}"

    @property
    def token_url(self) -> str:
        """Where the token service is."""
        return f"{self.url}/connect/token"

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables that point a client here, as the first tenant."""
        return self.environ_of(self.sandbox.tenant)

    def environ_of(self, tenant: Tenant) -> dict[str, str]:
        """The same as any tenant."""
        return {
            "SERVICETITAN_CLIENT_ID": tenant.client_id,
            "SERVICETITAN_CLIENT_SECRET": tenant.client_secret,
            "SERVICETITAN_APP_KEY": tenant.app_key,
            "SERVICETITAN_TENANT_ID": str(tenant.tenant_id),
            "SERVICETITAN_API_URL": self.url,
            "SERVICETITAN_AUTH_URL": self.token_url,
        }


@asynccontextmanager
async def serve(
    sandbox: Sandbox,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    compress: bool = False,
    clock: Callable[[], int] = system_ticks,
) -> AsyncIterator[SandboxServer]:
    """Let a sandbox listen while the block lasts.

    Leaving the block closes every connection, idle or not, within a fraction of a second; an answer
    that is still being delayed is given up, as it is when its client goes away.

    Args:
        sandbox: to ask.
        host: to bind; loopback unless you mean to share it.
        port: 0 takes any free one.
        compress: answer with gzip where the client accepts it.
        clock: ticks since 1970; the sandbox lives by it.
    """

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        asked = Request(request.method, request.path, request.query, request.headers, body)
        answer = sandbox.answer(asked, clock())
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.fault is not None:
            return await _act_out(request, answer, answer.fault)
        content, headers = answer.body, answer.headers
        accepted = request.headers.get("Accept-Encoding", "") if compress else ""
        if "gzip" in accepted and len(content) >= _WORTH_COMPRESSING:
            content = gzip.compress(content, compresslevel=1, mtime=0)
            headers = {**headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return web.Response(status=answer.status, headers=headers, body=content)

    runner = web.ServerRunner(
        web.Server(handle, access_log=None, handler_cancellation=True),
        shutdown_timeout=0.1,
        handle_signals=False,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield SandboxServer(sandbox, host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _act_out(request: web.BaseRequest, answer: Answer, mishap: Mishap) -> web.StreamResponse:
    if mishap.kind == "reset":
        _reset(request)
        return web.Response()
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.content_length = len(answer.body)
    await response.prepare(request)
    keep = int(mishap.amount) if mishap.kind == "cut" else len(answer.body) // 2
    await response.write(answer.body[:keep])
    if mishap.kind == "slow":
        await asyncio.sleep(mishap.amount)
        await response.write(answer.body[keep:])
        await response.write_eof()
    elif request.transport is not None:
        request.transport.close()
    return response


def _reset(request: web.BaseRequest) -> None:
    """Close so that the other side sees a reset, not an orderly end."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    transport.abort()
