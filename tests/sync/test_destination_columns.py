"""From models to columns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import msgspec
import pytest

from servicetitan_crm_async import models
from servicetitan_crm_async.sync.destinations.columns import Fields, columns_of


class Inner(msgspec.Struct, rename="camel"):
    type_id: int
    seen_on: datetime | None = None


class Tree(msgspec.Struct):
    name: str
    children: tuple[Tree, ...] = ()


class Empty(msgspec.Struct): ...


@pytest.mark.parametrize(
    ("hint", "sql"),
    [
        (int, "BIGINT"),
        (bool, "BOOLEAN"),
        (float, "DOUBLE"),
        (Decimal, "DECIMAL(18,4)"),
        (str, "VARCHAR"),
        (models.CustomerType, "VARCHAR"),
        (Literal["a", "b"], "VARCHAR"),
        (datetime, "TIMESTAMP"),
        (date, "DATE"),
        (msgspec.Raw, "JSON"),
        (Any, "JSON"),
        (Mapping[str, object], "JSON"),
        (Empty, "JSON"),
        (int | str, "JSON"),
        (int | None, "BIGINT"),
        (int | msgspec.UnsetType | None, "BIGINT"),
        (tuple[int, ...], "BIGINT[]"),
        (list[str] | None, "VARCHAR[]"),
        (tuple[Mapping[str, object], ...], "JSON[]"),
        (Inner, 'STRUCT("type_id" BIGINT, "seen_on" TIMESTAMP)'),
        (tuple[Inner, ...], 'STRUCT("type_id" BIGINT, "seen_on" TIMESTAMP)[]'),
        (Tree, 'STRUCT("name" VARCHAR, "children" JSON[])'),
    ],
)
def test_each_type_of_a_field_has_a_type_of_a_column(hint: Any, sql: str) -> None:
    model = msgspec.defstruct("Model", [("field", hint)])
    assert [(column.name, column.type.sql) for column in columns_of(model)] == [("field", sql)]


def test_columns_are_named_in_python_and_read_by_their_names_on_the_wire() -> None:
    (column,) = columns_of(msgspec.defstruct("Model", [("all_of_it", tuple[Inner, ...])], rename="camel"))
    assert Fields((column,)).structure == {"allOfIt": [{"typeId": "BIGINT", "seenOn": "TIMESTAMPTZ"}]}
    assert column.expression("t") == (
        '[case when e0 is not null then struct_pack("type_id" := e0."typeId", '
        '"seen_on" := make_timestamp(epoch_us(e0."seenOn"))) end for e0 in t."allOfIt"]'
    )


def test_columns_keep_the_order_of_the_fields_and_leave_out_what_is_named() -> None:
    names = [column.name for column in columns_of(models.CustomerContact, without=("id", "modified_on"))]
    fields = [field.name for field in msgspec.structs.fields(models.CustomerContact)]
    assert names == [name for name in fields if name not in ("id", "modified_on")]
