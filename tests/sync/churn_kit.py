"""A tenant that never rests: records changed by hand between any two requests of a sync."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from random import Random

from simulation import SandboxTransport

from servicetitan_crm_async._core.clock import to_ticks
from servicetitan_crm_async.sandbox import KINDS, Kind, Sandbox

_CREATED: tuple[Kind, ...] = ("customers", "leads", "bookings")


async def churn(
    transport: SandboxTransport,
    chance: Random,
    *,
    rate: float,
    seconds: float,
    kinds: Sequence[Kind] = KINDS,
) -> None:
    """Change records by hand, several at one instant now and then, between any two requests."""
    world, loop = transport.sandbox.world(), asyncio.get_running_loop()
    created: list[Kind] = [kind for kind in _CREATED if kind in kinds]
    ends_at = loop.time() + seconds
    while loop.time() < ends_at:
        await asyncio.sleep(chance.expovariate(rate))
        at = transport.now
        kind: Kind = chance.choice(kinds)
        numbers = [record.id for record in world.tables[kind].rows]
        match chance.randrange(10):
            case 0 | 1:
                made: Kind = chance.choice(created)
                world.create(made, at=at)
            case 2 if kind in ("customers", "locations"):
                one, other = chance.sample(numbers, 2)
                world.merge(kind, one, other, at=at)
            case 3 if kind in ("customers", "locations", "tag_types"):
                world.set_active(kind, chance.choice(numbers), active=chance.random() < 0.5, at=at)
            case 4:
                world.restamp(kind, chance.sample(numbers, min(len(numbers), 30)), at)
            case _:
                world.edit(kind, chance.choice(numbers), at=at)


def unlike_before(
    sandbox: Sandbox, held: Mapping[int, bytes], until: str, entity: Kind = "customers"
) -> list[int]:
    """The ids in which a mirror differs from a tenant whose life goes on for ever.

    Compared is what was stamped, and left alone since, before the end of the last run.
    """
    end, listed = to_ticks(until), sandbox.records(entity)
    wrong = [n for n, (text, raw) in listed.items() if to_ticks(text) < end and held.get(n) != raw]
    return wrong + [number for number in held if number not in listed]
