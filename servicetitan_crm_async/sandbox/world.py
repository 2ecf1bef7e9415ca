"""A tenant's world: its tables, its life, and hands to change it with at a chosen instant."""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

from .dice import key_of
from .life import Life
from .messages import Body
from .people import People
from .recipe import Recipe
from .records import FIRST_ID, KINDS, SIDE_KINDS, WRITTEN_IDS, AnyKind, Kind, Record
from .seeding import populate
from .tables import Table

if TYPE_CHECKING:
    from .selections import Selection

_MOST_REMEMBERED = 32
_KEPT_BY_TABLES = frozenset(
    {"id", "active", "createdOn", "modifiedOn", "mergedToId", "status", "bookingProviderId"}
)


class World:
    """Everything one tenant holds, at one instant.

    The instant moves forward only, by `advance`; a world asked about the past keeps to the present. What
    is done by hand happens at the present unless another instant is given.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.key = key_of(recipe.seed, recipe.tenant_id)
        self.tables: dict[AnyKind, Table] = {kind: Table(kind) for kind in (*KINDS, *SIDE_KINDS)}
        self.application_guids: dict[int, str] = {}
        self.preferred_technicians: dict[int, int] = {}
        self.now = recipe.born
        self.written = 0
        collected = gc.isenabled()
        # Millions of objects that are in no cycle make the collector look at all of them again and again.
        gc.disable()
        try:
            populate(self)
        finally:
            if collected:
                gc.enable()
        self.people = People(self)
        self._life = Life(self)
        self._remembered: dict[Hashable, Selection] = {}
        self._remembered_at = 0

    def advance(self, now: int) -> int:
        """Let happen whatever is due by `now`; returns how many changes that were."""
        self.now = max(self.now, now)
        return self._life.advance(self.now)

    @property
    def next_change(self) -> int | None:
        """Life changes nothing before this instant; None where it never does."""
        return self._life.next_change

    def record(self, kind: AnyKind, record_id: int) -> Record:
        """The record of that id.

        Raises:
            KeyError: there is none.
        """
        record = self.tables[kind].get(record_id)
        if record is None:
            raise KeyError(f"no {record_id} among {kind}")
        return record

    @property
    def version(self) -> int:
        """Another number after every change to any table."""
        return sum(table.version for table in self.tables.values())

    def remembered(self, signature: Hashable, make: Callable[[], Selection]) -> Selection:
        """A selection again that was made since the last change, or a new one.

        Whoever pages through a filtered list asks for the same selection page after page, and so do
        the few workers that do it side by side.
        """
        if self._remembered_at != self.version or len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
            self._remembered_at = self.version
        if signature not in self._remembered:
            self._remembered[signature] = make()
        return self._remembered[signature]

    @property
    def providers(self) -> tuple[int, ...]:
        """Ids of the booking providers, which are those of their tags."""
        return tuple(tag.id for tag in self.tables["booking_provider_tags"])

    def home_of(self, customer: int) -> int:
        """The first location the world gave a customer, or 0."""
        made = FIRST_ID["locations"] + WRITTEN_IDS
        return next((each.id for each in self.tables["locations"].children(customer) if each.id < made), 0)

    def contacts_changed(self, customer: int) -> None:
        """Forget bytes that show a customer with its contacts; its stamp stays, as the service has it."""
        record = self.tables["customers"].get(customer)
        if record is not None:
            record.wire_openapi = None

    def create(
        self,
        kind: AnyKind,
        fields: Body | None = None,
        *,
        owner: int = 0,
        link: int = 0,
        state: int = 0,
        active: bool = True,
        at: int | None = None,
        modified: int | None = None,
    ) -> Record:
        """Add a record by hand; fields that are not given are drawn, as for any other.

        It was created at the instant, and not touched since unless it says when.
        """
        self.written += 1
        stamp = self.now if at is None else at
        table = self.tables[kind]
        own = {name: value for name, value in (fields or {}).items() if name not in _KEPT_BY_TABLES}
        touched = stamp if modified is None else modified
        record = Record(table.next_written_id(), stamp, touched, owner, link, state, active, own=own or None)
        if kind == "bookings" and not owner:
            record.owner = self.providers[0]
        table.add(record)
        if kind == "customer_contacts":
            self.contacts_changed(owner)
        return record

    def edit(
        self, kind: AnyKind, record_id: int, fields: Body | None = None, *, at: int | None = None
    ) -> Record:
        """Write fields of a record and stamp it: at the instant, or one tick past its last stamp."""
        record = self.record(kind, record_id)
        if fields:
            kept = {name: value for name, value in fields.items() if name not in _KEPT_BY_TABLES}
            record.own = {**(record.own or {}), **kept}
        self.tables[kind].touch(record, self._stamp(record, at))
        if kind == "customer_contacts":
            self.contacts_changed(record.owner)
        return record

    def set_state(self, kind: Kind, record_id: int, state: int, *, at: int | None = None) -> Record:
        """Give a lead or booking another status."""
        record = self.edit(kind, record_id, at=at)
        record.state = state
        return record

    def set_active(self, kind: Kind, record_id: int, *, active: bool, at: int | None = None) -> Record:
        """Deactivate a record, or take it back."""
        record = self.record(kind, record_id)
        if active:
            self.tables[kind].revive(record, self._stamp(record, at))
        else:
            self.tables[kind].retire(record, self._stamp(record, at))
        return record

    def merge(self, kind: Kind, record_id: int, into: int, *, at: int | None = None) -> Record:
        """Merge a duplicate into another record, as people do in the user interface."""
        record, other = self.record(kind, record_id), self.record(kind, into)
        self.tables[kind].retire(record, self._stamp(record, at), merged_to=other.id)
        return record

    def delete(self, kind: AnyKind, record_id: int, *, at: int | None = None) -> Record:
        """Take a record out of the lists; only the export feed tells of it from now on."""
        record = self.record(kind, record_id)
        self.tables[kind].retire(record, self._stamp(record, at), deleted=True)
        if kind == "customer_contacts":
            self.contacts_changed(record.owner)
        return record

    def restamp(self, kind: Kind, record_ids: Iterable[int], at: int) -> None:
        """Put many records on one instant, whatever their stamps were: a bulk import made to order."""
        self.written += 1
        for record_id in record_ids:
            record = self.record(kind, record_id)
            self.tables[kind].restamp(record, at)
            if kind == "customer_contacts":
                self.contacts_changed(record.owner)

    def _stamp(self, record: Record, at: int | None) -> int:
        self.written += 1
        return max(self.now if at is None else at, record.modified + 1)
