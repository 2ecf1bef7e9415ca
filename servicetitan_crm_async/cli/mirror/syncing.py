"""`servicetitan-crm sync`: from what was asked for to an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Protocol

from servicetitan_crm_async.cli.advice import Outcomes
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.mirror.pace import Pace
from servicetitan_crm_async.cli.mirror.standing import TENANT, Standing, file_beside, meet, refuse_an_orphan
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import Forbidden
from servicetitan_crm_async.sync import Destination, Progress, SyncReport, open_destination, sync
from servicetitan_crm_async.sync.destinations import Mirror
from servicetitan_crm_async.sync.following import Round, follow
from servicetitan_crm_async.sync.sources import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for; None where the default is for others to choose."""

    entities: tuple[str, ...] | None
    to: str | None
    every: timedelta | None
    since: datetime | None
    until: datetime | None
    strategy: Strategy | Mapping[str, Strategy]
    ids: tuple[int, ...] | None
    recent: bool
    concurrency: int
    page_size: int | None
    settle: timedelta
    overlap: timedelta
    take_over: bool
    contract: ContractName | None
    sandbox: bool
    seed: int | None
    customers: int | None
    credentials: Mapping[str, str] = field(repr=False)
    """The variables that lead to the tenant; a sandbox has its own."""


class Show(Protocol):
    """Where a sync shows itself: a terminal, or lines for programs."""

    def standing(self, standing: Standing) -> None:
        """The sandbox is up."""
        ...

    def watch(self, pace: Pace) -> AbstractContextManager[Callable[[Progress], None]]:
        """The sync runs while the block lasts, and calls what it gives from the running loop."""
        ...

    def report(self, report: SyncReport, look: str) -> None:
        """The sync is done; `look` is a shell command that looks at what landed."""
        ...

    def round(self, ended: Round, look: str) -> None:
        """One sync of many is done."""
        ...


async def run_sync(wish: Wish, show: Show) -> Exit:
    """Sync, show it, and say how it ended.

    Raises:
        ServiceTitanError: it could not begin, or could not go on.
    """
    if not wish.sandbox:
        return await _run(wish, show, client(wish.contract, wish.credentials), None)
    destination = place(wish.to, TENANT)
    file = file_beside(destination)
    await refuse_an_orphan(destination, file)
    standing = meet(file, seed=wish.seed, customers=wish.customers)
    show.standing(standing)
    async with standing.served() as environ:
        return await _run(wish, show, client(wish.contract, environ), standing)


def client(contract: ContractName | None, environ: Mapping[str, str]) -> ServiceTitanCRM:
    """A client of the tenant that the variables name."""
    return ServiceTitanCRM.from_env(environ, contract=contract)


def place(to: str | None, tenant: int, *, read_only: bool = False) -> Mirror:
    """The destination that was named, or the one that a tenant has by default."""
    return open_destination(to or f"duckdb:servicetitan-{tenant}.duckdb", read_only=read_only)


def exit_after(report: Outcomes) -> Exit:
    """How a sync ended. Where every entity was forbidden, it is the credentials that were refused."""
    failures = [entity.failure for entity in report.entities.values()]
    if not any(failures):
        return Exit.DONE
    return Exit.REFUSED if all(isinstance(each, Forbidden) for each in failures) else Exit.FAILED


async def _run(wish: Wish, show: Show, crm: ServiceTitanCRM, standing: Standing | None) -> Exit:
    destination = place(wish.to, crm.tenant_id)
    look = destination.look(crm.tenant_id)
    async with crm:
        if wish.every is None:
            report = await _once(wish, show, crm, destination)
            show.report(report, look)
            return exit_after(report)
        # The first alone pushes another run aside, or two programs would do so for ever.
        wishes = chain([wish], repeat(replace(wish, take_over=False)))
        async for ended in follow(lambda: _once(next(wishes), show, crm, destination), every=wish.every):
            show.round(ended, look)
            if standing is not None:
                standing.remember()
    return Exit.DONE


async def _once(wish: Wish, show: Show, crm: ServiceTitanCRM, destination: Destination) -> SyncReport:
    with show.watch(Pace(crm.settings.rate.budget, crm.statistics)) as heard:
        return await sync(
            crm,
            destination,
            entities=wish.entities,
            since=wish.since,
            until=wish.until,
            strategy=wish.strategy,
            ids=wish.ids,
            include_recent_changes=wish.recent,
            concurrency=wish.concurrency,
            page_size=wish.page_size,
            settle=wish.settle,
            overlap=wish.overlap,
            take_over=wish.take_over,
            on_progress=heard,
        )
