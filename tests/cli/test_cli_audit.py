"""`servicetitan-crm audit`: what is told of a mirror that differs, and of one that does not."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from command_kit import TENANT, assert_equal, command, finish, mirrored, running

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox, SandboxServer, serve
from servicetitan_crm_async.sync import open_destination

SMALL = ("--sandbox", "--sandbox-customers", "60")
FIELDS = {
    "equal", "held", "until", "windows", "requests", "missing", "stale", "surplus", "moved", "repaired",
    "error",
}  # fmt: skip


async def _synced(folder: Path, server: SandboxServer, place: str = "sqlite:crm.db") -> None:
    done = await command("sync", "--to", place, "--settle", "0", cwd=folder, settings=server.environ)
    assert done.code == 0


def _damage(mirror: Path) -> dict[str, dict[str, list[int]]]:
    """Make a mirror differ in each of the three ways; what then differs."""
    with closing(sqlite3.connect(mirror)) as data:
        ids = [number for (number,) in data.execute("select id from customers order by id")]
        data.execute("delete from customers where id in (?, ?)", (ids[3], ids[7]))
        data.execute("update customers set modified_ticks = modified_ticks - 1e7 where id = ?", (ids[9],))
        data.execute(
            "insert into leads "
            "select tenant_id, 77, modified_on, active, raw, modified_ticks from leads limit 1"
        )
        data.commit()
    return {
        "customers": {"missing": [ids[3], ids[7]], "stale": [ids[9]], "surplus": []},
        "leads": {"missing": [], "stale": [], "surplus": [77]},
    }


@pytest.mark.parametrize("place", ["ndjson:out", "sqlite:crm.db", "duckdb:crm.duckdb"])
async def test_a_mirror_that_is_equal_is_code_0_for_few_requests(
    place: str, tmp_path: Path, server: SandboxServer
) -> None:
    """The report is the last line; the mirror is opened to be read only."""
    await _synced(tmp_path, server, place)
    done = await command("audit", "--to", place, cwd=tmp_path, settings=server.environ)
    assert (done.code, done.err) == (0, "")
    assert {event["event"] for event in done.events[:-1]} <= {"progress"}  # where it takes its time
    report = done.report
    assert list(report) == ["event", "tenant", "equal", "entities", "requests", "seconds", "location"]
    assert (report["event"], report["tenant"], report["equal"]) == ("audit", TENANT, True)
    assert list(report["entities"]) == list(KINDS)
    for entity in report["entities"].values():
        assert set(entity) == FIELDS
        assert entity["equal"]
    assert report["entities"]["customers"]["held"] == 120
    assert report["requests"] == sum(entity["requests"] for entity in report["entities"].values()) < 40


async def test_what_differs_is_named_with_code_1_and_repaired_on_request(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Repaired is code 0, and then there is nothing left to find."""
    await _synced(tmp_path, server)
    differences = _damage(tmp_path / "crm.db")
    arguments = ("audit", "--to", "sqlite:crm.db")
    done = await command(*arguments, cwd=tmp_path, settings=server.environ)
    assert (done.code, done.report["equal"]) == (1, False)
    for name, entity in done.report["entities"].items():
        expected = differences.get(name, {"missing": [], "stale": [], "surplus": []})
        assert {what: entity[what] for what in expected} == expected
        assert (entity["repaired"], entity["error"]) == (0, None)

    elsewhere = await command(*arguments, "--entities", "bookings", cwd=tmp_path, settings=server.environ)
    assert (elsewhere.code, list(elsewhere.report["entities"])) == (0, ["bookings"])

    mended = await command(*arguments, "--repair", cwd=tmp_path, settings=server.environ)
    assert (mended.code, mended.report["equal"]) == (0, True)
    assert mended.report["entities"]["customers"]["missing"] == differences["customers"]["missing"]
    assert mended.report["entities"]["customers"]["repaired"] == 3
    assert mended.report["entities"]["leads"]["repaired"] == 1
    again = await command(*arguments, cwd=tmp_path, settings=server.environ)
    assert (again.code, again.report["entities"]["customers"]["missing"]) == (0, [])
    assert_equal(f"sqlite:{tmp_path}/crm.db", server.sandbox, ("customers",))
    assert '"active":false' in (mirrored(f"sqlite:{tmp_path}/crm.db", "leads")[77][1]).replace(" ", "")


def test_a_sandbox_s_mirror_is_compared_with_the_sandbox_as_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No day passes for it, so that after each sync the mirror is equal, and the file stays as it is."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["sync", *SMALL, "--to", "sqlite:crm.db"]) == 0
        file = Path("crm.db.sandbox.json").read_bytes()
        assert main(["audit", "--sandbox", "--to", "sqlite:crm.db"]) == 0
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert report["entities"]["customers"]["held"] >= 60
        assert all(entity["moved"] == 0 for entity in report["entities"].values())
        assert Path("crm.db.sandbox.json").read_bytes() == file
    assert main(["sync", *SMALL]) == 0
    assert main(["audit", "--sandbox"]) == 0  # the default place is that of sync


async def test_a_mirror_begun_later_lacks_nothing_and_thorough_reads_every_record(
    tmp_path: Path, server: SandboxServer
) -> None:
    stamps = sorted(stamp for stamp, _ in server.sandbox.records("customers").values())
    arguments = ("--to", "sqlite:crm.db", "--entities", "customers")
    begun = ("--since", stamps[60][:19], "--settle", "0")
    await command("sync", *arguments, *begun, cwd=tmp_path, settings=server.environ)
    part = await command("audit", *arguments, cwd=tmp_path, settings=server.environ)
    assert part.code == 0
    every = ("--thorough", "--page-size", "10")
    some = await command("audit", *arguments, *every, cwd=tmp_path, settings=server.environ)
    assert some.code == 0
    assert some.report["requests"] > part.report["requests"]


async def test_an_entity_that_cannot_be_compared_is_code_4(tmp_path: Path, server: SandboxServer) -> None:
    """Also beside one that differs: what was not looked at may be worse. Everything forbidden is code 3."""
    await _synced(tmp_path, server)
    _damage(tmp_path / "crm.db")
    arguments = ("audit", "--to", "sqlite:crm.db")
    server.sandbox.faults.add(Fault.status(403, path="/bookings", times=None))
    done = await command(*arguments, cwd=tmp_path, settings=server.environ)
    assert (done.code, done.report["equal"]) == (4, False)
    assert "403" in done.report["entities"]["bookings"]["error"]
    assert "scope to read bookings" in done.err
    done = await command(*arguments, "--entities", "bookings", cwd=tmp_path, settings=server.environ)
    assert done.code == 3
    done = await command(
        *arguments,
        "--contract",
        "openapi-2.0.0",
        "--entities",
        "leads",
        cwd=tmp_path,
        settings=server.environ,
    )
    assert done.code == 4
    assert "cannot be audited" in done.err


async def test_where_there_is_no_mirror_it_says_so_and_makes_none(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Code 2, with --repair too; and a sandbox that is not there is not made up."""
    for more in ((), ("--repair",)):
        done = await command("audit", "--to", "sqlite:crm.db", *more, cwd=tmp_path, settings=server.environ)
        assert (done.code, done.out) == (2, "")
        assert "--to crm.db" in done.err
    done = await command("audit", "--sandbox", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert done.code == 2
    assert "sync --sandbox" in done.err
    assert not list(tmp_path.iterdir())
    async with open_destination(f"sqlite:{tmp_path}/empty.db"):
        pass
    done = await command("audit", "--to", "sqlite:empty.db", cwd=tmp_path, settings=server.environ)
    assert done.code == 2
    assert "nothing was synced to it yet" in done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_it_in_order(number: signal.Signals, code: int, tmp_path: Path) -> None:
    """In the middle of a repair the lease is given back."""
    async with serve(Sandbox(seed=3, customers=300)) as server:
        await _synced(tmp_path, server)
        server.sandbox.faults.add(Fault.slow(90, path="/customers", times=None))
        arguments = ("audit", "--to", "sqlite:crm.db", "--repair")
        async with running(*arguments, cwd=tmp_path, settings=server.environ) as process:
            while not server.sandbox.statistics().faults:
                await asyncio.sleep(0.01)
            process.send_signal(number)
            stopped = await finish(process)
    assert stopped.code == code
    assert "What was repaired is kept" in stopped.err
    assert "Traceback" not in stopped.err
    told = await command("status", "--to", "sqlite:crm.db", cwd=tmp_path)
    assert told.report["at_work"] is None
