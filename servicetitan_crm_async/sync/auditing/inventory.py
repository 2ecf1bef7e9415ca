"""What a mirror holds, in the order of change, and what the service has shown of it; pure.

Some 50 bytes a record, whatever the records hold.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, whole_second
from servicetitan_crm_async.sync.destinations.protocol import Record, Versions

_EXPECTED, _SHOWN, _MOVED, _APART = range(4)
"""Of a record held: the service should list it where it is held; it did; it lists it past the watermark;
it does not list it where it is held, and that is no news."""


class Finding(Enum):
    """What a record that the service shows says of the one held."""

    SAME = "same"
    MOVED = "moved"
    MISSING = "missing"
    STALE = "stale"


class Span(NamedTuple):
    """A window of instants `[begin, end)` in ticks, and the places `[first, last)` of what is held in it."""

    begin: int
    end: int
    first: int
    last: int

    @property
    def held(self) -> int:
        return self.last - self.first


class Inventory:
    """The versions that a mirror holds of one entity, and for each what is known of the service's.

    Windows begin and end on whole seconds, as the service may compare instants less finely than it
    prints them.
    """

    def __init__(self, versions: Versions, watermark: int, *, says_active: bool) -> None:
        """Put the versions in order, which takes a second for a million.

        Args:
            watermark: below which the mirror is right, in ticks.
            says_active: whether lists say of a record that it is inactive. Where they do not, what is held
                as inactive was deleted, and no list shows it.
        """
        ids, ticks = versions.ids, versions.ticks
        order = sorted(range(len(ids)), key=ticks.__getitem__)
        self._ids = array("q", map(ids.__getitem__, order))
        self._ticks = array("q", map(ticks.__getitem__, order))
        self._places = array("q", sorted(range(len(ids)), key=self._ids.__getitem__))
        self._by_id = array("q", map(self._ids.__getitem__, self._places))
        self._states = bytearray(len(ids))
        self._new: set[int] = set()
        self.inactive, self._says_active = versions.inactive, says_active
        self.watermark = watermark
        if not says_active:
            for number in versions.inactive:
                self.set_apart(number)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def moved(self) -> int:
        """How many records the service showed at or past the watermark."""
        return self._states.count(_MOVED) + len(self._new)

    def span(self, begin: int, end: int) -> Span:
        """The window and what is held in it."""
        return Span(begin, end, bisect_left(self._ticks, begin), bisect_left(self._ticks, end))

    def expected(self, span: Span) -> int:
        """How many records the service should list in this window, by what is known of it so far."""
        first, last = span.first, span.last
        return self._states.count(_EXPECTED, first, last) + self._states.count(_SHOWN, first, last)

    def shown(self, span: Span) -> int:
        """How many records held in this window the service has shown there, and not past the watermark."""
        return self._states.count(_SHOWN, span.first, span.last)

    def has_moved(self, id: int) -> bool:
        """Whether the service showed this record at or past the watermark."""
        place = self._place(id)
        return id in self._new if place is None else self._states[place] == _MOVED

    def parts(self, span: Span, count: int) -> list[Span]:
        """The window in up to so many parts that hold about as much each."""
        places = (span.first + span.held * part // count for part in range(1, count))
        cuts = sorted({at for place in places if (at := self._whole_second(place, span)) is not None})
        edges = [span.begin, *cuts, span.end]
        return [self.span(begin, end) for begin, end in pairwise(edges)]

    def _whole_second(self, place: int, span: Span) -> int | None:
        """Where to cut near the record of this place; None where the window is too narrow."""
        ticks = self._ticks[place]
        at = whole_second(ticks)
        if at <= span.begin:
            at += TICKS_PER_SECOND
        return at if span.begin < at < span.end else None

    def book(self, record: Record) -> Finding:
        """Take note of a record that the service shows.

        What was once seen past the watermark stays there, whatever an answer of longer ago says.
        """
        place = self._place(record.id)
        if record.ticks >= self.watermark or self.has_moved(record.id):
            if place is None:
                self._new.add(record.id)
            else:
                self._states[place] = _MOVED
            return Finding.MOVED
        if place is None:
            return Finding.MISSING
        same = self._ticks[place] == record.ticks and self._as_active(record)
        self._states[place] = _SHOWN if same else _APART
        return Finding.SAME if same else Finding.STALE

    def _as_active(self, record: Record) -> bool:
        if record.active is None and self._says_active:
            return True  # what it says is too odd to be compared
        return (record.active is False) == (record.id in self.inactive)

    def excuse(self, id: int) -> None:
        """The service shows this record, in a state that cannot be compared."""
        place = self._place(id)
        if place is not None and self._states[place] == _EXPECTED:
            self._states[place] = _SHOWN

    def set_apart(self, id: int) -> None:
        """The service does not list this record where it is held."""
        place = self._place(id)
        if place is not None:
            self._states[place] = _APART

    def unexplained(self, spans: Iterable[Span]) -> Iterator[int]:
        """The ids held in windows read to their ends, or past the watermark, that were not shown."""
        past = bisect_left(self._ticks, self.watermark)
        for first, last in (*((span.first, span.last) for span in spans), (past, len(self._ids))):
            place = self._states.find(_EXPECTED, first, last)
            while place >= 0:
                yield self._ids[place]
                place = self._states.find(_EXPECTED, place + 1, last)

    def _place(self, id: int) -> int | None:
        at = bisect_left(self._by_id, id)
        return self._places[at] if at < len(self._by_id) and self._by_id[at] == id else None
