"""The public surface as text, so that a reviewer sees it change.

After a change that is meant: `python tests/test_public_surface.py` writes the snapshot anew.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec

import servicetitan_crm_async
from servicetitan_crm_async import flows, models, resources, sync, webhooks

SNAPSHOT = Path(__file__).parent / "public_surface.txt"
MODULES = (servicetitan_crm_async, models, resources, sync, flows, webhooks)


def _members(kind: type) -> Iterator[str]:
    for name, member in sorted(vars(kind).items()):
        if name.startswith("_") and name not in ("__aenter__", "__aiter__", "__init__"):
            continue
        if name == "__init__" and member.__name__ != "__init__":
            continue  # a Protocol's stand-in
        if isinstance(member, property):
            yield f"    {name}: {inspect.signature(member.fget).return_annotation if member.fget else ''}"
        elif isinstance(member, classmethod | staticmethod):
            yield f"    {name}{inspect.signature(member.__func__)}"
        elif inspect.isfunction(member):
            yield f"    {name}{inspect.signature(member)}"


def _surface(module: ModuleType) -> Iterator[str]:
    yield f"# {module.__name__}"
    for name in sorted(module.__all__):
        member = getattr(module, name)
        if inspect.isclass(member):
            yield f"class {name}({', '.join(base.__name__ for base in member.__bases__)})"
            yield from _members(member)
            if issubclass(member, msgspec.Struct):
                yield f"    fields: {', '.join(member.__struct_fields__)}"
        elif inspect.isfunction(member):
            yield f"{name}{inspect.signature(member)}"
        elif inspect.ismodule(member):
            yield f"module {name}"
        else:
            yield name
    yield ""


def surface() -> str:
    return "\n".join(line for module in MODULES for line in _surface(module))


def test_the_public_surface_is_the_snapshot() -> None:
    assert surface() == SNAPSHOT.read_text(encoding="utf-8"), "run `python tests/test_public_surface.py`"


def test_no_public_signature_holds_any_a_bare_dict_or_kwargs() -> None:
    for line in surface().splitlines():
        assert "Any" not in line.replace("'Any'", "").replace('"Any"', ""), line
        assert "**" not in line, line
        assert "dict" not in line or "dict[" in line, line


if __name__ == "__main__":
    SNAPSHOT.write_text(surface(), encoding="utf-8")
