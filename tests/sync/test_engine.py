"""The sync in virtual time: whole runs with latencies, faults, changes and deaths, in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servicetitan_crm_async import (
    AuthError,
    ConfigError,
    NotInContract,
    RetryPolicy,
    Settings,
    SyncError,
)
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_ticks
from servicetitan_crm_async.sandbox import Fault, Sandbox
from servicetitan_crm_async.sync import Batch, Progress, SyncReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination
from simulation import ENTITIES, SandboxTransport, client, differences
from virtual_time import run

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)


def tenant(
    customers: int = 400, *, seed: int = 5, life: float = 0.0, visibility_delay: float = 0.0, latency: float = 0.0
) -> Sandbox:
    return Sandbox(
        seed=seed,
        customers=customers,
        born=BORN,
        life=life,
        visibility_delay=visibility_delay,
        latency=latency,
        unstable_ties=True,
    )


class Death(BaseException):
    """The process ends here; nothing may handle it."""


class MortalDestination(MemoryDestination):
    """Dies at the n-th commit, before or after it took effect."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_at: int | None = None
        self.after = False
        self.commits = 0

    async def commit(self, batch: Batch) -> None:
        self.commits += 1
        if self.commits == self.dies_at and not self.after:
            raise Death
        await asyncio.sleep(0.01)
        await super().commit(batch)
        if self.commits == self.dies_at:
            raise Death


def in_virtual_time(
    sandbox: Sandbox, main: Callable[[SandboxTransport], Coroutine[object, object, None]], seed: int = 0
) -> SandboxTransport:
    transport = SandboxTransport(sandbox, seed=seed)
    run(main(transport))
    return transport


async def once(transport: SandboxTransport, mirror: MemoryDestination, page_size: int = 40) -> SyncReport:
    async with client(transport) as crm:
        return await sync(crm, mirror, page_size=page_size, settle=SETTLE)


async def quiet(transport: SandboxTransport, mirror: MemoryDestination) -> SyncReport:
    """A last run well after the last change, when everything has settled."""
    await asyncio.sleep(30)
    return await once(transport, mirror)


def test_the_first_run_brings_everything_and_the_second_only_what_changed() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        first = await once(transport, mirror)
        assert not differences(sandbox, mirror)
        assert {name: report.guarantee for name, report in first.entities.items()} == {
            name: "best-effort" if name.endswith("contacts") else "exact" for name in ENTITIES
        }
        assert all(report.since is None and report.error is None for report in first.entities.values())
        await asyncio.sleep(60)
        number = next(iter(sandbox.records("leads")))
        sandbox.world().edit("leads", number, at=transport.now)
        await asyncio.sleep(60)
        second = await once(transport, mirror)
        assert {name: report.records for name, report in second.entities.items() if report.records} == {"leads": 1}
        assert all(report.requests == 1 for report in second.entities.values())
        assert {name: report.since for name, report in second.entities.items()} == {
            name: report.until for name, report in first.entities.items()
        }
        assert not differences(sandbox, mirror)

    in_virtual_time(sandbox, main)


@pytest.mark.parametrize("seed", range(6))
def test_the_mirror_equals_the_source_after_changes_during_the_sync(seed: int) -> None:
    """Forty changes a second while 400 customers are read forty at a time: creations, edits, merges."""
    sandbox, mirror = tenant(seed=seed, life=40.0), MemoryDestination()

    async def main(transport: SandboxTransport) -> None:
        for _ in range(3):
            await once(transport, mirror)
        life, sandbox.world().life.rate = sandbox.world().life.rate, 0  # type: ignore[attr-defined]
        del life
        await quiet(transport, mirror)

    in_virtual_time(sandbox, main, seed)
    assert not differences(sandbox, mirror)
