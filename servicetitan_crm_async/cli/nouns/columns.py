"""Columns of a list: which, and what a record has in them; pure.

A column is a path into the record as it was sent, so what it shows is what the service wrote: an amount keeps
its digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, get_args, get_origin

import msgspec

from servicetitan_crm_async.cli.nouns.signatures import Fields, is_model, members_of
from servicetitan_crm_async.cli.nouns.values import nearest
from servicetitan_crm_async.cli.options import names
from servicetitan_crm_async.errors import ConfigError

OPTION = "--columns"

_DEFAULTS: Mapping[str, str] = {
    "Booking": "id,status,name,summary,source,start,created_on,job_id",
    "BookingProviderTag": "id,tag_name,type,description,active,modified_on",
    "Contact": "id,type,value,memo,modified_on",
    "ContactMethod": "id,type,value,memo,modified_on",
    "ContactPerson": "id,name,title,reference_id,is_archived,modified_on",
    "ContactRelationship": "id,type_name,related_entity_id,created_on",
    "CustomFieldType": "id,name,data_type,data_type_options,modified_on",
    "Customer": "id,name,type,address.city,address.state,balance,active,modified_on",
    "CustomerContact": "id,customer_id,type,value,memo,modified_on",
    "Lead": "id,status,summary,customer_id,lead_customer_name,priority,follow_up_date,created_on",
    "Location": "id,name,customer_id,address.street,address.city,address.state,active,modified_on",
    "LocationContact": "id,location_id,type,value,memo,modified_on",
    "Note": "id,text,is_pinned,created_by_id,created_on",
    "TagType": "id,name,color,importance,code,active",
}
"""What a table shows where nothing else was asked for, the essential first; of other models, `_plain`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One path into a record."""

    title: str
    """In Python's spelling."""
    path: tuple[str, ...]
    """In the service's."""
    instant: bool = False
    number: bool = False

    @property
    def wire(self) -> str:
        """The path, as it is printed for programs."""
        return ".".join(self.path)

    @property
    def exact(self) -> bool:
        """A part of what it shows would mislead."""
        return self.number or self.instant


def default_columns(model: Fields) -> tuple[Column, ...]:
    """What a table of such records shows, the essential first."""
    chosen = _DEFAULTS.get(model.__name__) or ",".join(_plain(model))
    return columns_of(model, chosen)


def columns_of(model: Fields, text: str) -> tuple[Column, ...]:
    """Columns between commas, each in Python's spelling or the service's: `id,address.city`.

    Raises:
        ConfigError: there is none, or a name that such records do not have.
    """
    problems: dict[str, str] = {}
    found = [_column(model, name, problems) for name in names(OPTION, text)]
    if problems:
        raise ConfigError(problems)
    return tuple(column for column in found if column is not None)


def picked(columns: Sequence[Column], record: bytes) -> dict[str, msgspec.Raw]:
    """What a record has in the columns, as it was sent, by the service's names; null where it has nothing."""
    parts = _parts(msgspec.Raw(record))
    return {column.wire: _at(parts.get(column.path[0], _NULL), column.path[1:]) for column in columns}


def plain(value: msgspec.Raw) -> str:
    """A part of a record as people read it, on one line and without what a terminal would obey."""
    text = bytes(value).decode()
    if text == "null":
        return ""
    if text.startswith('"'):
        text = msgspec.json.decode(text, type=str)
    elif text.startswith("["):
        text = ", ".join(plain(each) for each in msgspec.json.decode(text, type=list[msgspec.Raw]))
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _column(model: Fields, name: str, problems: dict[str, str]) -> Column | None:
    kind: object = model
    title: list[str] = []
    path: list[str] = []
    for part in name.split("."):
        inner = _innermost(kind)
        if inner is None:
            problems[f"{OPTION} {name}"] = f"{'.'.join(path)} has no parts"
            return None
        if not is_model(inner):  # what the service does not describe has what it has
            title.append(part)
            path.append(part)
            continue
        fields = msgspec.structs.fields(inner)
        field = next((each for each in fields if part in (each.name, each.encode_name)), None)
        if field is None:
            problems[f"{OPTION} {name}"] = f"is no column{nearest(part, [each.name for each in fields])}"
            return None
        title.append(field.name)
        path.append(field.encode_name)
        kind = field.type
    arms = set(map(_bare, members_of(kind)))
    return Column(
        ".".join(title), tuple(path), instant=datetime in arms, number=bool(arms & {int, float, Decimal})
    )


def _innermost(kind: object) -> object:
    """The model that a part of a record is of; `Mapping` where its fields are any, None of a plain value."""
    for arm in map(_bare, members_of(kind)):
        if is_model(arm):
            return arm
        if get_origin(arm) is tuple:
            return _innermost(get_args(arm)[0])
        if get_origin(arm) is not None or arm is object:
            return Mapping
    return None


def _bare(kind: object) -> object:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _plain(model: Fields) -> list[str]:
    """The fields of a model that fit a cell."""
    return [field.name for field in msgspec.structs.fields(model) if _innermost(field.type) is None]


def _at(value: msgspec.Raw, path: Sequence[str]) -> msgspec.Raw:
    """What stands at a path; of a list, what each of its members has there."""
    if not path:
        return value
    if bytes(value).startswith(b"["):
        members = [_at(each, path) for each in msgspec.json.decode(value, type=list[msgspec.Raw])]
        return msgspec.Raw(msgspec.json.encode(members))
    return _at(_parts(value).get(path[0], _NULL), path[1:])


def _parts(value: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of an object; anything else has none."""
    return msgspec.json.decode(value, type=dict[str, msgspec.Raw]) if bytes(value).startswith(b"{") else {}


_NULL = msgspec.Raw(b"null")
