"""What a list request selects: counted and cut without a look at every record where the order allows it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from random import Random
from typing import NamedTuple, Protocol

from .filters import Test
from .ordering import SortedKeys
from .queries import Window
from .records import Record
from .tables import ID_BITS, OrderBy, Scope, Table


class Wanted(NamedTuple):
    """A list request, understood."""

    order: OrderBy = OrderBy.ID
    descending: bool = False
    scope: Scope = Scope.LISTED
    modified: Window = Window()
    created: Window = Window()
    ids: tuple[int, ...] | None = None
    among: Sequence[Record] | None = None
    tests: Sequence[Test] = ()


class Selection(Protocol):
    """Keys in the order asked for."""

    def __len__(self) -> int: ...

    def cut(self, start: int, stop: int) -> list[int]:
        """The keys at these positions; a position past the end is no error."""
        ...


class _Listed:
    def __init__(self, keys: list[int]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def cut(self, start: int, stop: int) -> list[int]:
        return self._keys[start:stop]


class _Stretch:
    """A stretch of a table's order."""

    def __init__(self, keys: SortedKeys, first: int, behind: int, *, descending: bool) -> None:
        self._keys = keys
        self._first = first
        self._behind = max(first, behind)
        self._descending = descending

    def __len__(self) -> int:
        return self._behind - self._first

    def cut(self, start: int, stop: int) -> list[int]:
        start, stop = min(start, len(self)), min(stop, len(self))
        if not self._descending:
            return self._keys.cut(self._first + start, self._first + stop)
        return self._keys.cut(self._behind - stop, self._behind - start)[::-1]


def select(table: Table, wanted: Wanted) -> Selection:
    """The records a request asks for.

    Where the order itself answers the request (no filter but a window on the field it is sorted by),
    nothing is copied or counted. Otherwise the shortest order that covers the windows is gone through.
    """
    if wanted.ids is None and wanted.among is None and not wanted.tests:
        own, other = wanted.modified, wanted.created
        if wanted.order is OrderBy.CREATED:
            own, other = other, own
        if other.everything and (own.everything or wanted.order is not OrderBy.ID):
            return _stretch(table, wanted.order, wanted.scope, own, descending=wanted.descending)
    chosen = [record for record in _candidates(table, wanted) if _passes(record, wanted)]
    return _Listed(sorted(map(wanted.order.key_of, chosen), reverse=wanted.descending))


def shuffle_ties(selection: Selection, start: int, stop: int, chance: Random, *, unit: int = 1) -> list[int]:
    """Cut a part, the order among values that are equal by the unit being drawn anew for each answer.

    SQL promises no order among rows that compare equal. Groups that reach over the edges are drawn
    whole, so a record of one may be on two pages or on none.
    """
    stop = min(stop, len(selection))
    if start >= stop:
        return []

    def value_at(place: int) -> int:
        return (selection.cut(place, place + 1)[0] >> ID_BITS) // unit

    first, last = value_at(start), value_at(stop - 1)
    sign = -1 if value_at(0) > value_at(len(selection) - 1) else 1
    low = bisect_left(range(start), sign * first, key=lambda place: sign * value_at(place))
    high = bisect_right(
        range(len(selection)), sign * last, lo=stop - 1, key=lambda place: sign * value_at(place)
    )
    keys = selection.cut(low, high)
    keys.sort(key=lambda key: (sign * ((key >> ID_BITS) // unit), chance.random()))
    return keys[start - low : stop - low]


def _stretch(
    table: Table, order: OrderBy, scope: Scope, window: Window, *, descending: bool = False
) -> _Stretch:
    keys = table.order(order, scope)
    first = 0 if window.low is None else keys.rank(window.low << ID_BITS)
    behind = len(keys) if window.high is None else keys.rank(window.high << ID_BITS)
    return _Stretch(keys, first, behind, descending=descending)


def _candidates(table: Table, wanted: Wanted) -> Sequence[Record]:
    if wanted.ids is not None:
        return [record for each in dict.fromkeys(wanted.ids) if (record := table.get(each)) is not None]
    if wanted.among is not None:
        return wanted.among
    stretches = [
        _stretch(table, order, wanted.scope, window)
        for order, window in ((OrderBy.MODIFIED, wanted.modified), (OrderBy.CREATED, wanted.created))
        if not window.everything
    ] or [_stretch(table, OrderBy.ID, wanted.scope, Window())]
    shortest = min(stretches, key=len)
    return table.records(shortest.cut(0, len(shortest)))


def _passes(record: Record, wanted: Wanted) -> bool:
    return (
        wanted.scope.holds(record)
        and wanted.modified.holds(record.modified)
        and wanted.created.holds(record.created)
        and all(test(record) for test in wanted.tests)
    )
