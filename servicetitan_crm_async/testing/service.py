"""A ServiceTitan for tests: records, faults, a clock, clients, and what was asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from servicetitan_crm_async._core.transport import Transport
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.config import Settings, read_environment
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.hooks import Hooks
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.testing.builders import RecordBuilder
from servicetitan_crm_async.testing.clients import QUICK, Ferry, SandboxLimiter, SkippedWaits
from servicetitan_crm_async.testing.faults import FaultyHost
from servicetitan_crm_async.testing.sent import SentRequest, sent_request

_TRIES = 1_000_000


class ServiceTitanSandbox(RecordBuilder, FaultyHost):
    """A ServiceTitan of one's own, within `with`, on a free port of loopback.

        with ServiceTitanSandbox() as sandbox:
            ada = sandbox.add_customer(name="Ada Byron", phone="+1 555 010 7788")
            sandbox.fail(on="GET /customers", times=2)
            subprocess.run(["my-job"], env={**os.environ, **sandbox.environ}, check=True)
            assert [request.line for request in sandbox.requests] == ["GET /customers"] * 3

    It answers from a thread of its own, so it serves sync tests, tests under any event loop, and
    programs in other processes alike; any number run side by side. Leaving the block closes every
    connection. Methods may be called from any thread.

    Args:
        sandbox: what to host, for other sizes, habits or limits. By default a tenant with tag types and
            booking providers, no other records, and no limits of its own.
    """

    def __init__(self, sandbox: Sandbox | None = None) -> None:
        usual = sandbox or Sandbox(customers=0, rate_limit=None, token_requests_per_minute=None)
        super().__init__(usual)

    def __repr__(self) -> str:
        return f"<ServiceTitanSandbox {self.url if self._running else 'not running'}>"

    @property
    def requests(self) -> list[SentRequest]:
        """The last ten thousand requests of the API, oldest first; those for tokens are left out."""
        journal = self.within(lambda sandbox: sandbox.journal)
        return [sent for visit in journal if (sent := sent_request(visit)) is not None]

    @property
    def token_requests(self) -> int:
        """How often a token was asked for."""
        return self.within(lambda sandbox: sandbox.statistics().token_requests)

    def client(
        self,
        settings: Settings | None = None,
        *,
        contract: ContractName | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> ServiceTitanCRM:
        """A client to be opened with `async with`, in any event loop of asyncio.

        It lives by the clock of the sandbox, keeps to no rate, and waits milliseconds between tries unless
        `settings` say otherwise; where the sandbox is they need not say.
        """
        return self._client(settings or QUICK, contract, hooks, None)

    @contextmanager
    def opened_client(
        self,
        settings: Settings | None = None,
        *,
        contract: ContractName | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> Iterator[ServiceTitanCRM]:
        """A client like `client()` that is open already, for one event loop of asyncio, whichever that is.

        Its sockets belong to the sandbox's thread, so it needs no loop to be opened and closed in.
        """
        crm = self._client(settings or QUICK, contract, hooks, Ferry(settings or QUICK))
        with self._started().portal.wrap_async_context_manager(crm):
            yield crm

    @contextmanager
    def without_waiting(self) -> Iterator[Self]:
        """While the block lasts, clients of this sandbox wait for nothing: the clock goes forward instead.

        So a `Retry-After` of minutes, or all the patience a client has, takes milliseconds. This is
        stamina's testing mode, which is one for the whole process: retries of your own by stamina do not
        wait either. Answers that `delay` holds back, and `asyncio.sleep`, take their time.
        """
        import stamina

        with stamina.set_testing(True, attempts=_TRIES, cap=True), self.clock.skipping_waits():
            yield self

    def _client(
        self,
        settings: Settings,
        contract: ContractName | None,
        hooks: Sequence[Hooks],
        transport: Transport | None,
    ) -> ServiceTitanCRM:
        credentials, settings = read_environment(self.environ, settings=settings, contract=contract)
        return ServiceTitanCRM(
            credentials,
            settings,
            clock=self.clock,
            limiter=SandboxLimiter(self.clock),
            transport=transport,
            hooks=(*hooks, SkippedWaits(self.clock)),
        )
