"""No secret in any log line, repr, traceback or error, however a call ends and whoever looks."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import FrameType, TracebackType

import pytest

from servicetitan_crm_async import (
    Credentials,
    RetryPolicy,
    ServiceTitanCRM,
    ServiceTitanError,
    Settings,
    Timeouts,
)
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve

CLIENT_SECRET = "cs.sandbox-1001"
WRONG_SECRET = "cs.wrong-secret"
APP_KEY = "ak.sandbox"
TIMEOUTS = Timeouts(connect=2, attempt=0.25, call=0.8)


@asynccontextmanager
async def sandbox_client(
    *, secret: str = CLIENT_SECRET, timeouts: Timeouts = TIMEOUTS, api_url: str = "", **sandbox: float
) -> AsyncIterator[tuple[ServiceTitanCRM, SandboxServer]]:
    async with serve(Sandbox(customers=20, **sandbox)) as server:  # type: ignore[arg-type]
        tenant = server.sandbox.tenant
        who = Credentials(
            tenant_id=tenant.tenant_id, client_id=tenant.client_id, client_secret=secret, app_key=APP_KEY
        )
        settings = Settings(
            api_url=api_url or server.url,
            auth_url=server.token_url,
            timeouts=timeouts,
            retries=RetryPolicy(attempts=2, initial=0.01),
            max_response_bytes=4000,
        )
        async with ServiceTitanCRM(who, settings) as crm:
            yield crm, server


class Seen:
    """All that hangs on an error: attributes, causes, contexts, groups, frames and their locals."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.kinds: set[str] = set()
        self._known: set[int] = set()

    def error(self, error: BaseException | None) -> None:
        if error is None or id(error) in self._known:
            return
        self._known.add(id(error))
        self.kinds.add(type(error).__module__)
        self.texts += [repr(error), str(error), repr(error.args), repr(error.__dict__)]
        self.texts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        for value in (*error.args, *error.__dict__.values()):
            if isinstance(value, BaseException):
                self.error(value)
            self.kinds.add(type(value).__module__)
        for each in getattr(error, "exceptions", ()):
            self.error(each)
        self.error(error.__cause__)
        self.error(error.__context__)
        for frame in frames_of(error.__traceback__):
            if "servicetitan_crm_async" in frame.f_code.co_filename:
                self.texts += [repr(value) for value in frame.f_locals.values()]


def frames_of(trace: TracebackType | None) -> Iterator[FrameType]:
    while trace is not None:
        yield trace.tb_frame
        trace = trace.tb_next


def assert_none_shows(texts: list[str], tokens: list[str]) -> None:
    assert tokens
    for secret in (CLIENT_SECRET, APP_KEY, *tokens):
        assert not [text for text in texts if secret in text]


def tokens_of(server: SandboxServer) -> list[str]:
    return list(server.sandbox._gate._tokens)


Case = tuple[str, Callable[[SandboxServer], object]]
CASES: list[Case] = [
    ("nothing wrong", lambda server: None),
    ("not found", lambda server: server.sandbox.faults.add(Fault.status(404))),
    ("faults", lambda server: server.sandbox.faults.add(Fault.status(503, times=None))),
    ("throttled", lambda server: server.sandbox.faults.add(Fault.rate_limited(retry_after=900))),
    ("refused", lambda server: server.sandbox.faults.add(Fault.refuse_token(times=None))),
    ("reset", lambda server: server.sandbox.faults.add(Fault.reset(times=None))),
    ("cut", lambda server: server.sandbox.faults.add(Fault.cut(keep=10, times=None))),
    ("slow", lambda server: server.sandbox.faults.add(Fault.slow(9, times=None))),
    ("corrupt", lambda server: server.sandbox.faults.add(Fault.corrupt(times=None))),
]


@pytest.mark.parametrize(("name", "set_up"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_secret_in_any_log_line_repr_traceback_or_error(
    name: str, set_up: Callable[[SandboxServer], object], method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """All loggers at DEBUG, asyncio's and aiohttp's too, and every local of our frames."""
    caplog.set_level(logging.DEBUG)
    for logger in [logging.getLogger(each) for each in list(logging.root.manager.loggerDict)]:
        logger.disabled = False
    asyncio.get_running_loop().set_debug(True)
    seen = Seen()
    async with sandbox_client() as (crm, server):
        set_up(server)
        try:
            await crm.request(method, "/crm/v2/tenant/{tenant}/customers", query={"pageSize": 2}, answer=dict)
        except ServiceTitanError as error:
            seen.error(error)
        else:
            assert name == "nothing wrong"
        seen.texts += [repr(crm), repr(crm.settings), repr(crm.statistics()), repr(crm._credentials)]
        seen.texts += [repr(vars(crm)), repr(vars(crm._pipe()))]
        tokens = tokens_of(server)
    seen.texts += [record.getMessage() for record in caplog.records]
    seen.texts += [repr(record.__dict__) for record in caplog.records]
    assert_none_shows(seen.texts, tokens)
    assert not [kind for kind in seen.kinds if kind.startswith(("aiohttp", "yarl", "multidict"))]


async def test_no_secret_where_the_token_service_refuses_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen = Seen()

    async with sandbox_client(secret=WRONG_SECRET) as (crm, server):
        for fault in (
            None,
            Fault.status(503, path="/connect/token", times=None),
            Fault.reset(path="/connect/token", times=None),
            Fault.slow(9, path="/connect/token", times=None),
        ):
            server.sandbox.faults.clear()
            if fault is not None:
                server.sandbox.faults.add(fault)
                crm._pipe()._tokens._failure = None
            with pytest.raises(ServiceTitanError) as caught:
                await crm.request("GET", "/x")
            seen.error(caught.value)
    seen.texts += [repr(record.__dict__) for record in caplog.records]
    assert not [text for text in seen.texts if WRONG_SECRET in text or APP_KEY in text]
    assert not [kind for kind in seen.kinds if kind.startswith(("aiohttp", "yarl", "multidict"))]


async def test_no_token_where_its_answer_is_damaged() -> None:
    seen = Seen()
    async with sandbox_client() as (crm, server):
        server.sandbox.faults.add(Fault.odd("expires_in", "soon", path="/connect/token", times=None))
        with pytest.raises(ServiceTitanError) as caught:
            await crm.request("GET", "/x")
        seen.error(caught.value)
        assert_none_shows(seen.texts, tokens_of(server))


async def test_no_secret_where_there_is_no_connection(unused_port: int) -> None:
    seen = Seen()
    async with sandbox_client(api_url=f"http://127.0.0.1:{unused_port}") as (crm, server):
        with pytest.raises(ServiceTitanError, match="no connection") as caught:
            await crm.request("GET", "/x")
        seen.error(caught.value)
        assert_none_shows(seen.texts, tokens_of(server))
    assert not [kind for kind in seen.kinds if kind.startswith(("aiohttp", "yarl", "multidict"))]


@pytest.fixture
async def unused_port() -> int:
    """A port that somebody just gave up."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


def test_a_wire_request_shows_neither_headers_nor_query_nor_body() -> None:
    wire = WireRequest("POST", "https://h/x?phone=555", {"Authorization": "Bearer t"}, b"client_secret=s")
    assert repr(wire) == "WireRequest(POST https://h/x)"
