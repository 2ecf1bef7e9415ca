"""The status of a mirror on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from servicetitan_crm_async.cli.mirror.looking import AtWork, EntityStatus, TenantStatus
from servicetitan_crm_async.cli.tables import MINUTE, WIDE, guarantee, instant, table
from servicetitan_crm_async.insights.wording import span

_OPEN = "Open windows are what is left of a run that was cut short; the next sync begins with them."
_ODD = "Odd records are in quarantine, where each sync tries them again; which and why: add --quarantine."


def print_status(console: Console, tenants: Sequence[TenantStatus]) -> None:
    """Print a table for each tenant, and below it what needs a sentence."""
    for tenant in tenants:
        console.print(
            Text.assemble((f"Tenant {tenant.tenant}", "bold"), " in ", (tenant.location, "bold")),
            soft_wrap=True,
        )
        console.print(_table(tenant, wide=console.width >= WIDE))
        for line in _sentences(tenant):
            console.print(line, soft_wrap=True)
        for name, entity in tenant.entities.items():
            if entity.quarantine:
                console.print(_quarantine(name, entity))
        console.print()


def _table(tenant: TenantStatus, *, wide: bool) -> Table:
    odd = any(entity.quarantined for entity in tenant.entities.values())
    open_ = any(entity.open_windows for entity in tenant.entities.values())
    rows = table(
        *("Entity", "Held", Column("Up to (UTC)"), "Age", Column("Guarantee")),
        *(("Odd",) if odd else ()),
        *(("Open",) if open_ else ()),
        *((Column("Read by"), "Runs") if wide else ()),
    )
    for name, entity in tenant.entities.items():
        cells: list[str | Text] = [
            name,
            f"{entity.held:,}",
            instant(entity.watermark, to=MINUTE) if entity.watermark else "not finished",
            span(entity.age_seconds) if entity.age_seconds is not None else "",
            guarantee(entity.guarantee),
        ]
        cells += [_if_any(entity.quarantined)] if odd else []
        cells += [_if_any(entity.open_windows)] if open_ else []
        cells += [entity.strategy, f"{entity.runs:,}"] if wide else []
        rows.add_row(*cells)
    return rows


def _if_any(number: int) -> Text:
    return Text(f"{number:,}", "yellow") if number else Text("")


def _sentences(tenant: TenantStatus) -> list[Text]:
    said = [
        Text.assemble((f"{name}: ", "bold red"), entity.error.text, (f" ({_at(entity.error.at)})", "dim"))
        for name, entity in tenant.entities.items()
        if entity.error is not None
    ]
    if tenant.at_work is not None:
        said.append(_holder(tenant.at_work))
    elif any(entity.open_windows for entity in tenant.entities.values()):
        said.append(Text(_OPEN, "yellow"))
    if any(entity.quarantined and not entity.quarantine for entity in tenant.entities.values()):
        said.append(Text(_ODD, "yellow"))
    return said


def _holder(run: AtWork) -> Text:
    who = f"process {run.process} on {run.host}, since {_at(run.since)}"
    if run.gone:
        return Text(f"A run ended without a word: {who}. The next one goes on from there.", "yellow")
    return Text(f"A run is at work: {who}, last sign of life {span(run.silent_seconds)} ago.", "cyan")


def _quarantine(name: str, entity: EntityStatus) -> Padding:
    rows = Table(title=f"{name} in quarantine", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for header in ("Key", "Id", "Reason", "Seen first (UTC)"):
        rows.add_column(header, overflow="fold")
    for odd in entity.quarantine or ():
        rows.add_row(odd.key, "" if odd.id is None else str(odd.id), odd.reason, instant(odd.seen))
    return Padding(rows, (1, 0, 0, 0))


def _at(text: str) -> str:
    return f"{instant(text)} UTC"
