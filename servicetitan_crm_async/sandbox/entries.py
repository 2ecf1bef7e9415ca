"""Lists of people's entries: filters, order and paging as other lists have them, over a few dozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from .listing import plain_page
from .messages import Body, Json, Reply
from .operations import Call
from .people import Entry
from .queries import Query
from .tables import OrderBy

EntryTest: TypeAlias = Callable[[Entry], bool]


def entry_page(
    call: Call,
    query: Query,
    entries: Iterable[Entry],
    *tests: Iterable[EntryTest],
    show: Callable[[Entry], Body] = Entry.body,
) -> Reply:
    """One page of the entries that lie in the windows of a query and pass all its tests."""
    unit, rounded_up = call.habits.unit, call.habits.cutting == "records"
    modified = query.window("modified").compared(unit, rounded_up=rounded_up)
    created = query.window("created").compared(unit, rounded_up=rounded_up)
    needed = [test for each in tests for test in each]
    order, descending = query.sort()
    chosen = [
        entry
        for entry in entries
        if modified.holds(entry.modified)
        and created.holds(entry.created)
        and all(test(entry) for test in needed)
    ]
    return plain_page(query, sorted(chosen, key=_key(call, order), reverse=descending), show)


def containing(query: Query, *fields: str) -> list[EntryTest]:
    """Tests for the fields that the query gives a part of, whatever its case."""

    def within(field: str, text: str) -> EntryTest:
        return lambda entry: text.casefold() in str(entry.fields[field] or "").casefold()

    given = ((field, query.text(field)) for field in fields)
    return [within(field, text) for field, text in given if text]


def being(field: str, value: Json) -> list[EntryTest]:
    """A test for a field that has to hold a value, text in any case; none where no value was given."""
    return [] if value is None else [lambda entry: _folded(entry.fields[field]) == _folded(value)]


def _folded(value: Json) -> Json:
    return value.casefold() if isinstance(value, str) else value


def _key(call: Call, order: OrderBy) -> Callable[[Entry], tuple[int | float | str, ...]]:
    if order is OrderBy.ID:
        return lambda entry: (entry.id,)

    def stamp(entry: Entry) -> int:
        return entry.modified if order is OrderBy.MODIFIED else entry.created

    if call.habits.unstable_ties:
        return lambda entry: (stamp(entry) // call.habits.unit, call.chance.random())
    return lambda entry: (stamp(entry), entry.id)
