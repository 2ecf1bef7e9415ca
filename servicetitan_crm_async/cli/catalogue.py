"""The route table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from servicetitan_crm_async.cli.operations import Listed
from servicetitan_crm_async.contract import CONTRACTS

_FILTERS_FROM = 120
"""Columns of the terminal from which on there is room for the filters."""
_TENANT = "{tenant}"


def print_rows(rows: Sequence[Listed]) -> None:
    """Print one table a contract."""
    console = Console()
    for contract in CONTRACTS:
        chosen = [row for row in rows if row["contract"] == contract]
        if chosen:
            console.print(_table(contract, chosen, filters=console.width >= _FILTERS_FROM))
    console.print(
        "Each is a method of the client: crm.customers.list(). crm.request() reaches the other modules.",
        style="dim",
        highlight=False,
    )


def _table(contract: str, rows: Sequence[Listed], *, filters: bool) -> Table:
    table = Table(
        title=f"Contract {contract}: {len(rows)} operations",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        caption=f"Paths begin with {' or '.join(dict.fromkeys(map(_base, rows)))}.",
        caption_justify="left",
        caption_style="dim",
    )
    table.add_column("Operation", overflow="fold")
    table.add_column("Method", no_wrap=True)
    table.add_column("Path", overflow="fold")
    if filters:
        table.add_column("Filters", style="dim", overflow="fold")
    for row in rows:
        cells: list[str | Text] = [
            row["method_of_client"] or row["name"],
            row["method"],
            # Literal: a path's braces are no markup and no highlight.
            Text(row["path"].removeprefix(_base(row))),
        ]
        table.add_row(*cells, *([", ".join(row["filters"])] if filters else []))
    return table


def _base(row: Listed) -> str:
    """What many paths begin with, from the host to the tenant."""
    before, tenant, _ = row["path"].partition(_TENANT)
    return before + tenant
