"""What somebody waits for overtakes bulk work in the limiter, and stops it never."""

from __future__ import annotations

import asyncio
from statistics import quantiles

import anyio
import pytest
from fake_transport import FakeTransport, client
from simulation import SandboxTransport, with_client
from virtual_time import run

from servicetitan_crm_async import PacedLimiter, RateLimit, ServiceTitanCRM
from servicetitan_crm_async.config import Priority
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync import sync
from servicetitan_crm_async.sync.destinations import MemoryDestination


def p95_of_single_calls(*, beside_a_sync: bool, priority: Priority = "interactive") -> float:
    """Of calls that come every 70 ms, in virtual time; the way there and back takes 20 to 100 ms."""
    took: list[float] = []

    async def main(crm: ServiceTitanCRM) -> None:
        loop = asyncio.get_running_loop()
        single = crm.with_options(priority=priority)
        customer = next(iter(transport.sandbox.records("customers")))

        async def call() -> None:
            began = loop.time()
            await single.customers.get(customer)
            took.append(loop.time() - began)

        async with anyio.create_task_group() as tasks:
            if beside_a_sync:
                tasks.start_soon(bulk, crm)
                await asyncio.sleep(1)
            for _ in range(100):
                tasks.start_soon(call)
                await asyncio.sleep(0.07)
            if beside_a_sync:
                # The sync was at it all the while, at full rate: or else nothing was shown.
                sent = crm.statistics().requests - len(took)
                assert sent / loop.time() > 35
            tasks.cancel_scope.cancel()

    async def bulk(crm: ServiceTitanCRM) -> None:
        await sync(crm, MemoryDestination(), entities=["customers"], page_size=5, concurrency=32)

    transport = SandboxTransport(Sandbox(seed=3, customers=6000, contacts=(0, 0), life=0), jitter=0.05)
    with_client(transport, main)
    assert len(took) > 75
    return quantiles(took, n=20)[-1]


def test_single_calls_during_a_full_rate_sync_stay_within_three_times_the_idle_p95() -> None:
    idle = p95_of_single_calls(beside_a_sync=False)
    assert p95_of_single_calls(beside_a_sync=True) <= 3 * idle
    # Without its priority the same call waits behind the whole of the sync.
    assert p95_of_single_calls(beside_a_sync=True, priority="bulk") > 3 * idle


def test_an_interactive_call_waits_for_one_place_however_many_wait() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = PacedLimiter(RateLimit())
        waiting = [asyncio.create_task(limiter.admit("bulk")) for _ in range(500)]
        await asyncio.sleep(1)
        began = loop.time()
        await limiter.admit()
        assert loop.time() - began <= 2 / 56 + 0.001
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(main())


def test_bulk_work_goes_on_beside_any_number_of_interactive_calls() -> None:
    async def main() -> None:
        limiter = PacedLimiter(RateLimit())
        taken: list[Priority] = []

        async def caller(priority: Priority) -> None:
            while True:
                await limiter.admit(priority)
                taken.append(priority)

        async with anyio.create_task_group() as tasks:
            for priority in ("interactive", "bulk"):
                for _ in range(50):
                    tasks.start_soon(caller, priority)
            await asyncio.sleep(30)
            tasks.cancel_scope.cancel()
        assert taken.count("bulk") / len(taken) == pytest.approx(1 / 8, abs=0.01)

    run(main())


def test_bulk_work_under_way_keeps_nobody_else_from_being_under_way() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with client(FakeTransport(latency=100)) as crm:
            bulk = crm.with_options(priority="bulk")
            tasks = [asyncio.create_task(bulk.request("GET", "/x")) for _ in range(250)]
            await asyncio.sleep(110)  # the first hundred are on their way, the others wait for their places
            assert crm.statistics().requests == 100
            began = loop.time()
            await crm.request("GET", "/x")
            assert loop.time() - began == pytest.approx(100, abs=0.1)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main())
