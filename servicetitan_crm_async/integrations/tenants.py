"""Many tenants in one program: a client for each, opened at its first use, on the same connections.

    async with Tenants(credentials_of) as tenants:
        async with tenants.client(1001) as crm:
            customer = await crm.customers.get(7)

`credentials_of` knows the credentials of a tenant, or that there are none: the `get` of a dictionary, or a
coroutine function that asks a vault.
"""

# Invariants, quoted by number in tests/integrations/test_tenants.py.
# 1. No more than `limit` clients are open, and none is closed while someone uses it.
# 2. However many ask for a tenant at first, its credentials are asked for and its client opened once; one
#    who gives up while doing so passes the turn to the next.
# 3. A client is not closed within a second of its last use: with it goes the count of what its tenant was
#    sent in this second, and the next client would begin a new one.
#
# Nothing runs in the background: idle clients are closed when the next one is asked for. Until then they
# hold a token and no connection, since connections are everybody's and end by themselves when idle.

from __future__ import annotations

import asyncio
import enum
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias
from weakref import WeakValueDictionary

import anyio

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.config import Credentials
from servicetitan_crm_async.errors import AuthError, CallTimeout, ConfigError, UnknownTenant

__all__ = ["CredentialsOf", "Tenants", "TenantsStatistics"]

CredentialsOf: TypeAlias = Callable[[int], Credentials | Awaitable[Credentials | None] | None]
"""The credentials of a tenant by its id; None where there are none."""

_COOLING_SECONDS = 1.0


class TenantsStatistics(NamedTuple):
    """What `Tenants` has done so far; a snapshot."""

    open: int
    in_use: int
    opened: int
    """Since the beginning, those open now among them."""


class _State(enum.Enum):
    UNOPENED = "the tenants are not open yet: use them inside `async with`"
    OPEN = "the tenants are open already"
    CLOSED = "the tenants are closed; they do not open again"


class _Seat:
    """One open client and who uses it."""

    def __init__(self, crm: ServiceTitanCRM, credentials: Credentials) -> None:
        self.crm, self.credentials = crm, credentials
        self.users = 1
        self.free_since = 0.0
        self.refused = False
        """The service refused these credentials: ask whether there are new ones before the next use."""


class Tenants:
    """The clients of many tenants, within `async with`; leaving it closes them all.

    When the service refuses a tenant's credentials, they are asked for anew at its next use, and where they
    are others a new client takes the place of the old one.

    Args:
        credentials_of: asked once for each client that is opened; what it raises, `client` raises.
        make: makes the first client, which lends its connections and settings to all; for settings of your
            own, `lambda credentials: ServiceTitanCRM(credentials, settings)`.
        limit: how many clients may be open at once. Set it above the number of tenants that are busy at
            the same time: whoever is closed fetches a new token when it is opened again.
        idle: seconds after which an unused client is closed.
        patience: seconds to wait for a place when all are in use.

    Raises:
        ConfigError: a limit below 1.
    """

    def __init__(
        self,
        credentials_of: CredentialsOf,
        *,
        make: Callable[[Credentials], ServiceTitanCRM] = ServiceTitanCRM,
        limit: int = 100,
        idle: float = 900.0,
        patience: float = 5.0,
    ) -> None:
        if limit < 1:
            raise ConfigError({"limit": "must be at least 1"})
        self._credentials_of, self._make = credentials_of, make
        self._limit, self._idle, self._patience = limit, idle, patience
        self._state = _State.UNOPENED
        self._stack = AsyncExitStack()
        self._root: ServiceTitanCRM | None = None
        """Made with the first tenant's credentials; it lends its connections and calls nothing."""
        self._seats: set[_Seat] = set()
        self._current: dict[int, _Seat] = {}
        """Those of `_seats` that are lent; the others were replaced by newer ones."""
        self._opened = 0
        self._turns: WeakValueDictionary[int, anyio.Lock] = WeakValueDictionary()
        self._door = anyio.Lock()
        self._freed = anyio.Event()

    async def __aenter__(self) -> Self:
        if self._state is not _State.UNOPENED:
            raise ConfigError(self._state.value)
        self._state = _State.OPEN
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._state = _State.CLOSED
        self._seats.clear()
        self._current.clear()
        await self._stack.aclose()

    @asynccontextmanager
    async def client(self, tenant_id: int) -> AsyncIterator[ServiceTitanCRM]:
        """The client of a tenant, open for as long as the block lasts; any number of tasks may have it.

        Raises:
            UnknownTenant: there are no credentials for it.
            CallTimeout: `"admission"`: all places were in use for `patience` seconds.
            ConfigError: the tenants are not open, or the credentials are another tenant's.
        """
        seat = await self._seat(tenant_id)
        try:
            yield seat.crm
        except AuthError:
            seat.refused = True
            raise
        finally:
            self._leave(seat)

    def statistics(self) -> TenantsStatistics:
        """How many clients there are, and how many there were."""
        in_use = sum(1 for seat in self._seats if seat.users)
        return TenantsStatistics(len(self._seats), in_use, self._opened)

    async def _seat(self, tenant_id: int) -> _Seat:
        """The tenant's client, counted as in use once more."""
        if self._state is not _State.OPEN:
            raise ConfigError(self._state.value)
        await self._close_idle()
        seat = self._current.get(tenant_id)
        if seat is None or seat.refused:
            turn = self._turns.setdefault(tenant_id, anyio.Lock())
            async with turn:
                seat = self._current.get(tenant_id)
                if seat is None or seat.refused:
                    return await self._new_seat(tenant_id, seat)
        seat.users += 1
        return seat

    async def _new_seat(self, tenant_id: int, refused: _Seat | None) -> _Seat:
        credentials = await self._ask(tenant_id)
        if refused is not None and self._current.get(tenant_id) is refused:
            if credentials == refused.credentials:
                refused.refused = False  # as wrong as before, which the token cache remembers
                refused.users += 1
                return refused
            del self._current[tenant_id]
        try:
            async with asyncio.timeout(self._patience), self._door:
                await self._room()
                return await self._open(credentials)
        except TimeoutError:
            pass  # raised below, where it has no context
        raise CallTimeout("admission", self._patience, attempts=0)

    async def _ask(self, tenant_id: int) -> Credentials:
        found = self._credentials_of(tenant_id)
        credentials = await found if inspect.isawaitable(found) else found
        if credentials is None:
            raise UnknownTenant(tenant_id)
        if credentials.tenant_id != tenant_id:
            raise ConfigError(f"the credentials for tenant {tenant_id} are another tenant's")
        return credentials

    async def _room(self) -> None:
        """Return when one more may be opened. Who is at the door is alone here; the others queue for it."""
        while len(self._seats) >= self._limit:
            free = min((seat for seat in self._seats if not seat.users), key=_free_since, default=None)
            if free is None:
                await self._freed.wait()
            elif (left := free.free_since + _COOLING_SECONDS - _now()) > 0:
                await anyio.sleep(left)
            else:
                await self._close(free)

    async def _open(self, credentials: Credentials) -> _Seat:
        if self._root is None:
            self._root = await self._stack.enter_async_context(self._make(credentials))
        seat = _Seat(await self._root.for_tenant(credentials).__aenter__(), credentials)
        self._seats.add(seat)
        self._current[credentials.tenant_id] = seat
        self._opened += 1
        return seat

    def _leave(self, seat: _Seat) -> None:
        seat.users -= 1
        if not seat.users:
            seat.free_since = _now()
            self._freed.set()
            self._freed = anyio.Event()

    async def _close_idle(self) -> None:
        now = _now()
        for seat in [seat for seat in self._seats if not seat.users]:
            replaced = self._current.get(seat.crm.tenant_id) is not seat
            if now - seat.free_since >= (_COOLING_SECONDS if replaced else max(self._idle, _COOLING_SECONDS)):
                await self._close(seat)

    async def _close(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        if self._current.get(seat.crm.tenant_id) is seat:
            del self._current[seat.crm.tenant_id]
        await seat.crm.__aexit__(None, None, None)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _free_since(seat: _Seat) -> float:
    return seat.free_since
