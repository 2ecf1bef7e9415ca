"""The README tells the truth: its programs run, its tests exist, its commands are the ones CI runs."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from servicetitan_crm_async.sandbox import SandboxServer
from servicetitan_crm_async.sync import ENTITIES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
_CALLS = {
    "async def main(": "",
    "async def examples(": """
import asyncio
async def _main() -> None:
    async with ServiceTitanCRM.from_env() as crm:
        await examples(crm)
asyncio.run(_main())
""",
    "async def on_event(": """
import asyncio, json
async def _main() -> None:
    async with ServiceTitanCRM.from_env() as crm:
        leads = [lead async for lead in crm.leads.list(status="Open") if lead.customer_id]
        lead = {"id": leads[0].id, "status": "Open", "priority": "Normal", "campaignId": 1, "createdById": 2,
                "createdOn": "2026-01-01T00:00:00Z", "modifiedOn": "2026-01-01T00:00:00Z"}
        event = {"specversion": "1.0", "id": "1", "type": "tn.crm.lead-created", "userassignedid": "u",
                 "source": "https://webhooks.servicetitan.io", "time": "2026-01-01T00:00:00Z",
                 "datacontenttype": "application/json",
                 "data": {"lead": lead, "tenantId": crm.tenant_id, "tenantName": "t"}}
        await on_event(crm, json.dumps(event).encode())
asyncio.run(_main())
""",
    "async def nightly(": "import asyncio\nasyncio.run(nightly())\n",
    "async def watch(": """
import asyncio
async def _main() -> None:
    async with ServiceTitanCRM.from_env() as crm:
        await watch(crm)
asyncio.run(_main())
""",
}


@pytest.mark.parametrize("place", range(len(PROGRAMS)))
async def test_every_program_runs(place: int, server: SandboxServer, tmp_path: Path) -> None:
    (call,) = (call for start, call in _CALLS.items() if start in PROGRAMS[place])
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        "-c",
        PROGRAMS[place] + call,
        cwd=tmp_path,
        env={**os.environ, **server.environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await program.communicate()
    assert program.returncode == 0, errors.decode()
    assert out.strip()


def test_it_is_short_and_comes_to_the_point() -> None:
    lines = README.splitlines()
    assert len(lines) < 200
    assert lines.index("```python") < 25
    assert len([line for line in lines if line.startswith("python3 -m venv .venv && ")]) == 2


def test_every_test_it_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", README)
    assert len(named) >= 8
    for path, function in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, f"{path}::{function}"


def test_every_entity_is_named() -> None:
    assert all(f"`{entity}`" in README for entity in ENTITIES)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script
    assert re.search(r"^.*&& (python -m pytest.*)$", README, re.MULTILINE)
