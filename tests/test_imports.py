"""What importing costs and brings: each module alone, nothing at import, a light package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import servicetitan_crm_async
from servicetitan_crm_async import sync

ROOT = Path(servicetitan_crm_async.__file__).parent
MODULES = sorted(
    ".".join(("servicetitan_crm_async", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )
    for path in ROOT.rglob("*.py")
    if path.name != "__main__.py"
)
# The package itself comes first whatever is imported, so what it brings need not be forgotten in between.
_EVERYTHING = """
import importlib, json, sys
import servicetitan_crm_async
brought = set(sys.modules)
failed = {}
for name in json.loads(sys.argv[1]):
    for loaded in [m for m in sys.modules if m.startswith("servicetitan_crm_async") and m not in brought]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps(failed))
"""
_LIGHT = """
import sys
import servicetitan_crm_async
print("\\n".join(sys.modules))
"""


def _python(code: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_each_module_imports_alone() -> None:
    assert json.loads(_python(_EVERYTHING, json.dumps(MODULES))) == {}


def test_importing_the_package_loads_neither_cli_nor_sandbox_nor_any_extra() -> None:
    loaded = set(_python(_LIGHT).split())
    heavy = {"cyclopts", "rich", "duckdb", "pyarrow", "redis", "sqlite3", "aiohttp.web", "importlib.metadata"}
    # aiohttp itself loads importlib.metadata on some versions; what it brings is not ours to count.
    brought_by_aiohttp = set(_python("import aiohttp, sys; print('\\n'.join(sys.modules))").split())
    ours = {name.split(".")[1] for name in loaded if name.startswith("servicetitan_crm_async.")}
    assert not ours & {"cli", "sandbox", "sync", "integrations"}
    assert not (loaded - brought_by_aiohttp) & heavy


@pytest.mark.parametrize("module", [servicetitan_crm_async, servicetitan_crm_async.models, sync])
def test_all_lists_exactly_what_is_there(module: object) -> None:
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(module, name) for name in names)


def test_the_version_is_looked_up_when_asked_for() -> None:
    assert servicetitan_crm_async.__version__.count(".") == 2
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = servicetitan_crm_async.nonsense
