"""`servicetitan-crm doctor`: its options."""

from __future__ import annotations

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.commands.flags import Flag, Names, Tenant
from servicetitan_crm_async.cli.output import for_programs, write_line
from servicetitan_crm_async.contract import ContractName


def doctor(
    *,
    tenant: Tenant = None,
    entities: Names = None,
    contract: ContractName | None = None,
    json: Flag = False,
) -> int:
    """Look for what stands between this machine and the tenant, and say what to do about it.

    Settings and where each comes from, names of hosts, connections, the token, the tenant, the scope of each
    entity by the smallest call there is, the rate limit and the clock. What fails ends what rests on it and
    nothing else. A dozen requests, none of which changes anything; no secret is shown.

    Example: `servicetitan-crm doctor --entities customers,leads`

    For a check: `servicetitan-crm doctor --json | jq 'select(.status == "failed")'`

    Exit code 0: nothing failed. 2: a setting is wrong, nothing was sent. 3: the credentials are refused, or
    may read nothing. 4: something else failed, a scope among others.

    Args:
        tenant: Whose login to use, where there are several; over SERVICETITAN_TENANT_ID.
        entities: Names between commas, to look at these scopes alone: customers, customer_contacts,
            locations, location_contacts, leads, bookings, tag_types, contacts, booking_provider_tags. All
            that the contract can list where not given.
        contract: Which published contract to go by, over SERVICETITAN_CONTRACT.
        json: JSON lines even on a terminal, one a finding, the last the report; without a terminal they come
            anyway.
    """
    from servicetitan_crm_async.cli.doctor.visit import visit

    chosen = None if entities is None else options.names("--entities", entities)
    if for_programs(json):
        diagnosis = visit(tenant, contract, chosen, write_line)
        write_line(diagnosis)
    else:
        from rich.console import Console

        from servicetitan_crm_async.cli.doctor.screen import FindingsScreen

        screen = FindingsScreen(Console())
        diagnosis = visit(tenant, contract, chosen, screen.show)
        screen.conclude(diagnosis)
    return diagnosis.exit_code
