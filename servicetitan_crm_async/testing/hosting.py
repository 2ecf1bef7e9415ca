"""Where a sandbox lives while it is tested against: a thread with an event loop and a port of its own.

# Invariants
# 1. The sandbox is touched by its own thread alone. Whoever wants something of it from outside asks by
#    `within`, so a record that is added while requests come in is added between two of them.
# 2. Nothing rests on the loop of the test. There may be none, one that pytest-asyncio or anyio made, or
#    several in turn.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve
from servicetitan_crm_async.testing.clock import SandboxClock

T = TypeVar("T")


class _Running(NamedTuple):
    portal: BlockingPortal
    server: SandboxServer
    stack: ExitStack


class Host:
    """A sandbox that listens on a free port of loopback within `with`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.clock = SandboxClock(sandbox.now)
        self._sandbox = sandbox
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        if self._running is not None:
            raise ConfigError("the sandbox is running already")
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal("asyncio"))
            served = portal.wrap_async_context_manager(serve(self._sandbox, clock=self.clock.ticks))
            server = stack.enter_context(served)
            self._running = _Running(portal, server, stack.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._started(), None
        running.stack.close()

    @property
    def url(self) -> str:
        """Where the API is."""
        return self._started().server.url

    @property
    def environ(self) -> dict[str, str]:
        """The `SERVICETITAN_*` variables that point a client here, in this process or in another."""
        return self._started().server.environ

    def within(self, act: Callable[[Sandbox], T]) -> T:
        """What `act` makes of the sandbox, at the instant of the clock and between two requests.

        For what has no method here: `sandbox.within(lambda inside: inside.world().merge("customers", 1, 2))`.
        What `act` raises is raised.
        """

        def acting() -> T:
            self._sandbox.advance(self.clock.ticks())
            return act(self._sandbox)

        return self._started().portal.call(acting)

    def _started(self) -> _Running:
        if self._running is None:
            raise ConfigError("the sandbox is not running: use it inside `with`")
        return self._running
