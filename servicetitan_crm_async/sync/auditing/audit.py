"""The audit: `audit(crm, mirror)` tells whether a mirror holds what the service shows, for few requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio
import msgspec

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.clock import ticks_of, to_ticks
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.client import ServiceTitanCRM, caller_of
from servicetitan_crm_async.contract import MAX_PAGE_SIZE, Operation
from servicetitan_crm_async.errors import (
    AuthError,
    ConfigError,
    NotInContract,
    ServiceTitanError,
    SyncError,
)
from servicetitan_crm_async.sync.auditing.comparing import Comparison
from servicetitan_crm_async.sync.auditing.inventory import Inventory
from servicetitan_crm_async.sync.auditing.mending import Mending
from servicetitan_crm_async.sync.choosing import chosen_entities, problems_with
from servicetitan_crm_async.sync.destinations.protocol import Mirror, Record
from servicetitan_crm_async.sync.entities import Entity
from servicetitan_crm_async.sync.leasing import under_lease
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.report import Progress
from servicetitan_crm_async.sync.windows import EARLIEST

__all__ = ["AuditReport", "EntityAudit", "audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityAudit:
    """One entity of one audit: what differs, by id, in ascending order."""

    held: int
    """Records in the mirror."""
    until: str | None
    """The watermark up to which was compared, in the service's text; None where nothing was."""
    windows: int
    """Windows compared, by their counts or record by record."""
    requests: int
    missing: tuple[int, ...]
    """The service lists them, and the mirror lacks them."""
    stale: tuple[int, ...]
    """The mirror holds another version than the service lists, which may even be a newer one."""
    surplus: tuple[int, ...]
    """The mirror holds them, and the service does not know them."""
    moved: int
    """Changed on the service since the watermark: they are the next sync's, and were not compared."""
    repaired: int
    """How many of those named are held as they should be, by a last look after the repair."""
    error: str | None = None
    """Why this entity could not be audited, or not to the end; what is named differs all the same."""
    failure: ServiceTitanError | None = None
    """The same as an error, for those who decide by its kind."""

    @property
    def differences(self) -> int:
        """How many records differed."""
        return len(self.missing) + len(self.stale) + len(self.surplus)

    @property
    def equal(self) -> bool:
        """At the end nothing differs: nothing did, or all that did is repaired."""
        return self.error is None and self.differences == self.repaired


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """One audit."""

    tenant: int
    entities: Mapping[str, EntityAudit]
    seconds: float
    location: str
    """Where the mirror is."""

    @property
    def requests(self) -> int:
        """What the audit cost."""
        return sum(entity.requests for entity in self.entities.values())

    @property
    def equal(self) -> bool:
        """Every entity was compared to the end, and at the end nothing differs."""
        return all(entity.equal for entity in self.entities.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """The entities that could not be audited, or not to the end."""
        return tuple(name for name, entity in self.entities.items() if entity.error is not None)


async def audit(
    crm: ServiceTitanCRM,
    mirror: Mirror,
    *,
    entities: Iterable[str] | None = None,
    repair: bool = False,
    since: datetime | None = None,
    thorough: bool = False,
    concurrency: int = 8,
    page_size: int | None = None,
    take_over: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> AuditReport:
    """Compare a mirror with the service, and return what differs: by the lists that a sync reads.

    A mirror is right up to its watermark, the end of its last sync; what changed since is left to the next
    sync, and what is older than the `since` that a mirror was begun with is left out. In between the
    service's counts per window (`includeTotal`, a small request each) are compared with the mirror's. Where
    they differ the window is halved, until a page of records tells by id what is missing, stale or surplus.
    The tenant's life may go on meanwhile, and so may a sync: a record is named only if that does not
    explain it.

    An entity of up to four pages is read outright, which takes fewer requests than counting and overlooks
    nothing. A larger one costs 18 while nothing differs and nothing changes, and some two more for each
    halving where something does; what differs in many places is read like the first time. Some 50 bytes are
    held for each record of the mirror, and putting a million in order takes a second in which nothing else
    runs.

    What counts do not see: a window that lacks as many records as it has too many has the right count, and so
    has one in which a record is held as of another instant of the same window. Asked to be `thorough`, an
    audit reads every record, and overlooks none of these; that is worth its pages where anything was found
    to differ. A version is known by its instant: content that differs under the same `modifiedOn` is not
    compared. Records in the quarantine, which no row can be made of, are not named.

    With `repair` what differs is made right under the lease of a sync, and the ledger keeps its watermark.
    Missing and stale records land as the service shows them; one held as of a later instant than the service
    shows stays, for a destination keeps what is newer, and does not count as repaired. Surplus ones stay,
    marked `"active": false`, which is how the export feeds tell of deleted records; before that, a list
    that takes no ids (contacts, tag types) is read wholly, so that no record is marked that is only stale.
    Records held as inactive that the service does not know are no difference.

    An entity that fails leaves the others to go on, and its report says why: it never was synced to an end,
    the contract in use cannot close and count its list (locations, leads, bookings and tag types of
    "openapi-2.0.0"), or a call failed. Cancelled or failed at any point, what was repaired stays, and
    nothing is left half-done; repeating a call is safe.

    Args:
        entities: names from `ENTITIES`; all that the contract in use can list where none are given.
        since: compare only what was modified on or after this instant.
        thorough: read every record in place of counting.
        concurrency: requests under way at once, over all entities, which take turns.
        page_size: the contract's largest where not given.
        take_over: with `repair`, go on even if another run seems to be at work; that one then fails at its
            next commit.
        on_progress: called after every answer, from the running loop; its `records` are those of the mirror
            that were confirmed so far. Keep it short.

    Raises:
        ConfigError: an unknown entity, or a value out of range.
        NotInContract: an entity asked for by name that the contract in use cannot list.
        AuthError: the credentials were refused; nothing can go on.
        LedgerConflict: with `repair`, another run is at work on this tenant's mirror; the error says which.
        SyncError: the destination failed; what it had committed stays.
    """
    caller = caller_of(crm).in_bulk()
    problems = problems_with(caller, concurrency=concurrency, page_size=page_size, instants={"since": since})
    if problems:
        raise ConfigError(problems)
    options = _Options(
        repair=repair,
        since=EARLIEST if since is None else ticks_of(since),
        thorough=thorough,
        concurrency=concurrency,
        page_size=page_size or MAX_PAGE_SIZE[caller.contract],
        tell=on_progress,
    )
    chosen = chosen_entities(caller, entities)
    began_at = anyio.current_time()
    async with mirror:
        turns, lock = Turns(concurrency), anyio.Lock()
        runs = [_EntityRun(entity, caller, mirror, turns, lock, options) for entity in chosen]

        async def work() -> None:
            await all_or_first_failure([run.to_the_end for run in runs])

        if repair:
            await under_lease(mirror, caller.tenant, work, take_over=take_over)
        else:
            await work()
    return AuditReport(
        tenant=caller.tenant,
        entities={run.entity.name: run.report() for run in runs},
        seconds=anyio.current_time() - began_at,
        location=mirror.location,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What every entity of an audit has in common."""

    repair: bool
    since: int
    """In ticks."""
    thorough: bool
    concurrency: int
    page_size: int
    tell: Callable[[Progress], None] | None


class _EntityRun:
    """One entity within an audit."""

    def __init__(
        self,
        entity: Entity,
        caller: Caller,
        mirror: Mirror,
        turns: Turns,
        lock: anyio.Lock,
        options: _Options,
    ) -> None:
        self.entity = entity
        self._caller, self._mirror, self._turns, self._lock = caller, mirror, turns, lock
        self._options = options
        self._until: str | None = None
        self._inventory: Inventory | None = None
        self._comparison: Comparison | None = None
        self._repaired = 0
        self._failure: ServiceTitanError | None = None

    async def to_the_end(self) -> None:
        operation = self._caller.operation(self.entity.operation)
        # The ledger before the records: what a sync lands in between is newer than that ledger says.
        ledger = await self._mirror.load(self._caller.tenant, self.entity.name)
        self._failure = _hindrance(operation, ledger)
        if ledger is not None and self._failure is None:
            await self._audit(operation, ledger)
        self._tell(done=True)

    def report(self) -> EntityAudit:
        found, inventory = self._comparison, self._inventory
        return EntityAudit(
            held=0 if inventory is None else len(inventory),
            until=self._until,
            windows=found.windows if found else 0,
            requests=found.requests if found else 0,
            missing=tuple(sorted(found.missing)) if found else (),
            stale=tuple(sorted(found.stale)) if found else (),
            surplus=tuple(sorted(found.surplus)) if found else (),
            moved=0 if inventory is None else inventory.moved,
            repaired=self._repaired,
            error=None if self._failure is None else str(self._failure),
            failure=self._failure,
        )

    async def _audit(self, operation: Operation, ledger: Ledger) -> None:
        options, name = self._options, self.entity.name
        assert ledger.watermark is not None
        self._until = ledger.watermark
        versions = await self._mirror.versions(self._caller.tenant, name)
        self._inventory = Inventory(
            versions, to_ticks(ledger.watermark), says_active=_lists_say_active(self.entity)
        )
        mending: Mending | None = None
        if options.repair:
            odd = await self._mirror.quarantine(self._caller.tenant, name)
            mending = Mending(self._mirror, ledger, {each.key for each in odd}, self._lock)
        self._comparison = Comparison(
            operation,
            self._inventory,
            self._caller,
            since=options.since if ledger.origin is None else max(options.since, to_ticks(ledger.origin)),
            page_size=options.page_size,
            workers=options.concurrency,
            turns=self._turns,
            entity=name,
            room=mending.room if mending else lambda: nullcontext(True),
            differing=mending.take if mending else _leave,
            tell=self._tell,
            thorough=options.thorough,
            beyond_doubt=options.repair,
        )
        await self._compare(self._comparison, mending)
        if mending is not None:
            await self._mend(self._comparison, mending)

    async def _compare(self, comparison: Comparison, mending: Mending | None) -> None:
        try:
            await comparison.run()
        except ServiceTitanError as error:
            if isinstance(error, AuthError) or (mending is not None and error is mending.refusal):
                raise
            self._failure = error.with_traceback(None)  # whose frames would keep this run alive

    async def _mend(self, found: Comparison, mending: Mending) -> None:
        await mending.flush()
        if self._failure is None:
            await mending.retire(sorted(found.surplus))
        if found.missing or found.stale or found.surplus:
            self._repaired = await mending.mended(found.missing | found.stale, found.surplus)

    def _tell(self, *, done: bool = False) -> None:
        if self._options.tell is None:
            return
        found = self._comparison
        self._options.tell(
            Progress(
                entity=self.entity.name,
                at=datetime.now(UTC),
                records=found.compared if found else 0,
                requests=found.requests if found else 0,
                retries=found.retries if found else 0,
                done=done,
                error=None if self._failure is None else str(self._failure),
            )
        )


def _hindrance(operation: Operation, ledger: Ledger | None) -> ServiceTitanError | None:
    """Why an entity cannot be audited at all."""
    if not (operation.closed and operation.counted):
        return NotInContract(
            f"{operation.name} of contract {operation.contract!r} cannot be audited: "
            "its list cannot be closed and counted"
        )
    if ledger is None or ledger.watermark is None:
        return SyncError("no sync of it has come to its end, so there is nothing to compare: sync first")
    return None


def _lists_say_active(entity: Entity) -> bool:
    """Whether lists print `active`; where feeds alone do, models have it as optional."""
    return any(field.name == "active" and field.required for field in msgspec.structs.fields(entity.model))


def _leave(record: Record) -> None:
    return None
