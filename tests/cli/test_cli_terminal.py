"""What a person sees: run under a terminal of a given width."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from terminal_kit import on_a_terminal

from servicetitan_crm_async import errors
from servicetitan_crm_async.cli.mirror.screen import Screen
from servicetitan_crm_async.cli.mirror.verdict import print_verdict
from servicetitan_crm_async.sync import EntityReport, SyncReport
from servicetitan_crm_async.sync.auditing.audit import AuditReport, EntityAudit
from servicetitan_crm_async.sync.following import Round


@pytest.mark.parametrize("columns", [80, 120])
def test_a_sync_ends_with_a_table_that_fits(columns: int, tmp_path: Path) -> None:
    """Twice, for the second has instants in it: nothing is cut or wrapped but the command to copy."""
    arguments = ("sync", "--sandbox", "--sandbox-customers", "200", "--to", "sqlite:crm.db")
    for since in ("the beginning", "20"):
        code, lines = on_a_terminal(*arguments, columns=columns, cwd=tmp_path)
        assert code == 0
        assert not [line for line in lines if "…" in line]
        last = max(n for n, line in enumerate(lines) if "Guarantee" in line)
        summary = lines[last : last + 12]
        assert all(len(line) <= columns for line in summary)
        customers = next(line for line in summary if "customers " in line)
        assert "exact" in customers
        assert since in customers
        assert any(line.startswith("Done in") and "crm.db" in line for line in lines)
        look = next(line for line in lines if "sync_ledger" in line).strip()
        found = subprocess.run(look, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "location_contacts" in found.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_the_status_is_a_table_that_fits(columns: int, tmp_path: Path) -> None:
    """With what is held and up to when; with room there is also how it was read."""
    on_a_terminal(
        "sync", "--sandbox", "--sandbox-customers", "50", "--to", "sqlite:crm.db", columns=80, cwd=tmp_path
    )
    code, lines = on_a_terminal("status", "--to", "sqlite:crm.db", columns=columns, cwd=tmp_path)
    assert code == 0
    assert "Tenant 1001 in crm.db" in lines
    assert all(len(line) <= columns for line in lines)
    customers = next(line for line in lines if "customers " in line).split()
    assert customers[:2] == ["customers", "50"]
    assert "exact" in customers
    assert any("Read by" in line for line in lines) == (columns == 120)


def test_rounds_are_a_summary_and_then_a_line_each(tmp_path: Path) -> None:
    """Ctrl-C is typed after the second; it ends with code 0."""
    arguments = ("sync", "--sandbox", "--sandbox-customers", "50", "--to", "sqlite:crm.db", "--every", "0.3s")
    code, lines = on_a_terminal(*arguments, columns=100, cwd=tmp_path, interrupt_after="nothing new in")
    assert code == 0
    assert any(line.startswith("Next round in") and "Ctrl-C ends it" in line for line in lines)
    assert any("UTC  nothing new in" in line and "7 requests. Next in" in line for line in lines)
    assert "goes on from there" in "".join(lines)


def test_a_round_is_told_by_what_it_did(tmp_path: Path) -> None:
    """What landed and what failed, with advice; an error instead of a report; and when the next begins."""
    failed = _report("leads", errors.TransportFailure("no connection"))
    landed = replace(_report("leads", None), entities={"leads": replace(_outcome(None), records=1200)})
    busy = errors.LedgerConflict("crm.db is busy", host="etl-1", process=4711)
    console = Console(file=StringIO(), width=200)
    for ended in (
        Round(number=2, report=landed, error=None, wait=270.0),
        Round(number=3, report=failed, error=None, wait=0.0),
        Round(number=4, report=None, error=busy, wait=90.0),
    ):
        Screen(console).round(ended, "look")
    said = _text(console)
    assert "1,200 records (leads 1,200) in 1.0 s, 3 requests. Next in 4 min." in said
    assert "nothing new in 1.0 s, 3 requests. Failed: leads. Next at once." in said
    assert "leads: no connection (1 attempt)" in said
    assert "Look at the network" in said
    assert "failed: crm.db is busy. Next in 90 s." in said
    assert "stop it on etl-1: kill 4711" in said


@pytest.mark.parametrize("columns", [80, 120])
def test_an_audit_ends_with_a_table_that_fits_and_its_verdict(columns: int, tmp_path: Path) -> None:
    """What differs is named by the first of the ids; then it is repaired, and then it is equal."""
    place = ("--sandbox", "--to", "sqlite:crm.db")
    on_a_terminal("sync", *place, "--sandbox-customers", "50", columns=80, cwd=tmp_path)
    with closing(sqlite3.connect(tmp_path / "crm.db")) as data:
        data.execute("delete from customers where id in (select id from customers order by id limit 30)")
        data.commit()
    for more, code, verdict in (
        ((), 1, "Differs in 30 records; the same command with --repair mends it."),
        (("--repair",), 0, "Repaired: 30 records differed."),
        ((), 0, "Equal."),
    ):
        got, lines = on_a_terminal("audit", *place, *more, columns=columns, cwd=tmp_path)
        assert got == code
        heads = max(n for n, line in enumerate(lines) if "Missing" in line)
        assert all(len(line) <= columns for line in lines[heads : heads + 10])
        customers = next(line for line in lines[heads:] if "customers " in line).split()
        assert ("30" in customers) == (verdict != "Equal.")
        named = [line for line in lines if line.startswith("customers, missing: ")]
        assert [line.endswith(" and 10 more") for line in named] == ([True] if "30" in customers else [])
        assert any(line.startswith(verdict) and "requests in" in line for line in lines)


def test_what_an_audit_could_not_compare_shows_no_numbers() -> None:
    """They would look like findings; what changed meanwhile is told to be the next sync's."""
    compared = EntityAudit(
        held=5, until="2026-01-31T08:00:00.0000000Z", windows=1, requests=3, missing=(), stale=(), surplus=(),
        moved=2, repaired=0,
    )  # fmt: skip
    error = errors.SyncError("sync first")
    never = replace(compared, held=0, until=None, requests=0, moved=0, error=str(error), failure=error)
    report = AuditReport(
        tenant=7, entities={"leads": compared, "bookings": never}, seconds=1, location="crm.db"
    )
    console = Console(file=StringIO(), width=120)
    print_verdict(console, report, repair=False)
    said = _text(console)
    assert "bookings: sync first" in said
    assert next(line for line in said.splitlines() if line.startswith(" bookings")).split()[1:] == [
        "not", "compared",
    ]  # fmt: skip
    assert "2 records changed on the service since the last sync" in said
    assert "Not compared to the end." in said


def _text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def _report(entity: str, failure: errors.ServiceTitanError | None) -> SyncReport:
    return SyncReport(tenant=7, entities={entity: _outcome(failure)}, seconds=1.0, location="crm.db")


def _outcome(failure: errors.ServiceTitanError | None) -> EntityReport:
    return EntityReport(
        records=0, requests=3, retries=0, odd=0, recovered=0, quarantined=0, missing=(), strategy="windows",
        guarantee="exact", since=None, until=None, error=None if failure is None else str(failure),
        failure=failure,
    )  # fmt: skip


@pytest.mark.parametrize("columns", [80, 140])
def test_the_operations_are_a_table_that_fits(columns: int, tmp_path: Path) -> None:
    """The paths are folded, never cut; with room there are the filters too."""
    code, lines = on_a_terminal("operations", columns=columns, cwd=tmp_path)
    assert code == 0
    assert all(len(line) <= columns for line in lines)
    assert any("POST" in line and "customers.contacts.create" in line for line in lines)
    assert any("modifiedOnOrAfter" in line for line in lines) == (columns == 140)
