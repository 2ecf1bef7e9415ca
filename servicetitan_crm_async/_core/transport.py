"""The network: one request out, one answer read to its end; the only client module that imports aiohttp."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import aiohttp
import anyio
from aiohttp import hdrs
from yarl import URL

from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async.errors import CallTimeout, ConfigError, ResponseTooLarge, TransportFailure

if TYPE_CHECKING:
    from aiohttp.compression_utils import ZLibBackendProtocol

_CLOSE_SECONDS = 5.0
_MUCH_OF_A_PAGE = 4 * 1024 * 1024
"""Bytes: five thousand customers are three million, five hundred of them a tenth of that."""


class WireRequest(NamedTuple):
    """A request as it goes out, token and all. Never logged, never part of an error."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"WireRequest({self.method} {self.url.partition('?')[0]})"


class Transport(Protocol):
    """Whatever carries a request; tests put one without sockets in its place."""

    async def send(self, request: WireRequest) -> Reply:
        """Send once and read the whole answer, whatever its status.

        Raises:
            TransportFailure: with `maybe_applied` true unless the request certainly never left.
        """
        ...

    async def open(self) -> None: ...

    async def close(self) -> None: ...


class AiohttpTransport:
    """aiohttp, with a session of its own or a lent one, which is used and never closed."""

    def __init__(
        self,
        *,
        connect_timeout: float,
        max_response_bytes: int,
        session: aiohttp.ClientSession | None = None,
        proxy: str | None = None,
        trust_env: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        if session is not None and trust_env:
            raise ConfigError({"trust_env": "belongs to the session; set it on the one you lend"})
        if session is not None and (session.auth is not None or hdrs.AUTHORIZATION in session.headers):
            raise ConfigError({"session": "must have no authorization of its own: the token goes there"})
        self._connect_timeout, self._limit = connect_timeout, max_response_bytes
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout)
        self._lent, self._session = session, session
        self._proxy, self._trust_env, self._ssl = proxy, trust_env, ssl_context

    async def open(self) -> None:
        _keep_the_memory_of_pages()
        if self._lent is None:
            _use_the_fastest_zlib()
            self._session = aiohttp.ClientSession(
                # Each client bounds its own requests before they are admitted (pipeline.py). A queue
                # here would hold those that were, and let them leave together later.
                connector=aiohttp.TCPConnector(limit=0),
                trust_env=self._trust_env,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            # aiohttp resends idempotent methods by itself when a kept connection turns out dead. That
            # would pass by the limiter, and send a PUT twice; our own retry does it in the open. There
            # is no public switch; tests/core/test_transport.py notices when this one moves.
            self._session._retry_connection = False  # noqa: SLF001

    async def close(self) -> None:
        """Close what is ours, even under cancellation, and within 5 seconds."""
        session, self._session = self._session, None
        if session is not None and self._lent is None:
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await session.close()

    async def send(self, request: WireRequest) -> Reply:
        session = self._session
        if session is None or session.closed:
            raise ConfigError("the client is closed" if session is None else "the session lent is closed")
        loop = asyncio.get_running_loop()
        left_at = loop.time()
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
                raise_for_status=False,  # a lent session may have it on, and its error carries our headers
                proxy=self._proxy,
                ssl=self._ssl if self._ssl is not None else True,
                timeout=self._timeout,
            ) as response:
                body = await self._read(response)
                return Reply(response.status, response.headers, body, loop.time() - left_at)
        except (aiohttp.ClientError, OSError) as error:
            failure = self._failure(error)
        # Out here, where it has no context: aiohttp's errors hold the request, and with it the token.
        raise failure

    def _failure(self, error: aiohttp.ClientError | OSError) -> TransportFailure | ConfigError:
        match error:
            case aiohttp.ConnectionTimeoutError():
                return CallTimeout("connect", self._connect_timeout)
            case aiohttp.ClientConnectorCertificateError():
                return _Untrusted("the server's certificate is not trusted")
            case aiohttp.ClientConnectorError():
                return TransportFailure(f"no connection ({_reason(error.os_error)})")
            case aiohttp.ClientHttpProxyError():
                return TransportFailure(f"the proxy refused (status {error.status})")
            case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
                return ConfigError("the URL of the request is malformed")
            case aiohttp.ClientPayloadError():
                return TransportFailure("the answer was cut short or damaged", maybe_applied=True)
            case _:
                return TransportFailure(f"the connection broke ({type(error).__name__})", maybe_applied=True)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) > self._limit:
            response.close()
            raise ResponseTooLarge(self._limit, maybe_applied=True)
        if length and hdrs.CONTENT_ENCODING not in response.headers:
            return await response.content.read()  # as long as it says: the parser sees to that
        # Counted as it is decompressed, so that a small body which unpacks without end stops here.
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limit:
                response.close()
                raise ResponseTooLarge(self._limit, maybe_applied=True)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class _Untrusted(TransportFailure):
    transient = False


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


@cache
def _keep_the_memory_of_pages() -> None:
    # glibc hands large pieces of memory back to the system as soon as they are free, and every page that
    # arrives is several of them: mapped anew and cleared each time, they cost as much as a sixth of what
    # reading it does. From the first free piece of a size on it keeps as much, and as much again, for the
    # whole process; the largest pages would teach it this anyway. Once, as nothing is written to the first
    # 4 MiB, so they are never there; a second time they would come from what is kept, and be cleared.
    bytes(_MUCH_OF_A_PAGE)


def _use_the_fastest_zlib() -> None:
    # aiohttp keeps one backend for the whole process; both candidates are drop-in replacements.
    for name in ("isal.isal_zlib", "zlib_ng.zlib_ng"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        aiohttp.set_zlib_backend(cast("ZLibBackendProtocol", module))
        return
