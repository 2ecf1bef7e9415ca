"""A transport without sockets: a script of what happens to each request, and a record of what was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from virtual_time import LoopClock

from servicetitan_crm_async import Credentials, ServiceTitanCRM, Settings
from servicetitan_crm_async._core.limiter import Limiter
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.tokens import TokenStore
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.config import Priority

CLIENT_SECRET = "cs.fake-client-secret"
APP_KEY = "ak.fake-app-key"
TOKEN_TEXT = "fake-bearer-token"
TOKEN_PATH = "/connect/token"
API_URL = "https://api.example.com"
AUTH_URL = "https://auth.example.com/connect/token"

Happening = Reply | Exception | Callable[[WireRequest], Awaitable[Reply]]
"""An answer, an error, or a coroutine function that does something first."""


class Sent(NamedTuple):
    """One request, and when it left."""

    at: float
    request: WireRequest

    @property
    def path(self) -> str:
        return "/" + self.request.url.split("/", 3)[3].partition("?")[0]

    @property
    def token(self) -> str:
        return self.request.headers.get("Authorization", "").removeprefix("Bearer ")


class FakeTransport:
    """Answers API requests from a script, and with `{}` when it is used up; tokens with new ones.

    `tokens` is a script for the token service. `latency` passes before each answer.
    """

    def __init__(
        self,
        script: Sequence[Happening] = (),
        *,
        tokens: Sequence[Happening] = (),
        latency: float = 0.0,
        token_life: float = 900.0,
    ) -> None:
        self.script, self.token_script = list(script), list(tokens)
        self.latency, self.token_life = latency, token_life
        self.sent: list[Sent] = []
        self.token_requests: list[Sent] = []
        self.opened = self.closed = 0

    async def open(self) -> None:
        self.opened += 1

    async def close(self) -> None:
        self.closed += 1

    async def send(self, request: WireRequest) -> Reply:
        sent = Sent(asyncio.get_running_loop().time(), request)
        asks_for_token = sent.path == TOKEN_PATH
        (self.token_requests if asks_for_token else self.sent).append(sent)
        script = self.token_script if asks_for_token else self.script
        happening = script.pop(0) if script else None
        if self.latency:
            await asyncio.sleep(self.latency)
        if happening is None:
            return grant(len(self.token_requests), self.token_life) if asks_for_token else ok()
        if isinstance(happening, Exception):
            raise happening
        return happening if isinstance(happening, Reply) else await happening(request)


def ok(body: bytes = b"{}", **headers: str) -> Reply:
    """An answer with status 200."""
    return Reply(200, headers, body)


def status(code: int, body: bytes = b"", **headers: str) -> Reply:
    """An answer of any status; `retry_after="3"` is the header `retry-after`."""
    return Reply(code, {name.replace("_", "-"): text for name, text in headers.items()}, body)


def grant(number: int, life: float = 900.0) -> Reply:
    """The token service's answer; each token has its number."""
    return ok(f'{{"access_token": "{TOKEN_TEXT}-{number}", "expires_in": {life}}}'.encode())


def after(seconds: float, reply: Reply | Exception) -> Callable[[WireRequest], Awaitable[Reply]]:
    """What happens, so many seconds late."""

    async def late(request: WireRequest) -> Reply:
        await asyncio.sleep(seconds)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return late


def credentials(tenant_id: int = 7, client_id: str = "cid.fake", secret: str = CLIENT_SECRET) -> Credentials:
    return Credentials(tenant_id=tenant_id, client_id=client_id, client_secret=secret, app_key=APP_KEY)


def client(
    transport: FakeTransport,
    settings: Settings | None = None,
    *,
    who: Credentials | None = None,
    store: TokenStore | None = None,
    limiter: Limiter | None = None,
) -> ServiceTitanCRM:
    """A client on a fake transport, with the loop's time for a clock."""
    return ServiceTitanCRM(
        who or credentials(),
        settings or Settings(api_url=API_URL, auth_url=AUTH_URL),
        transport=transport,
        clock=LoopClock(),
        token_store=store,
        limiter=limiter,
    )


class Admitting:
    """A limiter that lets everyone through at once and remembers what it was told."""

    def __init__(self) -> None:
        self.admitted: list[float] = []
        self.pauses: list[float] = []

    def admit_now(self) -> bool:
        return False

    async def admit(self, priority: Priority = "interactive") -> None:
        self.admitted.append(asyncio.get_running_loop().time())

    def throttled(self, retry_after: float) -> None:
        self.pauses.append(retry_after)
