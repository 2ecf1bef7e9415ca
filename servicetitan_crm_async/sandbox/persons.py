"""Contacts with a GUID: persons who belong to customers, locations and bookings, to none or to many.

The contract has its own statuses here: a contact that is not there is a 404 everywhere but in what is
done to its relationships, where it is a 409.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import shapes
from .entries import being, containing, entry_page
from .listing import PAGING, WINDOWS
from .messages import Body, Problem, Reply
from .operations import Call, done, ok
from .people import RELATED, Entry
from .queries import Query

_PERSONS = PAGING | WINDOWS | {"sort", "name", "title", "referenceId", "isArchived"}
_RELATIONSHIPS = PAGING | {
    "sort",
    "createdBefore",
    "createdOnOrAfter",
    "relatedEntityId",
    "typeSlug",
    "typeName",
}


def person_of(call: Call, name: str = "contactId", *, missing: int = 404) -> Entry:
    """The person whose GUID is in the path."""
    person = call.world.people.persons.get(call.path_guid(name))
    if person is None:
        raise Problem(missing, "Contact not found.")
    return person


def list_persons(call: Call) -> Reply:
    """All contacts, archived ones too unless the query says otherwise."""
    return _page(call, call.world.people.persons.values())


def list_related(call: Call) -> Reply:
    """The contacts of the customer, location or booking that is in the path."""
    entity = call.path_id("relationshipId")
    if not any(_exists(call, slug, entity) for slug in RELATED):
        raise Problem(404, "Related entity not found.")
    return _page(call, call.world.people.related_to(entity))


def create_person(call: Call) -> Reply:
    """A contact that belongs to nobody yet and cannot be reached."""
    sent = call.sent()
    shapes.check(sent, shapes.NEW_PERSON, closed=True)
    fields: Body = {name: sent.get(name) for name in shapes.NEW_PERSON}
    return ok(call.world.people.add_person({**fields, "isArchived": False}).body())


def get_person(call: Call) -> Reply:
    """One contact."""
    return ok(person_of(call, "id").body())


def replace_person(call: Call) -> Reply:
    """All fields of a contact; those that are not sent are emptied."""
    person, sent = person_of(call, "id"), call.sent()
    shapes.check(sent, shapes.CHANGED_PERSON, closed=True)
    call.world.people.change(person, {name: sent.get(name) for name in shapes.CHANGED_PERSON})
    return ok(person.body())


def update_person(call: Call) -> Reply:
    """Fields of a contact; what is not sent stays."""
    person, sent = person_of(call, "id"), call.sent()
    shapes.check(sent, shapes.CHANGED_PERSON, closed=True)
    call.world.people.change(person, sent)
    return ok(person.body())


def delete_person(call: Call) -> Reply:
    """A contact goes, and with it the ways to reach it and its relationships."""
    people = call.world.people
    people.remove(people.persons, person_of(call, "id"))
    return done()


def list_relationships(call: Call) -> Reply:
    """Whom a contact belongs to."""
    person = person_of(call, missing=409)
    query = Query(call.query, _RELATIONSHIPS)
    return entry_page(
        call,
        query,
        (each for each in call.world.people.relationships.values() if each.person == person.id),
        being("relatedEntityId", query.whole("relatedEntityId")),
        being("typeSlug", query.text("typeSlug")),
        being("typeName", query.text("typeName")),
        show=_relationship_body,
    )


def create_relationship(call: Call) -> Reply:
    """A contact belongs to one more; to say so again is harmless."""
    slug, entity = _relation(call)
    person = person_of(call, missing=409)
    if not _exists(call, slug, entity):
        raise Problem(404, f"{slug.capitalize()} not found.")
    call.world.people.relate(person, slug, entity)
    return done()


def delete_relationship(call: Call) -> Reply:
    """A contact belongs to one less."""
    people = call.world.people
    slug, entity = _relation(call)
    relationship = people.relationship(person_of(call, missing=409), slug, entity)
    if relationship is None:
        raise Problem(409, "Contact relationship not found.")
    people.remove(people.relationships, relationship)
    return done()


def _page(call: Call, persons: Iterable[Entry]) -> Reply:
    query = Query(call.query, _PERSONS)
    archived, reference = query.flag("isArchived"), query.text("referenceId")
    tests = (
        containing(query, "name", "title"),
        being("isArchived", archived),
        being("referenceId", reference),
    )
    return entry_page(call, query, persons, *tests)


def _relation(call: Call) -> tuple[str, int]:
    slug, entity = call.ids["typeSlug"].lower(), call.path_id("relatedEntityId")
    if slug not in RELATED:
        raise Problem(404, "Contact relationship type not found.")
    return slug, entity


def _exists(call: Call, slug: str, entity: int) -> bool:
    record = call.world.tables[RELATED[slug]].get(entity)
    return record is not None and not record.deleted


def _relationship_body(entry: Entry) -> Body:
    return {name: value for name, value in entry.body().items() if not name.startswith("modified")}
