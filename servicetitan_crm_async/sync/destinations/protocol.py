"""What a destination of the sync must do."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self, runtime_checkable

import msgspec

from servicetitan_crm_async.sync.lease import Lease
from servicetitan_crm_async.sync.ledger import Ledger


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record on its way: the keys the sync needs, and the record's JSON as sent."""

    id: int
    modified_on: str | None
    """The service's own text; None where the contract's record has no such field."""
    ticks: int
    """`modified_on` in ticks of 100 ns since 1970, which is what orders versions; 0 without one."""
    active: bool | None
    """False of what was merged, deactivated or, as the feeds tell, deleted; None where it does not say."""
    raw: bytes


class OddRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that no row can be made of, kept beside the data until it can."""

    key: str
    """What it is known by in the quarantine."""
    id: int | None
    """Of the record, where that can be read."""
    reason: str
    """Why it could not land; a place and a type, never a value."""
    since: int | None = None
    before: int | None = None
    """Between which instants, in ticks, the service lists it, where that is known."""
    seen: str
    """When it was first seen, by this machine's clock."""
    raw: str
    """The record as sent."""


class Batch(NamedTuple):
    """Records of one entity and the ledger that is true once they have landed."""

    tenant: int
    entity: str
    records: Sequence[Record]
    ledger: Ledger
    odd: Sequence[OddRecord] = ()
    """For the quarantine; one that is there already under the same key is replaced."""
    cleared: Collection[str] = ()
    """Keys that leave the quarantine; `odd` of the same batch comes after that."""


class Versions(NamedTuple):
    """Which version of each record is held, side by side: 24 bytes a record."""

    ids: array[int]
    ticks: array[int]
    inactive: frozenset[int]
    """The ids of those whose `active` is false."""


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

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        """Take the tenant's lease, or renew it; the lease that was stored, its epoch raised if taken over.

        From then on a commit for this tenant fails once another run has taken the lease.

        Raises:
            LedgerConflict: another run holds it and is not known to be gone (`lease.granted` decides).
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease back; nothing happens where another run has it by now."""
        ...

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        """The ledger last committed, or None where this entity never was synced."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Land the records, the odd ones and the ledger together, or none of it.

        Repeating a batch changes nothing. A cancelled or failed commit leaves the batch wholly in or
        wholly out.

        Raises:
            LedgerConflict: another run has taken this one's lease; nothing landed.
        """
        ...

    async def count(self, tenant: int, entity: str) -> int:
        """How many records of this entity are held."""
        ...

    async def quarantine(self, tenant: int, entity: str) -> Sequence[OddRecord]:
        """The odd records that were committed and not cleared since, in the order of their keys."""
        ...


@runtime_checkable
class Mirror(Destination, Protocol):
    """A destination that can be looked into: what `audit`, `status` and the refreshing of ids need."""

    async def ledgers(self) -> Sequence[Ledger]:
        """The ledgers of all tenants and entities, in the order of tenant and entity."""
        ...

    async def lease(self, tenant: int) -> Lease | None:
        """The lease that is held, if any."""
        ...

    async def versions(self, tenant: int, entity: str) -> Versions:
        """Which version of each record is held."""
        ...

    async def records(self, tenant: int, entity: str, ids: Iterable[int]) -> Sequence[Record]:
        """The held versions of these records, in the order of their ids; unknown ids are passed over."""
        ...
