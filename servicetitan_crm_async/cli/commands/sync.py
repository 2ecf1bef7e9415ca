"""`servicetitan-crm sync`: its options."""

from __future__ import annotations

import signal
from typing import Annotated

from cyclopts import Parameter

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.commands.flags import Flag, Instant, Names, Place, Tenant, Time
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.output import complain, for_programs
from servicetitan_crm_async.contract import ContractName

_STOPPED = "stopped. What had landed is kept, and its ledger with it: the same command goes on from there."


def sync(
    *,
    entities: Names = None,
    to: Place | None = None,
    every: Time = None,
    since: Instant = None,
    until: Instant = None,
    strategy: Annotated[str, Parameter(metavar="NAME")] = "auto",
    ids: Annotated[str | None, Parameter(metavar="IDS")] = None,
    include_recent_changes: Flag = False,
    concurrency: int = 8,
    page_size: int | None = None,
    settle: Time = None,
    overlap: Annotated[str, Parameter(metavar="TIME")] = "0",
    take_over: Flag = False,
    tenant: Tenant = None,
    contract: ContractName | None = None,
    sandbox: Flag = False,
    seed: int | None = None,
    sandbox_customers: int | None = None,
    json: Flag = False,
) -> int:
    """Bring a mirror of the tenant up to date: what changed since the last run, and nothing twice.

    Credentials are read from SERVICETITAN_CLIENT_ID, SERVICETITAN_CLIENT_SECRET, SERVICETITAN_APP_KEY and
    SERVICETITAN_TENANT_ID, from a file .env with them, or from servicetitan-crm login. Stopped or killed at
    any point, the same command goes on from there.

    Without an account: `servicetitan-crm sync --sandbox`

    Every night: `servicetitan-crm sync --to duckdb:crm.duckdb --json >> sync.log`

    All the time: `servicetitan-crm sync --to sqlite:crm.db --every 5m`

    The exit codes are in `servicetitan-crm --help`.

    Args:
        entities: Names between commas: customers, customer_contacts, locations, location_contacts, leads,
            bookings, tag_types. All that the contract can list where not given.
        to: duckdb:PATH, ndjson:DIR or sqlite:PATH; duckdb:servicetitan-TENANT.duckdb where not given.
        every: Go on for ever, and begin a round so long after the last one began: 5m, 90s, 1h; up to a tenth
            sooner or later, so that many tenants spread out. SIGTERM or Ctrl-C end it at once, with code 0
            and what had landed kept. Between rounds the destination is free for others.
        since: An ISO 8601 day or instant (UTC without an offset): read what changed on or after it. Given
            again it costs nothing; an earlier one reads what is lacking, and a later one leaves no gap.
        until: Read what changed before this instant alone.
        strategy: How to read: auto, windows, slices, pages, feed or ids, for all entities or for some, such
            as customers=feed,leads=windows. feed tells of deleted records, too; ids fetches anew what the
            destination holds.
        ids: Ids between commas: fetch these records of one entity anew, with --strategy ids.
        include_recent_changes: Ask the feeds for changes that are not settled; they come sooner, and twice.
        concurrency: Pages under way at once.
        page_size: Records a page; the contract's largest where not given.
        settle: How long a change may take to be visible after its stamp: 2m, 90s, 1h, 0. The default is 2m,
            with --sandbox 1s.
        overlap: Begin so long before the end of the last run, over and above --settle.
        take_over: Go on even if another run seems to be at work; that one then fails at its next commit.
        tenant: Whose login to use, where there are several; over SERVICETITAN_TENANT_ID.
        contract: Which published contract to go by, over SERVICETITAN_CONTRACT.
        sandbox: Sync from a made-up tenant in this process, which lives in a file beside the destination. A
            day passes for it between two runs; with --every it lives on at the pace of the clock.
        seed: Of a new sandbox.
        sandbox_customers: Of a new sandbox; 20,000 where not given.
        json: JSON lines even on a terminal; without a terminal they come anyway. The last is the report; with
            --every each round has one.
    """
    from servicetitan_crm_async.cli.credentials.finding import find_credentials
    from servicetitan_crm_async.cli.mirror.syncing import Wish, run_sync

    options.live_only({"--tenant": tenant}, sandbox=sandbox)
    options.sandbox_only({"--seed": seed, "--sandbox-customers": sandbox_customers}, sandbox=sandbox)
    options.for_once({"--until": until}, every=every)
    wish = Wish(
        entities=None if entities is None else options.names("--entities", entities),
        to=None if to is None else options.destination("--to", to),
        every=None if every is None else options.duration("--every", every),
        since=None if since is None else options.instant("--since", since),
        until=None if until is None else options.instant("--until", until),
        strategy=options.strategy("--strategy", strategy),
        ids=None if ids is None else options.ids("--ids", ids),
        recent=include_recent_changes,
        concurrency=concurrency,
        page_size=page_size,
        settle=options.duration("--settle", settle or ("1s" if sandbox else "2m")),
        overlap=options.duration("--overlap", overlap),
        take_over=take_over,
        contract=contract,
        sandbox=sandbox,
        seed=seed,
        customers=sandbox_customers,
        credentials={} if sandbox else find_credentials(tenant).environ,
    )
    try:
        if for_programs(json):
            from servicetitan_crm_async.cli.mirror.lines import Lines

            return run_until_stopped(lambda: run_sync(wish, Lines(brief=every is not None)))
        from rich.console import Console

        from servicetitan_crm_async.cli.mirror.screen import Screen

        return run_until_stopped(lambda: run_sync(wish, Screen(Console())))
    except Stopped as stop:
        complain([_STOPPED])
        if every is not None:  # then there is no other end to it
            return Exit.DONE
        return Exit.INTERRUPTED if stop.number == signal.SIGINT else Exit.TERMINATED
