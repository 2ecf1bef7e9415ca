"""Landing what an audit found to differ, while the ledger of the entity stays as it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import anyio
import msgspec

from servicetitan_crm_async.errors import ServiceTitanError
from servicetitan_crm_async.sync.destinations.protocol import Batch, Mirror, Record
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.odd import key_of

_AT_ONCE = 1000
"""Records that wait before they are committed; as many more as a page a worker may join them."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Mending:
    """Records of one entity on their way into a mirror whose lease is held.

    They land under the ledger that is there, with nothing in it changed but how many records landed, so
    the next sync goes on exactly where it would have. Repeating it does no harm.
    """

    def __init__(
        self, mirror: Mirror, ledger: Ledger, quarantined: Collection[str], lock: anyio.Lock
    ) -> None:
        """Prepare; nothing is written.

        Args:
            quarantined: the keys in this entity's quarantine; a record that lands leaves it.
            lock: held while something is committed, for a destination takes one commit at a time.
        """
        self._mirror, self._ledger, self._quarantined = mirror, ledger, quarantined
        self._lock = lock
        self._waiting: list[Record] = []
        self.refusal: ServiceTitanError | None = None
        """Why the destination took no more; it is raised as well."""

    def take(self, record: Record) -> None:
        """Land this record with one of the next commits."""
        self._waiting.append(record)

    @asynccontextmanager
    async def room(self) -> AsyncIterator[bool]:
        """Room for one page more, by committing what waits where that is much; whether there was some."""
        full = len(self._waiting) >= _AT_ONCE
        if full:
            await self.flush()
        yield not full

    async def flush(self) -> None:
        """Commit what waits.

        Raises:
            SyncError: the destination failed; what it had committed stays.
            LedgerConflict: another run has taken the lease.
        """
        async with self._lock:
            records, self._waiting = self._waiting, []
            if not records:
                return
            landed = self._ledger.records + len(records)
            ledger = msgspec.structs.replace(self._ledger, records=landed)
            cleared = [key for record in records if (key := key_of(record.id)) in self._quarantined]
            try:
                await self._mirror.commit(
                    Batch(ledger.tenant, ledger.entity, records, ledger, cleared=cleared)
                )
            except BaseException as error:
                # It may have landed or not; landing it again is right in either case.
                self._waiting[:0] = records
                if isinstance(error, ServiceTitanError):
                    self.refusal = error
                raise
            self._ledger = ledger

    async def retire(self, ids: Sequence[int]) -> None:
        """Mark records as deleted, as a feed does: what was held, with `active` false."""
        for start in range(0, len(ids), _AT_ONCE):
            wanted = ids[start : start + _AT_ONCE]
            held = await self._mirror.records(self._ledger.tenant, self._ledger.entity, wanted)
            self._waiting += map(_deleted, held)
            await self.flush()

    async def mended(self, shown: Mapping[int, int], retired: Collection[int]) -> int:
        """How many of these are held as they should be: as of these instants, or as deleted."""
        versions = await self._mirror.versions(self._ledger.tenant, self._ledger.entity)
        held = zip(versions.ids, versions.ticks, strict=True)
        landed = sum(shown.get(number) == ticks for number, ticks in held)
        return landed + len(versions.inactive.intersection(retired))


def _deleted(record: Record) -> Record:
    fields = {**_fields.decode(record.raw), "active": msgspec.Raw(b"false")}
    return msgspec.structs.replace(record, active=False, raw=msgspec.json.encode(fields))
