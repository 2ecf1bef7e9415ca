"""A sync on a terminal: live progress, then a summary; of many syncs, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from servicetitan_crm_async.cli.advice import advice, failures, hints, news
from servicetitan_crm_async.cli.mirror.pace import Pace, Row
from servicetitan_crm_async.cli.mirror.standing import Standing
from servicetitan_crm_async.cli.tables import (
    MINUTE,
    SECOND,
    WIDE,
    guarantee,
    instant,
    print_failures,
    table,
)
from servicetitan_crm_async.insights.wording import span
from servicetitan_crm_async.sandbox import text_of
from servicetitan_crm_async.sync import EntityReport, Progress, SyncReport
from servicetitan_crm_async.sync.following import Round

_LONG = 5.0
"""Seconds without an answer after which people wonder."""
_OFTEN = 5
"""Pictures a second."""


class Screen:
    """Draws on a console while the block lasts."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def standing(self, standing: Standing) -> None:
        recipe = standing.sandbox.world().recipe
        self._console.print(
            f"Sandbox of seed {standing.sandbox.seed}, tenant {recipe.tenant_id}, born with "
            f"{recipe.customers:,} customers; its clock shows {instant(text_of(standing.start))} UTC."
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
            console=self._console,
            get_renderable=lambda: _picture(pace),
            refresh_per_second=_OFTEN,
            transient=True,  # the summary takes its place
        ) as live:
            try:
                yield pace.heard
            except BaseException:
                # What it had reached when it was stopped or failed stays, if there was anything.
                live.transient = not any(pace.rows())
                raise

    def report(self, report: SyncReport, look: str) -> None:
        print_ = self._console.print
        print_(_summary(report, wide=self._console.width >= WIDE))
        for line in news(report):
            print_(Text(line, "yellow"), soft_wrap=True)
        print_failures(self._console, failures(report), hints(report))
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

    def round(self, ended: Round, look: str) -> None:
        # The first says what there is and how well it was read; of the others only the changes are news.
        if ended.number == 1 and ended.report is not None:
            self.report(ended.report, look)
            self._console.print(f"\nNext round in {span(ended.wait)}; Ctrl-C ends it.", highlight=False)
            return
        line = Text(f"{datetime.now(UTC):%H:%M:%S} UTC  ", style="dim")
        line.append_text(_changes(ended))
        line.append(f" Next in {span(ended.wait)}." if ended.wait else " Next at once.", style="dim")
        self._console.print(line, soft_wrap=True)
        if ended.report is not None:
            for text in news(ended.report):
                self._console.print(Text(f"  {text}", "yellow"), soft_wrap=True)
            print_failures(self._console, failures(ended.report), hints(ended.report))
        elif ended.error is not None:
            print_failures(self._console, (), [advice(ended.error)])


def _changes(ended: Round) -> Text:
    """What a round did, in a sentence."""
    report = ended.report
    if report is None:
        return Text(f"failed: {str(ended.error).rstrip('.')}.", style="red")
    landed = [f"{name} {entity.records:,}" for name, entity in report.entities.items() if entity.records]
    what = f"{report.records:,} records ({', '.join(landed)})" if landed else "nothing new"
    said = Text(f"{what} in {report.seconds:.1f} s, {report.requests:,} requests.", style="not dim")
    if report.failed:
        said.append(f" Failed: {', '.join(report.failed)}.", style="red")
    return said


def _picture(pace: Pace) -> Group:
    rows = table("Entity", "Records", "Records/s", "Requests", "Retries", Column("State"))
    for row in pace.rows():
        rows.add_row(*_progress(row))
    rate = pace.requests_per_second()
    foot = (
        f"  {rate:.1f} requests/s, {rate / pace.budget:.0%} of the rate of {pace.budget:g}/s"
        f"  ·  retries {pace.retries:,}  ·  {pace.seconds:.0f} s"
    )
    parts: list[Table | Text] = [rows, Text(foot, style="dim", no_wrap=True, overflow="ellipsis")]
    if pace.seconds > _LONG and not rows.rows:
        parts.append(Text("  No answer yet; still trying.", style="yellow"))
    return Group(*parts)


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
    rows = table(
        "Entity",
        "Records",
        "Requests",
        "Retries",
        Column("Guarantee"),
        Column("Changed since (UTC)" if wide else "Changed since"),
        *more,
    )
    for name, entity in report.entities.items():
        rows.add_row(*_entity(name, entity, wide=wide))
    rows.add_section()
    retries = sum(entity.retries for entity in report.entities.values())
    rows.add_row("all", f"{report.records:,}", f"{report.requests:,}", f"{retries:,}", style="bold")
    return rows


def _entity(name: str, entity: EntityReport, *, wide: bool) -> tuple[str | Text, ...]:
    shown: tuple[str | Text, ...] = (
        name,
        f"{entity.records:,}",
        f"{entity.requests:,}",
        f"{entity.retries:,}",
        guarantee(entity.guarantee),
        instant(entity.since, to=SECOND if wide else MINUTE) if entity.since else "the beginning",
    )
    return (*shown, instant(entity.until) if entity.until else "", entity.strategy) if wide else shown
