"""Between reading and landing: a bounded box that one task empties into the destination.

Whoever reads first takes room, then changes its books and adds to the box without awaiting in between.
So whenever the box is emptied, an entity's books speak of exactly what was committed before plus what
is in the box, and records and ledger can be committed together.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import anyio

from servicetitan_crm_async.sync.destinations.protocol import Batch, Destination, OddRecord, Record
from servicetitan_crm_async.sync.ledger import Ledger


class Books(Protocol):
    """Whoever can say what the ledger of an entity is at this moment."""

    def ledger(self, landed: int) -> Ledger:
        """The ledger that is true once `landed` more records are in the destination."""
        ...


@dataclass(slots=True, eq=False)
class _Gathered:
    """What has come for one entity since its last commit."""

    books: Books
    records: list[Record] = field(default_factory=list)
    odd: dict[str, OddRecord] = field(default_factory=dict)
    cleared: set[str] = field(default_factory=set)
    pages: int = 0


class Outbox:
    """Holds at most `pages` pages; commits take what has gathered, so that a slow one takes more."""

    def __init__(
        self, destination: Destination, *, pages: int, landed: Callable[[Batch, float], None] | None = None
    ) -> None:
        """`landed` is told of every commit, and of the seconds that it took."""
        self._destination, self._landed = destination, landed
        self._room = anyio.Semaphore(pages)
        self._waiting: dict[str, _Gathered] = {}
        self._news = anyio.Event()
        self._committed = anyio.Event()
        self._committing: str | None = None
        self._closed = False

    @asynccontextmanager
    async def room(self) -> AsyncIterator[bool]:
        """Room for one page more, once there is some; whoever leaves by an error gives it back.

        It says whether the destination has nothing else to do. Inside the block nothing may await between
        changing the books and `add`.
        """
        await self._room.acquire()
        try:
            yield not self._waiting and self._committing is None
        except BaseException:
            self._room.release()
            raise

    def add(
        self,
        entity: str,
        books: Books,
        records: Sequence[Record],
        *,
        odd: Sequence[OddRecord] = (),
        cleared: Iterable[str] = (),
    ) -> None:
        """Put a page in, for which room was taken; what it clears is cleared before what is odd in it."""
        gathered = self._waiting.setdefault(entity, _Gathered(books))
        gathered.records.extend(records)
        for key in cleared:
            gathered.odd.pop(key, None)
            gathered.cleared.add(key)
        gathered.odd.update((each.key, each) for each in odd)
        gathered.pages += 1
        self._news.set()

    def close(self) -> None:
        """No more will be added: `run` ends when the box is empty."""
        self._closed = True
        self._news.set()

    async def emptied(self, entity: str) -> None:
        """Wait until everything put in so far for this entity is committed."""
        while entity in self._waiting or self._committing == entity:
            await self._committed.wait()

    async def run(self) -> None:
        """Empty the box into the destination until it is closed."""
        while True:
            if not self._waiting:
                if self._closed:
                    return
                await self._news.wait()
                self._news = anyio.Event()
                continue
            pages = await self._commit(next(iter(self._waiting)))
            for _ in range(pages):
                self._room.release()

    async def _commit(self, entity: str) -> int:
        """Commit what has gathered for this entity; of how many pages that was.

        In a frame of its own, so that nothing holds on to what is committed when its room is given away.
        """
        gathered = self._waiting.pop(entity)
        ledger = gathered.books.ledger(len(gathered.records))
        self._committing = entity
        batch = Batch(
            ledger.tenant,
            entity,
            gathered.records,
            ledger,
            tuple(gathered.odd.values()),
            gathered.cleared,
        )
        began_at = anyio.current_time()
        await self._destination.commit(batch)
        if self._landed is not None:
            self._landed(batch, anyio.current_time() - began_at)
        self._committing = None
        self._committed.set()
        self._committed = anyio.Event()
        return gathered.pages
