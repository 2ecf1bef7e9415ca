"""`servicetitan-crm sync --every`: rounds until it is stopped, which is its proper end."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_kit import TENANT, Outcome, assert_equal, command, finish, running

from servicetitan_crm_async.sandbox import Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sync.lease import forget, new_lease

EVERY = ("sync", "--every", "0.3s", "--to", "sqlite:crm.db")


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(await process.stdout.readline())  # type: ignore[no-any-return]


async def _report(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line that ends a round."""
    while (line := await _line(process))["event"] not in ("report", "error"):
        pass
    return line


async def _stopped(process: asyncio.subprocess.Process, number: signal.Signals = signal.SIGTERM) -> Outcome:
    """Stopped in order and at once, which is its proper end."""
    asked = time.monotonic()
    process.send_signal(number)
    stopped = await finish(process)
    assert time.monotonic() - asked < 10
    assert stopped.code == 0
    assert "Traceback" not in stopped.err
    return stopped


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_stopped_after_its_second_round_it_ends_with_0_and_a_whole_mirror(
    number: signal.Signals, tmp_path: Path
) -> None:
    """The same sandbox lives on over the rounds, and the ledger says what the mirror shows."""
    async with running(*EVERY, "--sandbox", "--sandbox-customers", "50", cwd=tmp_path) as process:
        sandbox, first, second = await _line(process), await _report(process), await _report(process)
        assert "goes on from there" in (await _stopped(process, number)).err
    assert (sandbox["event"], first["round"], second["round"]) == ("sandbox", 1, 2)
    assert 0 <= second["next_in"] <= 0.33
    assert first["entities"]["customers"]["records"] == 50
    for name, entity in second["entities"].items():
        assert entity["records"] == 0
        assert entity["since"] == first["entities"][name]["until"]

    told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert told.code == 0
    assert told.report["at_work"] is None
    assert told.report["entities"]["customers"]["held"] == 50
    for name, entity in told.report["entities"].items():
        assert entity["watermark"] >= second["entities"][name]["until"]
        assert (entity["open_windows"], entity["error"]) == (0, None)
    assert_equal(f"sqlite:{tmp_path}/crm.db", Sandbox.load(tmp_path / "crm.db.sandbox.json"))


async def test_between_rounds_the_destination_is_free_and_a_signal_ends_the_wait(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Others can read a DuckDB file then; nobody waits an hour for the end of the command."""
    arguments = ("sync", "--every", "1h", "--to", "duckdb:crm.duckdb", "--json")
    async with running(*arguments, cwd=tmp_path, settings=server.environ) as process:
        assert 0.9 * 3600 - 60 < (await _report(process))["next_in"] < 1.1 * 3600
        told = await command("status", "--to", "duckdb:crm.duckdb", cwd=tmp_path)
        assert told.code == 0
        assert told.report["entities"]["customers"]["held"] == 120
        assert process.returncode is None
        await _stopped(process)


async def test_only_reports_are_printed_of_rounds_that_are_short(
    tmp_path: Path, server: SandboxServer
) -> None:
    """A line a round, in a log of months."""
    async with running(*EVERY, cwd=tmp_path, settings=server.environ) as process:
        lines = [await _line(process) for _ in range(3)]
        await _stopped(process)
    assert [(line["event"], line["round"]) for line in lines] == [("report", 1), ("report", 2), ("report", 3)]


async def test_stopped_in_a_round_it_keeps_what_had_landed(tmp_path: Path) -> None:
    """Code 0 too; status shows what is left, and nobody is at work."""
    arguments = ("--to", "sqlite:crm.db", "--entities", "customers", "--page-size", "20", "--settle", "0")
    async with serve(Sandbox(seed=3, customers=600)) as server:
        server.sandbox.faults.add(Fault.slow(90, path="/customers", after=9, times=1))
        command_line = ("sync", "--every", "1h", *arguments, "--concurrency", "1")
        async with running(*command_line, cwd=tmp_path, settings=server.environ) as process:
            while not server.sandbox.statistics().faults:
                await asyncio.sleep(0.01)
            await _stopped(process)
        told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
        customers = told.report["entities"]["customers"]
        assert 0 < customers["held"] == customers["records"] < 600
        assert customers["open_windows"] > 0
        assert customers["watermark"] is None
        assert told.report["at_work"] is None
        done = await command("sync", *arguments, cwd=tmp_path, settings=server.environ)
        assert done.report["entities"]["customers"]["records"] == 600 - customers["held"]
        assert_equal(f"sqlite:{tmp_path}/crm.db", server.sandbox, ("customers",))


async def test_a_destination_that_is_busy_is_told_and_tried_again(
    tmp_path: Path, server: SandboxServer
) -> None:
    """An error of a later round is a line of its own with advice on stderr, and not the end."""
    async with running(*EVERY, cwd=tmp_path, settings=server.environ) as process:
        await _report(process)
        _occupy(tmp_path)
        busy = await _next(process, "error")
        assert "host elsewhere, process 4711" in busy["error"]
        assert busy["round"] > 1
        assert busy["next_in"] <= 0.33
        _write(tmp_path, "delete from sync_lease", ())
        again = await _next(process, "report")
        assert again["round"] > busy["round"]
        assert "stop it on elsewhere: kill 4711" in (await _stopped(process)).err


async def test_a_first_round_that_cannot_begin_ends_it(tmp_path: Path, server: SandboxServer) -> None:
    """With its code and advice, as without --every."""
    settings = {**server.environ, "SERVICETITAN_CLIENT_SECRET": "hush"}
    done = await command(*EVERY, cwd=tmp_path, settings=settings)
    assert done.code == 3
    assert "API Application Access" in done.err


async def test_an_entity_that_fails_does_not_end_it(tmp_path: Path, server: SandboxServer) -> None:
    """Its error is in the report of each round in which it fails."""
    server.sandbox.faults.add(Fault.status(403, path="/leads", times=1))
    async with running(*EVERY, cwd=tmp_path, settings=server.environ) as process:
        first, second = await _report(process), await _report(process)
        await _stopped(process)
    assert "403" in first["entities"]["leads"]["error"]
    assert second["entities"]["leads"]["error"] is None
    assert second["entities"]["leads"]["records"] > 0


async def test_since_reads_nothing_twice_and_taking_over_is_for_the_first_round(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Later rounds begin where the last one ended, and give way to others as any run does."""
    arguments = ("--since", "2000-01-01", "--take-over", "--entities", "customers")
    async with running(*EVERY, *arguments, cwd=tmp_path, settings=server.environ) as process:
        first, second = await _report(process), await _report(process)
        _occupy(tmp_path)
        busy = await _next(process, "error")
        await _stopped(process)
    assert first["entities"]["customers"]["since"] == "2000-01-01T00:00:00.0000000Z"
    assert second["entities"]["customers"]["since"] == first["entities"]["customers"]["until"]
    assert "elsewhere" in busy["error"]


async def _next(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    while (line := await _report(process))["event"] != event:
        pass
    return line


def _occupy(folder: Path) -> None:
    """Another machine takes the mirror."""
    lease = msgspec.structs.replace(new_lease(TENANT, datetime.now(UTC)), host="elsewhere", process=4711)
    forget(lease)
    body = msgspec.json.encode(lease).decode()
    _write(folder, "insert or replace into sync_lease values (?, ?)", (TENANT, body))


def _write(folder: Path, statement: str, values: tuple[object, ...]) -> None:
    with closing(sqlite3.connect(folder / "crm.db", timeout=10)) as data:
        data.execute(statement, values)
        data.commit()
