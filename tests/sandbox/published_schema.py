"""Reads the published contracts, where they are at hand, and says what of a value breaks a schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from servicetitan_crm_async.sandbox import parse_instant

FOLDER = Path(__file__).parents[3] / "shared" / "contract"
_FILES = {
    "crm": "portal-crm-v2.json",
    "settings": "portal-settings-tag-types-v2.json",
    "openapi": "openapi-2.0.0.yml",
}
_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


@cache
def document(area: str) -> dict[str, Any]:
    text = (FOLDER / _FILES[area]).read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text) if _FILES[area].endswith("json") else yaml.safe_load(text)
    return loaded


def answer_schema(area: str, method: str, template: str) -> dict[str, Any] | None:
    """The schema of the 200 answer of an operation; None where it has no body."""
    path = template if area == "openapi" else f"/tenant/{{tenant}}{template}"
    operation = document(area)["paths"][path][method.lower()]
    content = operation["responses"]["200"].get("content")
    return content["application/json"]["schema"] if content else None


def named_schema(area: str, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = document(area)["components"]["schemas"][name]
    return schema


def breaches(area: str, value: Any, schema: dict[str, Any], path: str = "$") -> Iterator[str]:
    """Where a value is not what the schema says: a missing field, an undeclared one, null, type, enum."""
    if "$ref" in schema:
        yield from breaches(area, value, named_schema(area, schema["$ref"].rsplit("/", 1)[1]), path)
        return
    if value is None:
        if not schema.get("nullable"):
            yield f"{path} is null"
        return
    if "oneOf" in schema:
        yield from breaches(area, value, schema["oneOf"][0], path)
        return
    kind = schema.get("type")
    wrong = kind is not None and not isinstance(value, _TYPES[kind])
    if wrong or (kind in ("integer", "number") and isinstance(value, bool)):
        yield f"{path} is {value!r}, no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}, not in the enum"
    if schema.get("format") == "date-time" and parse_instant(value) is None:
        yield f"{path} is no instant: {value!r}"
    if kind == "array":
        for place, each in enumerate(value):
            yield from breaches(area, each, schema["items"], f"{path}[{place}]")
    elif kind == "object" and "properties" in schema:
        declared = schema["properties"]
        yield from (f"{path} lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name, each in value.items():
            if name in declared:
                yield from breaches(area, each, declared[name], f"{path}.{name}")
            else:
                yield f"{path} has an undeclared {name}"
