"""Where a command finds the tenant it works for: in the environment, in `.env`, or in the keyring.

The library reads the environment alone; a command also looks where a person keeps things. A variable that is
set counts, `.env` in the working directory fills what the environment leaves out, and where neither says who
calls, a login does (`servicetitan-crm login`). Nothing found here is put into the environment.
"""

# Two things are never mixed.
# 1. A login is taken whole or not at all: client id, secret and app key of different places would be those of
#    different tenants or environments.
# 2. A `.env` does not say where the secrets of another place are sent. It may have come with a folder that
#    somebody else wrote.

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from servicetitan_crm_async.cli.credentials.logins import only_tenant, stored_login
from servicetitan_crm_async.errors import ConfigError

ENVIRONMENT, FILE, KEYRING, OPTION = "the environment", ".env", "the keyring", "--tenant"
"""The places a variable can come from."""

TENANT = "SERVICETITAN_TENANT_ID"
KEYS = ("SERVICETITAN_CLIENT_ID", "SERVICETITAN_CLIENT_SECRET", "SERVICETITAN_APP_KEY")
HOSTS = ("SERVICETITAN_API_URL", "SERVICETITAN_AUTH_URL")
VARIABLES = (TENANT, *KEYS, "SERVICETITAN_ENVIRONMENT", "SERVICETITAN_CONTRACT", *HOSTS)
"""All that are read."""

_PREFIX = "SERVICETITAN_"
_Values: TypeAlias = dict[str, str]
_Places: TypeAlias = dict[str, _Values]


@dataclass(frozen=True, slots=True)
class Found:
    """The variables, as `ServiceTitanCRM.from_env` takes them, and the place of each."""

    environ: Mapping[str, str] = field(repr=False)
    origins: Mapping[str, str]


def find_credentials(tenant: int | None = None) -> Found:
    """Look in each place for the variables that lead to a tenant.

    What is missing everywhere is missing here, and named by whoever reads the variables. A keyring may ask
    its owner to unlock it, so call this before an event loop runs.

    Args:
        tenant: The one to work for. Variables that name another are not used for it.

    Raises:
        ConfigError: `.env` cannot be read or would send secrets elsewhere, the keyring refuses, the tenant
            asked for has no login, or none was asked for and there are several.
    """
    places = {ENVIRONMENT: _ours(os.environ), FILE: _ours(_dotenv(Path(FILE)))}
    if tenant is not None:
        places = {OPTION: {TENANT: str(tenant)}, **_of_tenant(tenant, places)}
    if not any(name in values for values in places.values() for name in KEYS):
        places[KEYRING] = _login(_first(places).get(TENANT), asked=tenant is not None)
    origins = {name: place for place in reversed(places) for name in places[place]}
    _refuse_a_detour(origins)
    return Found(_first(places), origins)


def _first(places: _Places) -> _Values:
    """Each variable as the first place has it."""
    return {name: value for place in reversed(places) for name, value in places[place].items()}


def _ours(variables: Mapping[str, str | None]) -> _Values:
    """Those that are read, or look as if they were meant to be; an empty one is not set."""
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(_PREFIX) and value and value.strip()
    }


def _dotenv(file: Path) -> Mapping[str, str | None]:
    if not file.is_file():  # many a folder of that name is a virtual environment
        return {}
    from dotenv import dotenv_values

    try:
        # As written: a secret may hold `${`.
        return dotenv_values(file, interpolate=False, encoding="utf-8")
    except OSError as error:
        raise ConfigError({FILE: f"cannot be read: {error.strerror or type(error).__name__}"}) from None
    except UnicodeDecodeError:
        raise ConfigError({FILE: "is not UTF-8 text"}) from None


def _of_tenant(tenant: int, places: _Places) -> _Places:
    """The places without the keys of another tenant."""
    if _first(places).get(TENANT, str(tenant)) == str(tenant):
        return places
    return {
        place: {name: value for name, value in values.items() if name not in KEYS}
        for place, values in places.items()
    }


def _login(tenant: str | None, *, asked: bool) -> _Values:
    if tenant is None:
        only = only_tenant()
        return ({} if only is None else stored_login(only)) or {}
    login = stored_login(int(tenant)) if tenant.isascii() and tenant.isdigit() else None
    if login is None and asked:
        there = f"servicetitan-crm login --tenant {tenant} stores one"
        raise ConfigError({OPTION: f"{tenant} has neither a login nor variables; {there}"})
    return login or {}


def _refuse_a_detour(origins: Mapping[str, str]) -> None:
    elsewhere = {origins[name] for name in KEYS if name in origins} - {FILE}
    problems = {
        name: f"in {FILE} would send the secrets of {' and '.join(sorted(elsewhere))} somewhere else; "
        f"set it in the environment, or keep the secrets in {FILE} too"
        for name in HOSTS
        if elsewhere and origins.get(name) == FILE
    }
    if problems:
        raise ConfigError(problems)
