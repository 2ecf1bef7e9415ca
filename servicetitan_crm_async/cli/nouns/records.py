"""Records of a list as they come: JSON lines for programs, a table for people."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from servicetitan_crm_async.cli.nouns.columns import Column, columns_of, default_columns, picked, plain
from servicetitan_crm_async.cli.nouns.signatures import Fields
from servicetitan_crm_async.cli.output import one_line

if TYPE_CHECKING:
    from rich.console import Console

_SMALLEST = 2
"""Columns that a table has on the narrowest terminal."""
_WIDEST = 40
"""Letters of a cell, where there are other columns to show."""
_SHORTEST = 4
"""Letters that are left of a text."""
_GAP = 2
"""Between two columns, and around them."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What a list had beyond what was read of it."""

    more: bool = False
    continue_from: str | None = None
    """Of a feed: what reads on, another day."""


class Show(Protocol):
    """Where records go."""

    def take(self, records: Sequence[bytes]) -> None:
        """Some have come."""
        ...

    def end(self, rest: Rest) -> None:
        """No more will."""
        ...


def show_for(model: Fields, columns: str | None, *, lines: bool) -> Show:
    """Where the records of a model go: to lines, or to a table on this terminal.

    Raises:
        ConfigError: naming each of the columns that such records do not have.
    """
    chosen = None if columns is None else columns_of(model, columns)
    if lines:
        return Lines(chosen)
    from rich.console import Console

    return RecordTable(Console(), chosen or default_columns(model), chosen=chosen is not None)


class Lines:
    """A record a line, each as it was sent or with the columns asked for."""

    def __init__(self, columns: Sequence[Column] | None) -> None:
        self._columns = columns

    def take(self, records: Sequence[bytes]) -> None:
        sys.stdout.writelines(f"{self._line(record).decode()}\n" for record in records)
        sys.stdout.flush()  # whoever reads wants to know now

    def end(self, rest: Rest) -> None:
        if rest.continue_from is not None:
            print(_on(rest), file=sys.stderr)

    def _line(self, record: bytes) -> bytes:
        if self._columns is None:
            return one_line(record)
        return one_line(msgspec.json.encode(picked(self._columns, record)))


class RecordTable:
    """A table as wide as the terminal; where the columns are ours to choose, the last give way."""

    def __init__(self, console: Console, columns: Sequence[Column], *, chosen: bool) -> None:
        """`chosen`: the columns were asked for, so all of them are shown."""
        self._console, self._columns, self._chosen = console, columns, chosen
        self._rows: list[list[str]] = []

    def take(self, records: Sequence[bytes]) -> None:
        for record in records:
            parts = picked(self._columns, record)
            self._rows.append([_cell(column, parts[column.wire]) for column in self._columns])

    def end(self, rest: Rest) -> None:
        from rich.text import Text

        if self._rows:
            self._print_table()
        count = "1 record" if len(self._rows) == 1 else f"{len(self._rows):,} records"
        more = "; there are more: --limit says how many, --json writes all" if rest.more else ""
        self._console.print(Text(f"{count}{more}."), style="dim")
        if rest.continue_from is not None:
            self._console.print(Text(_on(rest)), style="dim", soft_wrap=True)

    def _print_table(self) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        widths = self._widths()
        shown = range(len(self._columns)) if self._chosen else self._fitting(widths)
        given = self._given(widths, shown)
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", padding=(0, 1, 0, 0), pad_edge=False)
        for index in shown:
            column = self._columns[index]
            table.add_column(
                column.title,
                justify="right" if column.number else "left",
                no_wrap=True,
                width=given[index],
            )
        for row in self._rows:
            table.add_row(*(Text(row[index]) for index in shown))
        self._console.print(table)

    def _widths(self) -> list[int]:
        """How wide each column would be."""
        from rich.cells import cell_len

        return [
            max(cell_len(text) for text in (column.title, *(row[index] for row in self._rows)))
            for index, column in enumerate(self._columns)
        ]

    def _given(self, widths: Sequence[int], shown: Sequence[int]) -> dict[int, int]:
        """How wide each column is: texts give way first, numbers and instants where that is not enough."""
        texts = [index for index in shown if not self._columns[index].exact]
        given = {index: widths[index] for index in shown}
        if len(shown) > 1:
            given |= {index: min(widths[index], _WIDEST) for index in texts}
        over = sum(given.values()) + _GAP * (len(given) + 1) - self._console.width
        for giving, least in ((texts, _SHORTEST), (shown, 1)):
            while over > 0 and (wider := [index for index in giving if given[index] > least]):
                given[max(wider, key=given.__getitem__)] -= 1
                over -= 1
        return given

    def _fitting(self, widths: Sequence[int]) -> list[int]:
        """The columns there is room for, of those that have something to show."""
        told = [index for index in range(len(widths)) if any(row[index] for row in self._rows)]
        room = self._console.width - _GAP
        for count, index in enumerate(told):
            room -= min(widths[index], _WIDEST) + _GAP
            if room < 0 and count >= _SMALLEST:
                return told[:count]
        return told


def _cell(column: Column, value: msgspec.Raw) -> str:
    from servicetitan_crm_async.cli.tables import MINUTE, instant

    text = plain(value)
    return instant(text, to=MINUTE) if column.instant else text


def _on(rest: Rest) -> str:
    return f"To read on from here another day: --where from={rest.continue_from}"
