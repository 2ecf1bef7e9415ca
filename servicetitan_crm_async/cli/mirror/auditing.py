"""`servicetitan-crm audit`: a mirror compared with its tenant, or with the sandbox beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.mirror.looking import existing
from servicetitan_crm_async.cli.mirror.pace import Pace
from servicetitan_crm_async.cli.mirror.standing import TENANT, file_beside, meet_again
from servicetitan_crm_async.cli.mirror.syncing import client, exit_after, place
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.sync import Progress
from servicetitan_crm_async.sync.auditing.audit import AuditReport, EntityAudit, audit

Watch = Callable[[Pace], AbstractContextManager[Callable[[Progress], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for; None where the default is for others to choose."""

    entities: tuple[str, ...] | None
    to: str | None
    repair: bool
    thorough: bool
    concurrency: int
    page_size: int | None
    take_over: bool
    contract: ContractName | None
    sandbox: bool
    credentials: Mapping[str, str] = field(repr=False)
    """The variables that lead to the tenant; a sandbox has its own."""


async def run_audit(wish: Wish, watch: Watch) -> AuditReport:
    """Compare, and repair where that was asked for.

    Raises:
        ConfigError: there is no mirror, or no sandbox beside it.
        ServiceTitanError: it could not begin, or could not go on.
    """
    if not wish.sandbox:
        return await _run(wish, watch, wish.credentials)
    standing = meet_again(file_beside(place(wish.to, TENANT)))
    async with standing.served() as environ:
        return await _run(wish, watch, environ)


def exit_of_audit(report: AuditReport) -> Exit:
    """How an audit ended: an entity that failed weighs more than one that differs."""
    if report.failed:
        return exit_after(report)
    return Exit.DONE if report.equal else Exit.DIFFERS


def line_of(report: AuditReport) -> dict[str, object]:
    """The report as it is printed for programs."""
    return {
        "event": "audit",
        "tenant": report.tenant,
        "equal": report.equal,
        "entities": {name: _entity(entity) for name, entity in report.entities.items()},
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
        "location": report.location,
    }


async def _run(wish: Wish, watch: Watch, environ: Mapping[str, str]) -> AuditReport:
    crm = client(wish.contract, environ)
    # A repair opens it for writing, which would make one where there is none.
    async with existing(place(wish.to, crm.tenant_id, read_only=True)):
        pass
    mirror = place(wish.to, crm.tenant_id, read_only=not wish.repair)
    async with crm:
        with watch(Pace(crm.settings.rate.budget, crm.statistics)) as heard:
            return await audit(
                crm,
                mirror,
                entities=wish.entities,
                repair=wish.repair,
                thorough=wish.thorough,
                concurrency=wish.concurrency,
                page_size=wish.page_size,
                take_over=wish.take_over,
                on_progress=heard,
            )


def _entity(entity: EntityAudit) -> dict[str, object]:
    return {
        "equal": entity.equal,
        "held": entity.held,
        "until": entity.until,
        "windows": entity.windows,
        "requests": entity.requests,
        "missing": entity.missing,
        "stale": entity.stale,
        "surplus": entity.surplus,
        "moved": entity.moved,
        "repaired": entity.repaired,
        "error": entity.error,
    }
