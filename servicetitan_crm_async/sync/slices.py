"""How a closed list that does not sort is read without losing a record; pure.

Where the service sorts, `windows.py` seeks. Where it does not, a part of the window counts only when its
answer says that there is no more: then it is whole, and of one moment. So each reader sweeps its range
in slices meant to come out two thirds full. How wide that is tell the density of the slice before and,
after one that overflowed, the instants it did show: they are a sample of the range, though perhaps a
one-sided one (the oldest ids first), so how many records stand behind each is learnt anew from every
slice. Halving blindly costs twice the pages there are, this about one and a half times.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key

_FULL = 2 / 3
"""How full a slice is meant to come out."""
_GROWTH = 8
"""By how much a slice may be wider than the one before it: past a quiet stretch a burst may begin."""
_PATIENCE = 5


@dataclass(slots=True, eq=False)
class Sweep:
    """A range on its way: `[cursor, before)` is not read yet. Only its plan changes it."""

    cursor: int
    before: int | None
    end: int | None = None
    """Where the next slice ends; None is at `before`."""
    density: float = 0.0
    """Records a tick, as last seen."""
    sample: list[int] = field(default_factory=list)
    """Instants that an answer too long showed, in order."""
    scale: float = 1.0
    """How many records stand behind each of them."""
    seen: set[int] = field(default_factory=set)
    """The ids landed of one instant that fills more than a page."""
    page: int = 0
    """The page of that instant to ask for next; 0 is none."""
    total: int = 0
    """How many records that instant has."""
    rounds: int = 0
    taken: bool = False

    @property
    def stop(self) -> int | None:
        """Where the slice under way ends."""
        return self.before if self.end is None else self.end


class SlicePlan:
    """The books of one run over one entity; used like `WindowPlan`."""

    def __init__(
        self, windows: Iterable[OpenWindow], *, until: int | None, page_size: int, workers: int
    ) -> None:
        self._until, self._page_size, self._workers = until, page_size, workers
        self._sweeps = [
            Sweep(window.cursor, window.before if until is not None else None, seen=set(window.seen))
            for window in windows
        ]
        self._began = EARLIEST
        self._met_a_tie = False

    @property
    def until(self) -> int | None:
        return self._until

    @property
    def finished(self) -> bool:
        return not self._sweeps

    @property
    def exact(self) -> bool:
        """False once an instant filled more than a page: without an order its pages cannot be pinned down."""
        return not self._met_a_tie

    def open_windows(self) -> tuple[OpenWindow, ...]:
        end = self._until
        if end is None:
            return ()
        return tuple(
            OpenWindow(sweep.cursor, end if sweep.before is None else sweep.before, tuple(sweep.seen))
            for sweep in self._sweeps
        )

    def close(self, until: int) -> None:
        """Fix the end of the run, never before its beginning."""
        self._until = until = max([until, *(sweep.cursor for sweep in self._sweeps)])
        for sweep in self._sweeps:
            sweep.before = until

    def is_open(self, sweep: Sweep) -> bool:
        return sweep in self._sweeps

    def release(self, sweep: Sweep) -> None:
        sweep.taken = False

    def take(self) -> Sweep | None:
        """A range for an idle worker, cut from the one with most to read if need be."""
        free = next((sweep for sweep in self._sweeps if not sweep.taken), None)
        sweep = free or self._cut_from_the_busiest()
        if sweep is not None:
            sweep.taken = True
        return sweep

    def ask(self, sweep: Sweep) -> Ask:
        """What to ask next for this range."""
        return Ask(sweep.cursor, sweep.stop, sort=None, page=max(1, sweep.page), with_total=True)

    def received(self, sweep: Sweep, keys: Sequence[Key], *, has_more: bool, total: int | None) -> list[int]:
        """Book an answer; returns the places in it of the records to land.

        Raises:
            SyncError: the service does not count as it was asked to.
        """
        if has_more and not keys:
            raise SyncError("the service says there is more and shows nothing; going on could never end")
        if has_more and not total:
            raise SyncError("the service did not count the records as it was asked to")
        if sweep.page:
            return self._received_tie(sweep, keys, total or 0)
        before = sweep.stop
        assert before is not None, "the plan is closed before its first answer is booked"
        if has_more:
            self._narrow(sweep, before, keys, total or 0)
            return []
        # Nothing was cut off below `before` meanwhile: only what lies past a slice under way is shared.
        fresh = [
            place
            for place, key in enumerate(keys)
            if sweep.cursor <= key.ticks < before and key.id not in sweep.seen
        ]
        self._advance(sweep, before, len(keys))
        return fresh

    def share_out(self) -> None:
        """Cut the first range into one part a worker, once its answer has told how much there is."""
        if len(self._sweeps) != 1 or self._until is None:
            return
        (first,) = self._sweeps
        begin, end = max(first.cursor, self._began), first.before
        if end is None or first.end is None or first.page:
            return
        parts = min(self._workers, max(1, round(len(first.sample) * first.scale / self._target)))
        cuts = {_whole(begin + (end - begin) * part // parts, begin) for part in range(1, parts)}
        wanted = sorted(cut for cut in cuts if first.end < cut < end)
        for at in reversed(wanted):
            self._sweeps.append(self._part(first, at))

    def _narrow(self, sweep: Sweep, before: int, keys: Sequence[Key], total: int) -> None:
        """The slice overflowed; what it showed says where to cut it."""
        if before - sweep.cursor == 1:
            self._met_a_tie = True
            sweep.total, sweep.page = total, -(-total // self._page_size)
            return
        sweep.sample = sorted(key.ticks for key in keys)
        sweep.scale = total / len(sweep.sample)
        if sweep.cursor == EARLIEST:
            self._began = sweep.sample[0]
        length = max(1, before - max(sweep.cursor, self._began))
        sweep.density = total / length
        self._aim(sweep, int(self._target / sweep.density))
        if sweep.end is None or sweep.end >= before:
            # What it showed is no guide, being one-sided: halve it.
            sweep.end = sweep.cursor + (before - sweep.cursor) // 2

    def _advance(self, sweep: Sweep, before: int, count: int) -> None:
        begin = max(sweep.cursor, self._began)
        shown = bisect_left(sweep.sample, before) - bisect_left(sweep.sample, sweep.cursor)
        if shown:
            sweep.scale = max(count / shown, 1 / shown)
        sweep.cursor, sweep.seen = before, set()
        if sweep.before is not None and sweep.cursor >= sweep.before:
            self._sweeps.remove(sweep)
            return
        length = before - begin
        if length <= 0:
            # The centuries before the first record that was shown.
            self._aim(sweep, self._began + 1 - before)
            return
        sweep.density = count / length
        growth = min(_GROWTH, self._target / count) if count else _GROWTH
        self._aim(sweep, int(length * growth))

    def _aim(self, sweep: Sweep, width: int) -> None:
        """Where the next slice ends: by the sample as far as it goes, else this wide."""
        first = bisect_left(sweep.sample, sweep.cursor)
        last = first + max(1, int(self._target / sweep.scale))
        if last < len(sweep.sample):
            end = sweep.sample[last]
        else:
            sweep.sample = []
            end = max(sweep.cursor, self._began) + max(1, width)
        sweep.end = max(end, sweep.cursor + 1)
        if sweep.before is not None and sweep.end >= sweep.before:
            sweep.end = None

    @property
    def _target(self) -> float:
        return max(1.0, _FULL * self._page_size)

    def _part(self, donor: Sweep, at: int) -> Sweep:
        part = Sweep(at, donor.before, None, donor.density, donor.sample, donor.scale)
        donor.before = at
        self._aim(part, int(self._target / donor.density) if donor.density else 1)
        return part

    def _received_tie(self, sweep: Sweep, keys: Sequence[Key], total: int) -> list[int]:
        """One instant, by page number from its last page back: members can only leave.

        Without an order a page may show what another showed. So it is read again until as many were
        seen as there are.
        """
        fresh = [place for place, key in enumerate(keys) if key.id not in sweep.seen]
        sweep.seen.update(key.id for key in keys)
        sweep.page -= 1
        if sweep.page:
            return fresh
        sweep.rounds += 1
        if len(sweep.seen) < total and sweep.rounds < _PATIENCE:
            sweep.page = -(-total // self._page_size)
            return fresh
        sweep.rounds = 0
        self._advance(sweep, sweep.cursor + 1, len(sweep.seen))
        return fresh

    def _cut_from_the_busiest(self) -> Sweep | None:
        donor = max(self._sweeps, key=self._left, default=None)
        if donor is None or self._left(donor) < self._page_size or donor.page:
            return None
        assert donor.before is not None
        assert donor.end is not None, "what ends at its end has nothing left to share"
        rest = donor.sample[bisect_left(donor.sample, donor.end) :]
        middle = rest[len(rest) // 2] if rest else donor.end + (donor.before - donor.end) // 2
        at = _whole(middle, donor.end)
        if not donor.end < at < donor.before:
            return None
        part = self._part(donor, at)
        self._sweeps.append(part)
        return part

    @staticmethod
    def _left(sweep: Sweep) -> float:
        """How many records lie past the slice under way, as far as is known."""
        if sweep.before is None or sweep.end is None:
            return 0.0
        shown = bisect_left(sweep.sample, sweep.before) - bisect_left(sweep.sample, sweep.end)
        return max(shown * sweep.scale, (sweep.before - sweep.end) * sweep.density)


def _whole(ticks: int, above: int) -> int:
    """The whole second below, where there is one above `above`: the service may compare less finely."""
    second = ticks - ticks % TICKS_PER_SECOND
    return second if second > above else ticks
