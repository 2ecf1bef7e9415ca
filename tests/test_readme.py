"""The README tells the truth: its programs run, its tests exist, its commands are the ones CI runs."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from page_kit import run_page

from servicetitan_crm_async.sync import ENTITIES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_BLOCKS: list[str] = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TESTS = [block for block in _BLOCKS if block.startswith("async def test_")]
PROGRAMS = [block for block in _BLOCKS if block not in TESTS]
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


async def test_every_program_runs(tmp_path: Path) -> None:
    for program in PROGRAMS:
        assert len([start for start in _CALLS if f"\n{start}" in program]) == 1
    page = tmp_path / "programs.md"
    page.write_text("\n".join(f"```python\n{program}```" for program in PROGRAMS), encoding="utf-8")
    await run_page(page, tmp_path, after=_CALLS)


async def test_the_test_it_shows_passes(tmp_path: Path) -> None:
    (shown,) = TESTS
    (tmp_path / "test_shown.py").write_text(shown, encoding="utf-8")
    settings = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")
    options = ("-q", "-p", "no:cacheprovider", "-W", "error", "--rootdir", ".", *settings)
    session = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pytest", *options, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await session.communicate()
    assert session.returncode == 0, out.decode()
    assert b"1 passed" in out


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
