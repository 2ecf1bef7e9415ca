"""The client that a command works with, from its credentials to its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from servicetitan_crm_async.cli.credentials.finding import find_credentials
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.rehearsal import Rehearsed, rehearsed
from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.config import read_environment
from servicetitan_crm_async.contract import ContractName

T = TypeVar("T")


_FATE = "What was on its way may have taken effect: look before you send it again."


def work(
    what: Callable[[ServiceTitanCRM], Awaitable[T]],
    *,
    tenant: int | None,
    contract: ContractName | None,
    changes: bool = False,
) -> T:
    """Do it with an open client of the tenant; `changes` says that it is more than reading.

    Raises:
        ConfigError: the credentials are not to be found, or malformed.
        Stopped: a signal came, and the client is closed.
    """
    environ = find_credentials(tenant).environ

    async def within() -> T:
        async with ServiceTitanCRM.from_env(environ, contract=contract) as crm:
            return await what(crm)

    try:
        return run_until_stopped(within)
    except Stopped as stop:
        if changes:
            stop.add_note(_FATE)
        raise


def rehearse(
    what: Callable[[ServiceTitanCRM], Awaitable[object]], *, tenant: int | None, contract: ContractName | None
) -> Rehearsed:
    """Do it with a client that sends nothing, and answer the request that it would have sent.

    Raises:
        ConfigError: the credentials are not to be found, or malformed, or the call is refused.
    """
    credentials, settings = read_environment(find_credentials(tenant).environ, contract=contract)
    return run_until_stopped(lambda: rehearsed(credentials, settings, what))
