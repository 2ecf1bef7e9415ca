"""A sandbox and an open client of it under either contract, and what the client asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from typing import Any

import pytest

from servicetitan_crm_async import ConfigError, ContractName, ServiceTitanCRM
from servicetitan_crm_async.models import Address, LocationCreate
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, Visit, serve

PORTAL: ContractName = "portal"
OPENAPI: ContractName = "openapi-2.0.0"
BASES = {PORTAL: "/crm/v2/tenant/1001", OPENAPI: "/crm/v2/1001"}
both = pytest.mark.parametrize("contract", [PORTAL, OPENAPI])

ADDRESS = Address(street="1 Elm St", city="Salem", state="MA", zip="01970", country="USA")
LOCATION = LocationCreate(name="Home", address=ADDRESS)


class Desk:
    """One contract's client, its sandbox, and the requests since it was last asked for them."""

    def __init__(self, crm: ServiceTitanCRM, server: SandboxServer, contract: ContractName) -> None:
        self.crm, self.sandbox = crm, server.sandbox
        self.contract: ContractName = contract
        self._read = 0

    def visits(self) -> list[Visit]:
        """The API requests since the last time."""
        journal = [visit for visit in self.sandbox.journal if visit.path != "/connect/token"]
        new, self._read = journal[self._read :], len(journal)
        return new

    def asked(self) -> list[tuple[str, str, dict[str, str]]]:
        """Method, path below the tenant (or whole, in another module) and query of each."""
        base = BASES[self.contract]
        return [(visit.method, visit.path.removeprefix(base), dict(visit.query)) for visit in self.visits()]

    def ids(self, kind: Any) -> list[int]:
        return list(self.sandbox.records(kind, contract=self.contract))

    async def refuses(self, call: Callable[[], Any], *named: str) -> str:
        """The call fails before any request with a ConfigError that names these fields."""
        self.visits()

        async def made() -> None:
            pending = call()
            if isawaitable(pending):
                await pending

        with pytest.raises(ConfigError) as caught:
            await made()
        assert set(caught.value.problems) == set(named)
        assert self.visits() == []
        return str(caught.value)


@asynccontextmanager
async def desk(contract: ContractName, **sizes: Any) -> AsyncIterator[Desk]:
    usual = {"seed": 3, "customers": 60, "leads": 0.5, "bookings": 0.5, "rate_limit": None}
    async with (
        serve(Sandbox(**{**usual, **sizes})) as server,
        ServiceTitanCRM.from_env(server.environ, contract=contract) as crm,
    ):
        yield Desk(crm, server, contract)
