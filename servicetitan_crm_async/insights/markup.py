"""The few pieces of HTML that the page is made of; every text in them is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from servicetitan_crm_async.insights.canvas import NARROW, WIDE, Chart


class Cell(NamedTuple):
    """What stands in a table; plain texts are numbers, as most are."""

    text: str
    words: bool = True
    bad: bool = False


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def section(name: str, title: str, parts: Iterable[str]) -> str:
    head = f'<h2 id="{name}-title">{escape(title)}</h2>'
    body = "\n".join(parts)
    return f'<section id="{name}" aria-labelledby="{name}-title">\n{head}\n{body}\n</section>'


def table(headers: Sequence[str | Cell], rows: Iterable[Sequence[str | Cell]]) -> str:
    """A table that scrolls by itself where there is no room for it."""
    head = "".join(_cell(header, "th") for header in headers)
    body = "\n".join(f"<tr>{''.join(_cell(cell, 'td') for cell in row)}</tr>" for row in rows)
    return (
        '<div class="wide-table" tabindex="0" role="region" aria-label="table"><table>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def figure(chart: Chart) -> str:
    """A chart at two widths, of which the page shows the one that fits."""
    drawn = f"{chart.svg(WIDE)}{chart.svg(NARROW)}"
    return (
        f'<figure id="{chart.name}"><figcaption>{escape(chart.title)}</figcaption>'
        f'<div role="img" aria-label="{escape(chart.said)}">{drawn}</div></figure>'
    )


def _cell(cell: str | Cell, tag: str) -> str:
    one = Cell(cell, words=False) if isinstance(cell, str) else cell
    kinds = " ".join(kind for kind, on in (("words", one.words), ("bad", one.bad)) if on)
    marked = f' class="{kinds}"' if kinds else ""
    scope = ' scope="col"' if tag == "th" else ""
    return f"<{tag}{scope}{marked}>{escape(one.text)}</{tag}>"
