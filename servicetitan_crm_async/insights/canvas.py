"""What all charts have in common: sizes, colours, and how a figure of matplotlib becomes a file or markup.

No pyplot: it keeps figures in a global list. In a page the colours are those of the page, light or dark,
and the letters its own, so a chart is drawn with stand-ins that its markup is rid of afterwards. Letters of
matplotlib's own font are wider than those of most others, so what has room when drawn has room on the page.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID, ACCENT, WARNING, TRACK, PAPER = (
    "#1f2327",
    "#59636d",
    "#d1d9df",
    "#0072b1",
    "#d55d00",
    "#eaeef1",
    "#fffffe",
)
"""Blue and vermilion are told apart in every common kind of colour blindness."""
_IN_A_PAGE = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    ACCENT: "accent",
    WARNING: "warning",
    TRACK: "track",
    PAPER: "paper",
}
_LETTERS = 9.0
"""Points: 12 pixels at the size of the page."""
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": _LETTERS,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": _LETTERS,
    "ytick.labelsize": _LETTERS,
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
    "text.parse_math": False,
}
_DPI = 96
_PNG_DPI = 192


class Room(NamedTuple):
    """How wide a chart is, in inches of 96 pixels."""

    name: str
    inches: float

    @property
    def narrow(self) -> bool:
        return self.inches < 5


WIDE, NARROW = Room("wide", 8.75), Room("narrow", 3.6)


class Chart(NamedTuple):
    """A chart that can be drawn at any width."""

    name: str
    """Of its file, without the ending."""
    title: str
    said: str
    """What it shows, for those who cannot see it."""
    draw: Callable[[Room], Figure]

    def svg(self, room: Room) -> str:
        """Markup for within a page."""
        file = io.StringIO()
        with rc_context({**_STYLE, "svg.hashsalt": self.name + room.name}):
            drawn = self.draw(room)
            drawn.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
        return _for_a_page(file.getvalue(), f"{self.name}-{room.name}-", room)

    def png(self, credit: str) -> bytes:
        """A picture that stands alone: with its title, on white, and whose figures they are."""
        file = io.BytesIO()
        with rc_context(_STYLE):
            drawn = self.draw(WIDE)
            lines = textwrap.wrap(self.title, 84)
            title = "\n".join(lines)
            width, height = drawn.get_size_inches()
            drawn.set_size_inches(width, height + 0.3 + 0.25 * len(lines))
            drawn.suptitle(title, x=0.01, ha="left", fontsize=_LETTERS + 3, fontweight="bold")
            drawn.supxlabel(credit, x=0.01, ha="left", fontsize=_LETTERS - 1, color=MUTED)
            drawn.savefig(file, format="png", dpi=_PNG_DPI, facecolor="white")
        return file.getvalue()


def canvas(room: Room, height: float) -> Figure:
    """An empty figure, its height in inches."""
    figure = Figure(figsize=(room.inches, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    return figure


def bare(axes: Axes) -> None:
    """Take away whatever frames a plot."""
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.tick_params(length=3)


def _for_a_page(markup: str, prefix: str, room: Room) -> str:
    markup = markup[markup.index("<svg") :]
    # Two charts on one page may not have an id in common.
    markup = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", markup)
    for colour, name in _IN_A_PAGE.items():
        markup = markup.replace(colour, f"var(--{name})")
    markup = re.sub(r"font: ([^;\"]*?)'DejaVu Sans'[^;\"]*", r"font: \1inherit", markup)
    return re.sub(
        r'<svg ([^>]*?)width="[^"]*pt"', rf'<svg class="{room.name}" aria-hidden="true" \1', markup, count=1
    ).replace('xmlns:xlink="http://www.w3.org/1999/xlink" ', "", 1)
