"""Everything one piece of work found, as it is kept in `results/`, and the medians made from it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.machine import Machine

RESULTS = Path(__file__).parent / "results"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One contender, once."""

    turn: int
    """In which place of all it was made."""
    round: int
    case: str
    contender: str
    records: int
    wall: float
    cpu: float
    idle_mib: float
    peak_mib: float
    requests: int
    tokens: int
    throttled: int
    span: float
    """Seconds between the first request that the server saw and the last."""
    server_cpu: float
    figures: dict[str, float]


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of one piece of work, each contender's together."""

    work: str
    title: str
    began_at: str
    seed: int
    quick: bool
    machine: Machine
    facts: dict[str, float]
    left_out: dict[str, str]
    """Contenders that could not take part, and why."""
    runs: list[Run]

    def cases(self) -> list[str]:
        return list(dict.fromkeys(run.case for run in self.runs))

    def contenders(self, case: str) -> list[str]:
        return list(dict.fromkeys(run.contender for run in self.runs if run.case == case))

    def has(self, case: str, *contenders: str) -> bool:
        return set(contenders) <= set(self.contenders(case))

    def turns(self) -> str:
        """How many turns each contender took, as a person would say it."""
        counts = Counter((run.case, run.contender) for run in self.runs).values()
        least, most = min(counts, default=0), max(counts, default=0)
        return str(least) if least == most else f"{least} to {most}"

    def of(self, case: str, contender: str) -> list[Run]:
        """Its runs, one a round."""
        return [run for run in self.runs if (run.case, run.contender) == (case, contender)]

    def median(self, case: str, contender: str, figure: Callable[[Run], float]) -> float:
        return statistics.median(map(figure, self.of(case, contender)))

    def ratio(
        self, case: str, above: str, below: str, figure: Callable[[Run], float], *, case_below: str = ""
    ) -> Ratio:
        """How one contender's figure compares with another's, round by round.

        Both had the same machine in the same minute, so what the rounds have in common falls out.
        """
        others = {run.round: figure(run) for run in self.of(case_below or case, below)}
        runs = [run for run in self.of(case, above) if run.round in others]
        return Ratio.of([figure(run) / others[run.round] for run in runs])

    def save(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.work}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return path


class Ratio(msgspec.Struct, frozen=True):
    """A median, and between what the middle half lay."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Ratio:
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


def load(folder: Path) -> dict[str, Findings]:
    """What is kept in a folder, by the letter of the work."""
    paths = sorted(folder.glob("*.json"))
    found = [msgspec.json.decode(path.read_bytes(), type=Findings) for path in paths]
    return {each.work: each for each in found}
