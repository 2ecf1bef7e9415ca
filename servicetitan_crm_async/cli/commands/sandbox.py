"""`servicetitan-crm sandbox`: its options."""

from __future__ import annotations

from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.interrupts import Stopped, run_until_stopped
from servicetitan_crm_async.cli.output import complain


def sandbox(
    *,
    customers: int = 2000,
    seed: int = 1,
    life: float = 1.0,
    port: int = 0,
    latency: float = 0.0,
    rate_limit: int = 60,
    tenant: int = 1001,
) -> int:
    """Serve a made-up ServiceTitan on this machine until Ctrl-C, and print the variables that lead to it.

    Its lines can be pasted into another terminal. What is written to it lives until it is stopped; the same
    seed and sizes make the same tenant again.

    Example: `servicetitan-crm sandbox --customers 500 --life 5 --port 8080`

    Args:
        customers: How many; locations, contacts, leads and bookings come with them.
        seed: Of everything drawn by chance.
        life: Changes a second.
        port: To listen on; 0 takes a free one.
        latency: Seconds an answer takes.
        rate_limit: Requests a second for each app key and tenant; 0 is none.
        tenant: Its id.
    """
    from servicetitan_crm_async.cli.serving import made, run_sandbox

    served = made(
        customers=customers, seed=seed, life=life, latency=latency, rate_limit=rate_limit, tenant=tenant
    )
    try:
        run_until_stopped(lambda: run_sandbox(served, port=port))
    except Stopped:
        complain(["stopped."])
    return Exit.DONE
