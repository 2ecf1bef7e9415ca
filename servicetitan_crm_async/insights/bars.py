"""Bars that lie, each with its label above and its value at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from servicetitan_crm_async.insights.canvas import ACCENT, INK, TRACK, Room, canvas

_ROW_INCHES = 0.44
_BAR = 0.36
"""Of a row; the label has the rest."""


class Bar(NamedTuple):
    """One bar."""

    label: str
    value: float
    text: str


def bars(room: Room, rows: Sequence[Bar], *, full: float | None = None) -> Figure:
    """Bars from the top down. With `full`, each shows how much it lacks to that."""
    figure = canvas(room, max(1, len(rows)) * _ROW_INCHES + 0.1)
    axes = figure.add_subplot()
    most = full or max((row.value for row in rows), default=0) or 1
    places = range(len(rows))
    if full is not None:
        axes.barh(places, [full] * len(rows), _BAR, color=TRACK)
    axes.barh(places, [row.value for row in rows], _BAR, color=ACCENT)
    for place, row in zip(places, rows, strict=True):
        axes.text(0, place - _BAR / 2 - 0.06, row.label, ha="left", va="bottom", color=INK)
        axes.annotate(
            row.text,
            (full or row.value, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    # The text at the end of the longest has its room, whatever the width.
    longest = max((len(row.text) for row in rows), default=0)
    axes.set_xlim(0, most / max(0.3, 1 - longest * 0.085 / room.inches))
    axes.set_ylim(len(rows) - 0.65, -0.75)
    axes.axis("off")
    return figure
