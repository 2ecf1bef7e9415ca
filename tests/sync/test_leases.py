"""One run at a time on a tenant's mirror, and one that is gone gives way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import LedgerConflict
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync import Batch, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.lease import (
    STALE_AFTER,
    Lease,
    forget,
    granted,
    new_lease,
    read_lease,
    renewed,
)

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 13, tzinfo=UTC)
NOBODY = 2**22 + 1
"""No process has this number: Linux stops below it."""


def elsewhere(**fields: object) -> Lease:
    """A lease of another machine."""
    lease = new_lease(1001, NOW)
    forget(lease)
    return msgspec.structs.replace(lease, host="elsewhere", **fields)


def test_the_second_of_two_runs_at_once_is_told_who_the_first_is() -> None:
    sandbox, mirror = Sandbox(seed=1, customers=50, born=BORN), MemoryDestination()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            first = asyncio.create_task(sync(crm, mirror, page_size=5))
            await asyncio.sleep(0.5)
            with pytest.raises(LedgerConflict, match=r"host .+, process \d+, since 20") as caught:
                await sync(crm, mirror, page_size=5)
            held = await mirror.lease(sandbox.tenant.tenant_id)
            assert held is not None
            error = caught.value
            assert (error.host, error.process, error.since) == (held.host, held.process, held.since)
            assert not (await first).failed
            assert await mirror.lease(sandbox.tenant.tenant_id) is None
            await sync(crm, mirror)

    run(main())
    assert not differences(sandbox, mirror)


def test_a_run_that_is_cancelled_or_fails_gives_its_lease_back() -> None:
    sandbox, mirror = Sandbox(seed=1, customers=50, born=BORN), MemoryDestination()

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            for after in (0.0, 0.1, 0.5, 1.0):
                task = asyncio.create_task(sync(crm, mirror, page_size=5))
                await asyncio.sleep(after)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert await mirror.lease(sandbox.tenant.tenant_id) is None

    run(main())


def test_a_run_whose_place_was_taken_stops_at_its_next_commit() -> None:
    sandbox = Sandbox(seed=1, customers=200, born=BORN)

    class Shared(MemoryDestination):
        """Another object over the same data, as another process would have."""

        def __init__(self, other: MemoryDestination) -> None:
            super().__init__()
            self._rows, self._ledgers, self._leases = other._rows, other._ledgers, other._leases

    class Slow(MemoryDestination):
        async def commit(self, batch: Batch) -> None:
            await asyncio.sleep(1)
            await super().commit(batch)

    cut_off = Slow()
    other = Shared(cut_off)

    async def main() -> None:
        async with client(SandboxTransport(sandbox)) as crm:
            first = asyncio.create_task(sync(crm, cut_off, page_size=5))
            await asyncio.sleep(2)
            report = await sync(crm, other, page_size=50, take_over=True)
            assert not report.failed
            with pytest.raises(LedgerConflict, match=r"took this one's place|no longer holds"):
                await first

    run(main())
    assert not differences(sandbox, other)


def test_a_long_run_shows_that_it_lives() -> None:
    claims: list[str] = []

    class Watched(MemoryDestination):
        async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
            claims.append(lease.run)
            return await super().claim(lease, take_over=take_over)

    async def main() -> None:
        sandbox = Sandbox(seed=1, customers=40, born=BORN, latency=20)
        async with client(SandboxTransport(sandbox)) as crm:
            report = await sync(crm, Watched(), entities=["customers"], page_size=5, concurrency=1)
            assert report.seconds > 150

    run(main())
    assert len(claims) >= 3
    assert len(set(claims)) == 1


def test_a_lease_is_stale_once_its_process_is_gone_or_it_was_silent_for_long() -> None:
    wanted = new_lease(1001, NOW)
    later = msgspec.structs.replace(renewed(wanted, NOW + STALE_AFTER + timedelta(seconds=1)), beats=0)
    other_host = elsewhere()
    with pytest.raises(LedgerConflict):
        granted(wanted, other_host, "here", take_over=False)
    assert granted(later, other_host, "here", take_over=False).epoch == 2
    assert granted(wanted, other_host, "here", take_over=True).epoch == 2
    gone = msgspec.structs.replace(other_host, host=wanted.host, process=NOBODY)
    assert granted(wanted, gone, "here", take_over=False).epoch == 2
    # This process's own number, from before it was started anew.
    before = msgspec.structs.replace(other_host, host=wanted.host, process=wanted.process)
    assert granted(wanted, before, "here", take_over=False).epoch == 2
    alive = new_lease(1001, NOW)
    with pytest.raises(LedgerConflict):
        granted(wanted, alive, "here", take_over=False)
    forget(alive)
    assert granted(wanted, alive, "here", take_over=False).run == wanted.run
    assert granted(wanted, wanted, "here", take_over=False).epoch == 1
    forget(wanted)


def test_who_slept_while_another_run_came_and_went_cannot_renew() -> None:
    """It would land what it read before, over what that run landed."""
    slept, other = new_lease(1001, NOW), elsewhere()
    assert granted(renewed(slept, NOW), slept, "here", take_over=False).beats == 1
    for held in (None, other):
        with pytest.raises(LedgerConflict, match=r"no longer holds|took this one's place"):
            granted(renewed(slept, NOW), held, "here", take_over=False)
    forget(slept)


def test_a_lease_that_was_cut_is_none() -> None:
    lease = elsewhere()
    body = msgspec.json.encode(lease)
    assert read_lease(body) == lease
    assert all(read_lease(body[:length]) is None for length in range(len(body)))
