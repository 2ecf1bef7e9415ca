"""A tenant that is changed step by step, and what must be true of a mirror of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from stepped_loop import VirtualClock
from steps_kit import Change, Setup

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_ticks
from servicetitan_crm_async.contract import ContractName, operation
from servicetitan_crm_async.sandbox import KINDS, Kind, Sandbox
from servicetitan_crm_async.sandbox.messages import Body
from servicetitan_crm_async.sandbox.records import Record
from servicetitan_crm_async.sandbox.world import World
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.entities import ENTITIES
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.sources import Strategy
from servicetitan_crm_async.sync.windows import EARLIEST

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_WORDS: dict[Kind, str] = {
    "customers": "name",
    "customer_contacts": "memo",
    "locations": "name",
    "location_contacts": "memo",
    "leads": "summary",
    "bookings": "summary",
    "tag_types": "name",
}
_OWNERS: dict[Kind, Kind] = {
    "customer_contacts": "customers",
    "locations": "customers",
    "location_contacts": "locations",
}
_LISTED_BY_OPENAPI: tuple[Kind, ...] = ("customers", "locations", "leads", "bookings", "tag_types")
_MERGED: frozenset[Kind] = frozenset({"customers", "locations"})
_RETIRED: frozenset[Kind] = frozenset({"customers", "locations", "tag_types"})


class Tenant:
    """What the service holds, and what happens to it."""

    def __init__(self, setup: Setup, known: Sequence[Kind], clock: VirtualClock) -> None:
        listed = KINDS if setup.contract == "portal" else _LISTED_BY_OPENAPI
        allowed: list[Kind] = [kind for kind in known if kind in listed]
        chosen: set[Kind] = {allowed[number % len(allowed)] for number in setup.kinds}
        self.kinds: list[Kind] = [kind for kind in allowed if kind in chosen]
        self.contract: ContractName = setup.contract
        self.settle = round(setup.settle * TICKS_PER_SECOND)
        self.clock = clock
        self.sandbox = Sandbox(
            seed=setup.seed,
            customers=setup.customers,
            contacts=(1, 2) if any(kind.endswith("contacts") for kind in self.kinds) else (0, 0),
            leads=0.9,
            bookings=0.8,
            born=BORN,
            unstable_ties=True,
            compares_to=setup.compares_to,
            cutting=setup.cutting,
            feed_page=4,
            feed_lag=setup.feed_lag,
        )
        self.id = self.sandbox.tenant.tenant_id
        self.began = self.sandbox.now
        self.world: World = self.sandbox.world()
        self._stamp = self._writings = 0
        imported_at = self.began - 400 * 86_400 * TICKS_PER_SECOND + 7
        for kind in self.kinds:
            for place, record in enumerate(self.listed(kind)[: setup.gathered]):
                self.world.restamp(kind, [record.id], imported_at + place * setup.apart)

    @property
    def now(self) -> int:
        """The service's clock, in ticks."""
        return self.began + round(self.clock.now * TICKS_PER_SECOND)

    @property
    def mishaps(self) -> int:
        """How often something went wrong with a request so far."""
        statistics = self.sandbox.statistics()
        return statistics.faults + sum(n for status, n in statistics.statuses.items() if status != 200)

    def listed(self, kind: Kind) -> list[Record]:
        """The records that lists show."""
        return [record for record in self.world.tables[kind] if not record.deleted]

    def strategy(self, kind: Kind, wanted: Strategy) -> Strategy:
        """The strategy that is wanted, where the contract has it for a kind and promises as much by it."""
        row = operation(self.contract, ENTITIES[kind].operation)
        if wanted == "feed":
            return wanted if self.contract == "portal" else "auto"
        if wanted == "ids":
            return wanted if "ids" in row.filters else "auto"
        if wanted == "slices":
            return wanted if row.closed and row.counted else "auto"
        # A contact that is deleted moves others to another page and leaves no trace.
        return "auto" if wanted == "pages" and kind.endswith("contacts") else wanted

    def happens(self, change: Change) -> None:
        """Make a change, just now."""
        self.clock.now += 1e-6
        world, kind = self.world, self.kinds[change.kind % len(self.kinds)]
        records = self.listed(kind)
        record, other = (records[number % len(records)] for number in (change.place, change.other))
        at = self.now - round(change.late * self.settle)
        if change.tied and self.now - self._stamp <= self.settle:
            at = self._stamp
        self._writings += 1
        fields: Body = {_WORDS[kind]: f"written {self._writings}"}
        match change.act:
            case "create":
                owners = self.listed(_OWNERS[kind]) if kind in _OWNERS else []
                owner = owners[change.other % len(owners)].id if owners else 0
                record = world.create(kind, fields, owner=owner, at=at)
            case "merge" if kind in _MERGED:
                world.merge(kind, record.id, other.id, at=at)
            case "deactivate" | "activate" if kind in _RETIRED:
                world.set_active(kind, record.id, active=change.act == "activate", at=at)
            case "deactivate" if kind.endswith("contacts") and len(records) > 1:
                world.delete(kind, record.id, at=at)
            case "deactivate" | "activate" if kind in ("leads", "bookings"):
                world.set_state(kind, record.id, change.other % 3, at=at)
            case "gather":
                start = change.place % len(records)
                chosen = (records[start:] + records[:start])[: 2 + change.other % len(records)]
                # A stamp only grows.
                at = max([at, *(each.modified + 1 for each in chosen)])
                world.restamp(kind, [each.id for each in chosen], at)
            case _:
                world.edit(kind, record.id, fields, at=at)
        self._stamp = record.modified

    def unlike(
        self, mirror: MemoryDestination, kind: Kind, before: int | None = None
    ) -> dict[int, tuple[object, object]]:
        """What a mirror shows otherwise than the service: by id, what it should show and what it does.

        Compared are all records of a kind, or those stamped, and left alone since, before an instant. A
        contact that was deleted no longer shows in any list, so a surplus one is no difference.
        """
        held, listed = mirror.rows(self.id, kind), self.sandbox.records(kind, contract=self.contract)
        wrong: dict[int, tuple[object, object]] = {}
        for number, (text, raw) in listed.items():
            if before is not None and self.world.record(kind, number).modified >= before:
                continue
            record = held.get(number)
            # Tag types of OpenAPI 2.0.0 do not say when they were modified. What came by a feed says, besides
            # all else, that it is active.
            if (
                record is None
                or record.modified_on not in (text, None)
                or record.raw not in (raw, raw[:-1] + b',"active":true}')
            ):
                wrong[number] = (raw, record)
        if not kind.endswith("contacts"):
            wrong |= {number: (None, record) for number, record in held.items() if number not in listed}
        return wrong if before is None else self._without_odd(mirror, kind, wrong)

    def claimed_in_vain(
        self, mirror: MemoryDestination, ledger: Ledger, kind: Kind
    ) -> dict[int, tuple[object, object]]:
        """The records that a ledger says were landed, as they are now, and that were not."""
        held, claimed = mirror.rows(self.id, kind), _claims(ledger)
        wrong: dict[int, tuple[object, object]] = {
            record.id: (record.modified, held.get(record.id))
            for record in self.listed(kind)
            if claimed(record.modified)
            and (record.id not in held or held[record.id].ticks not in (record.modified, 0))
        }
        return self._without_odd(mirror, kind, wrong)

    def _without_odd(
        self, mirror: MemoryDestination, kind: Kind, wrong: dict[int, tuple[object, object]]
    ) -> dict[int, tuple[object, object]]:
        """Those for which no odd record can stand that is kept until it is fetched again."""
        if not wrong:
            return wrong
        odd = mirror._odd.get((self.id, kind), {}).values()
        known = {each.id for each in odd if each.id is not None}
        left = {number: found for number, found in wrong.items() if number not in known}
        return left if len(left) > sum(each.id is None for each in odd) else {}


def _claims(ledger: Ledger) -> Callable[[int], bool]:
    """By which stamps one can tell that, by what the ledger says, whatever carries them was landed."""
    watermark = EARLIEST if ledger.watermark is None else to_ticks(ledger.watermark)
    if ledger.until is None or ledger.strategy not in ("windows", "slices"):
        return lambda stamp: stamp < watermark
    since = EARLIEST if ledger.since is None else to_ticks(ledger.since)
    until, windows = to_ticks(ledger.until), ledger.windows
    return lambda stamp: (
        stamp < watermark
        or (since <= stamp < until and not any(left.cursor <= stamp < left.before for left in windows))
    )
