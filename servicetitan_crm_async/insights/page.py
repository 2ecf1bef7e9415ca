"""The report as one page that asks nobody for anything: style and charts are in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from importlib.resources import files

from servicetitan_crm_async.insights.canvas import Chart
from servicetitan_crm_async.insights.figures import Atlas, Figures, Freshness, Likeness, SyncRun
from servicetitan_crm_async.insights.markup import Cell, figure, paragraph, section, table
from servicetitan_crm_async.insights.wording import counted, days, instant, nouns, span

_LAST_SYNCS = 10
_GUARANTEES = (
    "Instants are in UTC. Guarantees: exact, nothing was lost, whatever changed meanwhile; verified, read by "
    "page number while, as the service said afterwards, nothing changed; best-effort, something did, and the "
    "contract allows no better way; none, no run has come to its end."
)
_BY_LAST_CHANGE = (
    "A mirror keeps the last version of each record, so an earlier change of it is not counted; recent "
    "columns are therefore higher than the older ones. The period under way is paler."
)
_PERSONAL = (
    "This page names nobody, but ids and the map lead to people: treat it as personal data, and send it to "
    "nobody who may not see the mirror."
)


def page(figures: Figures, charts: Mapping[str, Chart]) -> str:
    """The page; it works from a file and from a mail."""
    sections = [
        ("freshness", "Freshness", _freshness(figures)),
        ("over-time", "Records over time", _over_time(figures, charts)),
        ("leads", "Leads", _leads(figures, charts)),
        ("bookings", "Bookings", _bookings(figures, charts)),
        ("locations", "Map of locations", _locations(figures, charts)),
        ("quality", "Data quality", _quality(figures, charts)),
        ("history", "Sync history", _history(figures, charts)),
    ]
    style = files("servicetitan_crm_async.insights").joinpath("page.css").read_text(encoding="utf-8")
    title = f"ServiceTitan mirror of tenant {figures.tenant}"
    links = "".join(f'<a href="#{name}">{escape(text)}</a>' for name, text, _ in sections)
    body = "\n".join(section(name, text, parts) for name, text, parts in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{paragraph(_in_short(figures))}
<nav aria-label="Sections">{links}</nav>
</header>
<main>
{body}
</main>
<footer>{paragraph(_PERSONAL, "note")}</footer>
</body>
</html>
"""


def _in_short(figures: Figures) -> str:
    held = sum(each.held for each in figures.freshness)
    text = (
        f"{counted(held, 'record')} of {len(figures.freshness)} entities in {figures.location}, as of "
        f"{figures.as_of:%Y-%m-%d %H:%M} UTC."
    )
    ages = [each.age_seconds for each in figures.freshness if each.age_seconds is not None]
    if ages:
        text += f" What was read to its end is complete up to {span(max(ages))} before that, or later."
    failing = [nouns(each.entity) for each in figures.freshness if each.error is not None]
    return f"{text} The last run failed with {', '.join(failing)}." if failing else text


def _freshness(figures: Figures) -> Iterator[str]:
    headers = (
        Cell("Entity"), "Held", "Not active", "Complete up to", "Age", "Last run",
        "Last change", Cell("Guarantee"), "Set aside",
    )  # fmt: skip
    yield table(headers, map(_fresh, figures.freshness))
    for each in figures.freshness:
        if each.error is not None:
            yield paragraph(f"{nouns(each.entity)}: the last run failed: {each.error}", "bad")
    if figures.not_mirrored:
        yield paragraph(f"Not in this mirror: {', '.join(map(nouns, figures.not_mirrored))}.", "note")
    yield paragraph(_GUARANTEES, "note")


def _fresh(each: Freshness) -> tuple[str | Cell, ...]:
    return (
        Cell(nouns(each.entity)),
        f"{each.held:,}",
        f"{each.inactive:,}",
        instant(each.watermark) if each.watermark else Cell("not finished", words=False, bad=True),
        "\u2013" if each.age_seconds is None else span(each.age_seconds),
        instant(each.last_run),
        instant(each.last_modified),
        Cell(each.guarantee, bad=each.guarantee in ("best-effort", "none")),
        Cell(f"{each.quarantined:,}", words=False, bad=each.quarantined > 0),
    )


def _over_time(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    timeline = figures.timeline
    if timeline is None:
        yield paragraph("No record of this mirror has a date in the last five years.")
        return
    yield figure(charts["records-created"])
    yield figure(charts["records-modified"])
    yield paragraph(_BY_LAST_CHANGE, "note")
    yield table(
        (Cell("Entity"), "Created", "at another time", "Last changed", "at another time"),
        (
            (
                Cell(nouns(each.entity)),
                f"{sum(each.created):,}",
                f"{each.created_elsewhere:,}",
                f"{sum(each.modified):,}",
                f"{each.modified_elsewhere:,}",
            )
            for each in timeline.entities
        ),
    )
    yield paragraph(
        f"From {timeline.starts[0]:%d %B %Y} on, in UTC. At another time: before, in the future, or without "
        "a date.",
        "note",
    )


def _leads(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    if figures.leads is None:
        yield paragraph("Leads are not in this mirror.")
    elif not figures.leads.by_status:
        yield paragraph("No leads yet.")
    else:
        yield figure(charts["leads-by-status"])
        if figures.leads.median_days is None or figures.leads.oldest_days is None:
            yield paragraph("No lead is open.")
            return
        yield figure(charts["open-leads-by-age"])
        yield paragraph(
            f"Since they were created. The median is {days(figures.leads.median_days)}, and the oldest has "
            f"waited for {days(figures.leads.oldest_days)}.",
            "note",
        )


def _bookings(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    if figures.bookings is None:
        yield paragraph("Bookings are not in this mirror.")
    elif not figures.bookings:
        yield paragraph("No bookings yet.")
    else:
        yield figure(charts["bookings-by-status"])


def _locations(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    atlas = figures.atlas
    if atlas is None:
        yield paragraph("Locations are not in this mirror.")
        return
    if "map" in charts:
        yield figure(charts["map"])
    else:
        yield paragraph("No active location has coordinates that lie on a map.")
    yield paragraph(_left_out(atlas), "note")


def _left_out(atlas: Atlas) -> str:
    reasons = (
        (atlas.missing, "without coordinates"),
        (atlas.at_zero, "at 0, 0"),
        (atlas.swapped, "with latitude and longitude exchanged, as it seems"),
        (atlas.out_of_range, "with coordinates that no place has"),
    )
    left = [f"{number:,} {why}" for number, why in reasons if number]
    return f"Left out: {'; '.join(left)}." if left else "No active location was left out."


def _quality(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    if "data-quality" in charts:
        yield figure(charts["data-quality"])
        yield paragraph("Of active records, by the active contacts in this mirror.", "note")
    else:
        yield paragraph("No active customers or locations yet.")
    if not figures.likenesses:
        return
    yield paragraph("Duplicate candidates: active records that share what as a rule one alone has.")
    yield table(
        (Cell("Records"), Cell("Share"), "Groups", "Records in them"),
        (
            (
                Cell(nouns(each.entity)),
                Cell(f"the same {each.shared}"),
                f"{each.groups:,}",
                f"{each.records:,}",
            )
            for each in figures.likenesses
        ),
    )
    for each in figures.likenesses:
        if each.first:
            yield _groups(each)


def _groups(each: Likeness) -> str:
    more = each.groups - len(each.first)
    said = f"{nouns(each.entity)} with the same {each.shared}: ids"
    if more:
        said += f" (the largest groups; {more:,} more)"
    rows = (
        (f"{size:,}", Cell(", ".join(map(str, ids)) + (" \u2026" if size > len(ids) else "")))
        for size, ids in zip(each.sizes, each.first, strict=True)
    )
    return (
        f"<details><summary>{escape(said[0].upper() + said[1:])}</summary>"
        f"{table(('Records', Cell('Ids')), rows)}</details>"
    )


def _history(figures: Figures, charts: Mapping[str, Chart]) -> Iterator[str]:
    if not figures.history:
        yield paragraph("No sync has come to its end yet.")
        return
    yield figure(charts["sync-history"])
    yield table(
        ("Ended", "Entities", "Records", "Requests", "Seconds", "Records a second", "Retries", "429s"),
        map(_sync, reversed(figures.history[-_LAST_SYNCS:])),
    )
    yield paragraph(
        "What the ledger remembers: the last twenty runs of each entity that came to their end, by the clock "
        "of the machine that ran them. 429s are answers that told a sync to slow down.",
        "note",
    )


def _sync(run: SyncRun) -> tuple[str, ...]:
    return (
        instant(run.ended),
        f"{run.entities:,}",
        f"{run.records:,}",
        f"{run.requests:,}",
        "\u2013" if run.seconds is None else f"{run.seconds:,.1f}",
        "\u2013" if run.pace is None else f"{run.pace:,.0f}",
        "\u2013" if run.retries is None else f"{run.retries:,}",
        "\u2013" if run.throttled is None else f"{run.throttled:,}",
    )
