"""The recipe of a tenant: everything its world follows from.

Two processes that hold the same recipe see the same records at the same instant, byte for byte. That
is why a recipe is all that `Sandbox.save` has to write.
"""

from __future__ import annotations

import msgspec


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What one tenant's world is made of.

    Args:
        tenant_id: also part of the seed, so that two tenants of a sandbox differ.
        seed: of everything drawn by chance.
        born: the instant, in ticks, before which all seeded stamps lie and from which life runs.
        customers: how many there are at birth; the other sizes are relative to it.
        locations_per_customer: 0 leaves locations out, 1.1 gives one customer in ten a second one.
        contacts: fewest and most contacts of each customer and location; (0, 0) leaves them out.
        leads: for each customer, 0.15 being fifteen leads for a hundred customers.
        bookings: likewise.
        tag_types: how many, at most 16.
        booking_providers: how many; at least one, for bookings have to come from somewhere.
        life: changes a second after `born`.
        visibility_delay: a change can be seen up to that many seconds after its stamp.
    """

    tenant_id: int
    seed: int
    born: int
    customers: int = 200
    locations_per_customer: float = 1.1
    contacts: tuple[int, int] = (1, 3)
    leads: float = 0.15
    bookings: float = 0.10
    tag_types: int = 12
    booking_providers: int = 3
    life: float = 0.0
    visibility_delay: float = 0.0

    def __post_init__(self) -> None:
        if min(self.customers, self.leads, self.bookings, self.locations_per_customer, self.life) < 0:
            raise ValueError("sizes and rates cannot be negative")
        if not 0 <= self.contacts[0] <= self.contacts[1]:
            raise ValueError("contacts is (fewest, most)")
        if not 0 <= self.tag_types <= 16 or self.booking_providers < 1:
            raise ValueError("at most 16 tag types, at least one booking provider")
        if self.visibility_delay < 0:
            raise ValueError("a change cannot be seen before it is made")
