"""Table and charts from the raw JSON that was kept; measures nothing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from benchmarks.findings import Findings, Ratio
from benchmarks.machine import Machine
from benchmarks.targets import Verdict, cpu, verdicts, wall
from benchmarks.works import by_ids, destinations, memory, single_calls, starting, streaming

REFERENCE = {
    "A": streaming.QUIET,
    "B": streaming.SERVICEPYTAN,
    "C": single_calls.FLOOR,
    "D": by_ids.FLOOR,
    "E": destinations.NOWHERE,
    "F": memory.TENTH,
    "H": starting.FLOOR,
}
"""Whom the others of a work are compared with."""

_HOW = (
    "Every contender took a turn in each round, in a process of its own, each round in another order. Ratios "
    "are medians of those within a round, with what the middle half lay between; other figures are medians."
)
_QUICK = "Sizes were divided to try things out: no figures to quote, and no target is judged by them."
_COLUMNS = (
    *("seconds", "CPU s", "thousand records a second", "peak MiB", "requests", "tokens", "429"),
    "server busy",
)


def written(found: dict[str, Findings], folder: Path) -> list[Path]:
    """Write `report.md`, and a picture of each work where matplotlib is installed."""
    page = folder / "report.md"
    page.write_text(markdown(found))
    if find_spec("matplotlib") is None:
        print("no charts: matplotlib is not installed; the extra `bench` brings it", file=sys.stderr)
        return [page]
    from benchmarks.charts import drawn

    return [page, *drawn(found, folder)]


def markdown(found: dict[str, Findings]) -> str:
    """The targets, and then every contender of every work."""
    lines = ["# Benchmarks", ""]
    for findings in list(found.values())[:1]:
        lines += [_of_the_machine(findings.machine), ""]
    lines += [
        _HOW,
        "",
        "| work | target | wanted | measured | |",
        "|---|---|---|---|---|",
        *(_row(verdict, quick=found[verdict.target.work].quick) for verdict in verdicts(found)),
    ]
    for findings in found.values():
        lines += ["", *_section(findings)]
    return "\n".join(lines) + "\n"


def _of_the_machine(machine: Machine) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    pinned = "server and client on a core each" if machine.pinned else "server and client on one core"
    return f"{machine.cpu}, {machine.cores} cores, {machine.system}, {machine.python}; {pinned}. {versions}."


def _row(verdict: Verdict, *, quick: bool) -> str:
    target = verdict.target
    wanted = "named" if target.bound is None else f"{target.sense} {target.bound:g}{target.unit}"
    if verdict.measured is None:
        measured = "not measured: who it is compared with is not installed"
    else:
        measured = _shown(verdict.measured, target.unit)
    met = {True: "met", False: "**missed**", None: ""}[None if quick else verdict.met]
    return f"| {target.work} | {target.said} | {wanted} | {measured} | {met} |"


def _section(findings: Findings) -> list[str]:
    reference = REFERENCE.get(findings.work)
    facts = ", ".join(f"{name.replace('_', ' ')} {value:,g}" for name, value in findings.facts.items())
    about = f"{findings.began_at[:10]}, turns each: {findings.turns()}, seed {findings.seed}"
    lines = [f"## {findings.work}: {findings.title}", "", "; ".join(filter(None, (about, facts))) + "."]
    if findings.quick:
        lines.append(_QUICK)
    lines += [f"Left out: {name}, as {why}." for name, why in findings.left_out.items()]
    for case in findings.cases():
        compared = reference if reference and findings.has(case, reference) else None
        ratios = (f"speed ({compared} = 1)", f"CPU ({compared} = 1)") if compared else ()
        heads = (case, *ratios, *_COLUMNS)
        lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        lines += [_contender(findings, case, each, compared) for each in findings.contenders(case)]
    return lines


def _contender(findings: Findings, case: str, contender: str, compared: str | None) -> str:
    ratios = []
    if compared is not None:
        speed = findings.ratio(case, compared, contender, wall)
        ratios = [_shown(speed), _shown(findings.ratio(case, contender, compared, cpu))]
    runs = findings.of(case, contender)

    def middle(figure: str) -> float:
        return findings.median(case, contender, lambda run: getattr(run, figure))

    cells = [
        contender,
        *ratios,
        f"{middle('wall'):.3f}",
        f"{middle('cpu'):.3f}",
        f"{runs[0].records / middle('wall') / 1000:.1f}",
        f"{middle('peak_mib'):.0f}",
        *(f"{middle(figure):.0f}" for figure in ("requests", "tokens", "throttled")),
        f"{findings.median(case, contender, lambda run: run.server_cpu / run.wall):.0%}",
    ]
    return f"| {' | '.join(cells)} |"


def _shown(ratio: Ratio, unit: str = "") -> str:
    if ratio.low == ratio.high:
        return f"{_number(ratio.median)}{unit}"
    return f"{_number(ratio.median)}{unit} ({_number(ratio.low)} to {_number(ratio.high)})"


def _number(value: float) -> str:
    if value == int(value):
        return str(int(value))
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
