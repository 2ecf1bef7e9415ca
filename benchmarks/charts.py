"""A picture of each work: horizontal bars, case below case, labelled with values and ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib as mpl  # pyright: ignore[reportMissingImports]
import msgspec
from matplotlib.figure import Figure  # pyright: ignore[reportMissingImports]

from benchmarks.findings import Findings, Run
from benchmarks.works import destinations, far_away, single_calls, starting, streaming

_OURS, _FLOOR, _OTHERS = "#1f6fb4", "#9aa5b1", "#d98c3f"
_INK, _FAINT = "#22303c", "#d7dce1"
_ROW = 0.34
_TIMES = "\N{MULTIPLICATION SIGN}"


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What of a work is drawn, and beside whom."""

    title: str
    unit: str
    value: Callable[[Run], float]
    form: str = "{:,.0f}"
    beside: str = ""
    """The contender that ratios are to: of the same case, or of the first where that one has none."""
    means: str = ""
    """What a ratio says."""
    less_is_faster: bool = False
    """Whether the ratio is turned over, so that more is better."""
    cases: tuple[str, ...] = ()
    """All where none is named."""
    passed_over: tuple[str, ...] = ()
    """Contenders that the table alone has."""


CHARTS = {
    "A": Chart(
        title="200,000 customers, no latency, no limit",
        unit="thousand records a second; more is better",
        value=lambda run: run.records / run.wall / 1000,
        beside=streaming.SERVICEPYTAN,
        means="times as fast as servicepytan",
        passed_over=(
            *("ours, typed one by one", "ours, collected", "floor, decoded", "floor, bytes, sequential"),
            *("floor, decoded, sequential", "floor, decoded in memory"),
        ),
    ),
    "B": Chart(
        title="100,000 customers, 150 ms away, 60 requests a second enforced",
        unit="seconds; less is better",
        value=lambda run: run.wall,
        form="{:,.1f}",
        beside=streaming.SERVICEPYTAN,
        means="times as fast as servicepytan at page size 500",
        less_is_faster=True,
        cases=(far_away.PAGE, far_away.DEFAULT, streaming.case_of(5000)),
    ),
    "C": Chart(
        title="GET one customer",
        unit="microseconds of client CPU a call; less is better",
        value=lambda run: run.cpu / run.records * 1e6,
        beside=single_calls.FLOOR,
        means="times a bare aiohttp + msgspec call",
    ),
    "D": Chart(
        title="10,000 ids, 50 ms away, 60 requests a second enforced",
        unit="seconds; less is better",
        value=lambda run: run.wall,
        form="{:,.1f}",
        beside=streaming.SERVICEPYTAN,
        means="times as fast as servicepytan",
        less_is_faster=True,
    ),
    "E": Chart(
        title="Sync of a whole tenant, to each destination",
        unit="thousand records a second; more is better",
        value=lambda run: run.records / run.wall / 1000,
        beside=destinations.NOWHERE,
        means="times as fast as landing nowhere",
    ),
    "F": Chart(
        title="Peak memory, of ten times as many records",
        unit="MiB; the same is the point",
        value=lambda run: run.peak_mib,
    ),
    "G": Chart(
        title="Incremental sync of a whole tenant, seven entities",
        unit="requests; less is better",
        value=lambda run: run.requests,
    ),
    "H": Chart(
        title="A fresh program's first record, start and imports included",
        unit="milliseconds; less is better",
        value=lambda run: run.figures.get("process", run.wall) * 1000,
        beside=starting.FLOOR,
        means="times bare aiohttp + msgspec",
        cases=(starting.FIRST,),
    ),
    "I": Chart(
        title="Many tenants in one process, twenty pages each",
        unit="milliseconds of CPU a tenant, the start included; less is better",
        value=lambda run: run.cpu * 1000 / max(1, run.tokens),
    ),
}


def drawn(found: Mapping[str, Findings], folder: Path) -> list[Path]:
    """Draw a picture of each work into the folder."""
    mpl.use("agg")
    return [_draw(CHARTS[work], findings, folder / f"{work}.png") for work, findings in found.items()]


def _draw(chart: Chart, findings: Findings, path: Path) -> Path:
    bars = {case: _bars(chart, findings, case) for case in chart.cases or findings.cases()}
    first = next(iter(bars.values())).get(chart.beside)
    rows = sum(map(len, bars.values())) + 1.6 * len(bars)
    figure = Figure(figsize=(9.5, rows * _ROW + 1.35), dpi=130, facecolor="white", layout="constrained")
    axes = figure.subplots()
    ticks: list[tuple[float, str]] = []
    y = 0.0
    for case, values in bars.items():
        base = values.get(chart.beside, first)
        axes.text(0, y, case, ha="left", va="center", weight="bold", size=9.5, color=_INK)
        for contender, value in values.items():
            y += 1
            axes.barh(y, value, height=0.72, color=_colour(contender))
            label = f" {chart.form.format(value)}{_ratio(chart, value, base)}"
            axes.text(value, y, label, ha="left", va="center", size=8.5, color=_INK)
            ticks.append((y, contender))
        y += 1.6
    widest = max((value for values in bars.values() for value in values.values()), default=0.0)
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(y - 0.8, -0.8)
    axes.set_xlim(0, widest * 1.18 or 1)
    compared = f"   ({_TIMES}): {chart.means}" if first else ""
    note = f"medians, turns each: {findings.turns()}; {findings.machine.cpu}, {findings.machine.python}"
    axes.set_xlabel(f"{chart.unit}{compared}\n{note}", size=8.5, color=_INK)
    axes.set_title(chart.title, loc="left", size=11, color=_INK)
    axes.grid(axis="x", color=_FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, labelcolor=_INK, labelsize=8.5)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    figure.savefig(path)
    return path


def _bars(chart: Chart, findings: Findings, case: str) -> dict[str, float]:
    shown = [each for each in findings.contenders(case) if each not in chart.passed_over]
    return {each: findings.median(case, each, chart.value) for each in shown}


def _ratio(chart: Chart, value: float, base: float | None) -> str:
    if base is None or value == base or not value:
        return ""
    ratio = base / value if chart.less_is_faster else value / base
    digits = 2 if ratio < 1 else 1 if ratio < 10 else 0
    return f"  ({ratio:.{digits}f}{_TIMES})"


def _colour(contender: str) -> str:
    if contender.startswith(("floor", "callback", "a tenth")):
        return _FLOOR
    return _OTHERS if contender.startswith(("servicepytan", "httpx", "dlt")) else _OURS
