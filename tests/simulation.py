"""The sandbox without sockets, in virtual time: a sync with all its waiting in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from urllib.parse import parse_qsl, urlsplit

from virtual_time import LoopClock, run

from servicetitan_crm_async import Credentials, ServiceTitanCRM, Settings, TransportFailure
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.sandbox import KINDS, TICKS_PER_SECOND, Kind, Request, Sandbox, datetime_of
from servicetitan_crm_async.sync.destinations import MemoryDestination


class SandboxTransport:
    """Carries requests to a sandbox; up to `jitter` seconds each way, by the seed."""

    def __init__(self, sandbox: Sandbox, *, seed: int = 0, jitter: float = 0.05) -> None:
        self.sandbox, self.jitter = sandbox, jitter
        self.began = sandbox.now
        self._chance = Random(seed)

    @property
    def now(self) -> int:
        """The service's clock, in ticks."""
        return self.began + round(asyncio.get_running_loop().time() * TICKS_PER_SECOND)

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def send(self, request: WireRequest) -> Reply:
        loop = asyncio.get_running_loop()
        left_at = loop.time()
        await asyncio.sleep(self._chance.uniform(0, self.jitter))
        parts = urlsplit(request.url)
        asked = Request(
            request.method, parts.path, dict(parse_qsl(parts.query)), request.headers, request.body or b""
        )
        answer = self.sandbox.answer(asked, self.now)
        await asyncio.sleep(answer.delay + self._chance.uniform(0, self.jitter))
        if answer.fault is not None:
            if answer.fault.kind != "slow":
                raise TransportFailure(f"simulated {answer.fault.kind}", maybe_applied=True)
            await asyncio.sleep(answer.fault.amount)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status, headers, answer.body, loop.time() - left_at)


def client(
    transport: SandboxTransport, settings: Settings | None = None, skew: float = 0.0
) -> ServiceTitanCRM:
    """A client of the sandbox behind a transport; the machine's clock is wrong by `skew` seconds."""
    tenant = transport.sandbox.tenant
    began = datetime_of(transport.began + round(skew * TICKS_PER_SECOND))
    return ServiceTitanCRM(
        Credentials(
            tenant_id=tenant.tenant_id,
            client_id=tenant.client_id,
            client_secret=tenant.client_secret,
            app_key=tenant.app_key,
        ),
        settings or Settings(),
        transport=transport,
        clock=LoopClock(began),
    )


def with_client(
    transport: SandboxTransport,
    main: Callable[[ServiceTitanCRM], Awaitable[None]],
    settings: Settings | None = None,
) -> None:
    """Run in virtual time what needs a client, and close it."""

    async def opened() -> None:
        async with client(transport, settings) as crm:
            await main(crm)

    run(opened())


def differences(sandbox: Sandbox, mirror: MemoryDestination, *entities: Kind) -> dict[str, list[int]]:
    """The ids in which a mirror differs from its sandbox, by entity: missing, stale or surplus.

    A contact that was deleted no longer shows in any list, so a surplus one is no difference.
    """
    found: dict[str, list[int]] = {}
    for entity in entities or KINDS:
        held = mirror.rows(sandbox.tenant.tenant_id, entity)
        listed = sandbox.records(entity)
        wrong = [
            number
            for number, (text, raw) in listed.items()
            if number not in held or held[number].modified_on != text or held[number].raw != raw
        ]
        if not entity.endswith("contacts"):
            wrong += [number for number in held if number not in listed]
        if wrong:
            found[entity] = wrong
    return found
