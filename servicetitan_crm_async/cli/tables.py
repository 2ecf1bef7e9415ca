"""What the tables on a terminal have in common."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from servicetitan_crm_async.sync import ENTITIES

WIDE = 112
"""Columns of the terminal from which on there is room for more than the essential."""
MINUTE, SECOND = len("2026-01-31T08:00"), len("2026-01-31T08:00:00")

# As wide from the first picture on as they will be.
_NAME, _STATE = max(map(len, ENTITIES)), len("reading")
_GUARANTEES = {"exact": "green", "verified": "green", "best-effort": "yellow", "none": "red"}


def table(*columns: str | Column) -> Table:
    """An empty table of entities: texts are headers over numbers, the first over names."""
    made = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
    for number, column in enumerate(columns):
        if isinstance(column, Column):
            made.add_column(column.header, min_width=_STATE, no_wrap=True)
        else:
            made.add_column(
                column,
                justify="right" if number else "left",
                min_width=0 if number else _NAME,
                no_wrap=True,
            )
    return made


def guarantee(name: str) -> Text:
    """A guarantee in the colour of how good it is."""
    return Text(name, _GUARANTEES.get(name, ""))


def instant(text: str, *, to: int = SECOND) -> str:
    """The service's text, cut to the second or the minute, as people read it."""
    return text[:to].replace("T", " ").removesuffix("Z")


def print_failures(console: Console, failures: Sequence[tuple[str, str]], hints: Sequence[str]) -> None:
    """Print what went wrong, and below it what to do about it."""
    for names, error in failures:
        console.print(Text.assemble((f"{names}: ", "bold red"), error), soft_wrap=True)
    for hint in hints:
        console.print(Padding(Text(hint, style="yellow"), (0, 0, 0, 2)))
