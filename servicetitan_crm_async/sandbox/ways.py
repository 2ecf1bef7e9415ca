"""Ways to reach a person, in the contract contact methods, and what the person wants to get by each."""

from __future__ import annotations

from collections.abc import Iterable

from . import shapes
from .entries import EntryTest, being, containing, entry_page
from .listing import PAGING, WINDOWS
from .messages import Body, Problem, Reply
from .operations import Call, done, ok
from .people import PREFERENCES, Entry
from .persons import person_of
from .queries import Query

_WAYS = PAGING | WINDOWS | {"sort", "referenceId", "type", "value"}
_DATA_TYPE = "Bool"


def list_ways(call: Call) -> Reply:
    """The ways to reach one contact."""
    return _page(call, Query(call.query, _WAYS), being("contactId", person_of(call).id))


def search_ways(call: Call) -> Reply:
    """The ways to reach all contacts."""
    query = Query(call.query, _WAYS | {"contactId"})
    return _page(call, query, being("contactId", query.guid("contactId")))


def create_way(call: Call) -> Reply:
    """One more way to reach a contact."""
    person = person_of(call)
    return ok(call.world.people.add_way(person, _sent_fields(call)).body())


def get_way(call: Call) -> Reply:
    """One way to reach a contact."""
    return ok(_way(call).body())


def put_way(call: Call) -> Reply:
    """All fields of a way to reach a contact, which is made where the GUID is nobody's yet."""
    people, person, fields = call.world.people, person_of(call), _sent_fields(call)
    guid = call.path_guid("contactMethodId")
    if guid not in people.ways:
        return ok(people.add_way(person, fields, guid=guid).body())
    way = _way(call)
    people.change(way, fields)
    return ok(way.body())


def update_way(call: Call) -> Reply:
    """Fields of a way to reach a contact; what is not sent stays."""
    way, sent = _way(call), call.sent()
    shapes.check(sent, shapes.CHANGED_WAY, closed=True)
    call.world.people.change(way, sent)
    return ok(way.body())


def delete_way(call: Call) -> Reply:
    """A way to reach a contact goes, with its preferences."""
    people = call.world.people
    people.remove(people.ways, _way(call))
    return done()


def preference_types(_: Call) -> Reply:
    """What there is to prefer."""
    return ok([{**each._asdict(), "dataType": _DATA_TYPE} for each in PREFERENCES])


def list_preferences(call: Call) -> Reply:
    """All preferences of a way, those nobody has set included."""
    way = _way(call)
    return ok([_preference_body(way, each.name) for each in PREFERENCES])


def get_preference(call: Call) -> Reply:
    """One preference of a way."""
    return ok(_preference_body(_way(call), _preference(call)))


def update_preference(call: Call) -> Reply:
    """Set a preference of a way; its `modifiedOn` does not show it and does not move."""
    way, name, sent = _way(call), _preference(call), call.sent()
    shapes.check(sent, shapes.CHANGED_PREFERENCE, closed=True)
    if "value" in sent:
        call.world.people.say(way, name, str(sent["value"]).lower())
    return ok(_preference_body(way, name))


def _page(call: Call, query: Query, of: Iterable[EntryTest]) -> Reply:
    reference, kind = being("referenceId", query.text("referenceId")), being("type", query.text("type"))
    return entry_page(
        call, query, call.world.people.ways.values(), of, reference, kind, containing(query, "value")
    )


def _sent_fields(call: Call) -> Body:
    sent = call.sent()
    shapes.check(sent, shapes.NEW_WAY, closed=True)
    return {name: sent.get(name) for name in shapes.NEW_WAY}


def _way(call: Call) -> Entry:
    person = person_of(call)
    way = call.world.people.ways.get(call.path_guid("contactMethodId"))
    if way is None or way.person != person.id:
        raise Problem(404, "Contact method not found.")
    return way


def _preference(call: Call) -> str:
    asked = call.ids["preferenceName"].lower()
    for each in PREFERENCES:
        if each.name.lower() == asked:
            return each.name
    raise Problem(404, "Contact preference not found.")


def _preference_body(way: Entry, name: str) -> Body:
    return {"name": name, "dataType": _DATA_TYPE, "value": way.preferences.get(name)}
