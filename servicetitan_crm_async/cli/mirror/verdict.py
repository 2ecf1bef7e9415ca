"""The verdict of an audit on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from servicetitan_crm_async.cli.advice import failures, hints, listed
from servicetitan_crm_async.cli.tables import WIDE, instant, print_failures, table
from servicetitan_crm_async.sync.auditing.audit import AuditReport, EntityAudit

_MOVED = "changed on the service since the last sync and were not compared: they are the next sync's."


def print_verdict(console: Console, report: AuditReport, *, repair: bool) -> None:
    """Print a table, the ids of what differs, and what it comes to."""
    console.print(_table(report, repair=repair, wide=console.width >= WIDE))
    for line in _differences(report):
        console.print(line, soft_wrap=True)
    print_failures(console, failures(report), hints(report))
    moved = sum(entity.moved for entity in report.entities.values())
    if moved:
        console.print(Text(f"{moved:,} records {_MOVED}", "dim"), soft_wrap=True)
    console.print(_verdict(report, repair=repair), soft_wrap=True, highlight=False)


def _table(report: AuditReport, *, repair: bool, wide: bool) -> Table:
    rows = table(
        *("Entity", "Held"),
        *(("Windows",) if wide else ()),
        *("Requests", "Missing", "Stale", "Surplus"),
        *(("Repaired",) if repair else ()),
        *(("Moved", Column("Compared up to (UTC)")) if wide else ()),
    )
    for name, entity in report.entities.items():
        # Numbers of what was not compared would look like findings.
        compared = entity.until is not None
        rows.add_row(name, *(_cells(entity, repair=repair, wide=wide) if compared else ("not compared",)))
    return rows


def _cells(entity: EntityAudit, *, repair: bool, wide: bool) -> Iterator[str | Text]:
    yield f"{entity.held:,}"
    if wide:
        yield f"{entity.windows:,}"
    yield f"{entity.requests:,}"
    for ids in (entity.missing, entity.stale, entity.surplus):
        yield Text(f"{len(ids):,}", "" if not ids else "yellow" if entity.equal else "red")
    if repair:
        yield f"{entity.repaired:,}"
    if wide:
        yield f"{entity.moved:,}"
        yield instant(entity.until) if entity.until else ""


def _differences(report: AuditReport) -> Iterator[Text]:
    for name, entity in report.entities.items():
        for what, ids in (("missing", entity.missing), ("stale", entity.stale), ("surplus", entity.surplus)):
            if ids:
                yield Text.assemble((f"{name}, {what}: ", "bold"), listed(ids))


def _verdict(report: AuditReport, *, repair: bool) -> Text:
    found = sum(entity.differences for entity in report.entities.values())
    left = found - sum(entity.repaired for entity in report.entities.values())
    if left:
        said = Text(f"\nDiffers in {left:,} records", "bold red")
        said.append(
            ", which could not be repaired" if repair else "; the same command with --repair mends it"
        )
    elif report.failed:
        said = Text("\nNot compared to the end", "bold red")
    elif found:
        said = Text(f"\nRepaired: {found:,} records differed", "bold green")
    else:
        said = Text("\nEqual", "bold green")
    said.append(f". {report.requests:,} requests in {report.seconds:.1f} s.", "none")
    return said.append(f" The mirror of tenant {report.tenant} is in {report.location}", "none")
