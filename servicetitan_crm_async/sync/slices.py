"""How a closed list that does not sort is read without losing a record; pure.

Where the service sorts, `windows.py` seeks. Where it does not, a part of the window counts only when its
answer says that there is no more: then it is whole, and of one moment. So each reader sweeps its range
in slices meant to come out two thirds full. How wide that is tell the density of the slice before and,
after one that overflowed, the instants it did show: they are a sample of the range, though perhaps a
one-sided one (the oldest ids first), so how many records stand behind each is learnt anew from every
slice. It also counts what it holds, and what is left of that once a page would take it is asked for at
once. Halving blindly costs twice the pages there are, this about one and a half times.

As with windows, what is a range's own is told by the instants that records print, and what is asked for
reaches out to whole granules (`resolution.py`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.resolution import COARSEST, Probe, Resolution
from servicetitan_crm_async.sync.windows import EARLIEST, Ask, Key

_FULL = 2 / 3
"""How full a slice is meant to come out."""
_GROWTH = 8
"""By how much a slice may be wider than the one before it: past a quiet stretch a burst may begin."""
_CROWDED = 1 / 6
"""From what part of a page in one granule on slices cannot be cut well, so that a finer one is asked for."""
_PATIENCE = 5


@dataclass(slots=True)
class _Tie:
    """One granule that fills more than a page."""

    begin: int
    end: int
    page: int
    """The one to ask for next."""
    rounds: int = 0
    shown: set[int] = field(default_factory=set)
    """The ids seen on its pages so far."""


@dataclass(slots=True)
class _Doubt:
    """What a slice with crowded granules showed, kept until the service has told how finely it compares."""

    keys: Sequence[Key]
    total: int
    probes: list[Probe]


class _Overflow(NamedTuple):
    """A slice that showed a part of what it holds, and is being read in narrower ones."""

    end: int
    left: int
    """At most so many are not read yet: members can only leave."""
    beyond: float
    """The density before it, which is all that is known of what lies past its end."""


@dataclass(slots=True, eq=False)
class Sweep:
    """A range on its way: `[cursor, before)` is not read yet. Only its plan changes it."""

    cursor: int
    before: int | None
    end: int | None = None
    """Where the next slice ends; None is at `before`."""
    density: float = 0.0
    """Records a tick, as last seen."""
    overflows: list[_Overflow] = field(default_factory=list)
    """Those that the cursor is in, the innermost last."""
    sample: list[int] = field(default_factory=list)
    """Instants that an answer too long showed, in order."""
    scale: float = 1.0
    """How many records stand behind each of them."""
    seen: dict[int, int] = field(default_factory=dict)
    """What was landed past the cursor, of a granule that fills more than a page: ids and their instants."""
    tie: _Tie | None = None
    doubt: _Doubt | None = None
    taken: bool = False

    def leave_overflows(self, at: int) -> bool:
        """Whether slices that overflowed end here; the density before them is the one that is known then."""
        left = False
        while self.overflows and self.overflows[-1].end <= at:
            self.density, left = self.overflows.pop().beyond, True
        return left

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
            Sweep(
                window.cursor,
                window.before if until is not None else None,
                # Where past the cursor they sit it does not say; within a granule of any size they do.
                seen=dict.fromkeys(window.seen, window.cursor + COARSEST),
            )
            for window in windows
        ]
        self._resolution = Resolution()
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
        """False once a granule filled more than a page: without an order its pages cannot be pinned down."""
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
        if sweep.doubt is not None:
            begin, width = sweep.doubt.probes[0]
            return Ask(begin, begin + width, sort=None)
        if sweep.tie is not None:
            return Ask(sweep.tie.begin, sweep.tie.end, sort=None, page=sweep.tie.page, with_total=True)
        floor, ceil = self._resolution.floor, self._resolution.ceil
        stop = None if sweep.stop is None else ceil(sweep.stop)
        return Ask(floor(sweep.cursor), stop, sort=None, with_total=True)

    def received(self, sweep: Sweep, keys: Sequence[Key], *, has_more: bool, total: int | None) -> list[int]:
        """Book an answer; returns the places in it of the records to land.

        Raises:
            SyncError: the service does not count as it was asked to.
        """
        if sweep.doubt is not None:
            self._received_probe(sweep, sweep.doubt, keys)
            return []
        if has_more and not keys:
            raise SyncError("the service says there is more and shows nothing; going on could never end")
        if has_more and not total:
            raise SyncError("the service did not count the records as it was asked to")
        if has_more and sweep.tie is None:
            self._narrow(sweep, keys, total or 0)
            return []
        before = sweep.stop
        assert before is not None, "the plan is closed before its first answer is booked"
        # Nothing was cut off below `before` meanwhile: only what lies past a slice under way is shared.
        fresh = [
            place
            for place, (number, ticks) in enumerate(keys)
            if sweep.cursor <= ticks < before and number not in sweep.seen
        ]
        if sweep.tie is None:
            self._advance(sweep, before, len(keys))
        else:
            self._received_tie(sweep, sweep.tie, keys, total or 0)
        return fresh

    def share_out(self) -> None:
        """Cut the first range into one part a worker, once its answer has told how much there is."""
        if len(self._sweeps) != 1 or self._until is None:
            return
        (first,) = self._sweeps
        begin, end = max(first.cursor, self._began), first.before
        if end is None or first.end is None or first.tie is not None:
            return
        parts = min(self._workers, max(1, round(len(first.sample) * first.scale / self._target)))
        cuts = {self._cut(begin + (end - begin) * part // parts, begin) for part in range(1, parts)}
        wanted = sorted(cut for cut in cuts if first.end < cut < end)
        for at in reversed(wanted):
            self._sweeps.append(self._part(first, at))

    def _narrow(self, sweep: Sweep, keys: Sequence[Key], total: int) -> None:
        """The slice overflowed; what it showed says where to cut it."""
        before = sweep.stop
        assert before is not None, "the plan is closed before its first answer is booked"
        instants = sorted(key.ticks for key in keys)
        if sweep.cursor == EARLIEST:
            self._began = instants[0]
        density = total / max(1, before - max(sweep.cursor, self._began))
        granule, begin = self._resolution.granule, self._resolution.floor(sweep.cursor)
        if density * granule > _CROWDED * self._page_size and (probes := self._resolution.probes(instants)):
            sweep.doubt = _Doubt(keys, total, probes)
            return
        if before - begin <= granule:
            self._met_a_tie = True
            sweep.tie = _Tie(begin, begin + granule, page=-(-total // self._page_size))
            return
        sweep.sample = instants
        sweep.scale = total / len(instants)
        sweep.leave_overflows(before)
        sweep.overflows.append(_Overflow(before, total, sweep.density))
        sweep.density = density
        self._aim(sweep, int(self._target / sweep.density))
        if sweep.end is None or sweep.end >= before:
            # What it showed is no guide, being one-sided: halve it.
            half = self._resolution.floor(sweep.cursor + (before - sweep.cursor) // 2)
            sweep.end = max(half, begin + granule)

    def _received_probe(self, sweep: Sweep, doubt: _Doubt, keys: Sequence[Key]) -> None:
        probe, *others = doubt.probes
        self._resolution.learn(probe, [key.ticks for key in keys])
        doubt.probes = [probe for probe in others if self._resolution.undecided(probe.width)]
        if not doubt.probes:
            sweep.doubt = None
            self._narrow(sweep, doubt.keys, doubt.total)

    def _advance(self, sweep: Sweep, before: int, count: int) -> None:
        begin = max(sweep.cursor, self._began)
        shown = bisect_left(sweep.sample, before) - bisect_left(sweep.sample, sweep.cursor)
        if shown:
            sweep.scale = max(count / shown, 1 / shown)
        sweep.cursor = before
        sweep.overflows = [each._replace(left=each.left - count) for each in sweep.overflows]
        sweep.seen = {number: ticks for number, ticks in sweep.seen.items() if ticks >= before}
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
        width = length * growth
        if sweep.leave_overflows(before) and sweep.density:
            width = self._target / sweep.density
        self._aim(sweep, int(width))

    def _aim(self, sweep: Sweep, width: int) -> None:
        """Where the next slice ends: by the sample as far as it goes, else this wide."""
        first = bisect_left(sweep.sample, sweep.cursor)
        last = first + max(1, int(self._target / sweep.scale))
        if last < len(sweep.sample):
            end = sweep.sample[last]
        else:
            sweep.sample = []
            end = max(sweep.cursor, self._began) + max(1, width)
        for overflow in sweep.overflows:
            if overflow.left <= self._page_size:
                end = max(end, overflow.end)
                break
        floor, granule = self._resolution.floor, self._resolution.granule
        sweep.end = max(floor(end), floor(sweep.cursor) + granule)
        if sweep.before is not None and sweep.end >= sweep.before:
            sweep.end = None

    @property
    def _target(self) -> float:
        return max(1.0, _FULL * self._page_size)

    def _part(self, donor: Sweep, at: int) -> Sweep:
        part = Sweep(at, donor.before, density=donor.density, sample=donor.sample, scale=donor.scale)
        part.overflows, part.seen = list(donor.overflows), dict(donor.seen)
        part.leave_overflows(at)
        donor.before = at
        self._aim(part, int(self._target / part.density) if part.density else 1)
        return part

    def _received_tie(self, sweep: Sweep, tie: _Tie, keys: Sequence[Key], total: int) -> None:
        """One granule, by page number from its last page back: members can only leave.

        Without an order a page may show what another showed. So it is read again until as many were
        seen as there are.
        """
        sweep.seen.update(keys)
        tie.shown.update(key.id for key in keys)
        tie.page -= 1
        if tie.page:
            return
        tie.rounds += 1
        if len(tie.shown) < total and tie.rounds < _PATIENCE:
            tie.page = -(-total // self._page_size)
            return
        sweep.tie = None
        self._advance(sweep, tie.end, len(tie.shown))

    def _cut_from_the_busiest(self) -> Sweep | None:
        donor = max(self._sweeps, key=self._left, default=None)
        if donor is None or self._left(donor) < self._page_size or donor.tie is not None:
            return None
        assert donor.before is not None
        assert donor.end is not None, "what ends at its end has nothing left to share"
        rest = donor.sample[bisect_left(donor.sample, donor.end) :]
        middle = rest[len(rest) // 2] if rest else donor.end + (donor.before - donor.end) // 2
        at = self._cut(middle, donor.end)
        if not donor.end < at < donor.before:
            return None
        part = self._part(donor, at)
        self._sweeps.append(part)
        return part

    def _cut(self, ticks: int, above: int) -> int:
        """Where to cut: at the whole second below where one lies above `above`, else between granules.

        Both neighbours would ask for what is cut through, and who takes the run up begins with whole seconds.
        """
        second = ticks - ticks % COARSEST
        return second if second > above else self._resolution.floor(ticks)

    @staticmethod
    def _left(sweep: Sweep) -> float:
        """How many records lie past the slice under way, as far as is known."""
        if sweep.before is None or sweep.end is None:
            return 0.0
        shown = bisect_left(sweep.sample, sweep.before) - bisect_left(sweep.sample, sweep.end)
        begin, density, left = sweep.end, sweep.density, 0.0
        for overflow in reversed(sweep.overflows):
            end = min(max(begin, overflow.end), sweep.before)
            left = min(left + (end - begin) * density, overflow.left)
            begin, density = end, overflow.beyond
        return max(shown * sweep.scale, left + (sweep.before - begin) * density)
