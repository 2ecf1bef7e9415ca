"""People of a tenant: contacts with a GUID, the ways to reach them, and whom they belong to.

They share no more than their name with the contacts of customers and locations: those are one number
or address each, these are persons. A tenant has a few dozen, which are kept whole: nothing of them is
drawn when somebody asks, and life leaves them alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .bodies import full_name, phone_number
from .dice import Dice, guid_for
from .gazetteer import MEMOS, PERSON_TITLES
from .instants import text_of
from .messages import Body
from .records import API_USER, Kind

if TYPE_CHECKING:
    from .world import World


class Preference(NamedTuple):
    """What somebody may want to get by one way or another; said to be `true` or `false`, or not said."""

    id: str
    name: str
    description: str | None


RELATED: dict[str, Kind] = {"customer": "customers", "location": "locations", "booking": "bookings"}
"""What a person can belong to, by the slug of the relationship's type."""

PREFERENCES = (
    Preference("7d0c52b1-9a4e-4f0a-8c11-5b6f0e2d9a01", "JobReminders", "Reminders of booked jobs"),
    Preference("7d0c52b1-9a4e-4f0a-8c11-5b6f0e2d9a02", "MarketingUpdates", "News and offers"),
    Preference("7d0c52b1-9a4e-4f0a-8c11-5b6f0e2d9a03", "InvoiceStatements", None),
)

_GUIDS, _SEEDED = -11, -12
_MOST_SEEDED = 24


class Entry(msgspec.Struct):
    """A person, a way to reach one, or a relationship.

    Attributes:
        id: a GUID in lower case.
        person: whose it is; of a person, the id again.
        fields: what it says, beside id and stamps.
        preferences: of a way to reach somebody, those that were said.
    """

    id: str
    person: str
    fields: Body
    created: int
    created_by: int
    modified: int
    modified_by: int
    preferences: dict[str, str] = {}

    def body(self) -> Body:
        """The entry as lists show it."""
        return {
            "id": self.id,
            **self.fields,
            "createdOn": text_of(self.created),
            "createdBy": self.created_by,
            "modifiedOn": text_of(self.modified),
            "modifiedBy": self.modified_by,
        }


class People:
    """The persons of one world with their ways and relationships, each by its GUID."""

    def __init__(self, world: World) -> None:
        self.persons: dict[str, Entry] = {}
        self.ways: dict[str, Entry] = {}
        self.relationships: dict[str, Entry] = {}
        self._world = world
        self._guids = 0
        self._populate()

    def add_person(self, fields: Body) -> Entry:
        """One more person."""
        guid = self._guid()
        return self._written(self.persons, guid, guid, fields)

    def add_way(self, person: Entry, fields: Body, *, guid: str | None = None) -> Entry:
        """One more way to reach a person, with an id of the caller's choice if there is one."""
        return self._written(self.ways, guid or self._guid(), person.id, {"contactId": person.id, **fields})

    def relate(self, person: Entry, slug: str, entity: int) -> Entry:
        """Say that a person belongs to a customer, location or booking; to say it again changes nothing."""
        known = self.relationship(person, slug, entity)
        fields = _related(slug, entity)
        return known or self._written(self.relationships, self._guid(), person.id, fields)

    def relationship(self, person: Entry, slug: str, entity: int) -> Entry | None:
        """The relationship by which a person belongs to something."""
        wanted = _related(slug, entity)
        among = self.relationships.values()
        return next((each for each in among if each.person == person.id and each.fields == wanted), None)

    def related_to(self, entity: int) -> list[Entry]:
        """The persons who belong to something."""
        among = self.relationships.values()
        found = {each.person: None for each in among if each.fields["relatedEntityId"] == entity}
        return [self.persons[person] for person in found]

    def change(self, entry: Entry, fields: Body) -> None:
        """Write fields of an entry and stamp it: now, or one tick past its last stamp."""
        entry.fields = {**entry.fields, **fields}
        entry.modified = max(self._world.now, entry.modified + 1)
        entry.modified_by = API_USER
        self._world.written += 1

    def say(self, way: Entry, preference: str, value: str) -> None:
        """Set a preference, which is no part of the way itself and so leaves its stamp alone."""
        way.preferences[preference] = value
        self._world.written += 1

    def remove(self, among: dict[str, Entry], entry: Entry) -> None:
        """Forget an entry, and with a person all that is the person's."""
        del among[entry.id]
        if among is self.persons:
            for rest in (self.ways, self.relationships):
                for each in [each for each in rest.values() if each.person == entry.id]:
                    del rest[each.id]
        self._world.written += 1

    def _written(self, among: dict[str, Entry], guid: str, person: str, fields: Body) -> Entry:
        now = self._world.now
        self._world.written += 1
        return _put(among, Entry(guid, person, fields, now, API_USER, now, API_USER))

    def _guid(self) -> str:
        self._guids += 1
        return guid_for(self._world.key, self._guids, _GUIDS)

    def _populate(self) -> None:
        """One person for each of the first customers; some belong to a location or a booking as well."""
        tables, now = self._world.tables, self._world.now
        bookings = tables["bookings"].rows
        homes = {each.owner: each.id for each in reversed(tables["locations"].rows[: 2 * _MOST_SEEDED])}
        for number, customer in enumerate(tables["customers"].rows[:_MOST_SEEDED]):
            dice = Dice(self._world.key, number, _SEEDED)
            age = (now - customer.created) * dice.below(1000) // 1000
            stamps = (now - age, 501 + dice.below(12), now - age // 3, 501)
            guid = self._guid()
            _put(self.persons, Entry(guid, guid, _person(number, dice), *stamps))
            for fields in _ways(number, dice):
                said = {each.name: dice.pick(("true", "false")) for each in PREFERENCES[: dice.below(4)]}
                _put(self.ways, Entry(self._guid(), guid, {"contactId": guid, **fields}, *stamps, said))
            related = [_related("customer", customer.id)]
            if customer.id in homes and number % 2:
                related.append(_related("location", homes[customer.id]))
            if number < len(bookings) and number % 3 == 0:
                related.append(_related("booking", bookings[number].id))
            for fields in related:
                _put(self.relationships, Entry(self._guid(), guid, fields, *stamps))


def _put(among: dict[str, Entry], entry: Entry) -> Entry:
    among[entry.id] = entry
    return entry


def _person(number: int, dice: Dice) -> Body:
    return {
        "referenceId": f"P-{number + 1}" if dice.chance(50) else None,
        "name": full_name(dice),
        "title": dice.pick(PERSON_TITLES),
        "isArchived": dice.chance(15),
    }


def _ways(number: int, dice: Dice) -> list[Body]:
    found = [("MobilePhone", phone_number(dice)), ("Email", f"person{number + 1}@example.com")]
    return [
        {"referenceId": None, "type": kind, "value": value, "memo": dice.pick(MEMOS)}
        for kind, value in found[: 1 + dice.below(2)]
    ]


def _related(slug: str, entity: int) -> Body:
    return {"relatedEntityId": entity, "typeName": slug.capitalize(), "typeSlug": slug}
