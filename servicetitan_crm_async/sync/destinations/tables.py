"""What databases with a table an entity have in common: one transaction for records and ledger."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

from servicetitan_crm_async.errors import LedgerConflict
from servicetitan_crm_async.sync.destinations.blocking import BlockingDestination
from servicetitan_crm_async.sync.destinations.protocol import Batch


class TableDestination(BlockingDestination):
    """A database file; subclasses say how it is opened, how a table is made and how records are merged.

    Ledgers are rows of `sync_ledger (tenant_id, entity, ledger)`. Each commit compares the one stored
    with the one it last read or wrote: where they differ, another sync has been here.
    """

    _BEGIN: ClassVar[str] = "begin"

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._made: set[str] = set()
        """The entities whose tables are known to be there, and to be ours."""
        self._ledgers: dict[tuple[int, str], str | None] = {}
        """The ledgers as this destination last read or wrote them."""

    @abstractmethod
    def _execute(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run one statement to its end."""

    @abstractmethod
    def _roll_back(self) -> None:
        """Undo the transaction; what went wrong may have undone it already."""

    @abstractmethod
    def _disconnect(self) -> None: ...

    @abstractmethod
    def _columns(self, table: str) -> Collection[str]:
        """The columns of a table; none where there is no such table."""

    @abstractmethod
    def _make_table(self, entity: str) -> None:
        """Create the table of an entity, or see that the one there is ours."""

    @abstractmethod
    def _merge(self, batch: Batch) -> None:
        """Land the records: newer and equally new versions replace, older ones do not."""

    def _close(self) -> None:
        self._made.clear()
        self._ledgers.clear()
        self._disconnect()

    def _load(self, tenant: int, entity: str) -> str | None:
        body = self._ledgers[tenant, entity] = self._stored(tenant, entity)
        return body

    def _commit(self, batch: Batch) -> None:
        key = batch.tenant, batch.entity
        ledger = batch.ledger.to_json().decode()
        self._execute(self._BEGIN)
        try:
            if self._ledgers.get(key, ...) not in (..., self._stored(*key)):
                raise LedgerConflict(
                    f"{self.location}: another sync has committed {batch.entity} of tenant {batch.tenant} "
                    "meanwhile; let one of them run at a time. Nothing is lost: run again."
                )
            if batch.entity not in self._made:
                self._make_table(batch.entity)
            self._merge(batch)
            self._execute("insert or replace into sync_ledger values (?, ?, ?)", (*key, ledger))
            self._execute("commit")
        except BaseException:
            self._roll_back()
            raise
        self._made.add(batch.entity)
        self._ledgers[key] = ledger

    def _count(self, tenant: int, entity: str) -> int:
        if not self._columns(entity):
            return 0
        query = f'select count(*) from "{entity}" where tenant_id = ?'  # noqa: S608  # a checked name
        return int(str(self._execute(query, (tenant,))[0][0]))

    def _stored(self, tenant: int, entity: str) -> str | None:
        query = "select ledger from sync_ledger where tenant_id = ? and entity = ?"
        rows = self._execute(query, (tenant, entity))
        return str(rows[0][0]) if rows else None
