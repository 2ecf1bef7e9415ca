"""`servicetitan-crm sync`: from what was asked for to an exit code."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.pace import Pace
from servicetitan_crm_async.cli.standing import TENANT, Standing, meet, refuse_an_orphan
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import Forbidden
from servicetitan_crm_async.sandbox import serve
from servicetitan_crm_async.sync import Destination, Progress, SyncReport, open_destination, sync


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for; None where the default is for others to choose."""

    entities: tuple[str, ...] | None
    to: str | None
    since: datetime | None
    concurrency: int
    page_size: int | None
    settle: timedelta
    contract: ContractName | None
    sandbox: bool
    seed: int | None
    customers: int | None


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


async def run_sync(wish: Wish, show: Show) -> Exit:
    """Sync, show it, and say how it ended.

    Raises:
        ServiceTitanError: it could not begin, or could not go on.
    """
    environ: Mapping[str, str] = os.environ
    if not wish.sandbox:
        return await _run(wish, show, _client(wish, environ))
    destination = _destination(wish, TENANT)
    async with _sandbox(wish, show, destination) as environ:
        return await _run(wish, show, _client(wish, environ))


async def _run(wish: Wish, show: Show, crm: ServiceTitanCRM) -> Exit:
    destination = _destination(wish, crm.tenant_id)
    async with crm:
        with show.watch(Pace(crm.settings.rate.budget, crm.statistics)) as heard:
            report = await sync(
                crm,
                destination,
                entities=wish.entities,
                since=wish.since,
                concurrency=wish.concurrency,
                page_size=wish.page_size,
                settle=wish.settle,
                on_progress=heard,
            )
    show.report(report, destination.look(crm.tenant_id))
    return exit_after(report)


def exit_after(report: SyncReport) -> Exit:
    """How a sync ended. Where every entity was forbidden, it is the credentials that were refused."""
    if not report.failed:
        return Exit.DONE
    failures = [entity.failure for entity in report.entities.values()]
    return Exit.REFUSED if all(isinstance(each, Forbidden) for each in failures) else Exit.FAILED


def _client(wish: Wish, environ: Mapping[str, str]) -> ServiceTitanCRM:
    return ServiceTitanCRM.from_env(environ, contract=wish.contract)


def _destination(wish: Wish, tenant: int) -> Destination:
    return open_destination(wish.to or f"duckdb:servicetitan-{tenant}.duckdb")


@asynccontextmanager
async def _sandbox(wish: Wish, show: Show, destination: Destination) -> AsyncIterator[dict[str, str]]:
    """A sandbox in this process, beside the destination; gives the variables that lead to it."""
    file = Path(f"{destination.location}.sandbox.json")
    await refuse_an_orphan(destination, file)
    standing = meet(file, seed=wish.seed, customers=wish.customers)
    show.standing(standing)
    async with serve(standing.sandbox, clock=standing.clock()) as server:
        yield server.environ
