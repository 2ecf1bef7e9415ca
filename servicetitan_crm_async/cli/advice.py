"""What the person at the keyboard can do about an error; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.errors import (
    ApiError,
    AuthError,
    CallTimeout,
    ConfigError,
    DecodeError,
    FeedStalled,
    Forbidden,
    InvalidRequest,
    LedgerConflict,
    NotFound,
    NotInContract,
    RateLimited,
    ResponseTooLarge,
    ServiceFault,
    ServiceTitanError,
    SyncError,
    TransportFailure,
)
from servicetitan_crm_async.sync.report import SyncReport

_EXAMPLE = (
    "export SERVICETITAN_CLIENT_ID=cid.… SERVICETITAN_CLIENT_SECRET=cs.… "
    "SERVICETITAN_APP_KEY=ak1.… SERVICETITAN_TENANT_ID=123456789"
)
_AGAIN = "What landed is kept; the same command goes on from there"
_VARIABLE = "SERVICETITAN_"


def exit_of(error: ServiceTitanError) -> Exit:
    """The exit code for an error that ended a command."""
    if isinstance(error, ConfigError):
        return Exit.USAGE
    return Exit.REFUSED if isinstance(error, AuthError) else Exit.FAILED


def told(error: ServiceTitanError, remedy: str | None = None) -> list[str]:
    """What happened, in one line or one for each setting at fault, and then what to do.

    `remedy` takes the place of the advice that is given to those who keep a mirror.
    """
    return [*_happened(error), advice(error) if remedy is None else remedy]


def advice(error: ServiceTitanError) -> str:
    """One line: what to do about it."""
    match error:
        case NotInContract():
            return (
                "Choose with --entities among what this contract has (servicetitan-crm operations), or "
                "another --contract."
            )
        case ConfigError():
            if names_variables(error):
                return (
                    f"Set them, for example: {_EXAMPLE}\n"
                    "Or have them kept: servicetitan-crm login\n"
                    "Or try without an account: servicetitan-crm sync --sandbox"
                )
            return "See --help of the command."
        case AuthError():
            return (
                "Look at SERVICETITAN_CLIENT_ID and SERVICETITAN_CLIENT_SECRET, which belong to one tenant "
                "and one SERVICETITAN_ENVIRONMENT, and at SERVICETITAN_APP_KEY. In ServiceTitan: "
                "Settings > Integrations > API Application Access."
            )
        case Forbidden():
            return _on_scopes([error])
        case RateLimited():
            return (
                "Other programs use up the 60 requests a second of this app key and tenant. "
                f"{_AGAIN}, at a quieter hour."
            )
        case ServiceFault():
            return f"ServiceTitan is in trouble, not your settings. {_AGAIN}."
        case NotFound():
            return "Look at SERVICETITAN_API_URL, SERVICETITAN_ENVIRONMENT and --contract."
        case InvalidRequest():
            return "The service refuses the question itself: look at --contract and --page-size."
        case ApiError():
            return f"{_AGAIN}."
        case ResponseTooLarge():
            return "Ask for smaller pages: --page-size 500."
        case CallTimeout():
            return f"The service or the network is slow. {_AGAIN}; smaller pages help: --page-size 500."
        case TransportFailure():
            return (
                "Look at the network, at a proxy on the way, and at SERVICETITAN_API_URL and "
                f"SERVICETITAN_AUTH_URL if they are set. {_AGAIN}."
            )
        case DecodeError():
            return (
                "The service sent something this version does not know: look for a newer one, and report "
                "the line above if there is none."
            )
        case LedgerConflict(host=str(host), process=int(process)):
            return f"Let that run end, or stop it on {host}: kill {process}. What it had landed is kept."
        case LedgerConflict():
            return "Let one program at a time write to a destination, or name another with --to."
        case FeedStalled():
            return f"{_AGAIN}; if it stalls at the same place, report the line above."
        case SyncError():
            return f"{_AGAIN} once that is put right."
        case _:
            return f"{_AGAIN}."


def names_variables(error: ConfigError) -> bool:
    """Whether it is the settings that are wrong, and not the words of the command."""
    return any(name.startswith(_VARIABLE) for name in error.problems)


class Outcome(Protocol):
    """What became of an entity, in a sync or an audit."""

    @property
    def error(self) -> str | None: ...
    @property
    def failure(self) -> ServiceTitanError | None: ...


class Outcomes(Protocol):
    """The report of a sync or an audit."""

    @property
    def entities(self) -> Mapping[str, Outcome]: ...


def failures(report: Outcomes) -> list[tuple[str, str]]:
    """What went wrong, and the entities it went wrong with, each said once."""
    stricken: dict[str, list[str]] = {}
    for name, entity in report.entities.items():
        if entity.error is not None:
            stricken.setdefault(entity.error, []).append(name)
    return [(", ".join(names), error) for error, names in stricken.items()]


def hints(report: Outcomes) -> list[str]:
    """What to do about what went wrong, each said once."""
    errors = [entity.failure for entity in report.entities.values() if entity.failure is not None]
    forbidden = [error for error in errors if isinstance(error, Forbidden)]
    others = [advice(error) for error in errors if not isinstance(error, Forbidden)]
    return [*([_on_scopes(forbidden)] if forbidden else []), *dict.fromkeys(others)]


def news(report: SyncReport) -> list[str]:
    """What is worth knowing about records that are not where they should be, a line for each entity."""
    lines: list[str] = []
    for name, entity in report.entities.items():
        said = [
            what
            for count, what in (
                (entity.odd, f"{entity.odd:,} odd, set aside"),
                (entity.recovered, f"{entity.recovered:,} set aside before and no more"),
                (entity.quarantined, f"{entity.quarantined:,} in quarantine, tried again by the next run"),
                (len(entity.missing), f"not known to the service any more: {listed(entity.missing)}"),
            )
            if count
        ]
        if said:
            lines.append(f"{name}: {'; '.join(said)}")
    if any(entity.quarantined for entity in report.entities.values()):
        lines.append("What is in quarantine, and why: servicetitan-crm status --to … --quarantine")
    return lines


def listed(ids: Sequence[int], most: int = 20) -> str:
    """The first of many ids, and how many there are."""
    first = ", ".join(map(str, ids[:most]))
    return first if len(ids) <= most else f"{first} and {len(ids) - most:,} more"


def _on_scopes(errors: Sequence[Forbidden]) -> str:
    nouns = ", ".join(dict.fromkeys(_noun(error.path) for error in errors))
    verb = "read" if all(error.method == "GET" for error in errors) else "write"
    return (
        f"The app lacks the scope to {verb} {nouns}, or SERVICETITAN_APP_KEY is not of an app connected to "
        "this SERVICETITAN_TENANT_ID. Scopes: developer.servicetitan.io > My Apps; a changed scope has to "
        "be allowed again in Settings > Integrations > API Application Access."
    )


def _happened(error: ServiceTitanError) -> list[str]:
    if isinstance(error, ConfigError) and error.problems:
        return [f"{_option(name)} {problem}" for name, problem in error.problems.items()]
    return [str(error)]


def _option(name: str) -> str:
    """The option behind an argument of the library; variables and options are what they are."""
    return f"--{name.replace('_', '-')}" if name.isidentifier() and name.islower() else name


def _noun(path: str) -> str:
    """What is read: `locations contacts` of `/crm/v2/tenant/1/locations/contacts`."""
    _, _, after = path.partition("/tenant/")
    words = [word for word in after.split("/")[1:] if word and not word.isdigit()]
    return " ".join(words) or "this"
