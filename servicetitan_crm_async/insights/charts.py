"""Which charts a report has: what each shows, and the title that says what is to be seen in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from servicetitan_crm_async.insights.bars import Bar, bars
from servicetitan_crm_async.insights.canvas import Chart
from servicetitan_crm_async.insights.figures import Atlas, Count, Figures, Gap, Leads, SyncRun, Timeline
from servicetitan_crm_async.insights.map_chart import atlas_map
from servicetitan_crm_async.insights.over_time import growth, syncs
from servicetitan_crm_async.insights.wording import counted, days, nouns, share

NAMES = (
    "records-created",
    "records-modified",
    "leads-by-status",
    "open-leads-by-age",
    "bookings-by-status",
    "map",
    "data-quality",
    "sync-history",
)
"""Of all charts a report may have."""
_TOLD = ("customers", "leads", "bookings")
"""In the title of what was created; for the others there is no room."""


def charts_of(figures: Figures) -> dict[str, Chart]:
    """By name; there is none for what the mirror has not got or has none of."""
    return {chart.name: chart for chart in _charts(figures)}


def _charts(figures: Figures) -> Iterator[Chart]:
    if figures.timeline is not None:
        yield from _over_time(figures.timeline)
    if figures.leads is not None and figures.leads.by_status:
        yield _by_status("leads", figures.leads.by_status)
        if figures.leads.median_days is not None:
            yield _open_leads(figures.leads)
    if figures.bookings:
        yield _by_status("bookings", figures.bookings)
    if figures.atlas is not None and figures.atlas.areas:
        yield _map(figures.atlas)
    if any(gap.total for gap in figures.gaps):
        yield _gaps(figures.gaps)
    if figures.history:
        yield _syncs(figures.history)


def _over_time(timeline: Timeline) -> Iterator[Chart]:
    created = ", ".join(
        f"{sum(each.created):,} {nouns(each.entity)}" for each in timeline.entities if each.entity in _TOLD
    )
    yield Chart(
        "records-created",
        f"Created since {timeline.starts[0]:%B %Y}: {created or 'records of these entities'}",
        f"Columns by {timeline.unit} for each entity, by when its records were created.",
        lambda room: growth(room, timeline, lambda each: each.created),
    )
    changed = sum(each.modified[-1] for each in timeline.entities)
    total = sum(sum(each.modified) + each.modified_elsewhere for each in timeline.entities)
    now = "today" if timeline.unit == "day" else f"this {timeline.unit}"
    yield Chart(
        "records-modified",
        f"{changed:,} of {counted(total, 'record')} were last changed {now}",
        f"Columns by {timeline.unit} for each entity, by when its records were last changed.",
        lambda room: growth(room, timeline, lambda each: each.modified),
    )


def _by_status(entity: str, counts: Sequence[Count]) -> Chart:
    total = sum(count.number for count in counts)
    most = counts[0]
    rows = [
        Bar(count.name, count.number, f"{count.number:,} · {share(count.number, total)}") for count in counts
    ]
    return Chart(
        f"{entity}-by-status",
        f"{total:,} {entity} by status: {share(most.number, total)} {most.name.lower()}",
        "; ".join(f"{count.name} {count.number:,}" for count in counts),
        lambda room: bars(room, rows),
    )


def _open_leads(leads: Leads) -> Chart:
    total = sum(count.number for count in leads.open_by_age)
    rows = [
        Bar(count.name, count.number, f"{count.number:,} · {share(count.number, total)}")
        for count in leads.open_by_age
    ]
    median = days(leads.median_days or 0)
    return Chart(
        "open-leads-by-age",
        f"Half of the {counted(total, 'open lead')} have waited for {median} or longer",
        "; ".join(f"{count.name}: {count.number:,}" for count in leads.open_by_age),
        lambda room: bars(room, rows),
    )


def _map(atlas: Atlas) -> Chart:
    first = atlas.areas[0]
    where = f"around {first.name}" if len(atlas.areas) == 1 else f"in {len(atlas.areas)} areas"
    return Chart(
        "map",
        f"{counted(atlas.shown, 'active location')} {where}",
        "; ".join(f"{area.name} {area.number:,}" for area in atlas.areas[:20]),
        lambda room: atlas_map(room, atlas),
    )


def _gaps(gaps: Sequence[Gap]) -> Chart:
    ordered = sorted((gap for gap in gaps if gap.total), key=lambda gap: -gap.number / gap.total)
    rows = [
        Bar(
            f"{nouns(gap.entity)} without {gap.lacking}",
            100 * gap.number / gap.total,
            f"{gap.number:,} · {share(gap.number, gap.total)}",
        )
        for gap in ordered
    ]
    worst = ordered[0]
    return Chart(
        "data-quality",
        f"{share(worst.number, worst.total)} of active {nouns(worst.entity)} lack {worst.lacking}",
        "; ".join(f"{row.label}: {row.text}" for row in rows),
        lambda room: bars(room, rows, full=100),
    )


def _syncs(history: Sequence[SyncRun]) -> Chart:
    records = sum(run.records for run in history)
    fastest = max((run.pace or 0 for run in history), default=0)
    pace = f", up to {fastest:,.0f} a second" if fastest else ""
    return Chart(
        "sync-history",
        f"{counted(len(history), 'sync')} brought {counted(records, 'record')}{pace}",
        "Three rows of columns, one a sync: records a second, requests, retries.",
        lambda room: syncs(room, history),
    )
