"""Holding a lease while something writes to a mirror."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import anyio

from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.errors import ServiceTitanError
from servicetitan_crm_async.sync.destinations.protocol import Destination
from servicetitan_crm_async.sync.lease import RENEW_EVERY, forget, new_lease, renewed


async def under_lease(
    destination: Destination, tenant: int, work: Callable[[], Awaitable[None]], *, take_over: bool
) -> None:
    """Do the work while holding the tenant's lease, and show every minute that this run lives.

    Raises:
        LedgerConflict: another run holds the lease, or took it meanwhile; what was committed stays.
    """
    lease = new_lease(tenant, datetime.now(UTC))
    working = anyio.CancelScope()

    async def work_to_the_end() -> None:
        await work()
        working.cancel()

    async def show_life() -> None:
        with working:
            while True:
                await anyio.sleep(RENEW_EVERY.total_seconds())
                await destination.claim(renewed(lease, datetime.now(UTC)))

    try:
        # A claim that is cancelled may have been stored all the same.
        lease = await destination.claim(lease, take_over=take_over)
        await all_or_first_failure([work_to_the_end, show_life])
    finally:
        # A lease that cannot be given back, or not for a second cancellation, is known to be stale all the
        # same: in this process because it is forgotten, elsewhere by its process or its silence.
        try:
            with anyio.CancelScope(shield=True), suppress(ServiceTitanError):
                await destination.release(lease)
        finally:
            forget(lease)
