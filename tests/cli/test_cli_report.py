"""`servicetitan-crm report`: a page and pictures of a mirror, as its users make them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from command_kit import TENANT, command, running

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sync import Batch, Ledger, open_destination

PLACES = ("ndjson:out", "sqlite:crm.db", "duckdb:crm.duckdb")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_a_mirror_gets_a_page_and_pictures(tmp_path: Path, server: SandboxServer) -> None:
    """Without credentials; the mirror keeps its bytes, and the page has its numbers."""
    place, entities = "duckdb:crm.duckdb", "customers,leads,bookings"
    done = await command("sync", "--to", place, "--entities", entities, cwd=tmp_path, settings=server.environ)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = await command("report", "--to", place, cwd=tmp_path)
    assert (told.code, told.err) == (0, "")
    assert {path: path.read_bytes() for path in before} == before
    written = told.report
    assert (written["event"], written["tenant"]) == ("written", TENANT)
    assert written["page"] == f"servicetitan-report-{TENANT}/index.html"
    assert len(written["charts"]) == 7
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before.keys()
    assert made == {tmp_path / name for name in (written["page"], *written["charts"])}
    page = (tmp_path / written["page"]).read_text(encoding="utf-8")
    for entity in done.report["entities"].values():
        assert f"<td>{entity['records']:,}</td>" in page


def test_a_sandbox_s_mirror_goes_by_the_sandbox_s_clock(capsys: pytest.CaptureFixture[str]) -> None:
    """A day passes for it between two runs; by the machine's clock its leads would be born tomorrow."""
    arguments = ("--sandbox", "--sandbox-customers", "5", "--entities", "leads", "--to", "sqlite:crm.db")
    for _ in range(3):
        assert main(["sync", *arguments]) == 0
    held = json.loads(capsys.readouterr().out.splitlines()[-1])["entities"]["leads"]["records"]
    assert held > 0  # a day's
    assert main(["report", "--to", "sqlite:crm.db", "--out", "here"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["page"] == "here/index.html"
    page = Path("here/index.html").read_text(encoding="utf-8")
    assert "3 syncs brought" in page
    assert re.search(
        r"<tr><td class=\"words\">leads</td><td>([\d,]+)</td><td>0</td><td>\1</td><td>0</td></tr>", page
    )


async def test_of_several_tenants_one_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Code 2 and their names where it was not, or is not there."""
    async with open_destination("sqlite:crm.db") as destination:
        for tenant in (30, 7):
            ledger = Ledger(
                tenant=tenant, entity="leads", contract="portal", strategy="pages", guarantee="exact"
            )
            await destination.commit(Batch(tenant, "leads", (), ledger))
    for arguments in ((), ("--tenant", "8")):
        refused = await command("report", "--to", "sqlite:crm.db", *arguments, cwd=Path.cwd())
        assert refused.code == 2
        assert refused.err.startswith("servicetitan-crm: --tenant ")
        assert "7, 30" in refused.err
    assert not list(Path.cwd().glob("servicetitan-report-*"))
    made = await command("report", "--to", "sqlite:crm.db", "--tenant", "30", cwd=Path.cwd())
    assert (made.code, made.report["tenant"], made.report["charts"]) == (0, 30, [])


@pytest.mark.parametrize("place", ["ndjson:out", "sqlite:crm.db"])
async def test_it_works_beside_a_running_sync(place: str, tmp_path: Path) -> None:
    """What has landed so far is counted, and no run has come to its end."""
    arguments = ("sync", "--to", place, "--entities", "customers", "--page-size", "20", "--concurrency", "1")
    async with serve(Sandbox(seed=3, customers=300)) as server:
        server.sandbox.faults.add(Fault.slow(90, path="/customers", after=6, times=1))
        async with running(*arguments, cwd=tmp_path, settings=server.environ):
            await _hung(server)
            told = await command("report", "--to", place, "--out", "r", cwd=tmp_path)
    assert (told.code, told.err) == (0, "")
    page = (tmp_path / "r" / "index.html").read_text(encoding="utf-8")
    assert "not finished" in page
    assert "No sync has come to its end yet" in page


async def test_duckdb_lets_nobody_in_and_the_advice_names_the_run(tmp_path: Path) -> None:
    """Code 4: the place is right, the moment is not."""
    async with serve(Sandbox(seed=3, customers=300)) as server:
        server.sandbox.faults.add(Fault.slow(90, path="/customers", after=6, times=1))
        arguments = ("sync", "--to", "duckdb:crm.duckdb", "--page-size", "20")
        async with running(*arguments, cwd=tmp_path, settings=server.environ) as process:
            await _hung(server)
            told = await command("report", "--to", "duckdb:crm.duckdb", cwd=tmp_path)
    assert (told.code, told.out) == (4, "")
    assert f"kill {process.pid}" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize("place", PLACES)
def test_where_there_is_no_mirror_it_says_so_and_makes_nothing(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2: the option names nothing."""
    assert main(["report", "--to", place]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("servicetitan-crm: --to ")
    assert (captured.out, list(tmp_path.iterdir())) == ("", [])


def test_a_place_that_is_no_folder_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Code 2, before anything is written."""
    assert main(["sync", "--sandbox", "--sandbox-customers", "5", "--to", "sqlite:crm.db"]) == 0
    capsys.readouterr()
    assert main(["report", "--to", "sqlite:crm.db", "--out", "crm.db"]) == 2
    assert capsys.readouterr().err.startswith("servicetitan-crm: --out crm.db")


async def _hung(server: SandboxServer) -> None:
    """Wait until a fault holds a sync up."""
    while not server.sandbox.statistics().faults:
        await asyncio.sleep(0.01)
