"""Processes that come and go, what they have of the world outside, and what outlives them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl, urlsplit

from simulation import SandboxTransport, client
from stepped_loop import SteppedLoop
from steps_kit import CommitFate, Setup
from tenant_kit import Tenant

from servicetitan_crm_async import ServiceTitanCRM, Settings, SyncError, TransportFailure
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.sandbox import KINDS, Kind, Request
from servicetitan_crm_async.sandbox.instants import http_date
from servicetitan_crm_async.sync import Batch, SyncReport
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.lease import Lease
from servicetitan_crm_async.sync.ledger import Ledger

MOST_STEPS = 200_000
"""Of one process; none takes a tenth of them unless it never ends."""

TALLY: Counter[str] = Counter()
"""What all examples of this process met, so that one can see what was tried."""

Work = Callable[[ServiceTitanCRM, MemoryDestination], Awaitable[SyncReport | None]]


class Death(BaseException):
    """What a process that was killed goes on to; nothing may handle it."""


class Carrier(SandboxTransport):
    """Carries the requests of one process, and can hold them up just before the service answers."""

    def __init__(self, tenant: Tenant, *, seed: int, jitter: float) -> None:
        super().__init__(tenant.sandbox, seed=seed, jitter=jitter)
        self.began = tenant.began
        self.dead = False
        self._passes: int | None = None
        self._held_up: list[asyncio.Future[None]] = []

    def let_pass(self, requests: int | None) -> None:
        """So many more are answered, or all of them; of those that wait, in any order."""
        self._passes = requests
        self._chance.shuffle(self._held_up)
        for waiting in self._held_up:
            if not waiting.done():
                waiting.set_result(None)
        self._held_up.clear()

    @property
    def holds_up(self) -> bool:
        """As many as may were answered, and another one waits."""
        return bool(self._held_up)

    async def send(self, request: WireRequest) -> Reply:
        if self.dead:
            raise Death
        loop = asyncio.get_running_loop()
        left_at = loop.time()
        await asyncio.sleep(self._chance.uniform(0, self.jitter))
        while self._passes == 0:
            self._held_up.append(loop.create_future())
            await self._held_up[-1]
        if self._passes is not None:
            self._passes -= 1
        parts = urlsplit(request.url)
        asked = Request(
            request.method, parts.path, dict(parse_qsl(parts.query)), request.headers, request.body or b""
        )
        answer = self.sandbox.answer(asked, self.now)
        TALLY["requests"] += 1
        TALLY["pages of one instant"] += asked.query.get("sort") == "+Id"
        TALLY["pages of feeds"] += "/export/" in asked.path
        # What it shows is of the moment at which it looked; its `Date` is of when it began to send.
        await asyncio.sleep(self._chance.uniform(0, self.jitter))
        headers = {name.lower(): value for name, value in answer.headers.items()}
        headers["date"] = http_date(self.now)
        await asyncio.sleep(self._chance.uniform(0, self.jitter))
        if answer.fault is not None:
            if answer.fault.kind != "slow":
                raise TransportFailure(f"simulated {answer.fault.kind}", maybe_applied=True)
            await asyncio.sleep(answer.fault.amount)
        return Reply(answer.status, headers, answer.body, loop.time() - left_at)


class Handle(MemoryDestination):
    """What one process has of the mirror: nothing lands through it any more once the process is dead."""

    def __init__(self, durable: MemoryDestination, tenant: Tenant) -> None:
        super().__init__()
        self._rows, self._ledgers = durable._rows, durable._ledgers
        self._odd, self._leases = durable._odd, durable._leases
        self._tenant = tenant
        self.dead = False
        self.fatal = False
        """A commit was reached at which the process dies."""
        self.fate: tuple[int, CommitFate] | None = None
        """What becomes of the commit after so many more."""
        self.failed = False
        self.findings: list[str] = []

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        self._only_while_alive()
        await asyncio.sleep(0.001)
        return await super().claim(lease, take_over=take_over)

    async def release(self, lease: Lease) -> None:
        if not self.dead:
            await asyncio.sleep(0.001)
            await super().release(lease)

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        self._only_while_alive()
        await asyncio.sleep(0.001)
        return await super().load(tenant, entity)

    async def commit(self, batch: Batch) -> None:
        self._only_while_alive()
        fate = self._next_fate()
        await asyncio.sleep(0.005)
        await self._meet(fate, "before")
        await super().commit(batch)
        TALLY["commits"] += 1
        TALLY["commits with several windows open"] += len(batch.ledger.windows) > 1
        if self._leases.get(batch.tenant) != self._mine.get(batch.tenant):
            self.findings.append("a run landed something after another one had taken its place")
        kind: Kind = next(kind for kind in KINDS if kind == batch.entity)
        if lost := self._tenant.claimed_in_vain(self, batch.ledger, kind):
            self.findings.append(f"{batch.ledger} claims {kind} that did not land: {lost}")
        await self._meet(fate, "after")
        await asyncio.sleep(0.005)

    def _only_while_alive(self) -> None:
        if self.dead:
            raise Death

    def _next_fate(self) -> CommitFate | None:
        if self.fate is None:
            return None
        left, fate = self.fate
        self.fate = (left - 1, fate) if left else None
        return None if left else fate

    async def _meet(self, fate: CommitFate | None, moment: str) -> None:
        if fate is None or not fate.endswith(moment):
            return
        TALLY[f"commits: {fate} it took effect"] += 1
        if fate.startswith("fails"):
            self.failed = True
            raise SyncError("the connection to the mirror broke")
        self.fatal = True
        await asyncio.get_running_loop().create_future()


class Process:
    """One run of a program: an event loop of its own, and what it has of the world outside."""

    def __init__(
        self,
        tenant: Tenant,
        durable: MemoryDestination,
        setup: Setup,
        number: int,
        work: Work,
    ) -> None:
        self._clock = tenant.clock
        self.carrier = Carrier(tenant, seed=1000 * setup.seed + number, jitter=setup.jitter)
        self.mirror = Handle(durable, tenant)
        self.mishaps_before = tenant.mishaps
        self.cancelled = False
        self.contested = False
        """There was another process at work on the same mirror."""
        self.slept = False
        """It stood still for a while, and others did not wait."""
        self.loop = SteppedLoop(tenant.clock)  # type: ignore[abstract]  # what it lacks is for I/O
        self.task = self.loop.create_task(self._main(work, Settings(contract=setup.contract), setup.skew))

    async def _main(
        self,
        work: Work,
        settings: Settings,
        skew: float,
    ) -> SyncReport | None:
        async with client(self.carrier, settings, skew) as crm:
            return await work(crm, self.mirror)

    def go_on(self, *, requests: int | None = None, seconds: float = float("inf")) -> None:
        """Run until it ends, or so many more requests were answered, or so much time has passed."""
        self.carrier.let_pass(requests)
        self.loop.run_while(
            lambda: self._can_go_on() and not self.carrier.holds_up, latest=self._clock.now + seconds
        )

    def step(self, awaits: int) -> None:
        """Run so many callbacks, each from one await to the next."""
        self.carrier.let_pass(None)
        last = self.loop.steps + awaits
        self.loop.run_while(lambda: self.loop.steps < last and self._can_go_on(), latest=self._clock.now + 1)

    def cancel(self) -> None:
        """As whoever awaits it would."""
        self.cancelled = True
        self.task.cancel()

    def die(self) -> None:
        """End here and now: what its tasks still do on their way out reaches nothing outside."""
        self.carrier.dead = self.mirror.dead = True
        died_at = self._clock.now
        self.task.cancel()
        self.loop.run_while(lambda: not self.task.done())
        if not self.task.cancelled():
            self.task.exception()
        self._clock.now = died_at

    def _can_go_on(self) -> bool:
        assert self.loop.steps < MOST_STEPS, "it never ends"
        return not self.mirror.fatal and not self.task.done()
