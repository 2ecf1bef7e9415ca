"""`servicetitan-crm report`: its options."""

from __future__ import annotations

import signal
from typing import Annotated

from cyclopts import Parameter

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.commands.flags import Flag, Place
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.output import complain, for_programs, write_line


def report(
    *,
    to: Place,
    out: Annotated[str | None, Parameter(metavar="DIR")] = None,
    tenant: int | None = None,
    json: Flag = False,
) -> int:
    """Make a page and pictures of what a mirror holds: growth, freshness, leads, bookings, a map, gaps.

    The page is one file that needs no network; each chart is a PNG beside it. It names nobody, but ids and
    the map lead to people. Needs no credentials, changes nothing in the mirror, and works beside a running
    sync, except with DuckDB, which lets nobody else in.

    Example: `servicetitan-crm report --to duckdb:crm.duckdb`

    Args:
        to: duckdb:PATH, ndjson:DIR or sqlite:PATH, as it was synced to.
        out: The folder to write to; servicetitan-report-TENANT where not given. A report before is replaced.
        tenant: Which, where the mirror holds several.
        json: A JSON object even on a terminal; without a terminal it comes anyway.
    """
    from servicetitan_crm_async.cli.mirror.reporting import look, write

    where = options.destination("--to", to)
    try:
        figures = run_until_stopped(lambda: look(where, tenant))
    except Stopped as stop:
        complain(["stopped."])
        return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED
    written = write(figures, out)
    if for_programs(json):
        write_line(written)
    else:
        print(f"{written.page}, and {len(written.charts)} charts beside it")
    return Exit.DONE
