"""How a closed window of changes is read by seeking, in parallel, without losing a record; pure.

Theory. A record's `modifiedOn` only grows. A window `[a, b)` whose end lies safely in the past can
therefore only lose members: whoever is modified now moves past `b`, where the next run finds it.
Page numbers over such a list lose records, because a member that leaves page 1 pulls every later
record one place forward, past the reader. So no position is ever used: the reader asks for page 1 of
`[cursor, b)` in the order of `ModifiedOn`, moves the cursor to the last instant it saw, and asks again.
"""

# Invariants, quoted by number in tests/sync/test_windows.py.
# 1. Whatever was in `[since, until)` at a reading's request and still is at the end has been handed to
#    `received` of some reading whose range held it.
# 2. The cursor's instant is closed: records that sit on it and were landed are known by id, and are
#    not landed again; nothing is skipped by time.
# 3. Nothing rests on the order of equal instants, which may differ from answer to answer.
# 4. Readings never overlap, so no record is landed twice in a run.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow

EARLIEST = -621_355_968_000_000_000
"""Ticks of the first instant of year 1, before anything the service can hold."""

_PATIENCE = 5


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
    """One instant that fills more than a page, read by number from its last page back to its first.

    Members can only leave it, so what is still unread never loses a record to what was read; repeats
    are possible and are known by id. Page 1 is asked for first only to learn the count, and so again
    at the end.
    """

    page: int = 0
    """The page to ask for next; 0 asks for the count."""


@dataclass(slots=True, eq=False)
class Reading:
    """A window on its way: the part `[cursor, before)` is not read yet. Only its plan changes it."""

    cursor: int
    before: int | None
    seen: set[int] = field(default_factory=set)
    left: float = 0.0
    """How many records it still holds, as far as is known."""
    counted: bool = False
    """Whether `left` rests on the service's count rather than on a guess."""
    span: float | None = None
    """Ticks from one record to the next on the last page: how dense it is just here."""
    tie: _Tie | None = None
    vain: int = 0
    """How often in a row an instant seen to fill a page was found empty when asked for alone."""
    taken: bool = False
    cut_from: Reading | None = None


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
            Reading(window.cursor, window.before if until is not None else None, set(window.seen))
            for window in windows
        ]

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
        """Nothing was lost, whatever changed meanwhile."""
        return True

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
        if reading.tie is None:
            return Ask(reading.cursor, reading.before, with_total=not reading.counted)
        instant = reading.cursor
        if reading.tie.page == 0:
            return Ask(instant, instant + 1, sort="+Id", with_total=True)
        return Ask(instant, instant + 1, sort="+Id", page=reading.tie.page)

    def received(
        self, reading: Reading, keys: Sequence[Key], *, has_more: bool, total: int | None
    ) -> list[int]:
        """Book an answer; returns the places in it of the records to land.

        Raises:
            SyncError: the answer cannot be one to what was asked, and going on would lose records.
        """
        if reading.tie is not None:
            return self._received_tie(reading, reading.tie, keys, total=total)
        fresh = self._fresh(reading, keys)
        self._count(reading, keys, len(fresh), total)
        if not has_more or (keys and reading.before is not None and keys[-1].ticks >= reading.before):
            self._readings.remove(reading)
            return fresh
        self._move(reading, keys)
        return fresh

    def _fresh(self, reading: Reading, keys: Sequence[Key]) -> list[int]:
        # A reading may have been cut while its request was under way; what lies past the cut is its
        # neighbour's to land.
        before = reading.before
        cursor, seen = reading.cursor, reading.seen
        return [
            place
            for place, (number, ticks) in enumerate(keys)
            if (before is None or ticks < before)
            and (ticks > cursor or (ticks == cursor and number not in seen))
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
            reading.span = (keys[-1].ticks - keys[0].ticks) / (len(keys) - 1)

    def _move(self, reading: Reading, keys: Sequence[Key]) -> None:
        if not keys:
            raise SyncError("the service says there is more and shows nothing; going on could never end")
        last = keys[-1].ticks
        if any(earlier.ticks > later.ticks for earlier, later in pairwise(keys)):
            raise SyncError("the service did not sort by ModifiedOn as it was asked to")
        if last > reading.cursor:
            reading.cursor, reading.seen = last, {key.id for key in keys if key.ticks == last}
            reading.vain = 0
        else:
            # A full page on the very instant of the cursor: more of it may follow, and the cursor
            # cannot say where. It is read as a window of its own.
            reading.seen.update(key.id for key in keys)
            reading.tie = _Tie()

    def _received_tie(
        self, reading: Reading, tie: _Tie, keys: Sequence[Key], *, total: int | None
    ) -> list[int]:
        fresh = [place for place, key in enumerate(keys) if key.id not in reading.seen]
        reading.seen.update(key.id for key in keys)
        reading.left = max(0.0, reading.left - len(fresh))
        counting = tie.page == 0
        if counting:
            if not total:
                return self._nothing_at_the_instant(reading)
            tie.page = -(-total // self._page_size)
        else:
            tie.page -= 1
        if tie.page == 0 or (counting and tie.page == 1):
            # Back at the first page, or it was the only one: the instant is read, on to the next tick.
            reading.cursor, reading.seen, reading.tie = reading.cursor + 1, set(), None
            if reading.before is not None and reading.cursor >= reading.before:
                self._readings.remove(reading)
        return fresh

    def _nothing_at_the_instant(self, reading: Reading) -> list[int]:
        """All members may have left since they were seen; time and again, they are being hidden."""
        reading.tie = None
        reading.vain += 1
        if reading.vain > _PATIENCE:
            raise SyncError(
                "the service shows records of one instant and none when asked for that instant alone; "
                "it compares instants more coarsely than it prints them"
            )
        return []

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
        part = Reading(at, donor.before, left=moved, cut_from=donor)
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
        # On a whole second where there is room: the service may compare less finely than it prints.
        whole = middle - middle % TICKS_PER_SECOND
        at = whole if whole > donor.cursor else middle
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
        cuts = [cut - cut % TICKS_PER_SECOND for cut in cuts]
        cuts = sorted({cut for cut in cuts if begin < cut < end})
        if not cuts:
            return
        first.before, first.left = cuts[0], first.left - each * len(cuts)
        for at, before in zip(cuts, [*cuts[1:], end], strict=True):
            self._readings.append(Reading(at, before, left=each, cut_from=first))
