"""A sync on a terminal: live progress, then a summary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from servicetitan_crm_async.cli.advice import failures, hints
from servicetitan_crm_async.cli.pace import Pace, Row
from servicetitan_crm_async.cli.standing import Standing
from servicetitan_crm_async.sandbox import text_of
from servicetitan_crm_async.sync import ENTITIES, EntityReport, Progress, SyncReport

# As wide from the first picture on as they will be.
_NAME, _STATE = max(map(len, ENTITIES)), len("reading")
_LONG = 5.0
"""Seconds without an answer after which people wonder."""
_OFTEN = 5
"""Pictures a second."""
_WIDE = 112
"""From here on the summary has room for both instants of each entity and how it was read."""
_MINUTE, _SECOND = len("2026-01-31T08:00"), len("2026-01-31T08:00:00")
_GUARANTEES = {"exact": "green", "verified": "green", "best-effort": "yellow", "none": "red"}


class Screen:
    """Draws on a console while the block lasts."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def standing(self, standing: Standing) -> None:
        recipe = standing.sandbox.world().recipe
        self._console.print(
            f"Sandbox of seed {standing.sandbox.seed}, tenant {recipe.tenant_id}, born with "
            f"{recipe.customers:,} customers; its clock shows {_instant(text_of(standing.start))} UTC."
        )
        self._console.print(
            f"It lives in {standing.file}, and a day passes for it between two runs.\n",
            style="dim",
            soft_wrap=True,
            highlight=False,
        )

    @contextmanager
    def watch(self, pace: Pace) -> Iterator[Callable[[Progress], None]]:
        with Live(
            console=self._console, get_renderable=lambda: _picture(pace), refresh_per_second=_OFTEN
        ) as live:
            yield pace.heard
            # The summary takes its place. What a sync that was stopped or failed had reached stays.
            live.transient = True

    def report(self, report: SyncReport, look: str) -> None:
        print_ = self._console.print
        print_(_summary(report, wide=self._console.width >= _WIDE))
        for names, error in failures(report):
            print_(Text.assemble((f"{names}: ", "bold red"), error), soft_wrap=True)
        for hint in hints(report):
            print_(Padding(Text(hint, style="yellow"), (0, 0, 0, 2)))
        print_(
            f"\n[bold]{'Done' if not report.failed else 'Done in part'}[/] in {report.seconds:.1f} s. "
            f"The mirror of tenant {report.tenant} is in",
            Text(report.location, style="bold"),
            highlight=False,
            soft_wrap=True,
        )
        print_("Look at it with", highlight=False)
        # As it is, however long: it is there to be copied.
        print_(Text(f"  {look}", style="cyan"), soft_wrap=True, highlight=False)


def _picture(pace: Pace) -> Group:
    table = _table("Entity", "Records", "Records/s", "Requests", "Retries", Column("State"))
    for row in pace.rows():
        table.add_row(*_progress(row))
    rate = pace.requests_per_second()
    foot = (
        f"  {rate:.1f} requests/s, {rate / pace.budget:.0%} of the rate of {pace.budget:g}/s"
        f"  ·  retries {pace.retries:,}  ·  {pace.seconds:.0f} s"
    )
    parts: list[Table | Text] = [table, Text(foot, style="dim", no_wrap=True, overflow="ellipsis")]
    if pace.seconds > _LONG and not table.rows:
        parts.append(Text("  No answer yet; still trying.", style="yellow"))
    return Group(*parts)


def _table(*columns: str | Column) -> Table:
    table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        if isinstance(column, Column):
            table.add_column(column.header, min_width=_STATE, no_wrap=True)
        else:
            table.add_column(
                column,
                justify="right" if number else "left",
                min_width=0 if number else _NAME,
                no_wrap=True,
            )
    return table


def _progress(row: Row) -> tuple[str | Text, ...]:
    now = row.progress
    state = Text("reading", "cyan") if not now.done else Text("done", "green")
    if now.error is not None:
        state = Text("failed", "red")
    return (
        now.entity,
        f"{now.records:,}",
        f"{row.records_per_second:,.0f}",
        f"{now.requests:,}",
        f"{now.retries:,}",
        state,
    )


def _summary(report: SyncReport, *, wide: bool) -> Table:
    more = [Column("Up to (UTC)"), Column("Read by")] if wide else []
    table = _table(
        "Entity",
        "Records",
        "Requests",
        "Retries",
        Column("Guarantee"),
        Column("Changed since (UTC)" if wide else "Changed since"),
        *more,
    )
    for name, entity in report.entities.items():
        table.add_row(*_entity(name, entity, wide=wide))
    table.add_section()
    retries = sum(entity.retries for entity in report.entities.values())
    table.add_row("all", f"{report.records:,}", f"{report.requests:,}", f"{retries:,}", style="bold")
    return table


def _entity(name: str, entity: EntityReport, *, wide: bool) -> tuple[str | Text, ...]:
    odd = f" ({entity.odd:,} odd)" if entity.odd else ""
    shown: tuple[str | Text, ...] = (
        name,
        f"{entity.records:,}{odd}",
        f"{entity.requests:,}",
        f"{entity.retries:,}",
        Text(entity.guarantee, _GUARANTEES.get(entity.guarantee, "")),
        _instant(entity.since, to=_SECOND if wide else _MINUTE) if entity.since else "the beginning",
    )
    return (*shown, _instant(entity.until) if entity.until else "", entity.strategy) if wide else shown


def _instant(text: str, *, to: int = _SECOND) -> str:
    """The service's text, cut to the second or the minute, as people read it."""
    return text[:to].replace("T", " ").removesuffix("Z")
