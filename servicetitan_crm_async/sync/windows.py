"""How a closed window of changes is read by seeking, in parallel, without losing a record; pure.

Theory. A record's `modifiedOn` only grows. A window `[a, b)` whose end lies safely in the past can
therefore only lose members: whoever is modified now moves past `b`, where the next run finds it.
Page numbers over such a list lose records, because a member that leaves page 1 pulls every later
record one place forward, past the reader. So no position is ever used: the reader asks for page 1 of
`[cursor, b)` in the order of `ModifiedOn`, moves the cursor to the last instant it saw, and asks again.

Which records are a reading's own is told by the instants they print. What it asks for reaches out to whole
granules, as the service may compare more coarsely than it prints (`resolution.py`): a cursor moves to the
beginning of a granule, for how the members of one follow each other says nothing.
"""

# Invariants, quoted by number in tests/sync/test_windows.py.
# 1. Whatever was in `[since, until)` at a reading's request and still is at the end has been handed to
#    `received` of some reading whose range held it.
# 2. The cursor is closed: records past it that were landed are known by id, and are not landed again;
#    nothing is skipped by time.
# 3. Nothing rests on the order within a granule, which may differ from answer to answer.
# 4. Readings never overlap, so no record is landed twice in a run.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from servicetitan_crm_async._core.clock import whole_second
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.resolution import COARSEST, Probe, Resolution

EARLIEST = -621_355_968_000_000_000
"""Ticks of the first instant of year 1, before anything the service can hold."""

_PATIENCE = 5
_DEAR = 3
"""How many requests spent on reading records twice, as pages end amid granules, are worth the probes."""


class Key(NamedTuple):
    """What a page shows of a record: who it is and when it was modified, in ticks."""

    id: int
    ticks: int


class Ask(NamedTuple):
    """One request of a reading: page `page` of `[since, before)` in the order `sort`."""

    since: int
    before: int | None
    """None leaves the window open: only before the first answer, which tells what `until` is."""
    sort: str | None = "+ModifiedOn"
    page: int = 1
    with_total: bool = False
    """Whether to ask how many records there are."""


@dataclass(slots=True)
class _Tie:
    """One granule that fills more than a page, read by number from its last page back to its first.

    Members can only leave it, so what is still unread never loses a record to what was read; repeats
    are possible and are known by id. Page 1 is asked for first only to learn the count, and so again
    at the end.
    """

    begin: int
    end: int
    page: int = 0
    """The page to ask for next; 0 asks for the count."""


@dataclass(slots=True)
class _Doubt:
    """A page that ends in a crowded granule, kept until the service has told how finely it compares."""

    keys: Sequence[Key]
    probes: list[Probe]


@dataclass(slots=True, eq=False)
class Reading:
    """A window on its way: the part `[cursor, before)` is not read yet. Only its plan changes it."""

    cursor: int
    before: int | None
    seen: dict[int, int] = field(default_factory=dict)
    """What was landed past the cursor: ids, and the instants of each."""
    left: float = 0.0
    """How many records it still holds, as far as is known."""
    counted: bool = False
    """Whether `left` rests on the service's count rather than on a guess."""
    span: float | None = None
    """Ticks from one record to the next on the last page: how dense it is just here."""
    tie: _Tie | None = None
    doubt: _Doubt | None = None
    vain: int = 0
    """How often in a row a granule seen to fill a page was found empty when asked for alone."""
    taken: bool = False
    cut_from: Reading | None = None

    def go_on_from(self, cursor: int, landed: Iterable[Key] = ()) -> None:
        """Move the cursor to, or leave it at, an instant below which all is landed."""
        known = self.seen | dict(landed)
        self.cursor = cursor
        self.seen = {number: ticks for number, ticks in known.items() if ticks >= cursor}


class WindowPlan:
    """The books of one run over one entity: which windows are open, who reads what, where to cut.

    A worker takes a reading, asks what `ask` says, hands the answer to `received`, and goes on until
    `is_open` is false; then it takes another, cut from the busiest where none is free.
    """

    def __init__(
        self, windows: Iterable[OpenWindow], *, until: int | None, page_size: int, workers: int
    ) -> None:
        self._until, self._page_size, self._workers = until, page_size, workers
        self._readings = [
            Reading(
                window.cursor,
                window.before if until is not None else None,
                # Where past the cursor they sit it does not say; within a granule of any size they do.
                dict.fromkeys(window.seen, window.cursor + COARSEST),
            )
            for window in windows
        ]
        self._resolution = Resolution()
        self._contradicted = False

    @property
    def until(self) -> int | None:
        """The end of the run, known after `close`."""
        return self._until

    @property
    def finished(self) -> bool:
        """Nothing is left to read."""
        return not self._readings

    @property
    def exact(self) -> bool:
        """Nothing was lost, whatever changed meanwhile; unless the service contradicted itself."""
        return not self._contradicted

    def open_windows(self) -> tuple[OpenWindow, ...]:
        """What is left of the run, for the ledger that goes with everything received so far."""
        end = self._until
        if end is None:
            return ()
        return tuple(
            OpenWindow(reading.cursor, end if reading.before is None else reading.before, tuple(reading.seen))
            for reading in self._readings
        )

    def close(self, until: int) -> None:
        """Fix the end of the run, from the first answer: what it showed at or past it is the next run's.

        Never before the beginning: a slow first answer tells of a moment that may lie before the end of
        the last run, and the watermark would go back.
        """
        self._until = until = max([until, *(reading.cursor for reading in self._readings)])
        for reading in self._readings:
            reading.before = until

    def is_open(self, reading: Reading) -> bool:
        return reading in self._readings

    def release(self, reading: Reading) -> None:
        """Give an unfinished reading back, for another worker to take."""
        reading.taken = False

    def take(self) -> Reading | None:
        """A reading for an idle worker, cut from the busiest one if need be; None when there is none."""
        free = next((reading for reading in self._readings if not reading.taken), None)
        reading = free or self._cut_from_the_busiest()
        if reading is not None:
            reading.taken = True
        return reading

    def ask(self, reading: Reading) -> Ask:
        """What to ask next for this reading."""
        if reading.doubt is not None:
            begin, width = reading.doubt.probes[0]
            return Ask(begin, begin + width)
        if reading.tie is not None:
            tie = reading.tie
            return Ask(tie.begin, tie.end, sort="+Id", page=max(1, tie.page), with_total=tie.page == 0)
        floor, ceil = self._resolution.floor, self._resolution.ceil
        before = None if reading.before is None else ceil(reading.before)
        return Ask(floor(reading.cursor), before, with_total=not reading.counted)

    def received(
        self, reading: Reading, keys: Sequence[Key], *, has_more: bool, total: int | None
    ) -> list[int]:
        """Book an answer; returns the places in it of the records to land.

        Raises:
            SyncError: the answer cannot be one to what was asked, and going on would lose records.
        """
        if reading.doubt is not None:
            self._received_probe(reading, reading.doubt, keys)
            return []
        fresh = self._fresh(reading, keys)
        if reading.tie is not None:
            self._received_tie(reading, reading.tie, keys, len(fresh), total=total)
            return fresh
        self._count(reading, keys, len(fresh), total)
        if has_more:
            self._move(reading, keys)
        else:
            self._readings.remove(reading)
        return fresh

    def _fresh(self, reading: Reading, keys: Sequence[Key]) -> list[int]:
        # A reading may have been cut while its request was under way, and what is asked for is wider than
        # what is its own; what lies past either end is a neighbour's to land.
        before = reading.before
        cursor, seen = reading.cursor, reading.seen
        return [
            place
            for place, (number, ticks) in enumerate(keys)
            if cursor <= ticks and (before is None or ticks < before) and number not in seen
        ]

    def _count(self, reading: Reading, keys: Sequence[Key], fresh: int, total: int | None) -> None:
        known = reading.left
        if total is not None and not reading.counted:
            reading.counted = True
            donor = reading.cut_from
            if donor is not None and donor in self._readings:
                # What was guessed to be here and is not must be where it was cut from.
                donor.left = max(0.0, donor.left + known - total)
            known = float(total)
        reading.left = max(0.0, known - fresh)
        if len(keys) > 1:
            reading.span = max(0, keys[-1].ticks - keys[0].ticks) / (len(keys) - 1)

    def _move(self, reading: Reading, keys: Sequence[Key]) -> None:
        if not keys:
            raise SyncError("the service says there is more and shows nothing; going on could never end")
        instants = [key.ticks for key in keys]
        if not _in_order(instants, self._resolution.granule):
            if not _in_order(instants, COARSEST):
                raise SyncError("the service did not sort by ModifiedOn as it was asked to")
            self._distrust()
        if not self._advance(reading, keys):
            # A full page of the very granule of the cursor: more of it may follow, and the cursor cannot
            # say where. It is read as a window of its own.
            reading.go_on_from(reading.cursor, keys)
            begin = self._resolution.floor(reading.cursor)
            reading.tie = _Tie(begin, begin + self._resolution.granule)
        elif not self._costs_much(reading):
            return
        if probes := self._resolution.probes(instants):
            reading.doubt = _Doubt(keys, probes)

    def _advance(self, reading: Reading, keys: Sequence[Key]) -> bool:
        """Move the cursor to the granule in which a page ends; False when it already stands there."""
        edge = self._resolution.floor(keys[-1].ticks)
        if reading.before is not None and edge >= reading.before:
            self._readings.remove(reading)
        elif edge > reading.cursor:
            reading.go_on_from(edge, keys)
            reading.vain = 0
        else:
            return False
        return True

    def _costs_much(self, reading: Reading) -> bool:
        """Whether much will be read twice if every page to come ends in a granule as crowded as this one."""
        again, pages = len(reading.seen) / self._page_size, reading.left / self._page_size
        return again * pages > _DEAR and self.is_open(reading)

    def _received_probe(self, reading: Reading, doubt: _Doubt, keys: Sequence[Key]) -> None:
        probe, *others = doubt.probes
        if self._resolution.learn(probe, [key.ticks for key in keys]):
            reading.doubt = reading.tie = None
            self._advance(reading, doubt.keys)
            return
        doubt.probes = [probe for probe in others if self._resolution.undecided(probe.width)]
        if not doubt.probes:
            reading.doubt = None

    def _received_tie(
        self, reading: Reading, tie: _Tie, keys: Sequence[Key], fresh: int, *, total: int | None
    ) -> None:
        reading.go_on_from(reading.cursor, keys)
        reading.left = max(0.0, reading.left - fresh)
        counting = tie.page == 0
        if counting:
            if not total:
                self._nothing_in_the_granule(reading)
                return
            tie.page = -(-total // self._page_size)
        else:
            tie.page -= 1
        if tie.page == 0 or (counting and tie.page == 1):
            # Back at the first page, or it was the only one: this granule is read, on to the next.
            reading.go_on_from(tie.end)
            reading.tie, reading.vain = None, 0
            if reading.before is not None and reading.cursor >= reading.before:
                self._readings.remove(reading)

    def _nothing_in_the_granule(self, reading: Reading) -> None:
        """All members may have left since they were seen; time and again, they are being hidden."""
        reading.tie = None
        reading.vain += 1
        if reading.vain <= _PATIENCE:
            return
        if self._resolution.granule == COARSEST:
            raise SyncError(
                "the service shows records of one second and none when asked for that second alone; "
                "it compares instants even more coarsely"
            )
        reading.vain = 0
        self._distrust()

    def _distrust(self) -> None:
        """The service contradicts what it showed of how finely it compares, by which some was read."""
        self._contradicted = True
        self._resolution.distrust()

    def _cut_from_the_busiest(self) -> Reading | None:
        size = self._page_size
        candidates = [
            reading
            for reading in self._readings
            if reading.counted and reading.tie is None and reading.left >= 1.75 * size
        ]
        if not candidates or self._until is None:
            return None
        donor = max(candidates, key=lambda reading: reading.left)
        at = self._cut(donor)
        if at is None or donor.before is None:
            return None
        # The request under way will bring the donor a page more; the rest is shared.
        moved = (donor.left - size) / 2
        # What the donor landed past its cursor may lie past the cut: the granule may have become finer since.
        part = Reading(at, donor.before, dict(donor.seen), left=moved, cut_from=donor)
        donor.before, donor.left = at, donor.left - moved
        self._readings.append(part)
        return part

    def _cut(self, donor: Reading) -> int | None:
        """Where to cut: half of what is left by the density just seen, or half of the time if nearer.

        By the clock alone a burst would stay in one piece; by density alone a quiet stretch would be
        taken for the whole.
        """
        assert donor.before is not None
        begin = donor.cursor
        if donor.span is not None:
            begin += round(donor.span * self._page_size)
        middle = begin + (donor.before - begin) // 2
        if donor.span is not None:
            middle = min(middle, begin + round(donor.span * (donor.left - self._page_size) / 2))
        # On a whole second where there is room, and else between granules: both neighbours would ask for
        # what is cut through, and who takes the run up begins with whole seconds.
        whole = whole_second(middle)
        at = whole if whole > donor.cursor else self._resolution.floor(middle)
        return at if donor.cursor < at < donor.before else None

    def share_out(self) -> None:
        """Cut the first reading into one part a worker, once its answer has told how much there is."""
        if len(self._readings) != 1 or self._until is None:
            return
        (first,) = self._readings
        parts = min(self._workers, int(first.left // self._page_size) + 1)
        if first.before is None or first.tie is not None or parts < 2:
            return
        begin, end, each = first.cursor, first.before, first.left / parts
        cuts = [begin + (end - begin) * part // parts for part in range(1, parts)]
        cuts = [whole_second(cut) for cut in cuts]
        cuts = sorted({cut for cut in cuts if begin < cut < end})
        if not cuts:
            return
        first.before, first.left = cuts[0], first.left - each * len(cuts)
        for at, before in zip(cuts, [*cuts[1:], end], strict=True):
            self._readings.append(Reading(at, before, left=each, cut_from=first))


def _in_order(instants: Sequence[int], granule: int) -> bool:
    return all(earlier // granule <= later // granule for earlier, later in pairwise(instants))
