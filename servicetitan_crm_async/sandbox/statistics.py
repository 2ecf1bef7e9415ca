"""What a sandbox saw: counters in the instance, and a snapshot of them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

from .gate import SlidingWindow
from .instants import TICKS_PER_SECOND


class Visit(NamedTuple):
    """One request in the journal."""

    now: int
    method: str
    path: str
    query: Mapping[str, str]
    status: int
    body: bytes = b""
    """As it was sent."""


class Statistics(NamedTuple):
    """A snapshot.

    Attributes:
        requests: to the API, whatever became of them; token requests not among them.
        routes: those that reached an operation, by `"GET /customers/{id}"`.
        statuses: of all answers; a reset connection counts as 0.
        rate_limited: API requests answered with 429.
        token_requests: all of them, throttled and refused ones too.
        busiest_second: most requests that arrived within one second for one (app key, tenant), turned
            away ones too.
        bytes_sent: of bodies, before any compression.
        faults: requests that met a fault of the script.
    """

    requests: int
    routes: Mapping[str, int]
    statuses: Mapping[int, int]
    rate_limited: int
    token_requests: int
    busiest_second: int
    bytes_sent: int
    faults: int


class Register:
    """Where a sandbox counts."""

    def __init__(self) -> None:
        self.routes: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.requests = 0
        self.rate_limited = 0
        self.token_requests = 0
        self.busiest_second = 0
        self.bytes_sent = 0
        self.faults = 0
        self.journal: deque[Visit] = deque(maxlen=10_000)
        self._seconds: dict[tuple[str, int], SlidingWindow] = {}

    def arrival(self, app_key: str, tenant_id: int, now: int) -> None:
        """An API request came in."""
        self.requests += 1
        second = self._seconds.setdefault((app_key, tenant_id), SlidingWindow(TICKS_PER_SECOND))
        second.add(now)
        self.busiest_second = max(self.busiest_second, second.count(now))

    def snapshot(self) -> Statistics:
        """The counts as they stand."""
        return Statistics(
            requests=self.requests,
            routes=dict(self.routes),
            statuses=dict(self.statuses),
            rate_limited=self.rate_limited,
            token_requests=self.token_requests,
            busiest_second=self.busiest_second,
            bytes_sent=self.bytes_sent,
            faults=self.faults,
        )
