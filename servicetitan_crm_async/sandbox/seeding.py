"""The history of a tenant before its birth: five years of records, each with stamps and links only.

Stamps are drawn from one stream per kind, so the number of contacts has no say in what the customers
look like. Some runs of records share an instant to the tick, as bulk imports and bulk edits leave
them: a reader that assumes stamps to be distinct, or few to a page, has to fail here first.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from .bodies import FIELD_TYPES
from .instants import TICKS_PER_SECOND
from .records import FIRST_ID, AnyKind, BookingState, Kind, LeadState, Record

if TYPE_CHECKING:
    from .world import World

_DAY = 86_400 * TICKS_PER_SECOND
_HISTORY = 5 * 365 * _DAY
_HAVE_CONTACTS: tuple[tuple[Kind, Kind], ...] = (
    ("customers", "customer_contacts"),
    ("locations", "location_contacts"),
)
_HAVE_NOTES: tuple[Kind, ...] = ("customers", "locations", "leads")
_LEAD_STATES = (LeadState.Open,) * 8 + (LeadState.Dismissed,) * 5 + (LeadState.Converted,) * 7
_BOOKING_STATES = tuple(
    state for state, share in zip(BookingState, (5, 4, 7, 4), strict=True) for _ in range(share)
)


class _Calendar:
    """Draws the stamps of one kind: created in the order of ids, modified later, all before birth."""

    def __init__(self, world: World, kind: AnyKind) -> None:
        self.bits = Random(f"{world.recipe.seed}/{world.recipe.tenant_id}/{kind}").getrandbits
        self.born = world.recipe.born
        self.bulk_edits = tuple(
            self.born - 1 - (number * 97 + 13) * 86_400 * TICKS_PER_SECOND - self.bits(36)
            for number in range(3)
        )

    def created(self, count: int) -> Callable[[int], int]:
        """When the n-th of `count` was created; three runs of two in a hundred were imported."""
        start, step = self.born - _HISTORY, max(1, _HISTORY // max(1, count))
        imports = [(count * part // 4, count * part // 4 + count // 50) for part in (1, 2, 3)]
        bits = self.bits

        def instant(number: int) -> int:
            for first, behind in imports:
                if first <= number < behind:
                    return start + first * step
            return start + number * step + bits(51) % step

        return instant

    def modified(self, created: int) -> int:
        """Three in ten were never touched; one in thirty was in a bulk edit; the rest when it happened."""
        drawn = self.bits(56)
        kind, place = drawn & 0xFF, drawn >> 8
        if kind < 77:
            return created
        if kind < 86 and (bulk := self.bulk_edits[place % 3]) > created:
            return bulk
        return created + ((self.born - created) * place >> 48)


def populate(world: World) -> None:
    """Fill the empty tables of a world from its recipe."""
    _settings(world)
    _customers(world)
    _locations(world)
    _contacts(world)
    _leads(world)
    _bookings(world)
    _booking_contacts(world)
    _notes(world)


def _settings(world: World) -> None:
    sizes: tuple[tuple[AnyKind, int], ...] = (
        ("tag_types", world.recipe.tag_types),
        ("booking_provider_tags", world.recipe.booking_providers),
        ("custom_field_types", len(FIELD_TYPES)),
    )
    for kind, count in sizes:
        calendar = _Calendar(world, kind)
        created = calendar.created(count)
        for number in range(count):
            at = created(number)
            active = kind != "tag_types" or number % 6 != 5
            record = Record(FIRST_ID[kind] + number, at, calendar.modified(at), active=active)
            world.tables[kind].rows.append(record)


def _customers(world: World) -> None:
    calendar = _Calendar(world, "customers")
    bits, modified = calendar.bits, calendar.modified
    count, first = world.recipe.customers, FIRST_ID["customers"]
    created = calendar.created(count)
    append = world.tables["customers"].rows.append
    for number in range(count):
        at = created(number)
        fate = bits(32)
        active = fate % 100 >= 6
        merged_to = first + (fate >> 8) % number if not active and number and fate % 3 == 0 else 0
        append(Record(first + number, at, modified(at), 0, merged_to, 0, active))


def _locations(world: World) -> None:
    calendar = _Calendar(world, "locations")
    bits, modified = calendar.bits, calendar.modified
    whole, part = divmod(round(world.recipe.locations_per_customer * 1000), 1000)
    record_id = FIRST_ID["locations"]
    append = world.tables["locations"].rows.append
    for customer in world.tables["customers"].rows:
        for number in range(whole + (bits(20) % 1000 < part)):
            at = (
                customer.created
                if not number
                else customer.created + ((calendar.born - customer.created) * bits(48) >> 48)
            )
            append(Record(record_id, at, modified(at), customer.id, 0, number, customer.active))
            record_id += 1


def _contacts(world: World) -> None:
    fewest, most = world.recipe.contacts
    if not most:
        return
    for owners, kind in _HAVE_CONTACTS:
        calendar = _Calendar(world, kind)
        bits, modified = calendar.bits, calendar.modified
        table, spread = world.tables[kind], most - fewest + 1
        record_id, append = FIRST_ID[kind], table.rows.append
        for owner in world.tables[owners].rows:
            at, owner_id = owner.created, owner.id
            for _ in range(fewest + bits(16) % spread):
                append(Record(record_id, at, modified(at), owner_id))
                record_id += 1


def _leads(world: World) -> None:
    calendar = _Calendar(world, "leads")
    bits = calendar.bits
    customers = world.tables["customers"].rows
    count, first = round(len(customers) * world.recipe.leads), FIRST_ID["leads"]
    created = calendar.created(count)
    home = {}
    if count:
        for location in reversed(world.tables["locations"].rows):
            home[location.owner] = location.id
    for number in range(count):
        at = created(number)
        fate = bits(40)
        customer = customers[(fate >> 8) % (1 + number * len(customers) // count)] if fate % 5 else None
        state = _LEAD_STATES[fate % 20 if customer else fate % 13]
        owner = customer.id if customer else 0
        world.tables["leads"].rows.append(
            Record(first + number, at, calendar.modified(at), owner, home.get(owner, 0), state)
        )


def _bookings(world: World) -> None:
    calendar = _Calendar(world, "bookings")
    count, first = round(world.recipe.customers * world.recipe.bookings), FIRST_ID["bookings"]
    created = calendar.created(count)
    for number in range(count):
        at = created(number)
        fate = calendar.bits(32)
        state = _BOOKING_STATES[fate % 20]
        job = 900_000_001 + number if state is BookingState.Converted else 0
        provider = FIRST_ID["booking_provider_tags"] + (fate >> 8) % world.recipe.booking_providers
        world.tables["bookings"].rows.append(
            Record(first + number, at, calendar.modified(at), provider, job, state)
        )


def _booking_contacts(world: World) -> None:
    """One or two for each booking; those that life makes later have an address to go to."""
    bits, contacts = _Calendar(world, "booking_contacts").bits, world.tables["booking_contacts"]
    for booking in world.tables["bookings"].rows:
        for _ in range(1 + bits(1)):
            contacts.rows.append(Record(contacts.next_id(), booking.created, booking.created, booking.id))


def _notes(world: World) -> None:
    """One to three notes on every fiftieth record, from the first on: they weigh little beside the rest."""
    calendar, notes = _Calendar(world, "notes"), world.tables["notes"]
    for owners in _HAVE_NOTES:
        for owner in world.tables[owners].rows[::50]:
            for _ in range(1 + calendar.bits(16) % 3):
                at = owner.created + ((calendar.born - owner.created) * calendar.bits(48) >> 48)
                notes.rows.append(Record(notes.next_id(), at, calendar.modified(at), owner.id))
