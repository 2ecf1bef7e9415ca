"""`servicetitan-crm logout`: its options."""

from __future__ import annotations

from servicetitan_crm_async.cli.commands.flags import Flag, Tenant
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.output import for_programs, write_line
from servicetitan_crm_async.errors import ConfigError


def logout(*, tenant: Tenant = None, json: Flag = False) -> int:
    """Remove a tenant's login from the keyring; the service is not asked, and the secret stays valid there.

    Example: `servicetitan-crm logout --tenant 123456789`

    Args:
        tenant: Whose; it can be left out where there is one login.
        json: A JSON object even on a terminal; without a terminal it comes anyway.
    """
    from servicetitan_crm_async.cli.credentials.logins import only_tenant, remove_login

    whose = only_tenant() if tenant is None else tenant
    if whose is None:
        raise ConfigError("there is no login to remove")
    remove_login(whose)
    if for_programs(json):
        write_line({"event": "logout", "tenant": whose})
    else:
        print(f"The login of tenant {whose} is removed.")
    return Exit.DONE
