"""The commands and their options; what they do is in modules of their own."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from cyclopts import App, CycloptsError, Parameter

import servicetitan_crm_async
from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.advice import exit_of, told
from servicetitan_crm_async.cli.exits import EXIT_CODES, Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import ServiceTitanError

_NAME = "servicetitan-crm"
_STOPPED = "stopped. What had landed is kept, and its ledger with it: the same command goes on from there."

Flag = Annotated[bool, Parameter(negative="", show_default=False)]

app = App(
    name=_NAME,
    help=f"Bring what changed in a ServiceTitan tenant's CRM to where you want it.\n\n{EXIT_CODES}",
    version=lambda: servicetitan_crm_async.__version__,
    help_format="markdown",
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; errors that are to be expected become advice on stderr and an exit code."""
    # It warns of every retry, which is news for a log; here retries are counted and shown.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(given, exit_on_error=False, print_error=False, verbose=False, result_action="return_value")
    except CycloptsError as error:
        asked = " ".join(word for word in given[:1] if word in ("sync", "sandbox", "operations"))
        _complain([str(error), f"Usage: {' '.join(filter(None, (_NAME, asked, '--help')))}"])
        return Exit.USAGE
    except ServiceTitanError as error:
        _complain(told(error))
        return exit_of(error)
    return int(code) if isinstance(code, int) else Exit.DONE


@app.command(sort_key=0)
def sync(
    *,
    entities: Annotated[str | None, Parameter(metavar="NAMES")] = None,
    to: Annotated[str | None, Parameter(metavar="PLACE")] = None,
    since: Annotated[str | None, Parameter(metavar="ISO")] = None,
    concurrency: int = 8,
    page_size: int | None = None,
    settle: Annotated[str | None, Parameter(metavar="TIME")] = None,
    contract: ContractName | None = None,
    sandbox: Flag = False,
    seed: int | None = None,
    sandbox_customers: int | None = None,
    json: Flag = False,
) -> int:
    """Bring a mirror of the tenant up to date: what changed since the last run, and nothing twice.

    Credentials are read from SERVICETITAN_CLIENT_ID, SERVICETITAN_CLIENT_SECRET, SERVICETITAN_APP_KEY and
    SERVICETITAN_TENANT_ID. Stopped or killed at any point, the same command goes on from there.

    Without an account: `servicetitan-crm sync --sandbox`

    Every night: `servicetitan-crm sync --to duckdb:crm.duckdb --json >> sync.log`

    The exit codes are in `servicetitan-crm --help`.

    Args:
        entities: Names between commas: customers, customer_contacts, locations, location_contacts, leads,
            bookings, tag_types. All that the contract can list where not given.
        to: duckdb:PATH, ndjson:DIR or sqlite:PATH; duckdb:servicetitan-TENANT.duckdb where not given.
        since: Of a first run, an ISO 8601 day or instant (UTC without an offset): read what changed on or
            after it. Later runs leave no gap, whatever is given.
        concurrency: Pages under way at once.
        page_size: Records a page; the contract's largest where not given.
        settle: How long a change may take to be visible after its stamp: 2m, 90s, 1h, 0. The default is 2m,
            with --sandbox 1s.
        contract: Which published contract to go by, over SERVICETITAN_CONTRACT.
        sandbox: Sync from a made-up tenant in this process, which lives in a file beside the destination. A
            day passes for it between two runs.
        seed: Of a new sandbox.
        sandbox_customers: Of a new sandbox; 20,000 where not given.
        json: JSON lines even on a terminal; without a terminal they come anyway. The last is the report.
    """
    from servicetitan_crm_async.cli.syncing import Wish, run_sync

    wish = Wish(
        entities=None if entities is None else options.names("--entities", entities),
        to=None if to is None else options.destination("--to", to),
        since=None if since is None else options.instant("--since", since),
        concurrency=concurrency,
        page_size=page_size,
        settle=options.duration("--settle", settle or ("1s" if sandbox else "2m")),
        contract=contract,
        sandbox=sandbox,
        seed=seed,
        customers=sandbox_customers,
    )
    options.sandbox_only({"--seed": seed, "--sandbox-customers": sandbox_customers}, sandbox=sandbox)
    try:
        if json or not sys.stdout.isatty():
            from servicetitan_crm_async.cli.lines import Lines

            return run_until_stopped(lambda: run_sync(wish, Lines()))
        from rich.console import Console

        from servicetitan_crm_async.cli.screen import Screen

        return run_until_stopped(lambda: run_sync(wish, Screen(Console())))
    except Stopped as stop:
        _complain([_STOPPED])
        return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED


@app.command
def sandbox(
    *,
    customers: int = 2000,
    seed: int = 1,
    life: float = 1.0,
    port: int = 0,
    latency: float = 0.0,
    rate_limit: int = 60,
    tenant: int = 1001,
) -> int:
    """Serve a made-up ServiceTitan on this machine until Ctrl-C, and print the variables that lead to it.

    Its lines can be pasted into another terminal. What is written to it lives until it is stopped; the same
    seed and sizes make the same tenant again.

    Example: `servicetitan-crm sandbox --customers 500 --life 5 --port 8080`

    Args:
        customers: How many; locations, contacts, leads and bookings come with them.
        seed: Of everything drawn by chance.
        life: Changes a second.
        port: To listen on; 0 takes a free one.
        latency: Seconds an answer takes.
        rate_limit: Requests a second for each app key and tenant; 0 is none.
        tenant: Its id.
    """
    from servicetitan_crm_async.cli.serving import made, run_sandbox

    served = made(
        customers=customers, seed=seed, life=life, latency=latency, rate_limit=rate_limit, tenant=tenant
    )
    try:
        run_until_stopped(lambda: run_sandbox(served, port=port))
    except Stopped:
        _complain(["stopped."])
    return Exit.DONE


@app.command
def operations(*, contract: ContractName | None = None, json: Flag = False) -> int:
    """List every operation of the published contracts, and which of them the client has a method for.

    Example: `servicetitan-crm operations --contract portal --json`

    Args:
        contract: Of this contract alone.
        json: One JSON array even on a terminal; without a terminal it comes anyway.
    """
    from servicetitan_crm_async.cli.operations import listed

    rows = listed(contract)
    if json or not sys.stdout.isatty():
        print(msgspec.json.format(msgspec.json.encode(rows)).decode())
        return Exit.DONE
    from servicetitan_crm_async.cli.catalogue import print_rows

    print_rows(rows)
    return Exit.DONE


def _complain(lines: Iterable[str]) -> None:
    first, *rest = [line for text in lines for line in text.splitlines()]
    print(f"{_NAME}: {first}", *(f"  {line}" for line in rest), sep="\n", file=sys.stderr)
