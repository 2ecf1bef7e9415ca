"""How fast a sync goes, from what it tells while it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from servicetitan_crm_async import Statistics
from servicetitan_crm_async.sync import ENTITIES, Progress

_WINDOW = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One entity as it is shown."""

    progress: Progress
    seconds: float
    """From its beginning to its end, or until now."""

    @property
    def records_per_second(self) -> float:
        return self.progress.records / self.seconds if self.seconds > 0 else 0.0


class Pace:
    """The latest progress of each entity, and the requests a second of the whole.

    Args:
        budget: requests a second this process may send.
        statistics: those of the client.
    """

    def __init__(
        self,
        budget: float,
        statistics: Callable[[], Statistics],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.budget = budget
        self._statistics, self._clock = statistics, clock
        self._began_at = clock()
        self._rows: dict[str, Row] = {}
        self._sent: deque[tuple[float, int]] = deque([(self._began_at, statistics().requests)])

    def heard(self, progress: Progress) -> None:
        """Take in what an entity tells."""
        self._rows[progress.entity] = Row(progress, self.seconds)

    def rows(self) -> Iterator[Row]:
        """Every entity that has told something, in the order of reports."""
        for name in ENTITIES:
            if name in self._rows:
                yield self.row(name)

    def row(self, entity: str) -> Row:
        """One that has told something."""
        row = self._rows[entity]
        return row if row.progress.done else Row(row.progress, self.seconds)

    @property
    def seconds(self) -> float:
        """Since the sync began."""
        return self._clock() - self._began_at

    @property
    def retries(self) -> int:
        """Requests sent again, also those whose page has not come yet."""
        return self._statistics().retries

    def requests_per_second(self) -> float:
        """Over the last five seconds."""
        now = self._clock()
        self._sent.append((now, self._statistics().requests))
        while len(self._sent) > 2 and self._sent[1][0] <= now - _WINDOW:
            self._sent.popleft()
        (since, before), (until, after) = self._sent[0], self._sent[-1]
        return (after - before) / (until - since) if until > since else 0.0
