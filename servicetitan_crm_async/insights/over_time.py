"""Charts over time: records by period, and one sync after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from servicetitan_crm_async.insights.canvas import ACCENT, INK, MUTED, PAPER, WARNING, Room, bare, canvas
from servicetitan_crm_async.insights.figures import Growth, SyncRun, Timeline
from servicetitan_crm_async.insights.wording import nouns, short_instant

_ROW_INCHES = 0.78
_PANEL_INCHES = 1.15
_ALL_SAID = 7
"""Of so many columns each says its number, of more the largest alone."""
_DATES = {"day": "%d %b %Y", "week": "the week of %d %b %Y", "month": "%b %Y"}


def growth(room: Room, timeline: Timeline, counts: Callable[[Growth], Sequence[int]]) -> Figure:
    """A row an entity, each with a scale of its own, over the same time."""
    rows = timeline.entities
    figure = canvas(room, len(rows) * _ROW_INCHES + 0.35)
    edges = range(len(timeline.starts) + 1)
    ticks = _ticks(timeline, 4 if room.narrow else 8)
    for axes, entity in zip(_stacked(figure, len(rows)), rows, strict=True):
        numbers = counts(entity)
        axes.stairs(numbers, edges, fill=True, color=ACCENT)
        # The period under way is not over, and looks like a fall where there is none.
        axes.stairs(numbers[-1:], edges[-2:], fill=True, color=PAPER, alpha=0.5)
        bare(axes)
        axes.set_ylim(0, max(1, *numbers) * 1.05)
        axes.set_title(f"{nouns(entity.entity)} · {sum(numbers):,}", loc="left", fontsize=9, color=INK, pad=3)
        axes.set_title(_peak(numbers, timeline, room), loc="right", fontsize=8, color=MUTED, pad=3)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xticks([*ticks], [*ticks.values()])
    return figure


def _ticks(timeline: Timeline, most: int) -> dict[int, str]:
    """Where periods begin, and their dates: at every New Year where there are some, else spread evenly."""
    starts = timeline.starts
    years = [place for place, day in enumerate(starts) if timeline.unit == "month" and day.month == 1]
    if len(years) > 1:
        return {place: f"{starts[place]:%Y}" for place in years[:: -(-len(years) // most)]}
    form = "%b %Y" if timeline.unit == "month" else "%d %b"
    return {place: starts[place].strftime(form) for place in range(0, len(starts), -(-len(starts) // most))}


def _peak(numbers: Sequence[int], timeline: Timeline, room: Room) -> str:
    most = max(numbers)
    if not most:
        return "none"
    when = timeline.starts[list(numbers).index(most)].strftime(_DATES[timeline.unit])
    return f"most {most:,}" if room.narrow else f"most: {most:,} in {when}"


def _stacked(figure: Figure, number: int) -> list[Axes]:
    """Plots one above the other that share what lies below."""
    axes = figure.subplots(number, 1, sharex=True, squeeze=False)
    return [*axes[:, 0]]


def syncs(room: Room, runs: Sequence[SyncRun]) -> Figure:
    """How fast each sync was, what it asked for, and what it had to ask for again."""
    figure = canvas(room, 3 * _PANEL_INCHES + 0.4)
    pace, requests, retries = _stacked(figure, 3)
    places = range(len(runs))
    _panel(pace, "Records a second", [run.pace for run in runs])
    _panel(requests, "Requests", [run.requests for run in runs])
    again, refused = [run.retries for run in runs], [run.throttled for run in runs]
    _panel(retries, "Retries", again)
    retries.bar(places, [number or 0 for number in refused], 0.7, color=WARNING)
    if any(refused):
        retries.set_title("of which answered 429", loc="right", fontsize=9, color=WARNING, pad=3)
    # As many dates as have room, the last one among them.
    step = max(1, -(-len(runs) // (3 if room.narrow else 8)))
    ticks = [place for place in places if (len(runs) - 1 - place) % step == 0]
    retries.set_xticks(ticks, [short_instant(runs[place].ended) for place in ticks])
    retries.set_xlim(-0.6, max(len(runs), 4) - 0.4)
    return figure


def _panel(axes: Axes, title: str, numbers: Sequence[float | None]) -> None:
    known = [number for number in numbers if number is not None]
    axes.bar(range(len(numbers)), [number or 0 for number in numbers], 0.7, color=ACCENT)
    bare(axes)
    most = max(known, default=0)
    axes.set_ylim(0, max(1, most) * 1.3)
    axes.set_title(title, loc="left", fontsize=9, color=INK, pad=3)
    if not known:
        axes.text(
            0.5,
            0.4,
            "not counted by the version that ran",
            transform=axes.transAxes,
            ha="center",
            color=MUTED,
        )
    elif not most:
        axes.text(0, 0.4, "none", transform=axes.transAxes, color=MUTED)
    else:
        last = len(numbers) - 1 - [*reversed(numbers)].index(most)
        for place, number in enumerate(numbers):
            if number and (place == last or len(numbers) <= _ALL_SAID):
                axes.annotate(
                    f"{number:,.0f}" if number >= 10 else f"{number:.2g}",
                    (place, number),
                    (0, 2),
                    textcoords="offset points",
                    ha="center",
                    color=INK,
                )
