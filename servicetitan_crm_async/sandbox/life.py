"""Life: what happens in a tenant after its birth, as a function of the recipe and the instant.

# Invariants
# 1. Change number k is stamped `born + k / life` seconds plus a jitter below one period, so stamps grow
#    strictly and no clock but the caller's is ever read.
# 2. Changes are applied in the order in which they become visible. Any division of the time between two
#    instants into steps therefore gives the same world.
# 3. Life draws from records the world made, and counts its own ids: a write through the API can differ
#    the record it names, never the course of life around it.
"""

from __future__ import annotations

from fractions import Fraction
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from .instants import TICKS_PER_SECOND, ticks_of_seconds
from .records import FIRST_ID, BookingState, Kind, LeadState, Record

if TYPE_CHECKING:
    from .world import World


def _in_shares(*shares: tuple[Kind, int]) -> tuple[Kind, ...]:
    return tuple(kind for kind, share in shares for _ in range(share))


_EDITED = _in_shares(
    ("customers", 9),
    ("locations", 3),
    ("leads", 3),
    ("bookings", 2),
    ("customer_contacts", 2),
    ("location_contacts", 1),
)
_CREATED = _in_shares(("customers", 5), ("leads", 3), ("bookings", 2))
_RETIRED = _in_shares(("customers", 2), ("locations", 1))


class Life:
    """The changes of one world, in order; holds the next one until it is due."""

    def __init__(self, world: World) -> None:
        recipe = world.recipe
        self._world = world
        self._born = recipe.born
        self._period = TICKS_PER_SECOND / Fraction(recipe.life) if recipe.life else Fraction(0)
        self._delay = ticks_of_seconds(recipe.visibility_delay)
        self._bits = Random(f"{recipe.seed}/{recipe.tenant_id}/life").getrandbits
        self._number = 0
        self._late: list[tuple[int, int, int, int]] = []
        self._next_stamp, self._next_chance = self._draw() if self._period else (0, 0)

    @property
    def next_change(self) -> int | None:
        """No change can be seen before this instant; None where there is no life."""
        if not self._period:
            return None
        return min(self._next_stamp, self._late[0][0]) if self._late else self._next_stamp

    def advance(self, now: int) -> int:
        """Apply every change that can be seen by now; returns how many.

        Costs some ten microseconds a change, so that a day of life can be replayed at start-up.
        """
        if not self._period:
            return 0
        done = 0
        while self._next_stamp <= now:
            number, stamp, chance = self._number, self._next_stamp, self._next_chance
            self._number += 1
            self._next_stamp, self._next_chance = self._draw()
            if self._delay:
                chance, late = divmod(chance, self._delay + 1)
                heappush(self._late, (stamp + late, number, stamp, chance))
            else:
                self._apply(number, stamp, chance)
                done += 1
        while self._late and self._late[0][0] <= now:
            _, number, stamp, chance = heappop(self._late)
            self._apply(number, stamp, chance)
            done += 1
        return done

    def _draw(self) -> tuple[int, int]:
        upper, lower = self._period.numerator, self._period.denominator
        start = self._number * upper // lower
        room = (self._number + 1) * upper // lower - start
        chance, jitter = divmod(self._bits(160), max(1, room))
        return self._born + start + jitter, chance

    def _apply(self, number: int, stamp: int, chance: int) -> None:
        chance, act = divmod(chance, 100)
        if act < 70:
            self._edit(number, stamp, chance)
        elif act < 90:
            self._create(stamp, chance)
        else:
            self._retire(stamp, chance)

    def _edit(self, number: int, stamp: int, chance: int) -> None:
        chance, which = divmod(chance, len(_EDITED))
        kind = _EDITED[which]
        rows = self._world.tables[kind].rows
        if not rows:
            kind = "customers"
            rows = self._world.tables[kind].rows
            if not rows:
                return
        chance, place = divmod(chance, len(rows))
        record = rows[place]
        if not self._world.tables[kind].touch(record, stamp, number + 1):
            return
        if kind == "leads" and record.state == LeadState.Open:
            won = record.owner and chance % 2
            record.state = (
                LeadState.Converted if won else (LeadState.Open, LeadState.Dismissed)[chance // 2 % 2]
            )
        elif kind == "bookings" and record.state in (BookingState.New, BookingState.Accepted):
            record.state = (BookingState.Accepted, BookingState.Converted, BookingState.Dismissed)[chance % 3]
            if record.state == BookingState.Converted:
                record.link = 910_000_001 + number
        elif kind == "customer_contacts":
            self._world.contacts_changed(record.owner)

    def _create(self, stamp: int, chance: int) -> None:
        chance, which = divmod(chance, len(_CREATED))
        kind = _CREATED[which]
        world = self._world
        table, customers = world.tables[kind], world.tables["customers"].rows
        if (kind == "leads" and world.recipe.leads) or (kind == "bookings" and world.recipe.bookings):
            chance, place = divmod(chance, max(1, len(customers)))
            record = Record(table.next_id(), stamp, stamp)
            if kind == "bookings":
                record.owner = FIRST_ID["booking_provider_tags"] + chance % world.recipe.booking_providers
            elif customers and chance % 5:
                record.owner = customers[place].id
                record.link = world.home_of(record.owner)
            table.add(record)
            return
        self._create_customer(stamp, chance)

    def _create_customer(self, stamp: int, chance: int) -> None:
        tables, recipe = self._world.tables, self._world.recipe
        customer = Record(tables["customers"].next_id(), stamp, stamp)
        tables["customers"].add(customer)
        fewest, most = recipe.contacts
        chance, extra = divmod(chance, most - fewest + 1)
        owners: list[tuple[Kind, int]] = [("customer_contacts", customer.id)]
        if recipe.locations_per_customer:
            location = Record(tables["locations"].next_id(), stamp, stamp, customer.id)
            tables["locations"].add(location)
            owners.append(("location_contacts", location.id))
        for kind, owner in owners:
            for _ in range(fewest + extra):
                tables[kind].add(Record(tables[kind].next_id(), stamp, stamp, owner))

    def _retire(self, stamp: int, chance: int) -> None:
        chance, which = divmod(chance, len(_RETIRED))
        kind = _RETIRED[which]
        table = self._world.tables[kind]
        if not table.rows:
            return
        chance, place = divmod(chance, len(table.rows))
        merged, into = divmod(chance, len(table.rows))
        record, other = table.rows[place], table.rows[into]
        mergeable = merged % 2 and other.active and record.active and other is not record
        table.retire(record, stamp, merged_to=other.id if mergeable else 0)
