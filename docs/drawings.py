"""The drawings of the theory of the sync: `python docs/drawings.py` writes them anew.

Colours are variables. In a page of the site they are the palette's, in a file on its own those of the
reader's system, light or dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

_PAGES = Path(__file__).parent / "pages"
FOLDER = _PAGES / "explanation" / "drawings"
STYLE = _PAGES / "assets" / "drawings.css"
WIDTH = 720
_LIGHT = {
    "ink": "#1f2a30",
    "soft": "#5d6f78",
    "line": "#90a4ae",
    "paper": "#eceff1",
    "seen": "#cfd8dc",
    "good": "#00796b",
    "goodpaper": "#b2dfdb",
    "bad": "#c62828",
    "badpaper": "#ffcdd2",
}
_DARK = {
    "ink": "#eceff1",
    "soft": "#b0bec5",
    "line": "#78909c",
    "paper": "#2b343b",
    "seen": "#435059",
    "good": "#80cbc4",
    "goodpaper": "#12504a",
    "bad": "#ff8a80",
    "badpaper": "#6b2326",
}
_ARROW = (
    '<defs><marker id="{name}-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z" fill="{fill}"/></marker></defs>'
)


def _colour(name: str) -> str:
    return f"var(--drawing-{name})"


def palette(colours: dict[str, str]) -> str:
    """The variables as CSS has them."""
    return " ".join(f"--drawing-{name}: {colour};" for name, colour in colours.items())


def style() -> str:
    """What the site says of its two palettes."""
    return f":root {{ {palette(_LIGHT)} }}\n[data-md-color-scheme='slate'] {{ {palette(_DARK)} }}\n"


class Drawing:
    """Shapes on a strip of `WIDTH`, from the top down."""

    def __init__(self, name: str, height: int, said: str) -> None:
        self.name, self.height, self.said = name, height, said
        self._parts: list[str] = []

    def text(
        self, x: float, y: float, words: str, *, colour: str = "ink", size: int = 14, anchor: str = "middle"
    ) -> None:
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{_colour(colour)}">{escape(words)}</text>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: str = "paper", line: str = "line"
    ) -> None:
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4" '
            f'fill="{_colour(fill)}" stroke="{_colour(line)}" stroke-width="1.5"/>'
        )

    def label(
        self, x: float, y: float, width: float, height: float, words: str, *, fill: str = "paper",
        line: str = "line", colour: str = "ink", size: int = 14,
    ) -> None:  # fmt: skip
        """A box with words in its middle."""
        self.box(x, y, width, height, fill=fill, line=line)
        self.text(x + width / 2, y + height / 2 + size * 0.35, words, colour=colour, size=size)

    def dot(self, x: float, y: float, *, fill: str = "seen", line: str = "soft", radius: float = 6) -> None:
        self._parts.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{_colour(fill)}" '
            f'stroke="{_colour(line)}" stroke-width="1.5"/>'
        )

    def line(self, *points: tuple[float, float], colour: str = "line", dashed: bool = False) -> None:
        self._path("M" + " L".join(f"{x:g} {y:g}" for x, y in points), colour, dashed=dashed)

    def arrow(self, *points: tuple[float, float], colour: str = "soft", dashed: bool = False) -> None:
        path = "M" + " L".join(f"{x:g} {y:g}" for x, y in points)
        self._path(path, colour, dashed=dashed, arrow=True)

    def arc(self, x: float, to: float, y: float, lift: float, *, colour: str = "soft") -> None:
        """An arrow from one place of a time line to another, over what is between."""
        self._path(f"M{x:g} {y:g} C{x:g} {y - lift:g} {to:g} {y - lift:g} {to:g} {y:g}", colour, arrow=True)

    def _path(self, path: str, colour: str, *, dashed: bool = False, arrow: bool = False) -> None:
        marker = f' marker-end="url(#{self.name}-{colour})"' if arrow else ""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{_colour(colour)}" stroke-width="1.8"{dashes}{marker}/>'
        )

    def timeline(self, y: float, *, start: float = 30, end: float = 690) -> None:
        self.arrow((start, y), (end, y), colour="soft")

    def tick(self, x: float, y: float, words: str, *, colour: str = "ink", up: float = 34) -> None:
        """An instant: a line across a time line, and its name below."""
        self.line((x, y - up), (x, y + 8), colour=colour)
        self.text(x, y + 24, words, colour=colour)

    def svg(self) -> str:
        used = [kind for kind in ("soft", "good", "bad") if f"#{self.name}-{kind})" in "".join(self._parts)]
        xmlns, size = "http://www.w3.org/2000/svg", f"0 0 {WIDTH} {self.height}"
        dark = f"@media (prefers-color-scheme: dark) {{ svg {{ {palette(_DARK)} }} }}"
        return "\n".join(
            [
                f'<svg xmlns="{xmlns}" viewBox="{size}" font-family="system-ui, sans-serif">',
                f"<style>svg {{ {palette(_LIGHT)} }} {dark}</style>",
                f"<title>{escape(self.said)}</title>",
                *(_ARROW.format(name=self.name, kind=kind, fill=_colour(kind)) for kind in used),
                *self._parts,
                "</svg>\n",
            ]
        )


def _row(drawing: Drawing, y: float, letters: str, *, lost: str = "", moved: str = "", read: int) -> None:
    """Nine records on three pages, one of which is being read."""
    for place, letter in enumerate(letters):
        page, x = place // 3, 140 + place * 56 + place // 3 * 24
        if place % 3 == 0:
            fill, line = ("seen", "ink") if page + 1 == read else ("paper", "line")
            drawing.box(x - 9, y - 9, 175, 54, fill=fill, line=line)
        fill, line = (
            ("badpaper", "bad")
            if letter in lost
            else ("goodpaper", "good")
            if letter in moved
            else ("paper", "soft")
        )
        drawing.label(x, y, 45, 36, letter, fill=fill, line=line)


def slip() -> Drawing:
    drawing = Drawing(
        "slip", 246, "While pages are read by number, D moves from page 2 to page 1, and is lost."
    )
    for page in range(3):
        drawing.text(218 + page * 192, 22, f"page {page + 1}", colour="soft")
    drawing.text(12, 62, "first request", anchor="start", size=13)
    drawing.text(12, 80, "reads page 1", colour="soft", size=12, anchor="start")
    _row(drawing, 46, "ABCDEFGHI", moved="B", read=1)
    drawing.text(
        410,
        120,
        "B is modified: it moves to the end, and all behind it move up by one",
        colour="good",
        size=13,
    )
    drawing.text(12, 162, "second request", anchor="start", size=13)
    drawing.text(12, 180, "reads page 2", colour="soft", size=12, anchor="start")
    _row(drawing, 146, "ACDEFGHIB", lost="D", moved="B", read=2)
    drawing.line((275, 184), (275, 212), colour="bad")
    drawing.text(131, 230, "D now stands on page 1, which was read before it came there: nobody reads it",
                 colour="bad", size=13, anchor="start")  # fmt: skip
    return drawing


def window() -> Drawing:
    drawing = Drawing(
        "window", 176, "A record that is modified leaves the closed window; nothing can enter it."
    )
    y = 108
    drawing.box(70, y - 38, 380, 38, fill="paper")
    drawing.text(74, 58, "the window [a, b)", colour="soft", size=13, anchor="start")
    drawing.timeline(y)
    for x in (100, 138, 190, 300, 342, 410):
        drawing.dot(x, y - 18)
    drawing.dot(246, y - 18, fill="goodpaper", line="good")
    drawing.dot(560, y - 18, fill="goodpaper", line="good")
    drawing.arc(246, 558, y - 27, 78, colour="good")
    drawing.text(402, 18, "modified: it leaves the window", colour="good", size=13)
    drawing.text(576, y - 13, "the next run finds it", colour="good", size=12, anchor="start")
    drawing.tick(70, y, "a", up=46)
    drawing.tick(450, y, "b, safely in the past", up=46)
    drawing.tick(640, y, "now", colour="soft", up=8)
    drawing.text(360, 166, "whoever is modified now is stamped now, beyond b: nothing can enter", size=13)
    return drawing


def seek() -> Drawing:
    drawing = Drawing(
        "seek", 312, "Each request asks for the first page from the cursor on; the cursor moves."
    )
    records = (170, 202, 240, 276, 326, 358, 400, 452, 476, 536, 586)
    ends = (276, 452, 626)
    start = 150.0
    for step, end in enumerate(ends):
        y = 62 + step * 86
        drawing.text(12, y - 8, f"request {step + 1}", anchor="start", size=13)
        if step:
            drawing.box(150, y - 24, start - 150, 24, fill="seen", line="seen")
        drawing.box(start, y - 24, 626 - start, 24, fill="paper")
        drawing.timeline(y, start=130)
        for x in records:
            if start <= x <= end and not (step and x == start):
                drawing.dot(x, y - 12, fill="goodpaper", line="good")
            else:
                drawing.dot(x, y - 12)
        drawing.tick(start, y, "cursor", up=28)
        drawing.tick(626, y, "b", up=28)
        if step < 2:
            drawing.arc(start, end, y - 26, 28, colour="good")
        start = end
    drawing.dot(156, 290, fill="goodpaper", line="good")
    drawing.text(170, 295, "page 1 of [cursor, b), oldest first", anchor="start", size=13)
    drawing.box(420, 281, 22, 18, fill="seen", line="seen")
    drawing.text(450, 295, "landed before", anchor="start", size=13)
    return drawing


def splitting() -> Drawing:
    drawing = Drawing(
        "splitting", 262, "The window is cut by density; an idle worker takes half of what is left."
    )
    heights = (6, 8, 10, 8, 12, 60, 74, 66, 14, 10, 18, 22, 16, 12, 20, 26, 30, 24, 18, 12)
    y, left, step = 116, 60, 30
    for place, height in enumerate(heights):
        drawing.box(left + place * step, y - height, step - 4, height, fill="seen", line="line")
    drawing.text(60, 26, "records along the window: a bulk import is a peak", anchor="start", size=13)
    parts = (
        (0, 5, "A, done", "seen", "line"),
        (5, 6, "B", "paper", "soft"),
        (6, 7.5, "C", "paper", "soft"),
        (7.5, 10, "D, done", "seen", "line"),
        (10, 13, "D", "paper", "soft"),
        (13, 16, "A", "goodpaper", "good"),
        (16, 20, "E", "paper", "soft"),
    )
    for begin, end, words, fill, line in parts:
        x, width = left + begin * step, (end - begin) * step - 4
        drawing.label(x, y + 14, width, 30, words, fill=fill, line=line, size=13)
    drawing.arrow((133, y + 46), (133, y + 70), (493, y + 70), (493, y + 47), colour="good")
    drawing.text(313, y + 90, "worker A runs idle, and takes half of what D has left", colour="good", size=13)
    drawing.text(360, y + 120, "Parts need no order among each other: each has a cursor of its own.", size=13)
    drawing.text(
        360, y + 138, "They are cut by the density that pages show, not by the clock.", colour="soft", size=13
    )
    return drawing


def ties() -> Drawing:
    drawing = Drawing("ties", 258, "Records of one instant are read by page number, from the last page back.")
    y = 214
    drawing.text(
        12, 24, "A full page holds a single instant, so the cursor cannot move.", anchor="start", size=13
    )
    drawing.timeline(y, end=330)
    for x in (60, 96, 130, 270):
        drawing.dot(x, y - 12)
    for column in range(4):
        for row in range(8):
            drawing.dot(176 + column * 16, y - 12 - row * 15, radius=5)
    drawing.tick(200, y, "one instant", up=4)
    drawing.text(200, 82, "a bulk import", colour="soft", size=12)
    drawing.arrow((256, 140), (338, 140), colour="soft")
    for page in range(4):
        x = 352 + page * 88
        drawing.label(x, 120, 78, 40, f"page {page + 1}", size=13)
        drawing.text(x + 39, 180, ("4th", "3rd", "2nd", "1st")[page], colour="good", size=13)
        if page < 3:
            drawing.arrow((x + 110, 106), (x + 56, 106), colour="good")
    drawing.text(524, 84, "read from the last page back to the first", colour="good", size=13)
    drawing.text(524, 212, "Who leaves moves up only what comes behind,", size=13)
    drawing.text(524, 230, "and what comes behind was read before.", size=13)
    return drawing


def watermark() -> Drawing:
    drawing = Drawing(
        "watermark", 258, "A change that shows late lies behind the watermark, so the next run reads it."
    )
    y = 112
    drawing.box(60, y - 34, 310, 34, fill="seen", line="line")
    drawing.text(212, y - 12, "run 1 reads this", size=13)
    drawing.box(370, y - 34, 150, 34, fill="paper")
    drawing.timeline(y)
    drawing.line((520, y - 46), (520, y + 8), colour="soft")
    drawing.text(526, y - 12, "the service's clock", colour="soft", size=13, anchor="start")
    drawing.text(424, y + 22, "two minutes", colour="soft", size=12)
    drawing.dot(410, y - 17, fill="goodpaper", line="good")
    drawing.line((410, y - 24), (410, y - 60), colour="good")
    drawing.text(
        404, y - 70, "stamped here, but visible only after run 1", colour="good", size=13, anchor="start"
    )
    drawing.dot(480, y - 17, fill="badpaper", line="bad")
    drawing.line((480, y - 10), (480, y + 46), colour="bad", dashed=True)
    drawing.text(490, y + 46, "from the largest stamp seen", colour="bad", size=12, anchor="start")
    drawing.text(490, y + 62, "on, it would be skipped", colour="bad", size=12, anchor="start")
    drawing.line((370, y - 46), (370, y + 84), colour="good")
    drawing.text(362, y + 22, "until", colour="good", anchor="end")
    drawing.label(
        370, y + 80, 290, 32, "run 2 begins exactly at until", fill="goodpaper", line="good", size=13
    )
    drawing.text(
        12,
        y + 136,
        "until: the service's clock less two minutes; never this machine's",
        size=13,
        anchor="start",
    )
    return drawing


def commit() -> Drawing:
    drawing = Drawing(
        "commit", 208, "Records and ledger are committed in one transaction; the next run goes by it."
    )
    drawing.label(12, 58, 116, 52, "a page is read", size=13)
    drawing.arrow((130, 84), (196, 84))
    drawing.box(200, 20, 270, 128, fill="goodpaper", line="good")
    drawing.text(335, 44, "one transaction", colour="good", size=13)
    drawing.label(216, 56, 238, 34, "the page's records", size=13)
    drawing.label(216, 100, 238, 34, "the ledger: what is left to read", size=13)
    drawing.arrow((472, 84), (538, 84))
    drawing.label(542, 58, 166, 52, "the mirror holds both", size=13)
    for x, words in (
        (160, "neither landed: the page is read again"),
        (502, "both landed: the next run goes on after it"),
    ):
        drawing.line((x - 6, 72), (x + 6, 96), colour="bad")
        drawing.line((x + 6, 72), (x - 6, 96), colour="bad")
        drawing.line((x, 102), (x, 158), colour="bad", dashed=True)
        drawing.text(x, 174, "killed here", colour="bad", size=13)
        drawing.text(x, 194, words, size=12)
    return drawing


DRAWINGS: tuple[Callable[[], Drawing], ...] = (slip, window, seek, splitting, ties, watermark, commit)


def drawn() -> Iterator[tuple[Path, str]]:
    """Every drawing and their colours, each with the file it belongs in."""
    yield STYLE, style()
    for make in DRAWINGS:
        drawing = make()
        yield FOLDER / f"{drawing.name}.svg", drawing.svg()


if __name__ == "__main__":
    for path, text in drawn():
        path.write_text(text, encoding="utf-8")
