"""Contenders side by side: every one of them in every round, each round in another order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import chain
from random import Random

import msgspec

from benchmarks.findings import Findings, Run
from benchmarks.job import Job, Measured
from benchmarks.machine import Machine
from benchmarks.serving import SEED, Command, Server, Site
from benchmarks.worker import Turn, take_apart

_SHORT_ROUNDS = 2
"""For each full one."""


class Entrant(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one case."""

    case: str
    contender: str
    entry: str
    job: Job
    server: Server
    before: Command | None = None
    """What happens on the server first."""
    often: bool = False
    """Whether it takes a turn in all of the short rounds too: those whose ratios are judged."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much is to be done."""

    machine: Machine
    rounds: int = 5
    divisor: int = 1
    """By which sizes are divided, to try the benchmarks out."""
    take: Callable[[Turn], Measured] = take_apart
    """How a contender is made to do its work; tests have small ones done in this process."""

    def size(self, full: int, least: int = 1) -> int:
        return max(least, full // self.divisor)


class WrongRecordsError(Exception):
    """A contender brought another number of records than there are: its time says nothing."""


class Comparison:
    """The books of one piece of work."""

    def __init__(self, plan: Plan, work: str, title: str) -> None:
        self._plan, self._work, self._title = plan, work, title
        self._began_at = datetime.now(UTC)
        self._facts: dict[str, float] = {}
        self._left_out: dict[str, str] = {}
        self._runs: list[Run] = []

    def about(self, site: Site, **facts: float) -> None:
        """The sizes and settings that the figures rest on."""
        settings = {"latency_seconds": site.latency, "rate_limit": site.rate_limit or 0}
        enforced = {name: value for name, value in settings.items() if value}
        self._facts |= {"customers": site.customers, "tenants": site.tenants} | enforced | facts

    def present(self, contender: str, *modules: str) -> bool:
        """Whether what a contender needs is installed; said, and kept, where it is not."""
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            self._left_out[contender] = f"{', '.join(missing)} is not installed"
            self._say(f"{contender} is left out: {self._left_out[contender]}; the extra `bench` brings it")
        return not missing

    def run(self, entrants: Sequence[Entrant]) -> None:
        """Every entrant once a round, and some in short rounds between those as well.

        A machine's speed drifts within the minute that a full round can last; in a short one, those who
        are compared come soon after each other.

        Raises:
            WrongRecordsError: one did not bring what there is.
        """
        runs: list[list[Run]] = [[] for _ in entrants]
        short = _SHORT_ROUNDS if any(entrant.often for entrant in entrants) else 0
        for number in range(1, self._plan.rounds * (1 + short) + 1):
            full = number % (1 + short) == 0
            order = [place for place, entrant in enumerate(entrants) if full or entrant.often]
            Random(SEED * 1000 + number).shuffle(order)
            for place in order:
                runs[place].append(self._run(number, sum(map(len, runs)) + 1, entrants[place]))
        self._runs += chain.from_iterable(runs)

    def findings(self) -> Findings:
        return Findings(
            work=self._work,
            title=self._title,
            began_at=self._began_at.isoformat(timespec="seconds"),
            seed=SEED,
            quick=self._plan.divisor > 1,
            machine=self._plan.machine,
            facts=self._facts,
            left_out=self._left_out,
            runs=self._runs,
        )

    def _run(self, number: int, turn: int, entrant: Entrant) -> Run:
        entrant.server.ask(entrant.before)
        measured = self._plan.take(Turn(entrant.entry, entrant.job))
        counts = entrant.server.ask()
        self._say(
            f"{self._work} {number} {entrant.case}: {entrant.contender}: {measured.wall:.3f} s, "
            f"CPU {measured.cpu:.3f} s, {measured.peak_mib:.0f} MiB, {counts.requests} requests"
        )
        if measured.records != entrant.job.records:
            raise WrongRecordsError(
                f"{entrant.contender} in {entrant.case}: {measured.records} of {entrant.job.records} records"
            )
        return Run(
            turn=turn,
            round=number,
            case=entrant.case,
            contender=entrant.contender,
            **msgspec.structs.asdict(measured),
            requests=counts.requests,
            tokens=counts.tokens,
            throttled=counts.throttled,
            span=counts.span,
            server_cpu=counts.cpu,
        )

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)
