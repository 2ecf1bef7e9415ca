"""Ordinary use of the client: one line for each operation of either contract.

Type checkers read it as anyone's code that uses the package, and `test_against_published_files` runs
it. What a line can be given besides is in `full_use`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.models import (
    Address,
    BookingCreate,
    BookingProviderTagCreate,
    BookingProviderTagUpdate,
    BookingUpdate,
    ContactCreate,
    ContactMethodCreate,
    ContactMethodUpdate,
    ContactPersonCreate,
    ContactPersonReplace,
    ContactPersonUpdate,
    ContactType,
    ContactUpdate,
    CustomerCreate,
    CustomerNoteCreate,
    CustomerType,
    CustomerUpdate,
    FollowUpCreate,
    LeadCreate,
    LeadForm,
    LeadUpdate,
    LocationCreate,
    LocationNoteCreate,
    LocationUpdate,
    NoteCreate,
    Priority,
    TagTypeCreate,
    TagTypeUpdate,
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What exists in the tenant that is called."""

    customer: int
    customer_contact: int
    customer_note: int
    location: int
    location_contact: int
    location_note: int
    lead: int
    """An open one."""
    booking: int
    """A new one, of `provider`."""
    booking_contact: int
    provider: int
    tag_type: int
    custom_field: int
    person: UUID
    method: UUID
    preference: str


Use: TypeAlias = Callable[[ServiceTitanCRM, Known], Awaitable[object]]

SINCE = datetime(2020, 1, 1, tzinfo=UTC)
SOON = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
HOME = Address(street="1 Elm St", city="Salem", state="MA", zip="01970", country="USA")
MAIL = ContactCreate(type=ContactType.EMAIL, value="ada@example.com")
MOBILE = ContactMethodCreate(type=ContactType.MOBILE_PHONE, value="512-555-0100")
HOUSE = LocationCreate(name="Home", address=HOME)

PORTAL: Mapping[str, Use] = {
    "booking_provider_tags.create": lambda crm, at: crm.booking_provider_tags.create(
        BookingProviderTagCreate(tag_name="Web shop", description="Bookings of the web shop")
    ),
    "booking_provider_tags.list": lambda crm, at: crm.booking_provider_tags.list().collect(),
    "booking_provider_tags.get": lambda crm, at: crm.booking_provider_tags.get(at.provider),
    "booking_provider_tags.update": lambda crm, at: crm.booking_provider_tags.update(
        at.provider, BookingProviderTagUpdate(description="Bookings of the old web shop")
    ),
    "bookings.get": lambda crm, at: crm.bookings.get(at.booking),
    "bookings.list": lambda crm, at: crm.bookings.list().collect(),
    "bookings.contacts.list": lambda crm, at: crm.bookings.contacts.list(at.booking).collect(),
    "booking_provider.get": lambda crm, at: crm.booking_provider(at.provider).get(at.booking),
    "booking_provider.update": lambda crm, at: crm.booking_provider(at.provider).update(
        at.booking, BookingUpdate(summary="Two leaks")
    ),
    "booking_provider.list": lambda crm, at: crm.booking_provider(at.provider).list().collect(),
    "booking_provider.create": lambda crm, at: crm.booking_provider(at.provider).create(
        BookingCreate(
            source="Web",
            name="Ada",
            summary="A leak",
            external_id="e-1",
            is_first_time_client=True,
            address=HOME,
        )
    ),
    "booking_provider.contacts.create": lambda crm, at: crm.booking_provider(at.provider).contacts.create(
        at.booking, MAIL
    ),
    "booking_provider.contacts.list": lambda crm, at: (
        crm.booking_provider(at.provider).contacts.list(at.booking).collect()
    ),
    "booking_provider.contacts.update": lambda crm, at: crm.booking_provider(at.provider).contacts.update(
        at.booking, at.booking_contact, ContactUpdate(value="512-555-0199")
    ),
    "booking_provider.contacts.delete": lambda crm, at: crm.booking_provider(at.provider).contacts.delete(
        at.booking, at.booking_contact
    ),
    "booking_provider.dismiss": lambda crm, at: crm.booking_provider(at.provider).dismiss(at.booking),
    "tags.add": lambda crm, at: crm.tags.add([at.customer], [at.tag_type]),
    "tags.remove": lambda crm, at: crm.tags.remove([at.customer], [at.tag_type]),
    "contacts.methods.list": lambda crm, at: crm.contacts.methods.list(at.person).collect(),
    "contacts.methods.create": lambda crm, at: crm.contacts.methods.create(at.person, MOBILE),
    "contacts.methods.get": lambda crm, at: crm.contacts.methods.get(at.person, at.method),
    "contacts.methods.replace": lambda crm, at: crm.contacts.methods.replace(at.person, at.method, MOBILE),
    "contacts.methods.update": lambda crm, at: crm.contacts.methods.update(
        at.person, at.method, ContactMethodUpdate(memo="In the evening")
    ),
    "contacts.methods.delete": lambda crm, at: crm.contacts.methods.delete(at.person, at.method),
    "contacts.methods.preferences.list": lambda crm, at: crm.contacts.methods.preferences.list(
        at.person, at.method
    ),
    "contacts.methods.preferences.get": lambda crm, at: crm.contacts.methods.preferences.get(
        at.person, at.method, at.preference
    ),
    "contacts.methods.preferences.update": lambda crm, at: crm.contacts.methods.preferences.update(
        at.person, at.method, at.preference, "true"
    ),
    "contacts.get": lambda crm, at: crm.contacts.get(at.person),
    "contacts.replace": lambda crm, at: crm.contacts.replace(
        at.person, ContactPersonReplace(name="Ada", is_archived=False)
    ),
    "contacts.delete": lambda crm, at: crm.contacts.delete(at.person),
    "contacts.update": lambda crm, at: crm.contacts.update(at.person, ContactPersonUpdate(is_archived=True)),
    "contacts.list_by_relationship": lambda crm, at: crm.contacts.list_by_relationship(at.customer).collect(),
    "contacts.list": lambda crm, at: crm.contacts.list().collect(),
    "contacts.create": lambda crm, at: crm.contacts.create(ContactPersonCreate(name="Grace")),
    "contacts.relationships.delete": lambda crm, at: crm.contacts.relationships.delete(
        at.person, at.customer, "customer"
    ),
    "contacts.relationships.create": lambda crm, at: crm.contacts.relationships.create(
        at.person, at.location, "location"
    ),
    "contacts.relationships.list": lambda crm, at: crm.contacts.relationships.list(at.person).collect(),
    "contacts.preferences.list": lambda crm, at: crm.contacts.preferences.list(),
    "contacts.methods.search": lambda crm, at: crm.contacts.methods.search().collect(),
    "customers.get": lambda crm, at: crm.customers.get(at.customer),
    "customers.update": lambda crm, at: crm.customers.update(at.customer, CustomerUpdate(name="Ada Byron")),
    "customers.list": lambda crm, at: crm.customers.list().collect(),
    "customers.create": lambda crm, at: crm.customers.create(
        CustomerCreate(name="Ada", address=HOME, locations=(HOUSE,))
    ),
    "customers.notes.list": lambda crm, at: crm.customers.notes.list(at.customer).collect(),
    "customers.notes.create": lambda crm, at: crm.customers.notes.create(
        at.customer, CustomerNoteCreate(text="Has a dog")
    ),
    "customers.notes.delete": lambda crm, at: crm.customers.notes.delete(at.customer, at.customer_note),
    "customers.contacts.list": lambda crm, at: crm.customers.contacts.list(at.customer).collect(),
    "customers.contacts.create": lambda crm, at: crm.customers.contacts.create(at.customer, MAIL),
    "customers.contacts.delete": lambda crm, at: crm.customers.contacts.delete(
        at.customer, at.customer_contact
    ),
    "customers.contacts.update": lambda crm, at: crm.customers.contacts.update(
        at.customer, at.customer_contact, ContactUpdate(memo="At work")
    ),
    "customers.contacts.list_all": lambda crm, at: crm.customers.contacts.list_all(
        modified_on_or_after=SINCE
    ).collect(),
    "customers.tags.add": lambda crm, at: crm.customers.tags.add(at.customer, at.tag_type),
    "customers.tags.remove": lambda crm, at: crm.customers.tags.remove(at.customer, at.tag_type),
    "customers.custom_fields.list": lambda crm, at: crm.customers.custom_fields.list().collect(),
    "bookings.export": lambda crm, at: crm.bookings.export().collect(),
    "customers.contacts.export": lambda crm, at: crm.customers.contacts.export().collect(),
    "locations.contacts.export": lambda crm, at: crm.locations.contacts.export().collect(),
    "customers.export": lambda crm, at: crm.customers.export().collect(),
    "leads.export": lambda crm, at: crm.leads.export().collect(),
    "locations.export": lambda crm, at: crm.locations.export().collect(),
    "leads.get": lambda crm, at: crm.leads.get(at.lead),
    "leads.update": lambda crm, at: crm.leads.update(at.lead, LeadUpdate(priority=Priority.HIGH)),
    "leads.list": lambda crm, at: crm.leads.list(status="Open").collect(),
    "leads.create": lambda crm, at: crm.leads.create(
        LeadCreate(campaign_id=301, summary="Wants a boiler", call_reason_id=11)
    ),
    "leads.follow_up": lambda crm, at: crm.leads.follow_up(at.lead, FollowUpCreate(follow_up_date=SOON)),
    "leads.notes.list": lambda crm, at: crm.leads.notes.list(at.lead).collect(),
    "leads.notes.create": lambda crm, at: crm.leads.notes.create(at.lead, NoteCreate(text="Call after six")),
    "leads.dismiss": lambda crm, at: crm.leads.dismiss(at.lead, reason_id=21),
    "leads.submit_form": lambda crm, at: crm.leads.submit_form(LeadForm(name="Ada"), id=1),
    "locations.get": lambda crm, at: crm.locations.get(at.location),
    "locations.update": lambda crm, at: crm.locations.update(at.location, LocationUpdate(name="Office")),
    "locations.create": lambda crm, at: crm.locations.create(
        LocationCreate(customer_id=at.customer, name="Cabin", address=HOME)
    ),
    "locations.list": lambda crm, at: crm.locations.list(customer_id=at.customer).collect(),
    "locations.notes.list": lambda crm, at: crm.locations.notes.list(at.location).collect(),
    "locations.notes.create": lambda crm, at: crm.locations.notes.create(
        at.location, LocationNoteCreate(text="Key under the mat")
    ),
    "locations.notes.delete": lambda crm, at: crm.locations.notes.delete(at.location, at.location_note),
    "locations.contacts.list": lambda crm, at: crm.locations.contacts.list(at.location).collect(),
    "locations.contacts.create": lambda crm, at: crm.locations.contacts.create(at.location, MAIL),
    "locations.contacts.list_all": lambda crm, at: crm.locations.contacts.list_all(
        modified_on_or_after=SINCE
    ).collect(),
    "locations.contacts.delete": lambda crm, at: crm.locations.contacts.delete(
        at.location, at.location_contact
    ),
    "locations.contacts.update": lambda crm, at: crm.locations.contacts.update(
        at.location, at.location_contact, ContactUpdate(memo="The neighbour")
    ),
    "locations.tags.add": lambda crm, at: crm.locations.tags.add(at.location, at.tag_type),
    "locations.tags.remove": lambda crm, at: crm.locations.tags.remove(at.location, at.tag_type),
    "locations.custom_fields.list": lambda crm, at: crm.locations.custom_fields.list().collect(),
    "locations.preferred_technician.set": lambda crm, at: crm.locations.preferred_technician.set(
        at.location, 77
    ),
    "locations.preferred_technician.get": lambda crm, at: crm.locations.preferred_technician.get(at.location),
    "tag_types.export": lambda crm, at: crm.tag_types.export().collect(),
    "tag_types.list": lambda crm, at: crm.tag_types.list().collect(),
    "tag_types.create": lambda crm, at: crm.tag_types.create(TagTypeCreate(name="VIP", color="#FFD700")),
    "tag_types.update": lambda crm, at: crm.tag_types.update(at.tag_type, TagTypeUpdate(name="Very VIP")),
}

OPENAPI: Mapping[str, Use] = {
    "customers.list": lambda crm, at: crm.customers.list().collect(),
    "customers.create": lambda crm, at: crm.customers.create(
        CustomerCreate(name="Ada", type=CustomerType.RESIDENTIAL, locations=(LocationCreate(address=HOME),))
    ),
    "customers.get": lambda crm, at: crm.customers.get(at.customer),
    "customers.update": lambda crm, at: crm.customers.update(at.customer, CustomerUpdate(name="Ada Byron")),
    "customers.contacts.list": lambda crm, at: crm.customers.contacts.list(at.customer).collect(),
    "customers.contacts.create": lambda crm, at: crm.customers.contacts.create(at.customer, MAIL),
    "locations.list": lambda crm, at: crm.locations.list(customer_id=at.customer).collect(),
    "locations.create": lambda crm, at: crm.locations.create(LocationCreate(address=HOME)),
    "locations.get": lambda crm, at: crm.locations.get(at.location),
    "locations.update": lambda crm, at: crm.locations.update(at.location, LocationUpdate(name="Office")),
    "leads.list": lambda crm, at: crm.leads.list().collect(),
    "leads.create": lambda crm, at: crm.leads.create(LeadCreate(summary="Wants a boiler")),
    "leads.dismiss": lambda crm, at: crm.leads.dismiss(at.lead),
    "bookings.list": lambda crm, at: crm.bookings.list().collect(),
    "bookings.create": lambda crm, at: crm.bookings.create(
        BookingCreate(name="Ada", summary="A leak", start=SOON, address=HOME)
    ),
    "tag_types.list": lambda crm, at: crm.tag_types.list().collect(),
}

ORDINARY: Mapping[ContractName, Mapping[str, Use]] = {"portal": PORTAL, "openapi-2.0.0": OPENAPI}
