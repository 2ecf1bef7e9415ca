"""What changed, batch after batch: `async with changes(crm, "customers") as batches`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from random import SystemRandom
from typing import Literal, overload

import anyio

from servicetitan_crm_async import models
from servicetitan_crm_async._core.clock import ticks_of, to_text
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.engine import SETTLE, sync
from servicetitan_crm_async.sync.report import SyncReport
from servicetitan_crm_async.sync.sources import Strategy
from servicetitan_crm_async.sync.streaming.cursor import Cursor, read_cursor
from servicetitan_crm_async.sync.streaming.deliveries import ChangeBatch, Deliveries


@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["customers"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Customer]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["customer_contacts"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.CustomerContact]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["locations"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Location]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["location_contacts"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.LocationContact]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["leads"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Lead]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["bookings"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Booking]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    entity: Literal["tag_types"],
    /,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.TagType]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    /,
    *entities: str,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[False] = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Record]]]: ...
@overload
def changes(
    crm: ServiceTitanCRM,
    /,
    *entities: str,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: Literal[True],
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[Record]]]: ...
def changes(
    crm: ServiceTitanCRM,
    /,
    *entities: str,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    raw: bool = False,
    strategy: Strategy | Mapping[str, Strategy] = "auto",
    concurrency: int = 8,
    page_size: int | None = None,
    settle: timedelta = SETTLE,
    overlap: timedelta = timedelta(0),
    every: timedelta | None = None,
    jitter: float = 0.1,
) -> AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Record | Record]]]:
    """What changed, batch after batch; nothing is sent before the block is entered.

        async with changes(crm, "customers", cursor=stored) as batches:
            async for batch in batches:
                await deal_with(batch.records)
                stored = batch.cursor

    Of one entity, of several, or of all that the contract in use can list where none is named. Several take
    turns: one with a million changes gets no more of the requests than one with a few. Records are typed by
    their entity, those of several are `models.Record`; with `raw` they are `Record`, JSON as sent and its
    keys. A record comes once in a run, in no particular order, and where the service cannot sort or close
    its list it may come more often. One that changes meanwhile comes again, in this run or the next, so
    land by id and never put an older `modified_on` over a newer one.

    **Cursors.** The cursor of a batch is true once that batch and all before it, of all entities, are dealt
    with. A call that is given it goes on exactly there, and ends where a call of that moment would. Whoever
    stops half-way through a batch, or dies, and goes on from the cursor before gets that batch again: every
    change comes at least once. An entity that can be read by page number alone begins an unfinished run
    again. Each entity ends its run with a batch that says its `guarantee` and may hold no record.

    **Bounds.** No faster than they are taken: at most `concurrency` pages wait to be taken, or two if that is
    more, of large pages only as many as hold some 10,000 records, and each entity has up to `concurrency`
    pages just read in hand; then nothing more is asked for until a batch is taken. A batch holds at most what
    waited.

    **Endings.** Leaving the block early, by an error or by cancellation, stops what is under way, leaves no
    task behind, and raises nothing of its own. A step of the iteration that is cancelled, as by a time-out,
    loses no batch: the next step gets it. Outside the block there are no batches to be had. One task at a
    time iterates.

    **Failures.** A call that fails after its retries ends its entity; the others go on to their end, and
    then the iteration raises that error, with the entity in its notes, and in further notes what else failed.
    What was delivered stays true: open again with the last cursor.

    **Without end.** With `every` change follows change: when a run has come to its end and its last batch is
    taken, the next begins after that time, from where this one ended. An error ends this too, so that nobody
    believes to be up to date who is not; open again with the last cursor.

    Args:
        entities: names from `ENTITIES`.
        since: what changed on or after this instant; everything where not given.
        until: what changed before this instant, where it lies before what has settled. To be given again
            together with a cursor.
        cursor: of an earlier batch, of the same tenant and contract. It remembers its `since`, with which an
            entity begins that it does not speak of yet.
        raw: give the JSON as sent in place of models.
        strategy: how to read, for all entities or by name, as for `sync`; not `ids`.
        concurrency: pages under way at once, over all entities.
        page_size: the contract's largest where not given.
        settle: how long a change may take to become visible on the service after its stamp.
        overlap: begin each run so long before the end of the last one, over and above `settle`.
        every: how long to wait between two runs.
        jitter: by what part of itself this wait is longer or shorter, drawn anew each time: 0.1 is up to a
            tenth. Programs that were started together do not come together for ever.

    Raises:
        ConfigError: before anything is sent: an unknown entity, a value out of range, arguments
            that exclude each other (`cursor` and `since`, `every` and `until`), a cursor that is damaged or
            of another tenant or contract.
        NotInContract: before anything is sent: an entity that the contract in use cannot list.
        LedgerConflict: before anything is sent: the cursor is of a newer version of this package.
        AuthError: from the iteration, at once: the credentials were refused; nothing can go on.
        ServiceTitanError: from the iteration: an entity failed.
    """
    problems = {}
    if since is not None and since.utcoffset() is None:
        problems["since"] = "must be aware: give it a time zone, such as datetime.UTC"
    if since is not None and cursor is not None:
        problems["cursor"] = "it remembers its own since: give one of the two"
    if every is not None and until is not None:
        problems["every"] = "it goes on without end, and until would end it: give one of the two"
    elif every is not None and every <= timedelta(0):
        problems["every"] = "must be more than 0"
    if not 0 <= jitter <= 1:
        problems["jitter"] = "must be 0 to 1"
    if "ids" in ((strategy,) if isinstance(strategy, str) else strategy.values()):
        problems["strategy"] = "ids fetches known records anew and tells of no change; see sync"
    if problems:
        raise ConfigError(problems)
    tenant, contract = crm.tenant_id, crm.settings.contract
    if cursor is not None:
        reached = read_cursor(cursor, tenant, contract)
    else:
        reached = Cursor(tenant, contract, None if since is None else to_text(ticks_of(since)))
    deliveries = Deliveries(reached, raw=raw, overlap=overlap)
    run = partial(
        sync,
        crm,
        deliveries,
        entities=entities or None,
        until=until,
        strategy=strategy,
        concurrency=concurrency,
        page_size=page_size,
        settle=settle,
        overlap=overlap,
    )
    return _delivered(deliveries, partial(_keep_running, run, every, jitter))


async def _keep_running(
    run: Callable[[], Awaitable[SyncReport]], every: timedelta | None, jitter: float
) -> None:
    """One run, or one after another without end."""
    while True:
        _raise_failures(await run())
        if every is None:
            return
        await anyio.sleep(every.total_seconds() * SystemRandom().uniform(1 - jitter, 1 + jitter))


def _raise_failures(report: SyncReport) -> None:
    failed = [(name, done.failure) for name, done in report.entities.items() if done.failure is not None]
    if not failed:
        return
    # The first and not a group of them: who reads one entity or seven writes the same `except Forbidden`.
    (name, first), *others = failed
    first.add_note(f"while the changes of {name} were read")
    for name, error in others:
        first.add_note(f"{name} failed, too: {type(error).__name__}: {error}")
    raise first


@asynccontextmanager
async def _delivered(
    deliveries: Deliveries, read: Callable[[], Awaitable[None]]
) -> AsyncIterator[AsyncIterator[ChangeBatch[models.Record | Record]]]:
    """What is delivered while `read` runs beside the block."""
    batches = deliveries.handover
    failure: list[BaseException] = []

    async def work() -> None:
        try:
            await read()
        except Exception as error:
            batches.close(error)
        else:
            batches.close()
        deliveries.opened.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(work)
        try:
            # What is wrong with the arguments is known before the first request.
            await deliveries.opened.wait()
            batches.check()
            yield batches
        except anyio.get_cancelled_exc_class():
            raise
        except BaseException as error:
            failure.append(error)
        batches.close(ConfigError("the changes are over: their batches come inside `async with` alone"))
        tasks.cancel_scope.cancel()
    if failure:
        # Out here, so that the caller's error is not wrapped in the group's.
        raise failure[0]
