"""The client used against a sandbox, and what went over the wire meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

from full_use import FULL
from inspection_kit import Exchange, RecordingTransport
from ordinary_use import MAIL, MOBILE, ORDINARY, Known, Use
from simulation import SandboxTransport, with_client

from servicetitan_crm_async import ServiceTitanCRM, Settings
from servicetitan_crm_async.contract import ContractName, Operation
from servicetitan_crm_async.models import (
    BookingStatus,
    ContactPersonCreate,
    CustomerNoteCreate,
    LocationNoteCreate,
    NoteCreate,
)
from servicetitan_crm_async.sandbox import Sandbox

LEFT_OUT = {
    ("openapi-2.0.0", "customFields[].name"): "a value is written by the field's id; the label is read only",
}
"""Fields of bodies that no model has, so that none is ever sent, and why."""

UNPUBLISHED = {
    "booking_provider.dismiss": "the portal does not say what becomes of a second dismissal",
    "leads.dismiss": "nor here",
}
"""Conflicts that the sandbox answers although no document has them, and why."""


def new_sandbox() -> Sandbox:
    """Always the same one, ids and all."""
    born = datetime(2026, 3, 1, 12, tzinfo=UTC)
    return Sandbox(seed=7, customers=40, leads=0.5, bookings=0.5, rate_limit=None, born=born)


async def look_around(crm: ServiceTitanCRM) -> Known:
    """What is there, and what has to be made first because nothing like it is there by itself."""
    booking = next(
        booking
        for booking in await crm.bookings.list().collect()
        if booking.status == BookingStatus.NEW and booking.booking_provider_id is not None
    )
    assert booking.booking_provider_id is not None
    provider = booking.booking_provider_id
    location = (await crm.locations.list().collect())[0]
    customer = location.customer_id
    person = await crm.contacts.create(ContactPersonCreate(name="Ada", title="Owner"))
    await crm.contacts.relationships.create(person.id, customer, "customer")
    method = await crm.contacts.methods.create(person.id, MOBILE)
    lead = (await crm.leads.list(status="Open").collect())[0].id
    await crm.leads.notes.create(lead, NoteCreate(text="Rang twice"))
    customer_note = await crm.customers.notes.create(customer, CustomerNoteCreate(text="Has a cat"))
    location_note = await crm.locations.notes.create(location.id, LocationNoteCreate(text="Blue door"))
    return Known(
        customer=customer,
        customer_contact=(await crm.customers.contacts.create(customer, MAIL)).id,
        customer_note=customer_note.id,
        location=location.id,
        location_contact=(await crm.locations.contacts.create(location.id, MAIL)).id,
        location_note=location_note.id,
        lead=lead,
        booking=booking.id,
        booking_contact=(await crm.booking_provider(provider).contacts.create(booking.id, MAIL)).id,
        provider=provider,
        tag_type=(await crm.tag_types.list().collect())[0].id,
        custom_field=(await crm.customers.custom_fields.list().collect())[0].id,
        person=person.id,
        method=method.id,
        preference=(await crm.contacts.preferences.list())[0].name,
    )


def known_of(transport: SandboxTransport) -> Known:
    """What is there behind a transport."""
    found: list[Known] = []

    async def look(crm: ServiceTitanCRM) -> None:
        found.append(await look_around(crm))

    with_client(transport, look)
    return found[0]


def observe(contract: ContractName, use: Use) -> list[Exchange]:
    """What goes over the wire when the client is used that way, in a sandbox of its own."""
    sandbox = new_sandbox()
    known = known_of(SandboxTransport(sandbox))
    transport = RecordingTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        await use(crm, known)

    with_client(transport, main, Settings(environment="integration", contract=contract))
    return transport.exchanges


@cache
def exchanges_of(row: Operation) -> list[Exchange]:
    """All that is said in the uses of one operation."""
    uses = [mapping[row.contract].get(row.name) for mapping in (ORDINARY, FULL)]
    return [exchange for use in uses if use is not None for exchange in observe(row.contract, use)]


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The paths of a body, spelt as in the route table."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield above + name
            yield from paths(member, f"{above}{name}.")
    elif isinstance(value, list):
        for member in value:
            yield from paths(member, above.removesuffix(".") + "[].")
