"""`servicetitan-crm status`: what is told of a mirror, and that telling it changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_kit import TENANT, command, running

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sync import Batch, Ledger, open_destination
from servicetitan_crm_async.sync.lease import forget, new_lease

PLACES = ("ndjson:out", "sqlite:crm.db", "duckdb:crm.duckdb")
FIELDS = {
    "held", "watermark", "age_seconds", "open_windows", "strategy", "guarantee", "contract", "version",
    "runs", "records", "quarantined", "error", "history",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("place", PLACES)
async def test_every_kind_of_mirror_tells_what_it_holds_and_is_not_touched(
    place: str, tmp_path: Path, server: SandboxServer
) -> None:
    """Without credentials; each file keeps its bytes, and none is added."""
    done = await command("sync", "--to", place, cwd=tmp_path, settings=server.environ)
    before = dict(_files(tmp_path))
    told = await command("status", "--to", place, cwd=tmp_path)
    assert (told.code, told.err) == (0, "")
    assert dict(_files(tmp_path)) == before
    (tenant,) = told.events
    assert (tenant["event"], tenant["tenant"], tenant["at_work"]) == ("status", TENANT, None)
    assert tenant["location"] == done.report["location"]
    assert list(tenant["entities"]) == list(KINDS)
    for name, entity in tenant["entities"].items():
        reported = done.report["entities"][name]
        assert set(entity) == FIELDS
        assert entity["held"] == entity["records"] == reported["records"]
        assert entity["watermark"] == reported["until"]
        assert 0 <= entity["age_seconds"] < 300
        assert (entity["strategy"], entity["guarantee"]) == (reported["strategy"], reported["guarantee"])
        assert (entity["contract"], entity["open_windows"], entity["error"]) == ("portal", 0, None)
        assert entity["history"][-1]["until"] == entity["watermark"]


def test_the_age_of_a_sandbox_s_mirror_goes_by_the_sandbox_s_clock(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A day passes for it between two runs, so the machine's clock would call it ahead of its time."""
    for _ in range(2):
        assert main(["sync", "--sandbox", "--sandbox-customers", "5", "--to", "sqlite:crm.db"]) == 0
    capsys.readouterr()
    assert 0 < _status("sqlite:crm.db", capsys)[0]["entities"]["leads"]["age_seconds"] < 60


async def test_what_failed_last_is_told_until_it_is_mended(tmp_path: Path, server: SandboxServer) -> None:
    """With its time; an entity that never landed has no watermark and no age."""
    server.sandbox.faults.add(Fault.status(403, path="/leads", times=1))
    await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
    leads = told.report["entities"]["leads"]
    assert "403" in leads["error"]["text"]
    assert datetime.now(UTC) - datetime.fromisoformat(leads["error"]["at"]) < timedelta(minutes=5)
    assert (leads["held"], leads["watermark"], leads["age_seconds"], leads["runs"]) == (0, None, None, 0)
    await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert told.report["entities"]["leads"]["error"] is None


async def test_quarantine_is_counted_and_on_request_listed(tmp_path: Path, server: SandboxServer) -> None:
    """Key, id, reason and when it was first seen; never the record, which may name people."""
    server.sandbox.faults.add(Fault.odd("modifiedOn", "yesterday", record=3, path="/customers", times=1))
    done = await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    assert (done.code, done.report["entities"]["customers"]["quarantined"]) == (0, 1)
    told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert told.report["entities"]["customers"]["quarantined"] == 1
    assert "quarantine" not in told.report["entities"]["customers"]
    told = await command("status", "--to", "sqlite:crm.db", "--quarantine", cwd=tmp_path)
    (odd,) = told.report["entities"]["customers"]["quarantine"]
    assert set(odd) == {"key", "id", "reason", "seen"}
    assert odd["key"] == f"id:{odd['id']}"
    assert "modifiedOn" in odd["reason"]
    assert told.report["entities"]["leads"]["quarantine"] == []


@pytest.mark.parametrize("place", ["ndjson:out", "sqlite:crm.db"])
async def test_beside_a_running_sync_it_says_who_is_at_work(place: str, tmp_path: Path) -> None:
    """And after that one was killed, that it is gone; the next sync takes over without being told to."""
    arguments = ("sync", "--to", place, "--entities", "customers", "--page-size", "20", "--settle", "0")
    async with serve(Sandbox(seed=3, customers=300)) as server:
        server.sandbox.faults.add(Fault.slow(90, path="/customers", after=6, times=1))
        async with running(
            *arguments, "--concurrency", "1", cwd=tmp_path, settings=server.environ
        ) as process:
            await _hung(server)
            beside = (await command("status", "--to", place, cwd=tmp_path)).report
        assert beside["at_work"]["process"] == process.pid
        assert beside["at_work"]["gone"] is False
        assert beside["at_work"]["silent_seconds"] < 60
        assert 0 < beside["entities"]["customers"]["held"] < 300
        assert beside["entities"]["customers"]["open_windows"] > 0
        after = (await command("status", "--to", place, cwd=tmp_path)).report
        assert after["at_work"]["gone"] is True
        done = await command(*arguments, cwd=tmp_path, settings=server.environ)
        assert (done.code, done.report["entities"]["customers"]["guarantee"]) == (0, "exact")
        assert (await command("status", "--to", place, cwd=tmp_path)).report["at_work"] is None


async def test_duckdb_lets_nobody_in_and_the_advice_names_the_run(tmp_path: Path) -> None:
    """Code 4: the place is right, the moment is not."""
    arguments = ("sync", "--to", "duckdb:crm.duckdb", "--page-size", "20")
    async with serve(Sandbox(seed=3, customers=300)) as server:
        server.sandbox.faults.add(Fault.slow(90, path="/customers", after=6, times=1))
        async with running(*arguments, cwd=tmp_path, settings=server.environ) as process:
            await _hung(server)
            told = await command("status", "--to", "duckdb:crm.duckdb", cwd=tmp_path)
    assert (told.code, told.out) == (4, "")
    assert f"process {process.pid}" in told.err
    assert f"kill {process.pid}" in told.err
    assert "Traceback" not in told.err


async def test_each_tenant_of_a_mirror_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of their ids, each with its own run at work."""
    destination = open_destination("sqlite:crm.db")
    async with destination:
        for tenant in (30, 7):
            ledger = Ledger(
                tenant=tenant, entity="leads", contract="portal", strategy="pages", guarantee="exact"
            )
            await destination.commit(Batch(tenant, "leads", (), ledger))
        lease = new_lease(30, datetime.now(UTC) - timedelta(minutes=9))
        forget(lease)
        await destination.claim(msgspec.structs.replace(lease, host="elsewhere"))
    first, second = [
        json.loads(line)
        for line in (await command("status", "--to", "sqlite:crm.db", cwd=Path.cwd())).out.splitlines()
    ]
    assert (first["tenant"], second["tenant"]) == (7, 30)
    assert first["at_work"] is None
    assert second["at_work"]["host"] == "elsewhere"
    assert second["at_work"]["gone"] is True
    assert second["at_work"]["silent_seconds"] >= 540


@pytest.mark.parametrize("place", PLACES)
def test_where_there_is_no_mirror_it_says_so_and_makes_none(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 2: the option names nothing."""
    assert main(["status", "--to", place]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("servicetitan-crm: --to ")
    assert place.partition(":")[2] in captured.err
    assert (captured.out, list(tmp_path.iterdir())) == ("", [])


async def test_an_empty_mirror_and_another_file_are_no_mirrors(capsys: pytest.CaptureFixture[str]) -> None:
    """The one was opened and never synced to; the other is somebody else's."""
    async with open_destination("sqlite:empty.db"):
        pass
    Path("notes.txt").write_text("These are notes, and long enough to be taken for a database's head." * 9)
    for place, said in (
        ("sqlite:empty.db", "nothing was synced to it yet"),
        ("sqlite:notes.txt", "no SQLite"),
    ):
        done = await command("status", "--to", place, cwd=Path.cwd())
        assert done.code == 2
        assert said in done.err


async def _hung(server: SandboxServer) -> None:
    """Wait until a fault holds a sync up."""
    while not server.sandbox.statistics().faults:
        await asyncio.sleep(0.01)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        yield str(path), path.read_bytes() if path.is_file() else b""


def _status(place: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert main(["status", "--to", place]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
