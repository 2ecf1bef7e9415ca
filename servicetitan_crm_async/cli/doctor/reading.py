"""From what the service answered to what that means; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from servicetitan_crm_async.cli.advice import advice
from servicetitan_crm_async.cli.doctor.findings import Check, Finding, failed, passed, skipped, warned
from servicetitan_crm_async.cli.doctor.scopes import Scope
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.config import RateLimit
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.errors import (
    AuthError,
    Forbidden,
    NotFound,
    RateLimited,
    ServiceFault,
    ServiceTitanError,
    TransportFailure,
)

_TOLERATED = 5.0
"""Seconds by which clocks may differ."""
_HERE = "this machine"
_CLOCK = (
    "Turn on time synchronisation (NTP). A sync goes by the service's clock and loses nothing; but ages are "
    "shown wrong, tokens kept in files serve too long or too short, and certificates can be refused."
)
_APP_KEY = (
    "The token is new, so look at SERVICETITAN_APP_KEY: that of an app in developer.servicetitan.io > My "
    "Apps. It serves every tenant."
)
_FORBIDDEN = (
    "Look at SERVICETITAN_TENANT_ID: client id and secret belong to one tenant, and the app has to be "
    "connected to it in Settings > Integrations > API Application Access. Or it has no scope at all."
)
_NOT_FOUND = (
    "Look at SERVICETITAN_TENANT_ID, SERVICETITAN_ENVIRONMENT and --contract, and at SERVICETITAN_API_URL if "
    "that is set."
)
_STRANGER = (
    "Nothing of ServiceTitan's seems to answer there: look at {variable} and SERVICETITAN_ENVIRONMENT."
)
_LATER = "ServiceTitan is in trouble, not your settings: try again later."
_BUDGET = "Other programs use the same app key and tenant: try again at a quieter hour."
_NETWORK = "Look at the network, and at a proxy on the way."


class Probe(NamedTuple):
    """How one list answered."""

    scope: Scope
    error: ServiceTitanError | None


def token(service: str, life: float) -> Finding:
    """A token was handed out."""
    return passed("token", service, f"hands out a token, which serves for {life:g} s")


def no_token(service: str, error: ServiceTitanError) -> Finding:
    """None was."""
    return _error("token", service, error, "SERVICETITAN_AUTH_URL")


def clock(ahead: float | None) -> Finding:
    """The service's clock is so many seconds ahead of the machine's; None where nothing answered."""
    if ahead is None:
        return skipped("clock", "no answer said what time it is")
    off = round(abs(ahead))  # the service's clock shows whole seconds, so finer than this cannot be told
    if abs(ahead) <= _TOLERATED:
        return passed("clock", _HERE, f"within {max(off, 1)} s of the service's clock")
    side = "behind" if ahead > 0 else "ahead of"
    return warned("clock", _HERE, f"{off} s {side} the service's clock", _CLOCK)


def fails_all(error: ServiceTitanError | None) -> bool:
    """Whether other calls would fail in the same way."""
    return isinstance(error, AuthError | TransportFailure | ServiceFault)


def answers(tenant: int, contract: ContractName, probes: Sequence[Probe]) -> Iterator[Finding]:
    """What the lists' answers say of the tenant, and then of each scope."""
    errors = [probe.error for probe in probes]
    whole = _tenant(str(tenant), contract, errors)
    yield whole
    if whole.status == "ok" or all(isinstance(error, Forbidden) for error in errors):
        yield from (_scope(probe, contract) for probe in probes)
    else:
        yield skipped("scope", "the tenant does not answer")


def pace(rate: RateLimit, requests: int, throttled: int) -> Finding:
    """How fast the client goes, and whether the service let it."""
    found = f"at most {rate.budget:g} requests a second of this app key and tenant; {requests} were sent now"
    if not throttled:
        return passed("pace", "rate limit", found)
    return warned("pace", "rate limit", f"{found}, {throttled} of them answered with 429", _BUDGET)


def _tenant(tenant: str, contract: ContractName, errors: Sequence[ServiceTitanError | None]) -> Finding:
    if None in errors:
        return passed("tenant", tenant, f"answers, by contract {contract}")
    telling = next((error for error in errors if not isinstance(error, Forbidden)), None)
    match telling:
        case None:
            return failed("tenant", tenant, "403 to all that was asked", _FORBIDDEN, Exit.REFUSED)
        case AuthError(status=401):
            return failed("tenant", tenant, str(telling), _APP_KEY, Exit.REFUSED)
        case NotFound():
            return failed("tenant", tenant, "404: no such tenant, or no such path", _NOT_FOUND)
        case error:
            return _error("tenant", tenant, error, "SERVICETITAN_API_URL")


def _scope(probe: Probe, contract: ContractName) -> Finding:
    entity, _, box = probe.scope
    match probe.error:
        case None:
            return passed("scope", entity, "may be read")
        case Forbidden():
            return failed("scope", entity, f"403, without {box}", probe.scope.advice)
        case NotFound():
            what = f"404: the service does not know this path of contract {contract}"
            return failed("scope", entity, what, "Look at --contract.")
        case error:
            return _error("scope", entity, error, "SERVICETITAN_API_URL")


def _error(check: Check, of: str, error: ServiceTitanError, variable: str) -> Finding:
    """An error that does not speak of the one thing that was checked."""
    match error:
        case AuthError():
            return failed(check, of, str(error), advice(error), Exit.REFUSED)
        case RateLimited():
            return failed(check, of, str(error), _BUDGET)
        case ServiceFault():
            return failed(check, of, str(error), _LATER)
        case TransportFailure():
            return failed(check, of, str(error), _NETWORK)
        case _:
            return failed(check, of, str(error), _STRANGER.format(variable=variable))
