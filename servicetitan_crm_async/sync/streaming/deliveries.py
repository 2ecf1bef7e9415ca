"""A destination of a sync from which somebody takes what lands: the half of `changes` behind the reader."""

# Invariants, quoted by number in tests/sync/test_changes.py.
# 1. The cursor of a batch claims what that batch and all before it hold, and nothing more: batches are
#    delivered one after another, in the order in which the ledgers that make up their cursors were booked.
# 2. Whoever goes on from the cursor of any batch is shown whatever later batches held, or a newer version.

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Generic, Self, TypeVar

import anyio
import anyio.lowlevel

from servicetitan_crm_async import models
from servicetitan_crm_async._core.clock import ticks_in, ticks_of, to_text, to_ticks
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.errors import DecodeError
from servicetitan_crm_async.sync.destinations.protocol import Batch, OddRecord, Record
from servicetitan_crm_async.sync.destinations.rows import newest
from servicetitan_crm_async.sync.entities import ENTITIES
from servicetitan_crm_async.sync.lease import Lease
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.odd import key_of
from servicetitan_crm_async.sync.streaming.cursor import Cursor
from servicetitan_crm_async.sync.streaming.handover import Handover

T_co = TypeVar("T_co", covariant=True)

_AT_ONCE = 1000
"""Records decoded before the loop's other tasks get their turn: some 5 ms."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeBatch(Generic[T_co]):
    """Changed records of one entity: `for customer in batch`, `len(batch)`.

    A batch without records is falsy; it ends a run of its entity, or has odd ones alone, and its cursor is
    worth storing.
    """

    entity: str
    """The name of the entity, one of `ENTITIES`."""
    records: Sequence[T_co] = field(repr=False)
    """Each id once; in no particular order."""
    cursor: str = field(repr=False)
    """What to store once this batch and all before it are dealt with: given as `cursor=` to another call
    of `changes`, that one goes on after them. It speaks for all entities of the call, and for no more than
    these batches. Some 300 characters an entity, and more while a long run is under way."""
    odd: Sequence[OddRecord] = field(default=(), repr=False)
    """Records that have no usable id or instant, or do not fit their model at all, as sent and with the
    reason. They are delivered by this, and not shown again unless they change."""
    guarantee: str = ""
    """Of a batch that ends a run of its entity: what the run got, `exact`, `verified` or `best-effort` as
    `EntityReport` explains; empty of others."""

    def __iter__(self) -> Iterator[T_co]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


class Deliveries:
    """A destination of a sync from which somebody takes what lands; its ledgers are those of the cursor."""

    location = "the changes"

    def __init__(self, reached: Cursor, *, raw: bool, overlap: timedelta) -> None:
        self._reached, self._raw, self._overlap = reached, raw, overlap
        self.handover = Handover[ChangeBatch[models.Record | Record]]()
        self.opened = anyio.Event()

    def look(self, tenant: int) -> str:
        return "echo 'the records went to the program that asked for them'"

    async def __aenter__(self) -> Self:
        self.opened.set()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        return lease  # nobody else can write here

    async def release(self, lease: Lease) -> None:
        return None

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        known, since = self._reached.ledger(entity), self._reached.since
        if known is not None or since is None:
            return known
        # A run begins `overlap` before the watermark, and this one is to begin at `since`.
        watermark = to_text(to_ticks(since) + ticks_in(self._overlap))
        return Ledger(
            tenant=tenant,
            entity=entity,
            contract=self._reached.contract,
            strategy="",
            guarantee="none",
            watermark=watermark,
        )

    async def commit(self, batch: Batch) -> None:
        """Deliver a batch, and return once it was taken."""
        before = self._reached.ledger(batch.entity)
        ended = batch.ledger.runs > (before.runs if before else 0)
        self._reached.book(batch.ledger)
        if not (batch.records or batch.odd or ended):
            return  # the next cursor says what was news in this one
        records: list[Record] = list(newest(batch.records).values())
        odd = list(batch.odd)
        shown = records if self._raw else await _typed(batch.entity, records, odd)
        await self.handover.give(
            ChangeBatch(
                entity=batch.entity,
                records=tuple(shown),
                cursor=self._reached.text(),
                odd=tuple(odd),
                guarantee=batch.ledger.guarantee if ended else "",
            )
        )

    async def count(self, tenant: int, entity: str) -> int:
        known = self._reached.ledger(entity)
        return 0 if known is None else known.records

    async def quarantine(self, tenant: int, entity: str) -> Sequence[OddRecord]:
        return ()  # odd records are delivered, and what is delivered is not asked for again


async def _typed(entity: str, records: Sequence[Record], odd: list[OddRecord]) -> list[models.Record]:
    """The records as models; one that does not fit its model at all goes to the odd ones."""
    decode = decoder_for(ENTITIES[entity].model)
    typed: list[models.Record] = []
    for place, record in enumerate(records):
        if place % _AT_ONCE == _AT_ONCE - 1:
            await anyio.lowlevel.checkpoint()
        try:
            typed.append(decode(record.raw))
        except DecodeError as error:
            odd.append(
                OddRecord(
                    key=key_of(record.id),
                    id=record.id,
                    reason=error.where,
                    seen=to_text(ticks_of(datetime.now(UTC))),
                    raw=record.raw.decode("utf-8", "replace"),
                )
            )
    return typed
