"""Imports point one way, pure modules do no I/O, and the sandbox knows nothing of the SDK."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import servicetitan_crm_async

PACKAGE = "servicetitan_crm_async"
ROOT = Path(servicetitan_crm_async.__file__).parent

# From the bottom up. A module may import what stands above it in this list, and its own neighbours only
# where the layer is a package. `(layer, free)`: free layers may import among themselves.
LAYERS: list[tuple[tuple[str, ...], bool]] = [
    (("errors", "_core.clock"), False),
    (("contract",), False),
    (("config", "models", "hooks", "_core.redact"), True),
    (("_core.replies", "_core.calls", "_core.decoding", "sync.ledger", "sync.resolution"), False),
    (("_core.retrying", "sync.windows", "webhooks"), False),
    (
        (
            "_core.tokens",
            "_core.transport",
            "_core.trying",
            "_core.fanout",
            "_core.turns",
            "_core.shared",
        ),
        False,
    ),
    (("_core.authority", "_core.limiter"), False),
    (("_core.pipeline",), False),
    (("_core.pages", "_core.feed", "_core.raw_records"), False),
    (("_core.caller",), False),
    (("resources",), True),
    (("client",), False),
    (("sync",), True),
    (("flows", "integrations"), True),
    (("insights",), True),
    (("cli", "testing"), True),
]
PURE = (
    *("_core.calls", "_core.replies", "_core.retrying", "contract", "errors", "webhooks"),
    *("flows.matching", "flows.plans"),
    *("sync.windows", "sync.slices", "sync.resolution", "sync.ledger"),
)
IMPURE = {"asyncio", "anyio", "aiohttp", "time", "random", "os", "socket", "pathlib", "threading"}
SANDBOX_MAY_USE = {"aiohttp", "msgspec", PACKAGE}
STARTS_THE_SANDBOX = ("cli", "testing")


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


MODULES = _modules()


def _imports(name: str) -> set[str]:
    """The absolute names of everything a module imports, at any depth of its code."""
    path = MODULES[name]
    package = [PACKAGE, *name.split(".")] if path.name == "__init__.py" else [PACKAGE, *name.split(".")[:-1]]
    package = [part for part in package if part]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            found |= {
                f"{base}.{alias.name}" if f"{base}.{alias.name}"[len(PACKAGE) + 1 :] in MODULES else base
                for alias in node.names
            }
    return found


def _ours(name: str) -> set[str]:
    prefix = f"{PACKAGE}."
    return {target.removeprefix(prefix) for target in _imports(name) if target.startswith(prefix)}


def _layer(name: str) -> int | None:
    best: tuple[int, int] | None = None
    for rank, (members, _) in enumerate(LAYERS):
        for member in members:
            if name == member or name.startswith(f"{member}."):
                best = max(best or (0, 0), (len(member), rank))
    return None if best is None else best[1]


@pytest.mark.parametrize(
    "name", [name for name in MODULES if name.split(".")[0] not in ("", "sandbox", "__main__")]
)
def test_imports_point_down(name: str) -> None:
    rank = _layer(name)
    if name == "_core":
        assert not _ours(name)
        return
    assert rank is not None, f"{name} has no place in the layers; give it one"
    for target in _ours(name):
        if target.split(".")[0] == "sandbox":
            assert name.split(".")[0] in STARTS_THE_SANDBOX, f"{name} imports the sandbox"
            continue
        below = _layer(target)
        assert below is not None, f"{name} imports {target}, which has no place in the layers"
        assert below < rank or (below == rank and LAYERS[rank][1]), (
            f"{name} imports {target}, which is above it"
        )


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_touch_neither_network_nor_clock_nor_disk(name: str) -> None:
    assert not {target.split(".")[0] for target in _imports(name)} & IMPURE


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "sandbox"])
def test_the_sandbox_imports_nothing_of_the_sdk(name: str) -> None:
    assert all(target.split(".")[0] == "sandbox" for target in _ours(name))


def test_only_the_transport_imports_aiohttp_at_run_time() -> None:
    core = [
        name for name in MODULES if name.split(".")[0] not in ("sandbox", "integrations", "cli", "testing")
    ]
    users = {name for name in core if any(target.split(".")[0] == "aiohttp" for target in _imports(name))}
    # client.py names the type of a lent session, for the type checker alone.
    assert users == {"_core.transport", "client"}
    guarded = ast.parse(MODULES["client"].read_text(encoding="utf-8"))
    assert not any(isinstance(node, ast.Import) and node.names[0].name == "aiohttp" for node in guarded.body)
