"""A list of the service and workers that read it by a plan, without anything that takes time."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise, starmap
from random import Random
from typing import Any, Generic, Literal, TypeVar

from hypothesis import strategies as st

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.sources import Plan
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key

R = TypeVar("R")
UNTIL = 1_000 * TICKS_PER_SECOND
YEARS = 5 * 365 * 86_400 * TICKS_PER_SECOND
BEGINNING = (OpenWindow(EARLIEST, EARLIEST),)
Cut = Literal["records", "bounds", "both"]


@dataclass
class Service:
    """A list of records that answers page by page from one moment, equal instants in any order."""

    stamps: dict[int, int]
    chance: Random
    page_size: int
    requests: int = 0
    by_id: bool = True
    """Unsorted lists come by id, or in any order."""
    unit: int = 1
    """To how many ticks instants are cut before they are compared."""
    cut: Cut = "both"
    sorts_exactly: bool = True
    """Whether it sorts by the instants that it prints, or by what it compares."""
    probes: int = 0

    def answer(self, ask: Ask) -> tuple[list[Key], bool, int | None]:
        self.requests += 1
        narrow = ask.before is not None and ask.before - ask.since in (1, 10, 10_000)
        self.probes += narrow and ask.sort != "+Id" and not ask.with_total
        members = [Key(number, ticks) for number, ticks in self.stamps.items() if self.holds(ask, ticks)]
        self.chance.shuffle(members)
        if ask.sort is not None:
            unit = 1 if self.sorts_exactly else self.unit
            members.sort(key=lambda key: key.id if ask.sort == "+Id" else key.ticks // unit)
        elif self.by_id:
            members.sort()
        start = (ask.page - 1) * self.page_size
        more = len(members) > start + self.page_size
        return members[start : start + self.page_size], more, len(members) if ask.with_total else None

    def holds(self, ask: Ask, ticks: int) -> bool:
        """Whether an instant lies between the bounds, as this service compares."""
        since, before = ask.since, UNTIL * 2 if ask.before is None else ask.before
        if self.cut != "records":
            since, before = since - since % self.unit, before - before % self.unit
        if self.cut != "bounds":
            ticks -= ticks % self.unit
        return since <= ticks < before

    def edit(self, number: int) -> None:
        """Whoever is modified now moves past the end of the run."""
        self.stamps[number] = UNTIL + self.requests


@dataclass
class Run(Generic[R]):
    """Workers over a plan, their answers coming home in any order."""

    service: Service
    plan: Plan[R]
    workers: int
    landed: list[int] = field(default_factory=list)
    edited: set[int] = field(default_factory=set)

    def to_the_end(self, *, edits: float = 0.0, stop_after: int | None = None) -> None:
        chance = self.service.chance
        under_way: list[tuple[R, list[Key], bool, int | None]] = []
        first = True
        while True:
            limit = 1 if first else self.workers
            while len(under_way) < limit and (reading := self.plan.take()) is not None:
                under_way.append((reading, *self.service.answer(self.plan.ask(reading))))
            if not under_way:
                break
            if self.service.stamps and chance.random() < edits:
                number = chance.choice(list(self.service.stamps))
                self.service.edit(number)
                self.edited.add(number)
            reading, keys, more, total = under_way.pop(chance.randrange(len(under_way)))
            if self.plan.until is None:
                self.plan.close(UNTIL)
            self.landed += [
                keys[place].id for place in self.plan.received(reading, keys, has_more=more, total=total)
            ]
            if first:
                self.plan.share_out()
                first = False
            self.plan.release(reading)
            if stop_after is not None and self.service.requests >= stop_after:
                return
        assert self.plan.finished


def histories() -> dict[str, list[int]]:
    """Instants of 50,000 records in five shapes."""
    chance = Random(1)
    at = [chance.random() for _ in range(50_000)]
    return {
        "even": [-int(YEARS * x) for x in at],
        "growing": [-int(YEARS * (1 - x**0.3)) for x in at],
        "bursts": [-int(YEARS * chance.randrange(20) / 20) - int(x * 86_400 * TICKS_PER_SECOND) for x in at],
        "four fifths in one second": [
            -int(YEARS * x) if place % 5 == 0 else -YEARS // 2 + int(x * TICKS_PER_SECOND)
            for place, x in enumerate(at)
        ],
        "20,000 in one instant": [
            -int(YEARS * x) if place < 30_000 else -YEARS // 3 for place, x in enumerate(at)
        ],
    }


def dense() -> st.SearchStrategy[int]:
    """Instants of which many lie within one second, one millisecond or one microsecond."""
    begins = st.sampled_from([0, 7 * TICKS_PER_SECOND - 3, 12_345_678, UNTIL - TICKS_PER_SECOND])
    within = st.sampled_from([1, 10, 10_000, TICKS_PER_SECOND]).flatmap(lambda most: st.integers(0, most - 1))
    return st.one_of(st.integers(-YEARS, UNTIL - 1), st.builds(int.__add__, begins, within))


def cut_anywhere() -> st.SearchStrategy[list[OpenWindow]]:
    """All of time up to the end of the run, in windows that end on any ticks whatever."""
    cuts = st.lists(dense(), max_size=5, unique=True).map(sorted)
    return cuts.map(lambda cuts: [*starmap(OpenWindow, pairwise([EARLIEST, *cuts, UNTIL]))])


def coarse() -> st.SearchStrategy[dict[str, Any]]:
    """Every way of a service to compare more coarsely than it prints, and exactness."""
    return st.fixed_dictionaries(
        {
            "unit": st.sampled_from([1, 10, 10_000, TICKS_PER_SECOND]),
            "cut": st.sampled_from(["records", "bounds", "both"]),
            "sorts_exactly": st.booleans(),
        }
    )
