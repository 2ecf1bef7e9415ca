"""The benchmarks' own code at a tiny size: everyone brings every record, and what is written says so.

Nothing here looks at a time, except that there is one.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.comparing import Comparison, Entrant, Plan, WrongRecordsError
from benchmarks.findings import Findings, Ratio, load
from benchmarks.job import Job, Measured
from benchmarks.machine import describe
from benchmarks.report import markdown, written
from benchmarks.serving import ALLOWED, Command, Site, serving
from benchmarks.targets import verdicts, wall
from benchmarks.worker import Turn, take, take_apart
from benchmarks.works import WORKS, by_ids, incremental, starting, streaming

TINY = 400


def _take(turn: Turn) -> Measured:
    # Ours and the floor in this process, which is quick; other people's code in one of its own.
    return take_apart(turn) if turn.entry.startswith("peer") else take(turn)


PLAN = Plan(machine=describe(), rounds=1, divisor=TINY, take=_take)


@pytest.fixture(scope="module")
def found() -> dict[str, Findings]:
    """Every piece of work, done once."""
    return {letter: run(PLAN) for letter, run in WORKS.items()}


def _requests(findings: Findings, case: str, contender: str) -> int:
    (requests,) = {run.requests for run in findings.of(case, contender)}
    return requests


@pytest.mark.parametrize("letter", WORKS)
def test_every_contender_takes_its_turn_and_brings_every_record(
    found: dict[str, Findings], letter: str
) -> None:
    findings = found[letter]
    assert findings.work == letter
    places = {(run.round, run.case, run.contender) for run in findings.runs}
    assert len(findings.runs) == len(places) > 0
    full = max(run.round for run in findings.runs)
    assert {place for place in places if place[0] == full} == {(full, case, who) for _, case, who in places}
    assert sorted(run.turn for run in findings.runs) == list(range(1, len(findings.runs) + 1))
    for run in findings.runs:
        assert run.wall > 0
        assert run.cpu > 0
        assert 0 < run.idle_mib <= run.peak_mib
        assert run.throttled == 0, run
        assert run.case == starting.IMPORT or run.requests > 0


def test_lists_cost_everyone_one_request_a_page(found: dict[str, Findings]) -> None:
    findings = found["A"]
    for size in streaming.PAGES:
        case = streaming.case_of(size)
        pages = -(-int(findings.facts["customers"]) // size)
        for contender in findings.contenders(case):
            if contender != streaming.OURS_SYNC:
                assert _requests(findings, case, contender) == pages
        ours, floor = findings.of(case, streaming.OURS_TYPED)[0], findings.of(case, streaming.QUIET)[0]
        assert (ours.records, ours.tokens) == (floor.records, floor.tokens) == (500, 1)


def test_ids_go_fifty_a_request(found: dict[str, Findings]) -> None:
    findings = found["D"]
    for contender in findings.contenders(by_ids.CASE):
        assert _requests(findings, by_ids.CASE, contender) == findings.facts["customers"] / 50


def test_a_sync_that_finds_nothing_new_costs_a_request_an_entity(found: dict[str, Findings]) -> None:
    findings = found["G"]
    assert [run.records for run in findings.runs] == [0, 1, 25]
    assert _requests(findings, incremental.EMPTY, incremental.OURS) == findings.facts["entities"] == 7


def test_the_first_record_costs_one_token_and_one_request(found: dict[str, Findings]) -> None:
    findings = found["H"]
    (run,) = findings.of(starting.FIRST, starting.OURS)
    assert (run.tokens, run.requests) == (1, 1)
    (run,) = findings.of(starting.IMPORT, starting.OURS)
    assert run.figures["package_ms"] > 0
    assert run.figures["floor_ms"] > 0


def test_every_tenant_fetches_a_token_of_its_own(found: dict[str, Findings]) -> None:
    assert [(run.tokens, run.records) for run in found["I"].runs] == [(1, 40), (2, 80), (4, 160)]


def test_every_target_has_a_row_and_none_is_judged_by_a_tiny_run(found: dict[str, Findings]) -> None:
    told, judged = markdown(found), verdicts(found)
    rows = [line for line in told.splitlines() if line.startswith("| ") and line.count("|") == 6]
    assert {verdict.target.work for verdict in judged} == set(WORKS) - {"E"}
    for verdict in judged:
        assert any(f"| {verdict.target.work} | {verdict.target.said} |" in row for row in rows)
    assert "missed" not in told
    for findings in found.values():
        assert f"## {findings.work}: {findings.title}" in told
        for run in findings.runs:
            assert f"| {run.contender} |" in told


def test_what_is_kept_is_what_was_found(found: dict[str, Findings], tmp_path: Path) -> None:
    for findings in found.values():
        findings.save(tmp_path)
    assert load(tmp_path) == found
    paths = written(load(tmp_path), tmp_path)
    pictures = [] if find_spec("matplotlib") is None else [f"{letter}.png" for letter in WORKS]
    assert [path.name for path in paths] == ["report.md", *pictures]
    assert all(path.stat().st_size > 0 for path in paths)


def test_a_target_is_met_at_its_bound_and_missed_past_it(found: dict[str, Findings]) -> None:
    for verdict in verdicts(found):
        target = verdict.target
        if target.bound is None or verdict.measured is None:
            assert verdict.met is None
            continue
        worse = 0.001 if target.sense == "at most" else -0.001
        at, past = (
            msgspec.structs.replace(verdict, measured=Ratio.of([target.bound + by])) for by in (0.0, worse)
        )
        assert (at.met, past.met) == (True, False)


def test_a_peer_that_is_not_installed_is_left_out_by_name() -> None:
    books = Comparison(PLAN, "A", streaming.TITLE)
    assert books.present("us", "servicetitan_crm_async")
    assert not books.present(streaming.SERVICEPYTAN, "no_such_library")
    findings = msgspec.structs.replace(books.findings(), quick=False)
    assert findings.left_out == {streaming.SERVICEPYTAN: "no_such_library is not installed"}
    assert f"Left out: {streaming.SERVICEPYTAN}, as no_such_library is not installed." in markdown(
        {"Z": findings}
    )


def test_a_contender_that_brings_too_little_fails_the_run() -> None:
    def too_few(turn: Turn) -> Measured:
        measured = take(turn)
        return msgspec.structs.replace(measured, records=measured.records - 1)

    books = Comparison(msgspec.structs.replace(PLAN, take=too_few), "A", streaming.TITLE)
    with serving(Site(customers=20)) as server:
        job = Job(environ=server.environ, records=20)
        entrant = Entrant(case="a", contender="ours", entry="ours:typed", job=job, server=server)
        with pytest.raises(WrongRecordsError, match="19 of 20 records"):
            books.run([entrant])


def test_rounds_differ_in_order_and_the_short_ones_leave_out_who_takes_long() -> None:
    books = Comparison(msgspec.structs.replace(PLAN, rounds=2), "A", streaming.TITLE)
    with serving(Site(customers=10)) as server:
        job = Job(environ=server.environ, records=10)
        books.run(
            [
                Entrant(case="a", contender=name, entry=entry, job=job, server=server, often=often)
                for name, entry, often in (
                    ("ours", "ours:raw", True),
                    ("floor", "floor:bytes_concurrent", True),
                    ("long", "floor:bytes_sequential", False),
                )
            ]
        )
    findings = books.findings()
    rounds = {name: [run.round for run in findings.of("a", name)] for name in findings.contenders("a")}
    assert rounds == {"ours": [1, 2, 3, 4, 5, 6], "floor": [1, 2, 3, 4, 5, 6], "long": [3, 6]}
    assert findings.turns() == "2 to 6"
    first = {run.round: run.contender for run in sorted(findings.runs, key=lambda run: -run.turn)}
    assert len(set(first.values())) > 1
    shared = [
        one.wall / other.wall
        for one, other in zip(findings.of("a", "ours")[2::3], findings.of("a", "long"), strict=True)
    ]
    assert findings.ratio("a", "ours", "long", wall) == Ratio.of(shared)


def test_a_ratio_says_between_what_the_middle_half_lay() -> None:
    assert Ratio.of([3.0, 1.0, 2.0, 5.0, 4.0]) == Ratio(2.0, 3.0, 4.0)
    assert Ratio.of([7.0]) == Ratio(7.0, 7.0, 7.0)


def test_the_server_tells_what_happened_since_it_was_last_asked() -> None:
    site = Site(server="sandbox", customers=30, whole_tenant=True, rate_limit=ALLOWED)
    with serving(site) as server:
        job = Job(environ=server.environ, records=30, page_size=10, per_second=60)
        take(Turn("ours:typed", job))
        counts = server.ask(Command(change=3, advance=1000))
        assert (counts.requests, counts.tokens, counts.throttled) == (3, 1, 0)
        assert counts.span > 0
        assert counts.cpu > 0
        assert server.ask().requests == 0


def test_the_command_measures_reports_and_refuses_what_it_does_not_know(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With every contender in a process of its own, as it is meant."""
    assert main(["h", "--quick", "--rounds", "1", "--results", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert msgspec.json.decode(told.out.splitlines()[0])["cpu"]
    assert "H 1 first record: ours" in told.err
    (findings,) = load(tmp_path).values()
    assert findings.of(starting.FIRST, starting.OURS)[0].figures["process"] > 0
    assert main(["report", "--results", str(tmp_path)]) == 0
    assert (tmp_path / "report.md").read_text().startswith("# Benchmarks")
    for wrong in (["Z"], ["A", "--rounds", "0"], ["report", "--results", str(tmp_path / "none")]):
        with pytest.raises(SystemExit):
            main(wrong)
