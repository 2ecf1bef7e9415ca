"""How finely the service compares instants, which may be more coarsely than it prints them; pure.

A service that prints 100 ns may still cut instants to a microsecond, a millisecond or a second before it
compares them: those of the records, the bounds, or both; and it may sort by what is left. On bounds that
are multiples of that unit all these ways agree. So the plans ask for multiples of a granule. It begins as
the whole second, and becomes finer only where a second holds so much that it matters, and only once the
service has shown that it compares as finely.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND

COARSEST = TICKS_PER_SECOND
"""Where every service begins: none is known to compare by more than whole seconds."""
_WIDTHS = (1, 10, 10_000)
"""In ticks: 100 ns, a microsecond, a millisecond."""


class Probe(NamedTuple):
    """A window `[begin, begin + width)` that shows a record only if the service compares that finely.

    Neither end is a multiple of a coarser unit, nor of the half of one. So for a service that cuts or
    rounds bounds to a coarser unit this window is empty, and of one that cuts the instants of records
    none comes to lie within.
    """

    begin: int
    width: int


class Resolution:
    """What is known of how finely the service compares, and the granule that this allows."""

    def __init__(self) -> None:
        self.granule = COARSEST
        self._refuted: set[int] = set()

    def floor(self, ticks: int) -> int:
        return ticks - ticks % self.granule

    def ceil(self, ticks: int) -> int:
        return ticks + -ticks % self.granule

    def probes(self, instants: Sequence[int]) -> list[Probe]:
        """What to ask, finest first, to learn of a finer granule; nothing where nothing is to be learnt.

        Args:
            instants: those that a page shows, in its order. Where they are out of order at some width,
                the service does not sort that finely.
        """
        found: list[Probe] = []
        for width in _WIDTHS:
            if not self.undecided(width) or any(a // width > b // width for a, b in pairwise(instants)):
                continue
            begins = (ticks - ticks % width for ticks in instants if ticks // width % 5 in (1, 2, 3))
            begin = next(begins, None)
            if begin is not None:
                found.append(Probe(begin, width))
        return found

    def undecided(self, width: int) -> bool:
        """Whether it would be news that the service compares as finely as this."""
        return width < self.granule and width not in self._refuted

    def learn(self, probe: Probe, shown: Iterable[int]) -> bool:
        """Whether the instants shown for a probe say that the service compares as finely.

        Showing none may also mean that what was there has been modified since. The granule then stays
        coarser than it need be, which costs requests and loses nothing.
        """
        if any(probe.begin <= ticks < probe.begin + probe.width for ticks in shown):
            self.granule = min(self.granule, probe.width)
            return True
        self._refuted.add(probe.width)
        return False

    def distrust(self) -> None:
        """Back to whole seconds for good: the service contradicted what it had shown."""
        self.granule = COARSEST
        self._refuted.update(_WIDTHS)
