"""The reference page as it follows from the route table, the client's methods and the models.

After a change of any of them: `python tests/test_reference_page.py` writes the page anew.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from signature_kit import Signature, signature_of

from servicetitan_crm_async import models
from servicetitan_crm_async._core.calls import wire_name
from servicetitan_crm_async.cli.nouns.signatures import method_of_client
from servicetitan_crm_async.contract import OPERATIONS, Operation

PAGE = Path(__file__).parents[1] / "docs" / "pages" / "reference" / "operations.md"
HEAD = """# Every operation, and every model

Made from the route table, the client's methods and the models; do not edit by hand. `crm` is an open
`ServiceTitanCRM`. A list or a feed is iterated with `async for`, everything else awaited. What stands
after `*` is a filter or an option and may be left out; the filters shown are those the contract knows.
`page_size` is at most 5000, in openapi-2.0.0 500.
"""
_ORDER = ("create", "get", "list", "replace", "update", "delete")


def page() -> str:
    lines = [HEAD]
    for noun, rows in groupby(sorted(OPERATIONS, key=_place), key=lambda row: row.name.split(".")[0]):
        lines += [f"## {noun.replace('_', ' ').capitalize()}", ""]
        lines += ["| contract | request | Python | answer |", "|---|---|---|---|"]
        lines += [_row(row) for row in rows]
        lines.append("")
    lines += ["# Models", "", *_models()]
    return "\n".join(lines).rstrip() + "\n"


def _place(row: Operation) -> tuple[object, ...]:
    *nouns, verb = row.name.split(".")
    return nouns[0], len(nouns), nouns, verb not in _ORDER, verb, row.contract != "portal"


def _row(row: Operation) -> str:
    path = row.path.replace("/crm/v2/tenant/{tenant}", "").replace("/crm/v2/{tenant}", "")
    signature = signature_of(row.name)
    call = f"crm.{method_of_client(row.name)}({_arguments(row, signature)})"
    answer = _named(signature.returns)
    cells = (row.contract, f"`{row.method} {path}`", f"`{call}`", f"`{answer}`")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _named(kind: Any) -> str:
    if isinstance(kind, TypeVar):
        return "object"
    if kind is NoneType:
        return "None"
    if hasattr(kind, "__metadata__"):
        return _named(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        # Whether a field may be left out is said in a column of its own.
        return " | ".join(
            dict.fromkeys(_named(arm) for arm in get_args(kind) if arm is not msgspec.UnsetType)
        )
    if get_origin(kind) is not None:
        inner = ", ".join("..." if arm is Ellipsis else _named(arm) for arm in get_args(kind))
        return f"{get_origin(kind).__name__}[{inner}]"
    return str(kind.__name__)


def _arguments(row: Operation, signature: Signature) -> str:
    bodies = {
        name: f"{name}: {_named(kind)}"
        for name, kind in signature.positional.items()
        if kind is signature.body
    }
    named = [name for name in signature.keywords if row.method != "GET" or wire_name(name) in row.filters]
    positional = [bodies.get(name, name) for name in signature.positional]
    return ", ".join((*positional, *(("*", *named) if named else ())))


def _models() -> Iterator[str]:
    for name in sorted(models.__all__):
        kind = getattr(models, name)
        if not issubclass(kind, msgspec.Struct) or name in ("Model", "Record", "Envelope", "Tagged"):
            continue
        yield from (
            f"## {name}",
            "",
            _first_line(kind),
            "",
            "| field | on the wire | type | |",
            "|---|---|---|---|",
        )
        hints, notes = get_type_hints(kind, include_extras=True), _notes(kind)
        for field in msgspec.structs.fields(kind):
            needed = "required" if field.required else ""
            note = ". ".join(filter(None, (needed, notes.get(field.name, ""))))
            shown = _named(hints[field.name])
            cells = (f"`{field.name}`", f"`{field.encode_name}`", f"`{shown}`", note)
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""


def _first_line(kind: type) -> str:
    return inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def _notes(kind: type) -> dict[str, str]:
    """What stands below a field in the source."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not base.__module__.startswith(models.__name__):
            continue
        (node,) = ast.parse(inspect.getsource(base)).body
        assert isinstance(node, ast.ClassDef)
        for field, text in zip(node.body, node.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                    found[name] = " ".join(note.split())
    return found


def test_the_reference_page_is_what_the_code_says() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "run `python tests/test_reference_page.py`"


def test_the_page_has_one_row_for_every_operation() -> None:
    rows = [
        line
        for line in page().split("# Models")[0].splitlines()
        if line.startswith(("| portal", "| openapi"))
    ]
    assert len(rows) == len(OPERATIONS) == 106


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
