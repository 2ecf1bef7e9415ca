"""The aiohttp transport over real sockets: what arrives, what goes wrong, what is left open."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
import sys
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import brotli  # type: ignore[import-untyped]
import pytest
from aiohttp import web
from aioresponses import aioresponses

from servicetitan_crm_async import (
    CallTimeout,
    ConfigError,
    ResponseTooLarge,
    RetryPolicy,
    ServiceTitanCRM,
    Settings,
    Timeouts,
    TransportFailure,
)
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import AiohttpTransport, WireRequest
from servicetitan_crm_async.config import read_environment
from servicetitan_crm_async.sandbox import Fault, SandboxServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LIMIT = 100_000
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
TEXT = b'{"data": [' + b'{"id": 1, "name": "Ada"}, ' * 200 + b"{}]}"


def quick_brotli(body: bytes) -> bytes:
    packed: bytes = brotli.compress(body, quality=1)
    return packed


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    """A server with one answer to everything; its URL."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that says, byte by byte, what no real one would."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def transport(**options: Any) -> AsyncIterator[AiohttpTransport]:
    carrier = AiohttpTransport(**{"connect_timeout": 2.0, "max_response_bytes": LIMIT, **options})
    await carrier.open()
    try:
        yield carrier
    finally:
        await carrier.close()


async def get(carrier: AiohttpTransport, url: str, method: str = "GET", body: bytes | None = None) -> Reply:
    return await carrier.send(WireRequest(method, f"{url}/x", {"Accept": "application/json"}, body))


async def failure_of(url: str, method: str = "GET", **options: Any) -> TransportFailure:
    async with transport(**options) as carrier:
        with pytest.raises(TransportFailure) as caught:
            await get(carrier, url, method)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    return caught.value


def fixed(body: bytes, status: int = 200, **headers: str) -> Handler:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(
            body=body, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )

    return handler


async def read_head(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))
    return head


# What arrives


async def test_a_request_arrives_as_it_was_sent_and_the_answer_whole() -> None:
    seen: list[tuple[str, str, str, bytes]] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append((request.method, request.raw_path, request.headers["X-A"], await request.read()))
        return web.Response(status=404, body=b"no", headers={"Retry-After": "3"})

    async with answering(handler) as url, transport() as carrier:
        wire = WireRequest("PATCH", f"{url}/a%2Fb?sort=%2BId&c=a,b:c", {"X-A": "1"}, b"{}")
        reply = await carrier.send(wire)
    assert seen == [("PATCH", "/a%2Fb?sort=%2BId&c=a,b:c", "1", b"{}")]
    assert (reply.status, reply.body, reply.retry_after()) == (404, b"no", 3.0)
    assert reply.served_at is not None
    assert 0 < reply.seconds < 5


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("br", brotli.compress), ("zstd", zstd.compress)],
)
async def test_a_compressed_answer_is_unpacked(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        assert encoding in request.headers["Accept-Encoding"]
        return web.Response(body=compress(TEXT), headers={"Content-Encoding": encoding})

    async with answering(handler) as url, transport() as carrier:
        assert (await get(carrier, url)).body == TEXT


async def test_an_answer_in_many_pieces_is_put_together() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(TEXT), 700):
            await response.write(TEXT[start : start + 700])
        return response

    async with answering(handler) as url, transport() as carrier:
        assert (await get(carrier, url)).body == TEXT


async def test_no_request_waits_for_another_ones_connection() -> None:
    """Clients of many tenants share a transport; who was admitted leaves at once."""
    everyone, count = asyncio.Event(), 0

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal count
        count += 1
        if count == 150:
            everyone.set()
        await everyone.wait()
        return web.Response()

    async with answering(handler) as url, transport() as carrier, asyncio.timeout(10):
        await asyncio.gather(*(get(carrier, url) for _ in range(150)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    """It would take the token along."""
    arrived = 0

    async def elsewhere(request: web.BaseRequest) -> web.StreamResponse:
        nonlocal arrived
        arrived += 1
        return web.Response()

    async with (
        answering(elsewhere) as target,
        answering(fixed(b"", status, Location=target)) as url,
        transport() as carrier,
    ):
        assert (await get(carrier, url)).status == status
    assert arrived == 0


async def test_cookies_are_not_kept() -> None:
    seen: list[str | None] = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        seen.append(request.headers.get("Cookie"))
        return web.Response(headers={"Set-Cookie": "a=b"})

    async with answering(handler) as url, transport() as carrier:
        await get(carrier, url.replace("127.0.0.1", "localhost"))
        await get(carrier, url.replace("127.0.0.1", "localhost"))
    assert seen == [None, None]


# The limit of a body


async def test_an_answer_announced_as_too_large_is_not_read() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{")
        await writer.drain()
        await reader.read()  # until the client has gone

    async with raw_server(serve) as url:
        failure = await failure_of(url, "POST")
    assert isinstance(failure, ResponseTooLarge)
    assert (failure.limit, failure.maybe_applied, failure.transient) == (LIMIT, True, False)


async def test_an_answer_that_goes_on_and_on_is_cut_off() -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    async with answering(handler) as url:
        assert isinstance(await failure_of(url), ResponseTooLarge)


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("br", quick_brotli), ("zstd", zstd.compress)]
)
async def test_a_small_answer_that_unpacks_without_end_is_cut_off(
    encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    """200 MB of nothing in a few kilobytes: what is held stays far below that."""
    bomb = compress(bytes(200_000_000))
    async with answering(fixed(bomb, Content_Encoding=encoding)) as url:
        tracemalloc.start()
        try:
            failure = await failure_of(url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert isinstance(failure, ResponseTooLarge)
    assert peak < 60_000_000


async def test_an_answer_in_pieces_beside_a_short_length_gets_past_no_limit() -> None:
    """Two lengths at once, of which the pieces would count: refused by the parser, or cut off."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(3 * LIMIT // 1000):
                writer.write(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async with raw_server(serve) as url:
        assert isinstance(await failure_of(url), TransportFailure)


async def test_an_answer_of_exactly_the_limit_is_read() -> None:
    async with answering(fixed(b"x" * LIMIT)) as url, transport() as carrier:
        assert len((await get(carrier, url)).body) == LIMIT
    async with answering(fixed(b"x" * (LIMIT + 1))) as url:
        await failure_of(url)


# What goes wrong


async def test_a_refused_connection_certainly_sent_nothing(unused_port_of_transport: int) -> None:
    failure = await failure_of(f"http://127.0.0.1:{unused_port_of_transport}", "POST")
    assert str(failure).startswith("no connection (")
    assert (failure.maybe_applied, failure.transient) == (False, True)


async def test_a_name_that_nobody_has_is_no_connection() -> None:
    failure = await failure_of("http://nobody.invalid", "POST")
    assert str(failure).startswith("no connection (")
    assert not failure.maybe_applied


async def test_a_cut_body_may_have_been_applied() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await writer.drain()

    async with raw_server(serve) as url:
        failure = await failure_of(url, "POST")
    assert str(failure).startswith("the answer was cut short")
    assert (failure.maybe_applied, failure.transient) == (True, True)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_damaged_compressed_body_is_a_transport_failure(encoding: str) -> None:
    async with answering(fixed(b"no such format" * 20, Content_Encoding=encoding)) as url:
        assert str(await failure_of(url)).startswith("the answer was cut short or damaged")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 O", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: \x00\r\n\r\n"]
)
async def test_a_connection_that_ends_in_the_head_may_have_been_applied(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(said)
        await writer.drain()

    async with raw_server(serve) as url:
        failure = await failure_of(url, "POST")
    assert failure.maybe_applied


async def test_a_reset_connection_may_have_been_applied() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with raw_server(serve) as url:
        failure = await failure_of(url, "POST")
    assert str(failure).startswith("the connection broke (")
    assert failure.maybe_applied


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_kept_connection_that_turns_out_dead_is_not_tried_again_by_aiohttp(method: str) -> None:
    """Its own resending would pass by the limiter; ours is in the open. Notices when the switch moves."""
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await read_head(reader))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        arrived.append(await read_head(reader))  # the second is read and never answered

    async with raw_server(serve) as url, transport() as carrier:
        await get(carrier, url)
        with pytest.raises(TransportFailure) as caught:
            await get(carrier, url, method)
    assert caught.value.maybe_applied
    assert len(arrived) == 2


async def test_a_server_that_never_accepts_times_out_by_name() -> None:
    """A listener whose queue is full answers no handshake."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            port = listener.getsockname()[1]
            failure = await failure_of(f"http://127.0.0.1:{port}", "POST", connect_timeout=0.1)
        finally:
            for filler in fillers:
                filler.close()
    assert isinstance(failure, CallTimeout)
    assert (failure.which, failure.seconds, failure.maybe_applied) == ("connect", 0.1, False)


async def test_tls_to_a_server_without_is_no_connection() -> None:
    async with answering(fixed(b"{}")) as url:
        failure = await failure_of(url.replace("http:", "https:"), "POST")
    assert str(failure).startswith("no connection (")
    assert not failure.maybe_applied


async def test_a_certificate_that_nobody_signed_is_not_worth_another_try() -> None:
    """Through aioresponses, as only aiohttp's edge is of interest here."""
    error = aiohttp.ClientConnectorCertificateError(None, ssl.SSLCertVerificationError("self-signed"))  # type: ignore[arg-type]
    with aioresponses() as scripted:
        scripted.post("https://api.example.com/x", exception=error)
        failure = await failure_of("https://api.example.com", "POST")
    assert (failure.transient, failure.maybe_applied) == (False, False)
    assert str(failure).startswith("the server's certificate is not trusted")


@pytest.mark.parametrize(
    ("error", "text", "unknown"),
    [
        (aiohttp.ServerDisconnectedError(), "the connection broke (ServerDisconnectedError)", True),
        (aiohttp.ClientOSError(104, "reset"), "the connection broke (ClientOSError)", True),
        (aiohttp.ConnectionTimeoutError("slow"), "the connect time-out of 2 s passed", False),
        (aiohttp.SocketTimeoutError("slow"), "the connection broke (SocketTimeoutError)", True),
        (aiohttp.ClientPayloadError("odd"), "the answer was cut short or damaged", True),
        (aiohttp.ClientResponseError(None, (), status=400), "the connection broke (ClientResponse", True),  # type: ignore[arg-type]
        (aiohttp.ClientHttpProxyError(None, (), status=407), "the proxy refused (status 407)", False),  # type: ignore[arg-type]
        (OSError(24, "too many open files"), "the connection broke (OSError)", True),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
async def test_nothing_of_aiohttps_escapes(error: Exception, text: str, unknown: bool) -> None:
    with aioresponses() as scripted:
        scripted.post("https://api.example.com/x", exception=error)
        failure = await failure_of("https://api.example.com", "POST")
    assert str(failure).startswith(text)
    assert failure.maybe_applied is unknown


# Slow bodies and faults of the sandbox, with the whole client


async def test_a_slow_body_runs_into_the_time_out_of_its_attempt(server: SandboxServer) -> None:
    who, plain = read_environment(server.environ)
    settings = Settings(
        api_url=plain.api_url,
        auth_url=plain.auth_url,
        timeouts=Timeouts(attempt=0.15),
        retries=RetryPolicy(initial=0),
    )
    server.sandbox.faults.add(Fault.slow(5, path="/customers"))
    async with ServiceTitanCRM(who, settings) as crm:
        assert len(await crm.customers.list().collect()) > 0
        assert crm.statistics().retries == 1


# Lent sessions


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"raise_for_status": True},
        {"timeout": aiohttp.ClientTimeout(total=0.05, sock_read=0.05)},
        {"base_url": "http://base.example/"},
        {"headers": {"X-Own": "1"}},
    ],
    ids=lambda options: " ".join(options) or "plain",
)
async def test_a_lent_session_is_used_and_never_closed(options: Mapping[str, Any]) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(0.1)
        return web.Response(status=503, body=b"down")

    async with answering(handler) as url, aiohttp.ClientSession(**options) as session:
        async with transport(session=session) as carrier:
            reply = await get(carrier, url)
        assert (reply.status, reply.body) == (503, b"down")
        assert not session.closed
        async with session.get(url, raise_for_status=False, timeout=aiohttp.ClientTimeout()) as response:
            assert response.status == 503


async def test_a_lent_session_that_is_closed_is_a_settings_error() -> None:
    session = aiohttp.ClientSession()
    await session.close()
    async with transport(session=session) as carrier:
        with pytest.raises(ConfigError, match="session lent is closed"):
            await get(carrier, "http://127.0.0.1:1")


async def test_a_lent_session_has_no_authorization_of_its_own() -> None:
    async with aiohttp.ClientSession(headers={"authorization": "Basic x"}) as session:
        with pytest.raises(ConfigError, match="session"):
            AiohttpTransport(connect_timeout=1, max_response_bytes=1, session=session)
        with pytest.raises(ConfigError, match="trust_env"):
            AiohttpTransport(connect_timeout=1, max_response_bytes=1, session=session, trust_env=True)


async def test_a_client_with_a_lent_session_leaves_it_open(server: SandboxServer) -> None:
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for _ in range(2):
            async with ServiceTitanCRM.from_env(server.environ, session=session) as crm:
                assert len(await crm.customers.list(page_size=10).collect()) > 10
        assert not session.closed


# Proxies


@asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that answers itself; its URL and what it was asked for."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader)
        asked.append(head.split(b"\r\n")[0].decode())
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nproxy!")
        await writer.drain()

    async with raw_server(serve) as url:
        yield url, asked


async def test_a_proxy_is_used_for_every_request() -> None:
    async with proxy() as (url, asked), transport(proxy=url) as carrier:
        assert (await get(carrier, "http://api.example.com")).body == b"proxy!"
    assert asked == ["GET http://api.example.com/x HTTP/1.1"]


async def test_the_environments_proxy_is_used_where_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy() as (url, asked):
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        async with transport(trust_env=True) as carrier:
            assert (await get(carrier, "http://api.example.com")).body == b"proxy!"
    assert len(asked) == 1


async def test_a_proxy_that_refuses_sent_nothing_on() -> None:
    async with proxy() as (url, asked):
        failure = await failure_of("https://api.example.com", "POST", proxy=url)
    assert str(failure).startswith("the proxy refused (status 407)")
    assert not failure.maybe_applied
    assert asked[0].startswith("CONNECT api.example.com:443")


# The end


async def test_closing_is_quick_and_leaves_no_connection_open() -> None:
    """Also with a request under way and idle connections kept."""
    closed: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        closed.append(await reader.read() == b"")

    async with raw_server(serve) as url:
        carrier = AiohttpTransport(connect_timeout=1, max_response_bytes=LIMIT)
        await carrier.open()
        await asyncio.gather(*(get(carrier, url) for _ in range(5)))
        loop = asyncio.get_running_loop()
        began = loop.time()
        await carrier.close()
        await carrier.close()
        assert loop.time() - began < 1
        async with asyncio.timeout(2):
            while len(closed) < 5:
                await asyncio.sleep(0.005)
        with pytest.raises(ConfigError, match="closed"):
            await get(carrier, url)
    assert closed == [True] * 5


async def test_a_cancelled_request_gives_up_its_connection() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        await reader.read()
        gone.set()

    async with raw_server(serve) as url, transport() as carrier:
        task = asyncio.create_task(get(carrier, url))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(2):
            await gone.wait()


@pytest.fixture
async def unused_port_of_transport() -> int:
    """A port that somebody just gave up."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
