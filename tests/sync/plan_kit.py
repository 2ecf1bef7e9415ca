"""A list of the service and workers that read it by a plan, without anything that takes time."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Generic, TypeVar

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.sources import Plan
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key

R = TypeVar("R")
UNTIL = 1_000 * TICKS_PER_SECOND
YEARS = 5 * 365 * 86_400 * TICKS_PER_SECOND
BEGINNING = (OpenWindow(EARLIEST, EARLIEST),)


@dataclass
class Service:
    """A list of records that answers page by page from one moment, equal instants in any order."""

    stamps: dict[int, int]
    chance: Random
    page_size: int
    requests: int = 0
    by_id: bool = True
    """Unsorted lists come by id, or in any order."""

    def answer(self, ask: Ask) -> tuple[list[Key], bool, int | None]:
        self.requests += 1
        members = [
            Key(number, ticks)
            for number, ticks in self.stamps.items()
            if ticks >= ask.since and (ask.before is None or ticks < ask.before)
        ]
        self.chance.shuffle(members)
        if ask.sort is not None:
            members.sort(key=lambda key: key.id if ask.sort == "+Id" else key.ticks)
        elif self.by_id:
            members.sort()
        start = (ask.page - 1) * self.page_size
        more = len(members) > start + self.page_size
        return members[start : start + self.page_size], more, len(members) if ask.with_total else None

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
