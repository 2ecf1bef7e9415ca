"""A tenant in memory, people to look for in it, and processes that die at a chosen request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import TypeVar

from msgspec import UNSET, UnsetType
from simulation import SandboxTransport, client
from virtual_time import run

from servicetitan_crm_async import ServiceTitanCRM, Settings
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.models import (
    Address,
    ContactCreate,
    ContactType,
    CustomerCreate,
    ExternalDataCreate,
    LeadCreate,
    LocationCreate,
)
from servicetitan_crm_async.sandbox import Sandbox

T = TypeVar("T")

HOME = Address(street="12 North Main Street", city="Salem", state="MA", zip="01970", country="USA")
ELSEWHERE = Address(street="9 Elm Ave", unit="4B", city="Boston", state="MA", zip="02108", country="USA")
NUMBER = "(555) 010-7788"


def tenant(**sizes: int) -> Sandbox:
    """A few strangers, no leads and no bookings."""
    usual = {"seed": 11, "customers": 20, "leads": 0, "bookings": 0}
    return Sandbox(**{**usual, **sizes}, rate_limit=None)  # type: ignore[arg-type]


def person(
    name: str = "Ann O'Brien",
    address: Address = HOME,
    number: str | None = NUMBER,
    *,
    external_data: ExternalDataCreate | UnsetType = UNSET,
) -> CustomerCreate:
    ways = () if number is None else (ContactCreate(type=ContactType.MOBILE_PHONE, value=number),)
    location = LocationCreate(name=name, address=address)
    return CustomerCreate(
        name=name, address=address, locations=(location,), contacts=ways, external_data=external_data
    )


def inquiry(
    name: str | None = "ann obrien",
    address: Address | None = HOME,
    number: str | None = "+1 555 010 7788",
    **more: int,
) -> LeadCreate:
    return LeadCreate(
        summary="No hot water",
        campaign_id=300,
        call_reason_id=1,
        lead_customer_name=name or UNSET,
        lead_phone=number or UNSET,
        customer_id=more.get("customer_id", UNSET),
        location_id=more.get("location_id", UNSET),
        lead_street=address.street if address else UNSET,
        lead_unit=address.unit or UNSET if address else UNSET,
        lead_city=address.city if address else UNSET,
        lead_state=address.state if address else UNSET,
        lead_zip=address.zip if address else UNSET,
        lead_country=address.country if address else UNSET,
    )


def within(
    sandbox: Sandbox,
    main: Callable[[ServiceTitanCRM], Awaitable[T]],
    transport: SandboxTransport | None = None,
    settings: Settings | None = None,
) -> T:
    """What `main` makes of an open client, in a process and in a virtual time of its own."""

    async def opened() -> T:
        async with client(transport or SandboxTransport(sandbox), settings) as crm:
            return await main(crm)

    return run(opened())


class Death(BaseException):
    """The process was killed; nothing may handle it."""


class DyingTransport(SandboxTransport):
    """Its process dies at one request, before that is sent or when it has been carried out."""

    def __init__(self, sandbox: Sandbox, request: int, *, carried_out: bool) -> None:
        super().__init__(sandbox)
        self._left, self._carried_out = request, carried_out

    async def send(self, request: WireRequest) -> Reply:
        self._left -= 1
        if self._left > 0:
            return await super().send(request)
        if self._left == 0 and self._carried_out:
            await super().send(request)
        raise Death


def deaths(
    make: Callable[[], Sandbox], main: Callable[[ServiceTitanCRM], Awaitable[T]]
) -> Iterator[tuple[str, Sandbox]]:
    """For every request at which a run can die, what it was and the tenant as that run left it."""
    for carried_out in (False, True):
        for request in count(1):
            sandbox = make()
            if not _dies(sandbox, main, DyingTransport(sandbox, request, carried_out=carried_out)):
                break
            yield f"{request}, {carried_out=}", sandbox


def _dies(
    sandbox: Sandbox, main: Callable[[ServiceTitanCRM], Awaitable[T]], transport: DyingTransport
) -> bool:
    try:
        within(sandbox, main, transport)
    except* Death:  # a task group wraps it
        died = True
    else:
        died = False
    return died


def named(sandbox: Sandbox, name: str = "brien") -> list[int]:
    """Ids of the customers with this in their names, also the inactive."""
    records = sandbox.records("customers").items()
    return [number for number, (_, raw) in records if name in raw.decode().lower()]


def homes(sandbox: Sandbox) -> list[int]:
    """Ids of the locations on the street of `HOME`, also the inactive."""
    records = sandbox.records("locations").items()
    return [number for number, (_, raw) in records if b"Main St" in raw and b"01970" in raw]


def asked(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Method and last part of the path of every request for the API."""
    visits = (visit for visit in sandbox.journal if visit.path != "/connect/token")
    return [(visit.method, visit.path.rsplit("/", 1)[-1]) for visit in visits]


def writes(sandbox: Sandbox) -> int:
    return sum(method != "GET" for method, _ in asked(sandbox))
