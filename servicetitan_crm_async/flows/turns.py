"""One flow at a time for the same thing, among all clients of a tenant in the running loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from servicetitan_crm_async._core.shared import shared
from servicetitan_crm_async.client import ServiceTitanCRM


@asynccontextmanager
async def in_turn(crm: ServiceTitanCRM, *keys: str) -> AsyncIterator[None]:
    """Hold every one of these keys; another flow that wants one of them waits until this one ends.

    A key is kept for as long as someone holds it or waits for it. Waiting can be cancelled at any time.
    """
    async with AsyncExitStack() as held:
        # In one order for everybody: two flows that want the same two keys do not wait for each other.
        for key in sorted(set(keys)):
            lock = shared(anyio.Lock, (crm.settings.host, crm.tenant_id, key), anyio.Lock)
            await held.enter_async_context(lock)
        yield
