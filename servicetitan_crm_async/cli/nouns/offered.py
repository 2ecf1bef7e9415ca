"""What the client can do, as commands: nouns and verbs, by the route table and the methods' annotations.

A row of the table that has a method is a command, so what is added there is found here. What stands in the
path becomes an argument, a filter a name for `--where`, the rest of the method's arguments an option, and a
body `--data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, TypeAlias, get_origin

from servicetitan_crm_async._core.calls import wire_name
from servicetitan_crm_async._core.feed import Feed
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.cli.nouns.signatures import Fields, Signature, signature_of
from servicetitan_crm_async.contract import OPERATIONS, ContractName, Operation

Kind: TypeAlias = Literal["list", "feed", "array", "read", "write"]
"""`array`: many records, all of them in the one answer."""

_MANY: dict[object, Kind] = {Pages: "list", Feed: "feed", tuple: "array"}
_PAGING = ("page_size", "include_total")
"""What a list is told by `--limit` and by where it is shown."""


@dataclass(frozen=True)
class Verb:
    """One method of the client."""

    name: str
    """That of its rows: `customers.notes.list`."""
    rows: Mapping[ContractName, Operation]
    signature: Signature

    @property
    def row(self) -> Operation:
        """The row that describes it: that of the portal, if it has one."""
        return next(iter(self.rows.values()))

    @property
    def words(self) -> tuple[str, ...]:
        """As it is written on the command line: `("customers", "notes", "list")`."""
        return tuple(map(kebab, self.name.split(".")))

    @property
    def kind(self) -> Kind:
        """How it is called, and what comes back."""
        answers = get_origin(self.signature.returns)
        return _MANY.get(answers, "read" if self.row.method == "GET" else "write")

    @property
    def body(self) -> Fields | None:
        """The model of what `--data` holds; None also where the body is made of options."""
        return self.signature.body

    @cached_property
    def place(self) -> Mapping[str, object]:
        """What stands in the path, in the order it is written, and the annotation of each."""
        positional = {name: kind for name, kind in self.signature.positional.items() if kind is not self.body}
        in_path = {name: kind for name, kind in positional.items() if wire_name(name) not in self.row_fields}
        return {**self.signature.above, **in_path}

    @cached_property
    def filters(self) -> Mapping[str, object]:
        """What `--where` knows, and the annotation of each."""
        if self.kind not in ("list", "feed"):
            return {}
        return {name: kind for name, kind in self.signature.keywords.items() if name not in _PAGING}

    @cached_property
    def options(self) -> Mapping[str, object]:
        """The other arguments, and the annotation of each."""
        if self.kind in ("list", "feed"):
            return {}
        every = {**self.signature.positional, **self.signature.keywords}
        return {
            name: kind for name, kind in every.items() if name not in self.place and kind is not self.body
        }

    @property
    def required_options(self) -> tuple[str, ...]:
        """Those a call cannot do without; they too may come in `--data`."""
        return tuple(name for name in self.options if name in self.signature.positional)

    @cached_property
    def row_fields(self) -> tuple[str, ...]:
        """The fields of the body by wire name, those inside others left out."""
        body = self.row.body
        paths = () if body is None else (*body.required, *body.optional)
        return tuple(path for path in paths if "." not in path)

    @property
    def takes_data(self) -> bool:
        """Whether there is a body to give as `--data`."""
        return self.body is not None or bool(self.row_fields and self.options)

    def option_of(self, field: str) -> str | None:
        """The option that a field of the body is: `reason_id` of `dismissingReasonId`."""
        for name in self.options:
            wire = wire_name(name)
            ends_so = field in self.row_fields and field.endswith(wire[0].upper() + wire[1:])
            if field in (name, wire) or ends_so:
                return name
        return None


@cache
def verbs() -> tuple[Verb, ...]:
    """Every operation that the client has a method for, in the order of the table."""
    rows: dict[str, dict[ContractName, Operation]] = {}
    for row in OPERATIONS:
        rows.setdefault(row.name, {})[row.contract] = row
    found = []
    for name, by_contract in rows.items():
        try:
            found.append(Verb(name, by_contract, signature_of(name)))
        except AttributeError:
            continue
    return tuple(found)


def kebab(name: str) -> str:
    """A Python name as the command line spells it."""
    return name.strip("_").replace("_", "-")
