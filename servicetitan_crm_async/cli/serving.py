"""`servicetitan-crm sandbox`: a sandbox for other programs, until it is stopped."""

from __future__ import annotations

import shlex
import sys

import anyio

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sandbox import Sandbox, serve


def made(*, customers: int, seed: int, life: float, latency: float, rate_limit: int, tenant: int) -> Sandbox:
    """The sandbox asked for; a `rate_limit` of 0 is none.

    Raises:
        ConfigError: a number that makes none.
    """
    problems = {
        option: f"must be at least {least}"
        for option, value, least in (
            ("--customers", customers, 0),
            ("--life", life, 0),
            ("--latency", latency, 0),
            ("--rate-limit", rate_limit, 0),
            ("--tenant", tenant, 1),
        )
        if not value >= least
    }
    if problems:
        raise ConfigError(problems)
    return Sandbox(
        seed=seed,
        tenant_id=tenant,
        customers=customers,
        life=life,
        latency=latency,
        rate_limit=rate_limit or None,
    )


async def run_sandbox(sandbox: Sandbox, *, port: int) -> None:
    """Serve until cancelled; the variables that lead there go to stdout, what people read to stderr.

    Raises:
        ConfigError: the port cannot be had.
    """
    try:
        async with serve(sandbox, port=port) as server:
            for name, value in server.environ.items():
                print(f"export {name}={shlex.quote(value)}")
            sys.stdout.flush()
            recipe = sandbox.world().recipe
            print(
                f"# {server.url}: seed {sandbox.seed}, {recipe.customers:,} customers, "
                f"{recipe.life:g} changes a second. Ctrl-C stops it.",
                file=sys.stderr,
            )
            await anyio.sleep_forever()
    except (OSError, OverflowError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        why = (error.strerror if isinstance(error, OSError) else None) or "no port has such a number"
        raise ConfigError({"--port": f"{port} cannot be had: {why}"}) from None
