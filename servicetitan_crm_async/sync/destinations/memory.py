"""Destinations that hold nothing on disk: a dictionary, and a callback of one's own."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from servicetitan_crm_async.sync.destinations.protocol import Batch, OddRecord, Record, Versions
from servicetitan_crm_async.sync.destinations.rows import checked, checked_batch, newest, stored_ledger
from servicetitan_crm_async.sync.lease import Lease, granted, lost
from servicetitan_crm_async.sync.ledger import Ledger


class _AlwaysOpen:
    """There is nothing to open, and nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class MemoryDestination(_AlwaysOpen):
    """Records in dictionaries, for tests and for services that keep a small mirror.

    It outlives its `async with`: entered again, it still holds what was committed. It holds every
    record, so its size is that of the data.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], dict[int, Record]] = {}
        self._ledgers: dict[tuple[int, str], bytes] = {}
        self._odd: dict[tuple[int, str], dict[str, OddRecord]] = {}
        self._leases: dict[int, Lease] = {}
        self._mine: dict[int, Lease] = {}
        """The leases that were claimed through this object."""

    @property
    def location(self) -> str:
        return "memory"

    def look(self, tenant: int) -> str:
        return "echo 'the records were held in memory and ended with the program'"

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        checked(tenant, entity)
        body = self._ledgers.get((tenant, entity))
        return None if body is None else stored_ledger(body, tenant, entity)

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        held = granted(lease, self._leases.get(lease.tenant), self.location, take_over=take_over)
        self._leases[lease.tenant] = self._mine[lease.tenant] = held
        return held

    async def release(self, lease: Lease) -> None:
        held = self._leases.get(lease.tenant)
        if held is not None and held.run == lease.run:
            del self._leases[lease.tenant]
        mine = self._mine.get(lease.tenant)
        if mine is not None and mine.run == lease.run:
            del self._mine[lease.tenant]

    # No await in here: nothing can come between the records and their ledger.
    async def commit(self, batch: Batch) -> None:
        checked_batch(batch)
        mine, holder = self._mine.get(batch.tenant), self._leases.get(batch.tenant)
        if mine is not None and (holder is None or holder.run != mine.run):
            raise lost(holder, self.location)
        body = batch.ledger.to_json()
        odd = self._odd.setdefault((batch.tenant, batch.entity), {})
        for key in batch.cleared:
            odd.pop(key, None)
        odd.update((record.key, record) for record in batch.odd)
        fresh = newest(batch.records)
        held = self._rows.setdefault((batch.tenant, batch.entity), {})
        for id_, record in fresh.items():
            other = held.get(id_)
            if other is None or record.ticks >= other.ticks:
                held[id_] = record
        self._ledgers[batch.tenant, batch.entity] = body

    async def count(self, tenant: int, entity: str) -> int:
        checked(tenant, entity)
        return len(self._rows.get((tenant, entity), ()))

    async def quarantine(self, tenant: int, entity: str) -> Sequence[OddRecord]:
        checked(tenant, entity)
        return [odd for _, odd in sorted(self._odd.get((tenant, entity), {}).items())]

    async def ledgers(self) -> Sequence[Ledger]:
        return [stored_ledger(body, *key) for key, body in sorted(self._ledgers.items())]

    async def lease(self, tenant: int) -> Lease | None:
        return self._leases.get(tenant)

    async def versions(self, tenant: int, entity: str) -> Versions:
        checked(tenant, entity)
        held = self._rows.get((tenant, entity), {})
        return Versions(
            array("q", held),
            array("q", [record.ticks for record in held.values()]),
            frozenset(number for number, record in held.items() if record.active is False),
        )

    async def records(self, tenant: int, entity: str, ids: Iterable[int]) -> Sequence[Record]:
        checked(tenant, entity)
        held = self._rows.get((tenant, entity), {})
        return [held[number] for number in sorted(set(ids)) if number in held]

    def rows(self, tenant: int, entity: str) -> dict[int, Record]:
        """The current version of every record, by id; a copy."""
        return dict(self._rows.get((tenant, entity), ()))


class CallbackDestination(_AlwaysOpen):
    """Hands every batch to a function of your own: `await callback(batch)`.

    The callback lands the records and `batch.ledger` together, in a way that a repeated batch does no
    harm, and `load` gives back the ledger it landed last. Without `load` ledgers are kept in memory:
    then every program reads from the beginning, and the callback may ignore them.

    Within one batch each id comes once. Between batches the callback decides: an older version may
    come after a newer one, and `record.ticks` tells them apart. Two runs at once are not kept apart, and
    odd records are handed over in `batch.odd` and not retried.
    """

    def __init__(
        self,
        callback: Callable[[Batch], Awaitable[None]],
        *,
        load: Callable[[int, str], Awaitable[Ledger | None]] | None = None,
    ) -> None:
        self._callback, self._load = callback, load
        self._ledgers: dict[tuple[int, str], Ledger] = {}

    @property
    def location(self) -> str:
        return f"callback {getattr(self._callback, '__qualname__', type(self._callback).__name__)}"

    def look(self, tenant: int) -> str:
        return "echo 'the records went to a function of the program'"

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        checked(tenant, entity)
        if self._load is not None:
            return await self._load(tenant, entity)
        return self._ledgers.get((tenant, entity))

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        return lease

    async def release(self, lease: Lease) -> None:
        return None

    async def commit(self, batch: Batch) -> None:
        checked_batch(batch)
        await self._callback(batch._replace(records=tuple(newest(batch.records).values())))
        self._ledgers[batch.tenant, batch.entity] = batch.ledger

    async def count(self, tenant: int, entity: str) -> int:
        """How many records the ledger says were landed: a callback holds none that could be counted."""
        ledger = await self.load(tenant, entity)
        return 0 if ledger is None else ledger.records

    async def quarantine(self, tenant: int, entity: str) -> Sequence[OddRecord]:
        return ()
