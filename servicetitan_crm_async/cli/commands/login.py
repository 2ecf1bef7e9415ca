"""`servicetitan-crm login`: its options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from servicetitan_crm_async.cli.commands.flags import Flag, Tenant
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import run_until_stopped
from servicetitan_crm_async.cli.output import for_programs, write_line

_Url = Annotated[str | None, Parameter(metavar="URL")]


def login(
    *,
    tenant: Tenant = None,
    client_id: Annotated[str | None, Parameter(metavar="TEXT")] = None,
    environment: Literal["production", "integration"] | None = None,
    secret_stdin: Flag = False,
    no_check: Flag = False,
    api_url: _Url = None,
    auth_url: _Url = None,
    json: Flag = False,
) -> int:
    """Store a tenant's credentials in the keyring of this machine, for every command to use.

    What is not given is asked for, secrets without showing them. A token is fetched with them first, and
    nothing is stored where it is refused. Given again, it replaces what was stored. Each tenant has a login
    of its own. Commands use it where no variables say who calls: that of the only tenant which has one, or of
    the tenant that --tenant or SERVICETITAN_TENANT_ID names. Needs the extra keyring.

    Example: `servicetitan-crm login --tenant 123456789`

    In a script: `servicetitan-crm login --tenant 123456789 --client-id cid.1 --secret-stdin < secrets.txt`

    Args:
        tenant: Its id.
        client_id: Of the app in this tenant.
        environment: The client id and secret are of one; production where nobody is asked.
        secret_stdin: Read the client secret and the app key from stdin, a line each, and ask nothing.
        no_check: Store it without asking the token service.
        api_url: Of an API elsewhere, such as a sandbox's.
        auth_url: The whole URL of a token service elsewhere.
        json: A JSON object even on a terminal; without a terminal it comes anyway.
    """
    from servicetitan_crm_async.cli.credentials.entering import Entry, entered
    from servicetitan_crm_async.cli.credentials.logins import store_login
    from servicetitan_crm_async.cli.credentials.token_service import check_credentials

    entry = Entry(tenant, client_id, environment, api_url, auth_url)
    variables, who, settings = entered(entry, secret_stdin=secret_stdin)
    if not no_check:
        run_until_stopped(lambda: check_credentials(who, settings))
    name = store_login(who.tenant_id, variables)
    if for_programs(json):
        write_line({"event": "login", "tenant": who.tenant_id, "keyring": name, "checked": not no_check})
    else:
        checked = "is not checked" if no_check else "is accepted by the token service"
        print(f"The login of tenant {who.tenant_id} {checked}, and stored in the keyring ({name}).")
        print(f"What it may read: servicetitan-crm doctor --tenant {who.tenant_id}")
    return Exit.DONE
