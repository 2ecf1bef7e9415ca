"""What a destination of the sync must do."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from servicetitan_crm_async.sync.ledger import Ledger


class Record(NamedTuple):
    """One record on its way: the keys the sync needs, and the record's JSON as sent."""

    id: int
    modified_on: str | None
    """The service's own text; None where the contract's record has no such field."""
    ticks: int
    """`modified_on` in ticks of 100 ns since 1970, which is what orders versions; 0 without one."""
    active: bool | None
    raw: bytes


class Batch(NamedTuple):
    """Records of one entity and the ledger that is true once they have landed."""

    tenant: int
    entity: str
    records: Sequence[Record]
    ledger: Ledger


class Destination(Protocol):
    """Where records land. One task at a time calls `commit`; the engine sees to that.

    Rows are keyed by (tenant, id). A newer `modified_on` replaces an older one, an equal one replaces
    too (what was read later is at least as fresh), an older one never does.
    """

    @property
    def location(self) -> str:
        """Where the data is, to show to a person."""
        ...

    def look(self, tenant: int) -> str:
        """One shell command that looks at what landed."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        """The ledger last committed, or None where this entity never was synced."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Land the records and the ledger together, or neither.

        Repeating a batch changes nothing. A cancelled or failed commit leaves the batch wholly in or
        wholly out.
        """
        ...

    async def count(self, tenant: int, entity: str) -> int:
        """How many records of this entity are held."""
        ...
