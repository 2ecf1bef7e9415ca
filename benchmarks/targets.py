"""What was to be reached, each beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from benchmarks.findings import Findings, Ratio, Run
from benchmarks.serving import ALLOWED
from benchmarks.works import by_ids, far_away, incremental, memory, single_calls, starting, streaming

Sense = Literal["at least", "at most"]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One promise about speed or size."""

    work: str
    said: str
    sense: Sense
    bound: float | None
    """None where a figure is only to be named."""
    measured: Callable[[Findings], Ratio]
    needs: tuple[str, ...] = ()
    """Contenders without which nothing can be said; they may not be installed."""
    unit: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A target and what became of it."""

    target: Target
    measured: Ratio | None
    """None where a contender was left out."""

    @property
    def met(self) -> bool | None:
        """None where there is nothing to judge, or nothing to judge it by."""
        bound, measured = self.target.bound, self.measured
        if measured is None or bound is None:
            return None
        return measured.median >= bound if self.target.sense == "at least" else measured.median <= bound


def verdicts(found: dict[str, Findings]) -> list[Verdict]:
    """One for every target of the works that were done."""
    return [_verdict(target, found[target.work]) for target in _targets() if target.work in found]


def _verdict(target: Target, findings: Findings) -> Verdict:
    left_out = findings.left_out.keys() & set(target.needs)
    return Verdict(target=target, measured=None if left_out else target.measured(findings))


def wall(run: Run) -> float:
    return run.wall


def cpu(run: Run) -> float:
    return run.cpu


def peak(run: Run) -> float:
    return run.peak_mib


def _targets() -> Iterator[Target]:
    for size in streaming.PAGES:
        yield from _of_streaming(streaming.case_of(size))
    yield from _of_the_limit()
    for case in (single_calls.SEQUENTIAL, single_calls.CONCURRENT):
        yield Target(
            work="C",
            said=f"CPU of a call, {case}, beside a bare aiohttp + msgspec call's",
            sense="at most",
            bound=1.35,
            measured=_compared(case, single_calls.OURS, single_calls.FLOOR, cpu),
        )
    yield Target(
        work="D",
        said="seconds of get_many beside what the rate allows",
        sense="at most",
        bound=1.1,
        measured=_each(by_ids.CASE, by_ids.OURS, lambda run: run.wall * ALLOWED / max(1, run.requests)),
    )
    yield from _of_memory()
    yield Target(
        work="G",
        said="requests an entity of a sync that finds nothing new",
        sense="at most",
        bound=1.0,
        measured=lambda found: _over(
            found.of(incremental.EMPTY, incremental.OURS),
            lambda run: run.requests / found.facts["entities"],
        ),
    )
    yield from _of_starting()
    yield from _of_tenants()


def _of_streaming(case: str) -> Iterator[Target]:
    typed, bodies, raw = streaming.OURS_TYPED, streaming.OURS_BODIES, streaming.OURS_RAW
    for who, floor, bound in (
        (typed, streaming.QUIET, 0.85),
        (streaming.OURS_KEPT, streaming.QUIET, None),
        (bodies, streaming.BYTES, 0.85),
        (raw, streaming.BYTES, None),
        (streaming.QUIET, streaming.PLAIN, None),
    ):
        yield Target(
            work="A",
            said=f"{who}, {case}: speed beside `{floor}`",
            sense="at least",
            bound=bound,
            measured=_compared(case, floor, who, wall),
        )
    for who, least in ((typed, 5.0), (bodies, 15.0), (raw, None)):
        yield Target(
            work="A",
            said=f"{who}, {case}: records a second of client CPU beside servicepytan",
            sense="at least",
            bound=least,
            measured=_compared(case, streaming.SERVICEPYTAN, who, cpu),
            needs=(streaming.SERVICEPYTAN,),
        )


def _of_the_limit() -> Iterator[Target]:
    yield Target(
        work="B",
        said="share of 60 requests a second in use, over a thousand pages, as the server saw them",
        sense="at least",
        bound=0.92,
        measured=_each(far_away.SMALL, far_away.TYPED, _share_of_the_limit),
    )
    yield Target(
        work="B",
        said="answers 429 to us",
        sense="at most",
        bound=0.0,
        measured=lambda found: Ratio.of([run.throttled for run in found.runs if _is_ours(run)]),
    )
    for said, case, contender, bound in (
        ("page size 500", far_away.PAGE, far_away.TYPED, 17.0),
        ("a sync at its own page size, servicepytan at 500", far_away.DEFAULT, far_away.SYNC, 40.0),
    ):
        yield Target(
            work="B",
            said=f"wall time of servicepytan beside ours: {said}",
            sense="at least",
            bound=bound,
            measured=_compared(far_away.PAGE, streaming.SERVICEPYTAN, contender, wall, case_below=case),
            needs=(streaming.SERVICEPYTAN,),
        )


def _of_memory() -> Iterator[Target]:
    for case in (*memory.SYNCS, memory.STREAM):
        yield Target(
            work="F",
            said=f"peak memory beside that of a tenth of the records: {case}",
            sense="at most",
            bound=1.1,
            measured=_compared(case, memory.WHOLE, memory.TENTH, peak),
        )
    for case in memory.SYNCS:
        yield Target(
            work="F",
            said=f"peak memory: {case}",
            sense="at most",
            bound=150.0,
            unit=" MiB",
            measured=_each(case, memory.WHOLE, peak),
        )


def _of_starting() -> Iterator[Target]:
    yield Target(
        work="H",
        said="import, beyond that of aiohttp, msgspec and anyio",
        sense="at most",
        bound=40.0,
        unit=" ms",
        measured=_each(starting.IMPORT, starting.OURS, lambda run: run.figures["package_ms"]),
    )
    yield Target(
        work="H",
        said="token requests before the first record",
        sense="at most",
        bound=1.0,
        measured=_each(starting.FIRST, starting.OURS, lambda run: run.tokens),
    )
    yield Target(
        work="H",
        said="requests before the first record",
        sense="at most",
        bound=1.0,
        measured=_each(starting.FIRST, starting.OURS, lambda run: run.requests),
    )


def _of_tenants() -> Iterator[Target]:
    yield Target(
        work="I",
        said="CPU of a further tenant among the most, beside one among the few",
        sense="at most",
        bound=1.15,
        measured=lambda found: Ratio.of(
            [
                few and many / few
                for few, many in zip(_further(found, 0, cpu), _further(found, 1, cpu), strict=True)
            ]
        ),
    )
    yield Target(
        work="I",
        said="CPU of a tenant with twenty pages",
        sense="at most",
        bound=None,
        unit=" ms",
        measured=lambda found: Ratio.of([1000 * each for each in _further(found, 1, cpu)]),
    )
    yield Target(
        work="I",
        said="memory of a tenant",
        sense="at most",
        bound=None,
        unit=" MiB",
        measured=lambda found: Ratio.of(_further(found, 1, peak)),
    )


def _further(found: Findings, step: int, figure: Callable[[Run], float]) -> list[float]:
    """What each further tenant cost from one case to the next, round by round."""
    few, many = sorted(found.cases(), key=_count)[step : step + 2]
    contender = found.contenders(few)[0]
    more = _count(many) - _count(few)
    pairs = zip(found.of(few, contender), found.of(many, contender), strict=True)
    return [(figure(high) - figure(low)) / more for low, high in pairs]


def _count(case: str) -> int:
    return int(case.split()[0])


def _share_of_the_limit(run: Run) -> float:
    return (run.requests - 1) / run.span / ALLOWED if run.span else 0.0


def _is_ours(run: Run) -> bool:
    return run.contender.startswith("ours")


def _over(runs: list[Run], figure: Callable[[Run], float]) -> Ratio:
    return Ratio.of([figure(run) for run in runs])


def _each(case: str, contender: str, figure: Callable[[Run], float]) -> Callable[[Findings], Ratio]:
    return lambda found: _over(found.of(case, contender), figure)


def _compared(
    case: str, above: str, below: str, figure: Callable[[Run], float], *, case_below: str = ""
) -> Callable[[Findings], Ratio]:
    return lambda found: found.ratio(case, above, below, figure, case_below=case_below)
