"""From a model to the typed columns of a database; pure.

A model is read once into a small tree of three kinds of type, and the tree says everything that SQL
needs: the column's type, the structure of the JSON to take apart (with the service's own names), and
the expression that turns the one into the other.

Instants become TIMESTAMP in UTC and not TIMESTAMPTZ: the latter shows itself in whatever zone a session
has, needs an extension for it, and cannot be fetched from Python without pytz. They are read as
TIMESTAMPTZ first, since a cast to TIMESTAMP drops an offset without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import inspect

__all__ = ["Column", "Fields", "ListOf", "Scalar", "SqlType", "columns_of", "quoted"]


class Scalar(NamedTuple):
    """A type without parts."""

    sql: str

    @property
    def structure(self) -> object:
        return "TIMESTAMPTZ" if self.sql == "TIMESTAMP" else self.sql

    def expression(self, source: str, depth: int = 0) -> str:
        return f"make_timestamp(epoch_us({source}))" if self.sql == "TIMESTAMP" else source


class ListOf(NamedTuple):
    """Any number of values of one type."""

    item: SqlType

    @property
    def sql(self) -> str:
        return f"{self.item.sql}[]"

    @property
    def structure(self) -> object:
        return [self.item.structure]

    def expression(self, source: str, depth: int = 0) -> str:
        each = f"e{depth}"
        item = self.item.expression(each, depth + 1)
        return source if item == each else f"[{item} for {each} in {source}]"


class Column(NamedTuple):
    """A field: its name in Python and SQL, its name on the wire, its type."""

    name: str
    wire: str
    type: SqlType

    def expression(self, source: str, depth: int = 0) -> str:
        """What gives the column's value, where `source` is the object the field is in."""
        return self.type.expression(f"{source}.{quoted(self.wire)}", depth)


class Fields(NamedTuple):
    """An object with known fields."""

    columns: tuple[Column, ...]

    @property
    def sql(self) -> str:
        return f"STRUCT({', '.join(f'{quoted(column.name)} {column.type.sql}' for column in self.columns)})"

    @property
    def structure(self) -> object:
        return {column.wire: column.type.structure for column in self.columns}

    def expression(self, source: str, depth: int = 0) -> str:
        parts = [f"{quoted(column.name)} := {column.expression(source, depth)}" for column in self.columns]
        return f"case when {source} is not null then struct_pack({', '.join(parts)}) end"


SqlType = Scalar | ListOf | Fields

_JSON = Scalar("JSON")
_SCALARS: Mapping[type[inspect.Type], Scalar] = {
    inspect.BoolType: Scalar("BOOLEAN"),
    inspect.IntType: Scalar("BIGINT"),
    inspect.FloatType: Scalar("DOUBLE"),
    inspect.DecimalType: Scalar("DECIMAL(18,4)"),
    inspect.StrType: Scalar("VARCHAR"),
    inspect.EnumType: Scalar("VARCHAR"),
    inspect.LiteralType: Scalar("VARCHAR"),
    inspect.UUIDType: Scalar("VARCHAR"),
    inspect.DateTimeType: Scalar("TIMESTAMP"),
    inspect.DateType: Scalar("DATE"),
}
"""Whatever is not here and is no list or Struct is open, and stays JSON."""


def columns_of(model: type[msgspec.Struct], *, without: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """The columns of a model in the order of its fields, except those named."""
    info = inspect.type_info(model)
    assert isinstance(info, inspect.StructType)
    return tuple(column for column in _columns(info, ()) if column.name not in without)


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def _columns(info: inspect.StructType, inside: tuple[type, ...]) -> tuple[Column, ...]:
    inside = (*inside, info.cls)
    return tuple(Column(field.name, field.encode_name, _type(field.type, inside)) for field in info.fields)


def _type(info: inspect.Type, inside: tuple[type, ...]) -> SqlType:
    """`inside` are the Structs around it: one that contains itself is JSON from there on."""
    if isinstance(info, inspect.UnionType):
        kinds = [kind for kind in info.types if not isinstance(kind, inspect.NoneType)]
        return _type(kinds[0], inside) if len(kinds) == 1 else _JSON
    if isinstance(info, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType)):
        return ListOf(_type(info.item_type, inside))
    if isinstance(info, inspect.StructType):
        return _JSON if info.cls in inside or not info.fields else Fields(_columns(info, inside))
    return _SCALARS.get(type(info), _JSON)
