"""What the person at the keyboard can do about the error of a single call; pure.

`advice.py` speaks of mirrors, which keep what landed and go on from there. A call has taken effect, or has
not, or nobody knows.
"""

from __future__ import annotations

from servicetitan_crm_async.cli.advice import advice, names_variables
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.errors import (
    ApiError,
    AuthError,
    CallTimeout,
    ConfigError,
    Conflict,
    FeedStalled,
    Forbidden,
    InvalidRequest,
    NotFound,
    NotInContract,
    RateLimited,
    ResponseTooLarge,
    ServiceFault,
    ServiceTitanError,
    TransportFailure,
)

_UNSURE = "It may have taken effect: look before you send it again"
_AGAIN = "The same command can be run again"


def exit_of_call(error: ServiceTitanError) -> Exit:
    """The exit code for an error that ended a single call."""
    if _unsure(error):
        return Exit.UNSURE
    match error:
        case ConfigError():
            return Exit.USAGE
        case AuthError() | Forbidden():
            return Exit.REFUSED
        case NotFound():
            return Exit.NOT_FOUND
        case InvalidRequest() | Conflict():
            return Exit.NOT_ACCEPTED
        case _:
            return Exit.FAILED


def advice_on_call(error: ServiceTitanError, asked: str) -> str:
    """One line: what to do about it. `asked` is how to ask for the command's help."""
    again = _UNSURE if _unsure(error) else _AGAIN
    match error:
        case NotInContract():
            return f"See {asked}, or servicetitan-crm operations for what each --contract has."
        case ConfigError() if not names_variables(error):
            return f"See {asked}."
        case NotFound():
            return (
                "Look at the id, and whether it is one of this tenant; of a path, look at each of its words."
            )
        case InvalidRequest():
            return f"The service refuses what was sent; {asked} tells what it takes."
        case Conflict():
            return "The record does not allow it as it is now: look at it first."
        case RateLimited():
            return (
                "Other programs use up the 60 requests a second of this app key and tenant. "
                f"{_AGAIN} at a quieter hour."
            )
        case ServiceFault():
            return f"ServiceTitan is in trouble, not your settings. {again}."
        case ResponseTooLarge():
            return "Ask for less at a time: --limit 500, or of a request --query pageSize=500."
        case CallTimeout():
            return f"The service or the network is slow. {again}."
        case TransportFailure():
            return (
                "Look at the network, at a proxy on the way, and at SERVICETITAN_API_URL and "
                f"SERVICETITAN_AUTH_URL if they are set; servicetitan-crm doctor looks at each. {again}."
            )
        case FeedStalled():
            return f"{_AGAIN}; if it stalls at the same place, report the line above."
        case ApiError() if not isinstance(error, Forbidden):
            return f"{again}."
        case _:
            return advice(error)


def _unsure(error: ServiceTitanError) -> bool:
    return isinstance(error, ApiError | TransportFailure) and error.maybe_applied
