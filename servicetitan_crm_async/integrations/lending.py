"""What an application holds while it runs: one client or those of many tenants, lent to its requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TypeAlias

import anyio

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.errors import ConfigError, UnknownTenant
from servicetitan_crm_async.integrations.tenants import Tenants

__all__ = ["GRACE_SECONDS", "Lending", "MakeClients", "lending"]

MakeClients: TypeAlias = Callable[[], ServiceTitanCRM | Tenants]
"""Makes what is lent, anew at each start of the application: a closed client does not open again."""

GRACE_SECONDS = 30.0


class Lending:
    """Lends clients, and knows how many are out; made by `lending`."""

    def __init__(self, held: ServiceTitanCRM | Tenants) -> None:
        self._held = held
        self._out = 0
        self._back = anyio.Event()

    @asynccontextmanager
    async def client(self, tenant_id: int | None = None) -> AsyncIterator[ServiceTitanCRM]:
        """A client for as long as the block lasts: of this tenant, or of the only one.

        Raises:
            UnknownTenant: the only tenant is another one, or as `Tenants.client`.
            CallTimeout, ConfigError: as `Tenants.client`.
        """
        self._out += 1
        try:
            async with self._of(tenant_id) as crm:
                yield crm
        finally:
            self._out -= 1
            if not self._out:
                self._back.set()

    @property
    def out(self) -> int:
        """How many blocks have a client at the moment."""
        return self._out

    async def all_back(self, seconds: float) -> None:
        """Return when no client is out, after so many seconds at the latest; cancelled, at once."""
        with anyio.move_on_after(seconds):
            while self._out:
                self._back = anyio.Event()
                await self._back.wait()

    def _of(self, tenant_id: int | None) -> AbstractAsyncContextManager[ServiceTitanCRM]:
        held = self._held
        if isinstance(held, Tenants):
            if tenant_id is None:
                raise ConfigError("there are many tenants here: say which one the client is for")
            return held.client(tenant_id)
        if tenant_id is not None and tenant_id != held.tenant_id:
            raise UnknownTenant(tenant_id)
        return nullcontext(held)


@asynccontextmanager
async def lending(make: MakeClients, *, grace: float = GRACE_SECONDS) -> AsyncIterator[Lending]:
    """Open what `make` makes for the block; at its end wait up to `grace` seconds for what is out, and close.

    Servers end their requests before they end the application. What goes on all the same, as a write does
    whose caller has gone, or a task of your own, has its calls answered here.
    """
    async with make() as held:
        lent = Lending(held)
        try:
            yield lent
        finally:
            await lent.all_back(grace)
