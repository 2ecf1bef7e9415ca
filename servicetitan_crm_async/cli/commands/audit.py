"""`servicetitan-crm audit`: its options."""

from __future__ import annotations

import signal

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.commands.flags import Flag, Names, Place, Tenant
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.output import complain, for_programs, write_line
from servicetitan_crm_async.contract import ContractName


def audit(
    *,
    to: Place | None = None,
    entities: Names = None,
    repair: Flag = False,
    thorough: Flag = False,
    concurrency: int = 8,
    page_size: int | None = None,
    take_over: Flag = False,
    tenant: Tenant = None,
    contract: ContractName | None = None,
    sandbox: Flag = False,
    json: Flag = False,
) -> int:
    """Compare a mirror with the tenant, and name what differs: missing, stale and surplus records, by id.

    Counts per window are compared, some twenty small requests an entity while nothing differs; where they
    do, the window is halved until the records are known. Credentials are read as by sync. What changed since
    the last sync is left to the next one.

    Example: `servicetitan-crm audit --to duckdb:crm.duckdb`

    And mend it: `servicetitan-crm audit --to duckdb:crm.duckdb --repair`

    Exit code 0: equal, or repaired. 1: it differs. 4: an entity could not be compared to the end.

    Args:
        to: duckdb:PATH, ndjson:DIR or sqlite:PATH; duckdb:servicetitan-TENANT.duckdb where not given.
        entities: Names between commas; all that the contract can list where not given.
        repair: Fetch what is missing or stale, and mark what is surplus as not active.
        thorough: Read every record, so that a window which lacks as many as it has too many shows, too.
        concurrency: Requests under way at once.
        page_size: Records a page; the contract's largest where not given.
        take_over: With --repair, go on even if another run seems to be at work; that one then fails at its
            next commit.
        tenant: Whose login to use, where there are several; over SERVICETITAN_TENANT_ID.
        contract: Which published contract to go by, over SERVICETITAN_CONTRACT.
        sandbox: Compare with the sandbox that lives beside the mirror; no day passes for it.
        json: JSON lines even on a terminal; without a terminal they come anyway. The last is the report,
            with every id.
    """
    from servicetitan_crm_async.cli.credentials.finding import find_credentials
    from servicetitan_crm_async.cli.mirror.auditing import Wish, exit_of_audit, line_of, run_audit

    options.live_only({"--tenant": tenant}, sandbox=sandbox)
    wish = Wish(
        entities=None if entities is None else options.names("--entities", entities),
        to=None if to is None else options.destination("--to", to),
        repair=repair,
        thorough=thorough,
        concurrency=concurrency,
        page_size=page_size,
        take_over=take_over,
        contract=contract,
        sandbox=sandbox,
        credentials={} if sandbox else find_credentials(tenant).environ,
    )
    try:
        if for_programs(json):
            from servicetitan_crm_async.cli.mirror.lines import Lines, explain

            report = run_until_stopped(lambda: run_audit(wish, Lines(brief=True).watch))
            write_line(line_of(report))
            explain(report)
        else:
            from rich.console import Console

            from servicetitan_crm_async.cli.mirror.screen import Screen
            from servicetitan_crm_async.cli.mirror.verdict import print_verdict

            console = Console()
            report = run_until_stopped(lambda: run_audit(wish, Screen(console).watch))
            print_verdict(console, report, repair=repair)
    except Stopped as stop:
        complain(["stopped. What was repaired is kept."])
        return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED
    return exit_of_audit(report)
