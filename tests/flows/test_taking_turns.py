"""Flows that want the same thing wait for each other, never in a circle."""

from __future__ import annotations

import asyncio
from itertools import permutations

from flow_kit import tenant, within

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.flows.turns import in_turn


def test_whoever_wants_the_same_keys_in_another_order_waits_and_gets_them() -> None:
    began: list[float] = []

    async def main(crm: ServiceTitanCRM) -> None:
        async def hold(keys: tuple[str, ...]) -> None:
            async with in_turn(crm, *keys):
                began.append(round(asyncio.get_running_loop().time(), 1))
                await asyncio.sleep(1.0)

        await asyncio.gather(*map(hold, permutations("abc")))

    within(tenant(customers=1), main)
    assert began == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_key_named_twice_is_held_once() -> None:
    async def main(crm: ServiceTitanCRM) -> bool:
        async with in_turn(crm, "a", "a"):
            return True

    assert within(tenant(customers=1), main)


def test_one_that_is_cancelled_while_it_waits_lets_go_of_what_it_has() -> None:
    async def main(crm: ServiceTitanCRM) -> bool:
        async def wait(*keys: str) -> None:
            async with in_turn(crm, *keys):
                pass

        async with in_turn(crm, "b"):
            waiting = asyncio.create_task(wait("a", "b"))
            await asyncio.sleep(1.0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await asyncio.wait_for(wait("a"), 1.0)
        return waiting.cancelled()

    assert within(tenant(customers=1), main)
