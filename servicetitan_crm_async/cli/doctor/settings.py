"""What the settings say, and where each of them comes from."""

from __future__ import annotations

from difflib import get_close_matches

from servicetitan_crm_async.cli.credentials.finding import KEYS, VARIABLES, Found, find_credentials
from servicetitan_crm_async.cli.credentials.token_service import BRIEF
from servicetitan_crm_async.cli.doctor.findings import Finding, failed, passed, warned
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.config import Credentials, Settings, read_environment
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import ConfigError

_ENVIRONMENT, _CONTRACT = "SERVICETITAN_ENVIRONMENT", "SERVICETITAN_CONTRACT"
_SECRET = KEYS[1:]
_LOGIN = "Set it in the environment or in .env, or store all of it: servicetitan-crm login"


def examine_settings(
    tenant: int | None, contract: ContractName | None
) -> tuple[list[Finding], tuple[Credentials, Settings] | None]:
    """The findings, and what to go on with; None where something is wrong.

    May ask the owner of a keyring to unlock it, as `find_credentials` does.
    """
    try:
        found = find_credentials(tenant)
    except ConfigError as error:
        return _failed(error), None
    try:
        who, settings = read_environment(found.environ, settings=BRIEF, contract=contract)
    except ConfigError as error:
        wrong = error.problems
        return [*_failed(error), *_said(found, contract, but=set(wrong)), *_unknown(found)], None
    return [*_said(found, contract, but=set()), *_unknown(found)], (who, settings)


def _failed(error: ConfigError) -> list[Finding]:
    problems = error.problems or {"credentials": str(error)}
    return [
        failed("settings", name, problem, _LOGIN if problem == "is missing" else None, Exit.USAGE)
        for name, problem in problems.items()
    ]


def _said(found: Found, contract: ContractName | None, *, but: set[str]) -> list[Finding]:
    said = {name: _value(found, name) for name in VARIABLES if name in found.environ and name not in but}
    for name, value in {_ENVIRONMENT: BRIEF.environment, _CONTRACT: BRIEF.contract}.items():
        if name not in found.environ:
            said[name] = f"{value}, by default"
    if contract is not None:
        said[_CONTRACT] = f"{contract}, from --contract"
    return [passed("settings", name, said[name]) for name in VARIABLES if name in said]


def _value(found: Found, name: str) -> str:
    """A value that is no secret, and its place; of a secret the place alone."""
    place = f"from {found.origins[name]}"
    return place if name in _SECRET else f"{found.environ[name].strip()}, {place}"


def _unknown(found: Found) -> list[Finding]:
    """Variables that look as if they were meant for this command and are not read."""
    findings = []
    for name in sorted(set(found.environ) - set(VARIABLES)):
        near = get_close_matches(name, VARIABLES, n=1)
        what = f"from {found.origins[name]}, is nothing that is read here"
        findings.append(warned("settings", name, what, f"Was {near[0]} meant?" if near else None))
    return findings
