"""The credentials of a login as a person or a script gives them."""

from __future__ import annotations

import sys
from getpass import getpass
from typing import NamedTuple

from servicetitan_crm_async.cli.credentials.token_service import BRIEF
from servicetitan_crm_async.config import Credentials, Settings, read_environment
from servicetitan_crm_async.errors import ConfigError

_PRODUCTION = "production"
_NAMES = {
    "SERVICETITAN_TENANT_ID": "--tenant",
    "SERVICETITAN_CLIENT_ID": "--client-id",
    "SERVICETITAN_CLIENT_SECRET": "the client secret",
    "SERVICETITAN_APP_KEY": "the app key",
    "SERVICETITAN_ENVIRONMENT": "--environment",
    "SERVICETITAN_API_URL": "--api-url",
    "SERVICETITAN_AUTH_URL": "--auth-url",
}
"""What a variable is called where it is given."""


class Entry(NamedTuple):
    """What was given on the command line."""

    tenant: int | None
    client_id: str | None
    environment: str | None
    api_url: str | None
    auth_url: str | None


def entered(entry: Entry, *, secret_stdin: bool) -> tuple[dict[str, str], Credentials, Settings]:
    """Ask for what was not given; answers the variables, and what they make.

    Raises:
        ConfigError: something is missing or malformed, and each is named; or nobody is there to be asked.
    """
    answers = _from_stdin(entry) if secret_stdin else _asked(entry)
    values = (*answers, entry.api_url or "", entry.auth_url or "")
    variables = {name: value.strip() for name, value in zip(_NAMES, values, strict=True) if value.strip()}
    try:
        who, settings = read_environment(variables, settings=BRIEF)
    except ConfigError as error:
        raise ConfigError({_NAMES[name]: problem for name, problem in error.problems.items()}) from None
    return variables, who, settings


def _asked(entry: Entry) -> tuple[str, str, str, str, str]:
    if not sys.stdin.isatty():
        raise ConfigError({"--secret-stdin": "is needed where stdin is no terminal, as nobody can be asked"})
    try:
        return (
            _answer("Tenant id") if entry.tenant is None else str(entry.tenant),
            _answer("Client id") if entry.client_id is None else entry.client_id,
            getpass("Client secret (not shown): "),
            getpass("App key (not shown): "),
            _answer(f"Environment [{_PRODUCTION}]") or _PRODUCTION
            if entry.environment is None
            else entry.environment,
        )
    except EOFError:
        raise ConfigError("the input ended; nothing is stored") from None


def _answer(question: str) -> str:
    # Not `input`, which asks on stdout, where programs read.
    print(f"{question}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.strip()


def _from_stdin(entry: Entry) -> tuple[str, str, str, str, str]:
    lines = [line for line in sys.stdin.read().splitlines() if line.strip()]
    if len(lines) != 2:
        raise ConfigError({"--secret-stdin": "wants two lines: the client secret and the app key"})
    secret, key = lines
    tenant = "" if entry.tenant is None else str(entry.tenant)
    return tenant, entry.client_id or "", secret, key, entry.environment or _PRODUCTION
