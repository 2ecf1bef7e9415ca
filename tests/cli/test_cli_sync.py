"""`servicetitan-crm sync`: what it leaves behind, and what it says while nobody watches."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from command_kit import TENANT, assert_equal, command, finish, start

from servicetitan_crm_async.cli import main
from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox, SandboxServer, parse_instant, serve
from servicetitan_crm_async.sync import open_destination
from servicetitan_crm_async.sync.lease import forget, new_lease
from servicetitan_crm_async.sync.ledger import Ledger, read_ledger

SMALL = ("--sandbox", "--sandbox-customers", "300")
DAY = 86_400 * 10**7


async def test_a_sandbox_is_mirrored_and_a_day_later_only_its_changes_are_fetched(tmp_path: Path) -> None:
    """The promise of the README: run it, run it again in a new process, and both mirrors are equal."""
    first = await command("sync", *SMALL, cwd=tmp_path)
    assert (first.code, first.err) == (0, "")
    place, file = (
        f"duckdb:{tmp_path}/servicetitan-1001.duckdb",
        tmp_path / "servicetitan-1001.duckdb.sandbox.json",
    )
    before = Sandbox.load(file)
    assert len(before.records("customers")) == 300
    assert_equal(place, before)

    second = await command("sync", *SMALL, cwd=tmp_path)
    assert second.code == 0
    after = Sandbox.load(file)
    assert after.now >= before.now + DAY
    assert_equal(place, after)
    for kind in KINDS:
        old = before.records(kind)
        changed = sum(old.get(id_) != record for id_, record in after.records(kind).items())
        read = second.report["entities"][kind]
        assert read["records"] == changed, kind
        assert read["since"] == first.report["entities"][kind]["until"]
    assert 50 < second.report["entities"]["customers"]["records"] < 400


async def test_the_lines_are_progress_and_last_the_report(tmp_path: Path) -> None:
    """Every line is an object with an event; the last one is the report, in the shape the README gives."""
    done = await command("sync", *SMALL, "--to", "sqlite:crm.db", "--page-size", "50", cwd=tmp_path)
    first, *progress, report = done.events
    assert first == {
        "event": "sandbox",
        "seed": 6,
        "tenant": TENANT,
        "customers_at_birth": 300,
        "file": "crm.db.sandbox.json",
        "clock": first["clock"],
    }
    assert parse_instant(first["clock"])
    assert {line["event"] for line in progress} == {"progress"}
    assert sorted(line["entity"] for line in progress if line["done"]) == sorted(KINDS)
    assert list(report)[:7] == [
        "event", "tenant", "entities", "requests", "seconds", "location", "look",
    ]  # fmt: skip
    assert report["event"] == "report"
    assert report["location"] == "crm.db"
    assert list(report["entities"]) == list(KINDS)
    for entity in report["entities"].values():
        assert set(entity) == {
            "records", "requests", "retries", "guarantee", "since", "until", "strategy", "odd", "recovered",
            "quarantined", "missing", "error",
        }  # fmt: skip
    assert report["requests"] == sum(entity["requests"] for entity in report["entities"].values())


@pytest.mark.parametrize("place", ["ndjson:out", "sqlite:crm.db", "duckdb:deep/er/crm.duckdb"])
def test_every_destination_mirrors_the_sandbox_twice(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file of the sandbox lies beside the destination, whichever it is."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["sync", *SMALL, "--to", place]) == 0
        assert_equal(place, Sandbox.load(f"{place.partition(':')[2]}.sandbox.json"))
    assert capsys.readouterr().err == ""


def test_the_other_contract_is_mirrored_as_far_as_it_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """openapi-2.0.0 lists no contacts; the rest comes, and `--entities` chooses among it."""
    monkeypatch.chdir(tmp_path)
    arguments = ["sync", *SMALL, "--to", "sqlite:crm.db", "--contract", "openapi-2.0.0"]
    assert main(arguments) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(report["entities"]) == {"customers", "locations", "leads", "bookings", "tag_types"}
    assert main([*arguments, "--entities", "leads, bookings", "--since", "2020-01-01", "--settle", "0"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(report["entities"]) == ["leads", "bookings"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_it_with_a_ledger_that_the_next_run_goes_on_from(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """Stopped in the middle, the next run reads what is missing and nothing else, up to the same end."""
    async with serve(Sandbox(seed=3, customers=3000, latency=0.03)) as server:
        arguments = ("sync", "--to", "sqlite:crm.db", "--entities", "customers", "--page-size", "50",
                     "--concurrency", "2", "--settle", "0")  # fmt: skip
        process = await start(*arguments, cwd=tmp_path, settings=server.environ)
        assert process.stdout is not None
        while json.loads(await process.stdout.readline())["records"] < 300:
            pass
        process.send_signal(number)
        stopped = await finish(process)
        assert stopped.code == code
        assert "the same command goes on from there" in stopped.err
        assert "Traceback" not in stopped.err

        ledger = _ledger(tmp_path / "crm.db")
        assert ledger.windows
        assert ledger.watermark is None
        assert ledger.until is not None
        landed = ledger.records
        assert 0 < landed < 3000

        done = await command(*arguments, cwd=tmp_path, settings=server.environ)
        assert done.code == 0
        assert done.report["entities"]["customers"]["records"] == 3000 - landed
        assert_equal(f"sqlite:{tmp_path}/crm.db", server.sandbox, ("customers",))
        assert (_ledger(tmp_path / "crm.db").watermark or "") >= ledger.until


async def test_a_run_that_is_killed_moves_the_sandbox_on_too(tmp_path: Path) -> None:
    """The file is written before anything is read, so that no two runs meet the same instant."""
    process = await start("sync", *SMALL, "--to", "sqlite:crm.db", cwd=tmp_path)
    assert process.stdout is not None
    before = json.loads(await process.stdout.readline())["clock"]
    process.kill()
    await finish(process)
    done = await command("sync", *SMALL, "--to", "sqlite:crm.db", cwd=tmp_path)
    later = parse_instant(done.events[0]["clock"])
    assert later is not None
    assert later >= (parse_instant(before) or 0) + DAY
    assert_equal(f"sqlite:{tmp_path}/crm.db", Sandbox.load(tmp_path / "crm.db.sandbox.json"))


async def test_an_entity_that_fails_leaves_the_others_and_is_advised_on(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Exit code 4; the report says which and why, and stderr what to look at."""
    server.sandbox.faults.add(Fault.status(403, path="/leads"))
    done = await command("sync", "--to", "sqlite:crm.db", cwd=tmp_path, settings=server.environ)
    assert done.code == 4
    failed = {name: entity["error"] for name, entity in done.report["entities"].items() if entity["error"]}
    assert set(failed) == {"leads"}
    assert "403" in failed["leads"]
    assert "scope to read leads" in done.err
    assert_equal(f"sqlite:{tmp_path}/crm.db", server.sandbox, ("customers", "bookings"))


async def test_the_way_to_read_is_for_all_entities_or_for_some(tmp_path: Path, server: SandboxServer) -> None:
    """The report says which was taken; feeds tell of as much as lists do."""
    arguments = ("sync", "--to", "sqlite:crm.db", "--settle", "0")
    strategy = "customers=feed,leads=pages"
    done = await command(*arguments, "--strategy", strategy, cwd=tmp_path, settings=server.environ)
    taken = {name: entity["strategy"] for name, entity in done.report["entities"].items()}
    assert (taken["customers"], taken["leads"], taken["bookings"]) == ("feed", "pages", "windows")
    done = await command(
        *arguments, "--strategy", "feed", "--entities", "bookings", "--include-recent-changes",
        "--overlap", "1h", cwd=tmp_path, settings=server.environ,
    )  # fmt: skip
    assert (done.code, done.report["entities"]["bookings"]["strategy"]) == (0, "feed")
    refused = await command(*arguments, "--strategy", "slices", "--contract", "openapi-2.0.0", cwd=tmp_path,
                            settings=server.environ)  # fmt: skip
    assert refused.code == 2
    assert "--strategy" in refused.err


async def test_records_are_fetched_anew_by_their_ids(tmp_path: Path, server: SandboxServer) -> None:
    """Those that are unknown are told; no watermark moves."""
    arguments = ("sync", "--to", "sqlite:crm.db", "--entities", "customers")
    first = await command(*arguments, cwd=tmp_path, settings=server.environ)
    known = sorted(server.sandbox.records("customers"))[:3]
    ids = ",".join(map(str, [*known, 999_999_999]))
    done = await command(*arguments, "--strategy", "ids", "--ids", ids, cwd=tmp_path, settings=server.environ)
    customers = done.report["entities"]["customers"]
    assert (customers["records"], customers["missing"]) == (3, [999_999_999])
    every = await command(*arguments, "--strategy", "ids", cwd=tmp_path, settings=server.environ)
    assert every.report["entities"]["customers"]["records"] == 120
    watermark = _ledger(tmp_path / "crm.db").watermark
    assert watermark == first.report["entities"]["customers"]["until"]


async def test_until_leaves_what_came_later_to_a_later_run(tmp_path: Path, server: SandboxServer) -> None:
    """The next run begins there."""
    arguments = ("sync", "--to", "sqlite:crm.db", "--entities", "customers")
    stamps = sorted(stamp for stamp, _ in server.sandbox.records("customers").values())
    until = stamps[60][:19] + "Z"
    early = await command(*arguments, "--until", until, cwd=tmp_path, settings=server.environ)
    read = early.report["entities"]["customers"]
    assert 0 < read["records"] < 120
    assert read["until"][:19] + "Z" == until
    late = await command(*arguments, "--settle", "0", cwd=tmp_path, settings=server.environ)
    assert late.report["entities"]["customers"]["since"] == read["until"]
    assert late.report["entities"]["customers"]["records"] == 120 - read["records"]


async def test_another_run_at_work_is_named_and_can_be_pushed_aside(
    tmp_path: Path, server: SandboxServer
) -> None:
    """Code 4; the advice says where it is and how to stop it, and --take-over does not wait."""
    destination = open_destination(f"sqlite:{tmp_path}/crm.db")
    lease = msgspec.structs.replace(new_lease(TENANT, datetime.now(UTC)), host="elsewhere", process=4711)
    forget(lease)
    async with destination:
        await destination.claim(lease)
    arguments = ("sync", "--to", "sqlite:crm.db", "--entities", "leads")
    refused = await command(*arguments, cwd=tmp_path, settings=server.environ)
    assert refused.code == 4
    for word in ("host elsewhere", "process 4711", lease.since, "--take-over", "kill 4711"):
        assert word in refused.err
    assert (await command(*arguments, "--take-over", cwd=tmp_path, settings=server.environ)).code == 0


def _ledger(path: Path) -> Ledger:
    with closing(sqlite3.connect(path)) as data:
        return read_ledger(data.execute("select ledger from sync_ledger").fetchone()[0])
