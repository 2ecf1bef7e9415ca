"""An example of each command of a noun, with values that it takes; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import EnumMeta
from itertools import chain, repeat
from types import NoneType
from typing import cast, get_args, get_origin

import msgspec

from servicetitan_crm_async.cli.nouns.offered import Verb, kebab
from servicetitan_crm_async.cli.nouns.signatures import Fields, is_model, members_of
from servicetitan_crm_async.cli.nouns.values import wanted
from servicetitan_crm_async.cli.output import NAME

_TEXTS: Mapping[str, str] = {
    "city": "Boise",
    "color": "#1F7A4D",
    "country": "USA",
    "description": "Our own web site",
    "external_id": "web-1",
    "from_": "2026-01-31",
    "locations.name": "Home",
    "memo": "Not in our area",
    "name": "Ada Byron",
    "phone_number": "208-555-0100",
    "preference_name": "JobReminders",
    "preferences.value": "true",
    "source": "Web",
    "state": "ID",
    "street": "1 Main St",
    "summary": "The heating makes a noise",
    "tag_name": "Web site",
    "tag_types.name": "VIP",
    "text": "Call back on Monday",
    "title": "Owner",
    "value": "208-555-0100",
    "zip": "83702",
}
"""What stands for a text of that name, or of that name in that noun."""

_PLAIN: Mapping[object, object] = {
    bool: True,
    int: 42,
    float: 43.6,
    Decimal: 100,
    datetime: "2026-01-31T08:00:00Z",
}

_ALSO: Mapping[str, tuple[str, ...]] = {
    "leads.create": ("call_reason_id",),
    "leads.submit_form": ("phone_number", "summary"),
    "booking_provider.create": ("address",),
    "bookings.create": ("address",),
}
"""Fields of a body that its schema leaves open, and that the method or good sense asks for."""

_TELLING = (
    "status",
    "city",
    "active",
    "type",
    "customer_ids",
    "location_ids",
    "from_",
    "modified_on_or_after",
)
"""Filters that show what `--where` is for, the best first."""


def example(verb: Verb) -> str:
    """A whole command, to be copied."""
    numbers = chain(("42", "7"), repeat("3"))
    words = [NAME, *verb.words, *(_place(name, kind, numbers) for name, kind in verb.place.items())]
    if (name := next((name for name in _TELLING if name in verb.filters), None)) is not None:
        words += ["--where", f"{name.rstrip('_')}={_word(verb, name, verb.filters[name])}"]
    if verb.kind == "list":
        words += ["--limit", "20"]
    if verb.body is not None:
        words += ["--data", msgspec.json.encode(sample(verb, verb.body)).decode()]
    else:
        for name, kind in verb.options.items():
            words += [f"--{kebab(name)}", _word(verb, name, kind)]
    if "portal" not in verb.rows:
        words += ["--contract", verb.row.contract]
    return shlex.join(words)


def sample(verb: Verb, model: Fields) -> dict[str, object]:
    """A body that the contract takes: what it requires, or a field to change where it requires nothing."""
    required = frozenset(verb.row.body.required if verb.row.body is not None else ())
    noun = verb.name.split(".")[-2]
    made = _object(model, required, noun, "", _ALSO.get(verb.name, ()))
    return made or _object(model, required, noun, "", (_change(model),))


def _change(model: Fields) -> str:
    """One field, as an example of a change."""
    fields = [field.name for field in msgspec.structs.fields(model)]
    return next((name for name in fields if name in _TEXTS), fields[0])


def _object(
    model: Fields, required: frozenset[str], noun: str, above: str, also: tuple[str, ...]
) -> dict[str, object]:
    made: dict[str, object] = {}
    for field in msgspec.structs.fields(model):
        path = f"{above}{field.encode_name}"
        if field.required or path in required or field.name in also:
            made[field.encode_name] = _value(field.name, field.type, required, noun, path)
    return made


def _value(name: str, kind: object, required: frozenset[str], noun: str, path: str) -> object:
    arm = next(arm for arm in members_of(kind) if arm not in (NoneType, msgspec.UnsetType))
    if get_origin(arm) is tuple:
        return [_value(name, get_args(arm)[0], required, name, f"{path}[]")]
    if is_model(arm):
        return _object(arm, required, noun, f"{path}.", ())
    if isinstance(arm, EnumMeta):
        return str(next(iter(cast("list[str]", arm))))
    return _PLAIN[arm] if arm in _PLAIN else _text(noun, name, "…")


def _place(name: str, kind: object, numbers: Iterator[str]) -> str:
    """A value in a path: ids differ, so that they can be told apart."""
    value = wanted(name, kind)
    return next(numbers) if value.sample == "42" else _text("", name, value.sample)


def _word(verb: Verb, name: str, kind: object) -> str:
    """A value of an option or a filter."""
    value = wanted(name, kind)
    return _text(verb.name.split(".")[-2], name, value.sample) if value.what == "text" else value.sample


def _text(noun: str, name: str, otherwise: str) -> str:
    return _TEXTS.get(f"{noun}.{name}") or _TEXTS.get(name, otherwise)
