"""`servicetitan-crm status`: its options."""

from __future__ import annotations

import signal

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.commands.flags import Flag, Place
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.output import complain, for_programs, write_line


def status(*, to: Place, quarantine: Flag = False, json: Flag = False) -> int:
    """Show what a mirror holds of each tenant and entity, up to when, and what went wrong last.

    Needs no credentials, changes nothing, and works beside a running sync, except with DuckDB, which lets
    nobody else in.

    Example: `servicetitan-crm status --to duckdb:crm.duckdb`

    For a check: `servicetitan-crm status --to sqlite:crm.db --json | jq '.entities[].age_seconds'`

    Args:
        to: duckdb:PATH, ndjson:DIR or sqlite:PATH, as it was synced to.
        quarantine: List the records that no row could be made of, too; each sync tries them again.
        json: A JSON object a tenant, even on a terminal; without a terminal they come anyway.
    """
    from servicetitan_crm_async.cli.mirror.looking import look_into

    where = options.destination("--to", to)
    try:
        tenants = run_until_stopped(lambda: look_into(where, quarantine=quarantine))
    except Stopped as stop:
        complain(["stopped."])
        return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED
    if for_programs(json):
        for tenant in tenants:
            write_line(tenant)
        return Exit.DONE
    from rich.console import Console

    from servicetitan_crm_async.cli.mirror.overview import print_status

    print_status(Console(), tenants)
    return Exit.DONE
