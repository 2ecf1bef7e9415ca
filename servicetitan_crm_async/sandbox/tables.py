"""Tables: the records of one kind, with the orders they can be read in.

# Invariants
# 1. Records the world made have ids without gaps, so the list of them is its own index.
# 2. An order is built when first asked for and kept up to date from then on; replaying a day of life
#    before the first request touches none.
# 3. Every change of a stamp or of a flag goes through this class; orders and `version` cannot miss it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from enum import Enum
from itertools import chain

from .ordering import SortedKeys
from .records import FIRST_ID, WRITTEN_IDS, AnyKind, Record

ID_BITS = 40
ID_MASK = (1 << ID_BITS) - 1


class OrderBy(Enum):
    """The fields a list can be sorted by; values are the service's names in lower case."""

    ID = "id"
    MODIFIED = "modifiedon"
    CREATED = "createdon"

    def value_of(self, record: Record) -> int:
        """What the order compares first; ids break ties, and are all there is in the order of ids."""
        if self is OrderBy.MODIFIED:
            return record.modified
        return record.created if self is OrderBy.CREATED else 0

    def key_of(self, record: Record) -> int:
        """Value and id in one number, which compares faster than a tuple and takes less room."""
        return self.value_of(record) << ID_BITS | record.id


class Scope(Enum):
    """Which records an order holds."""

    ACTIVE = "True"
    INACTIVE = "False"
    LISTED = "Any"
    EVERY = "with deleted ones, as the feeds have it"

    def holds(self, record: Record) -> bool:
        """Whether a record belongs here as it stands now."""
        if self is Scope.EVERY:
            return True
        if record.deleted:
            return False
        return self is Scope.LISTED or record.active == (self is Scope.ACTIVE)


class Table:
    """All records of one kind in one tenant."""

    def __init__(self, kind: AnyKind) -> None:
        self.kind = kind
        self.rows: list[Record] = []
        self.version = 0
        self._first_id = FIRST_ID[kind]
        self._written: dict[int, Record] = {}
        self._orders: dict[tuple[OrderBy, Scope], SortedKeys] = {}
        self._children: dict[int, list[Record]] | None = None

    def __len__(self) -> int:
        return len(self.rows) + len(self._written)

    def __iter__(self) -> Iterator[Record]:
        """Records in the order of their ids."""
        return chain(self.rows, self._written.values())

    def get(self, record_id: int) -> Record | None:
        """The record of that id, deleted ones included."""
        place = record_id - self._first_id
        if 0 <= place < len(self.rows):
            return self.rows[place]
        return self._written.get(record_id)

    def next_id(self) -> int:
        """The id of the next record that the world makes by itself."""
        return self._first_id + len(self.rows)

    def next_written_id(self) -> int:
        """The id of the next record that somebody writes."""
        return self._first_id + WRITTEN_IDS + len(self._written)

    def add(self, record: Record) -> None:
        """Take in a record whose id came from `next_id` or `next_written_id` just now."""
        if record.id == self.next_id():
            self.rows.append(record)
        else:
            self._written[record.id] = record
        self.version += 1
        if self._children is not None:
            self._give(record, record.owner, self._children)
        self._place(record)

    def touch(self, record: Record, stamp: int, edit: int | None = None) -> bool:
        """Stamp a change; False, and nothing done, when a newer change is already there.

        An older change can come late only because visibility was delayed, and a record's
        `modifiedOn` never goes back.
        """
        if stamp <= record.modified:
            return False
        for (order, scope), keys in self._orders.items():
            if order is OrderBy.MODIFIED and scope.holds(record):
                keys.remove(record.modified << ID_BITS | record.id)
                keys.add(stamp << ID_BITS | record.id)
        record.modified = stamp
        if edit is not None:
            record.edit = edit
        record.wire = record.wire_openapi = None
        self.version += 1
        return True

    def restamp(self, record: Record, stamp: int) -> None:
        """Set the stamp to anything at all, backwards too: for tests that build a situation."""
        self._lift(record)
        record.modified = stamp
        record.created = min(record.created, stamp)
        record.wire = record.wire_openapi = None
        self.version += 1
        self._place(record)

    def retire(self, record: Record, stamp: int, *, merged_to: int = 0, deleted: bool = False) -> bool:
        """Deactivate, merge or delete; False when a newer change is already there."""
        if not self.touch(record, stamp):
            return False
        self._lift(record)
        record.active = False
        record.deleted = deleted
        if merged_to:
            record.link = merged_to
        self._place(record)
        return True

    def revive(self, record: Record, stamp: int) -> None:
        """Set a deactivated record active again."""
        if self.touch(record, stamp):
            self._lift(record)
            record.active = True
            self._place(record)

    def children(self, owner: int) -> list[Record]:
        """Records of one customer, location, lead, booking or provider, in the order of their ids."""
        if self._children is None:
            self._children = {}
            for record in self:
                self._children.setdefault(record.owner, []).append(record)
        return self._children.get(owner, [])

    def listed_children(self, owner: int) -> list[Record]:
        """Those of them that are not deleted."""
        return [record for record in self.children(owner) if not record.deleted]

    def adopt(self, record: Record, owner: int) -> None:
        """Give a record to another owner."""
        if self._children is not None:
            self._children[record.owner].remove(record)
            self._give(record, owner, self._children)
        record.owner = owner

    def order(self, by: OrderBy, scope: Scope) -> SortedKeys:
        """The keys of an order, `value << ID_BITS | id` each."""
        keys = self._orders.get((by, scope))
        if keys is None:
            keys = SortedKeys(by.key_of(record) for record in self if scope.holds(record))
            self._orders[by, scope] = keys
        return keys

    def records(self, keys: list[int]) -> list[Record]:
        """The records behind keys of any order."""
        first, rows, written, count = self._first_id, self.rows, self._written, len(self.rows)
        return [
            rows[place] if (place := (key & ID_MASK) - first) < count else written[key & ID_MASK]
            for key in keys
        ]

    @staticmethod
    def _give(record: Record, owner: int, children: dict[int, list[Record]]) -> None:
        insort(children.setdefault(owner, []), record, key=lambda each: each.id)

    def _lift(self, record: Record) -> None:
        for (order, scope), keys in self._orders.items():
            if scope.holds(record):
                keys.remove(order.key_of(record))

    def _place(self, record: Record) -> None:
        for (order, scope), keys in self._orders.items():
            if scope.holds(record):
                keys.add(order.key_of(record))
