"""Builders: complete records with nothing said, every field by its name, and no field that is none."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import msgspec
import pytest

from servicetitan_crm_async.models import (
    Address,
    Booking,
    BookingProviderTag,
    BookingStatus,
    ContactType,
    Customer,
    CustomerContact,
    CustomField,
    Lead,
    LeadStatus,
    Location,
    LocationContact,
    Note,
    Priority,
    Record,
    TagType,
)
from servicetitan_crm_async.testing import ServiceTitanSandbox

SOMETIME = datetime(2024, 5, 1, 8, 30, tzinfo=UTC)
LATER = SOMETIME + timedelta(days=3)
ELSEWHERE = Address(street="9 Elm Ave", unit="4B", city="Boston", state="MA", zip="02108", country="USA")
BUILT: dict[str, tuple[type[Record], set[str]]] = {
    "add_customer": (Customer, {"phone", "email"}),
    "add_location": (Location, set()),
    "add_customer_contact": (CustomerContact, set()),
    "add_location_contact": (LocationContact, set()),
    "add_lead": (Lead, set()),
    "add_booking": (Booking, {"phone", "email"}),
    "add_note": (Note, {"on"}),
    "add_tag_type": (TagType, set()),
}
_OF_OTHER_ANSWERS = {"contacts", "locations", "memberships", "has_active_membership"}
"""Fields of a customer or location that `get` of the portal never has."""


@pytest.fixture
def sandbox() -> Iterator[ServiceTitanSandbox]:
    with ServiceTitanSandbox() as sandbox:
        yield sandbox


@pytest.mark.parametrize("method", BUILT)
def test_a_builder_takes_every_field_of_its_model_and_no_other(method: str) -> None:
    model, beside = BUILT[method]
    taken = set(inspect.signature(getattr(ServiceTitanSandbox, method)).parameters) - {"self"}
    fields = {field.name for field in msgspec.structs.fields(model)} - _OF_OTHER_ANSWERS - {"id"}
    if model not in (Customer, Location, TagType):
        fields -= {"active"}  # said by feeds alone, where false means deleted
    assert taken == fields | beside


def test_an_unknown_field_is_an_error(sandbox: ServiceTitanSandbox) -> None:
    with pytest.raises(TypeError, match="nickname"):
        sandbox.add_customer(nickname="Ada")  # type: ignore[call-arg]  # that is what is tested


async def test_what_a_builder_returns_is_what_the_client_gets(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer(phone="+1 555 010 7788")
    (home,) = sandbox.held(Location)
    lead, booking = sandbox.add_lead(customer_id=customer.id), sandbox.add_booking(email="a@example.com")
    tag = sandbox.add_tag_type(name="Very Important")
    note = sandbox.add_note(lead, "Call back")
    async with sandbox.client() as crm:
        assert await crm.customers.get(customer.id) == customer
        assert await crm.locations.get(home.id) == home
        assert await crm.leads.get(lead.id) == lead
        assert await crm.bookings.get(booking.id) == booking
        assert await crm.leads.notes.list(lead.id).collect() == [note]
        assert tag in await crm.tag_types.list().collect()


def test_with_nothing_said_a_record_is_complete_and_quiet(sandbox: ServiceTitanSandbox) -> None:
    customers = [sandbox.add_customer() for _ in range(60)]
    assert len({customer.name for customer in customers}) > 30
    for customer in customers:
        assert customer.active
        assert customer.address.street
        assert not customer.do_not_service
        assert not customer.balance
        assert not customer.tag_type_ids
    assert [each.customer_id for each in sandbox.held(Location)] == [each.id for each in customers]
    stranger, booking = sandbox.add_lead(), sandbox.add_booking()
    assert stranger.status is LeadStatus.OPEN
    assert stranger.lead_customer_name
    assert stranger.lead_phone
    assert stranger.follow_up_date
    assert booking.status is BookingStatus.NEW
    assert booking.booking_provider_id == sandbox.held(BookingProviderTag)[0].id


def test_the_same_calls_draw_the_same_records() -> None:
    def drawn() -> list[tuple[str, Address]]:
        with ServiceTitanSandbox() as sandbox:
            return [(each.name, each.address) for each in (sandbox.add_customer() for _ in range(5))]

    assert drawn() == drawn()


def test_everything_of_a_customer_can_be_said(sandbox: ServiceTitanSandbox) -> None:
    other, tag = sandbox.add_customer(), sandbox.add_tag_type()
    field = CustomField(type_id=9001, name="Gate code", value="4711")
    customer = sandbox.add_customer(
        name="Ada Byron",
        type="Commercial",
        address=ELSEWHERE,
        balance=Decimal("12.34"),
        do_not_service=True,
        tag_type_ids=(tag.id,),
        custom_fields=(field,),
        credit_limit=500,
        merged_to_id=other.id,
        created_on=SOMETIME,
        modified_on=LATER,
    )
    assert (customer.name, customer.type, customer.balance) == ("Ada Byron", "Commercial", Decimal("12.34"))
    assert msgspec.structs.replace(customer.address, latitude=None, longitude=None) == ELSEWHERE
    assert customer.address.latitude is not None
    assert customer.do_not_service
    assert (customer.tag_type_ids, customer.custom_fields) == ((tag.id,), (field,))
    assert (customer.created_on, customer.modified_on) == (SOMETIME, LATER)
    assert (customer.merged_to_id, customer.active) == (other.id, False)
    assert sandbox.held(Location)[-1].address == customer.address


def test_what_reaches_a_customer_is_a_contact_of_it(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer(phone="+1 555 010 7788", email="ada@example.com")
    sandbox.add_customer_contact(
        customer_id=customer.id, value="+1 555 010 1", type=ContactType.PHONE, memo="Desk"
    )
    contacts = sandbox.held(CustomerContact)
    assert [(each.type, each.value, each.memo) for each in contacts] == [
        (ContactType.MOBILE_PHONE, "+1 555 010 7788", None),
        (ContactType.EMAIL, "ada@example.com", None),
        (ContactType.PHONE, "+1 555 010 1", "Desk"),
    ]
    assert {each.customer_id for each in contacts} == {customer.id}


async def test_what_comes_with_a_record_has_its_stamps(sandbox: ServiceTitanSandbox) -> None:
    sandbox.add_customer(phone="+1 555 010 1", created_on=SOMETIME, modified_on=LATER, active=False)
    booking = sandbox.add_booking(phone="+1 555 010 2", modified_on=SOMETIME)
    (home,), (contact,) = sandbox.held(Location), sandbox.held(CustomerContact)
    assert (home.created_on, home.modified_on, home.active) == (SOMETIME, LATER, False)
    assert (contact.created_on, contact.modified_on) == (SOMETIME, LATER)
    async with sandbox.client() as crm:
        (reached,) = await crm.bookings.contacts.list(booking.id).collect()
    assert reached.modified_on == SOMETIME


def test_a_location_is_named_and_lies_as_its_customer_unless_told(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer(name="Ada Byron")
    second = sandbox.add_location(customer_id=customer.id)
    third = sandbox.add_location(customer_id=customer.id, name="Barn", address=ELSEWHERE)
    assert (second.name, second.address) == ("Ada Byron", customer.address)
    assert (third.name, third.address.street) == ("Barn", "9 Elm Ave")
    contact = sandbox.add_location_contact(location_id=third.id, value="barn@example.com", type="Email")
    assert sandbox.held(LocationContact) == [contact]
    assert contact.location_id == third.id


def test_a_lead_of_a_customer_is_at_the_first_location(sandbox: ServiceTitanSandbox) -> None:
    customer = sandbox.add_customer()
    home, barn = sandbox.held(Location)[0], sandbox.add_location(customer_id=customer.id)
    lead = sandbox.add_lead(customer_id=customer.id, priority=Priority.HIGH, follow_up_date=LATER)
    assert (lead.customer_id, lead.location_id) == (customer.id, home.id)
    assert (lead.priority, lead.follow_up_date, lead.lead_customer_name) == (Priority.HIGH, LATER, None)
    dismissed = sandbox.add_lead(status=LeadStatus.DISMISSED, location_id=barn.id, summary="No hot water")
    assert (dismissed.status, dismissed.location_id) == (LeadStatus.DISMISSED, barn.id)
    assert dismissed.dismissing_reason_id is not None
    assert [each.summary for each in sandbox.held(Lead)] == [lead.summary, "No hot water"]


async def test_a_booking_is_of_a_provider_and_can_be_reached(sandbox: ServiceTitanSandbox) -> None:
    provider = sandbox.held(BookingProviderTag)[1]
    booking = sandbox.add_booking(
        name="Ann", status="Converted", booking_provider_id=provider.id, phone="+1 555 010 1", start=LATER
    )
    assert (booking.name, booking.status, booking.start) == ("Ann", BookingStatus.CONVERTED, LATER)
    assert booking.booking_provider_id == provider.id
    assert booking.job_id is not None
    async with sandbox.client() as crm:
        contacts = await crm.bookings.contacts.list(booking.id).collect()
    assert [contact.value for contact in contacts] == ["+1 555 010 1"]


def test_an_instant_of_any_zone_is_kept_as_utc(sandbox: ServiceTitanSandbox) -> None:
    there = SOMETIME.astimezone(timezone(timedelta(hours=2)))
    lead = sandbox.add_lead(follow_up_date=there, modified_on=there)
    assert (lead.follow_up_date, lead.modified_on, lead.created_on) == (SOMETIME, SOMETIME, SOMETIME)


def test_an_inactive_record_is_held_and_not_listed(sandbox: ServiceTitanSandbox) -> None:
    gone = sandbox.add_customer(active=False)
    assert sandbox.held(Customer) == [gone]
    assert not gone.active


async def test_lists_filter_what_was_built(sandbox: ServiceTitanSandbox) -> None:
    sandbox.add_customer(active=False)
    old = sandbox.add_customer(modified_on=SOMETIME)
    new = sandbox.add_customer()
    async with sandbox.client() as crm:
        assert await crm.customers.list().collect() == [old, new]
        assert await crm.customers.list(modified_before=LATER).collect() == [old]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda sandbox: sandbox.add_customer(name=7), "name of a Customer"),
        (lambda sandbox: sandbox.add_customer(created_on=datetime(2024, 5, 1)), "created_on"),  # noqa: DTZ001
        (lambda sandbox: sandbox.add_customer(created_on=LATER, modified_on=SOMETIME), "modified_on"),
        (lambda sandbox: sandbox.add_customer(merged_to_id=7), "merged_to_id: the sandbox has no Customer 7"),
        (lambda sandbox: sandbox.add_location(customer_id=7), "customer_id: the sandbox has no Customer 7"),
        (lambda sandbox: sandbox.add_lead(customer_id=7), "customer_id"),
        (lambda sandbox: sandbox.add_lead(location_id=7), "location_id"),
        (lambda sandbox: sandbox.add_lead(status="Parked"), "status: Parked is none of Open"),
        (lambda sandbox: sandbox.add_booking(booking_provider_id=7), "booking_provider_id"),
        (lambda sandbox: sandbox.add_customer_contact(customer_id=7, value="1"), "customer_id"),
        (lambda sandbox: sandbox.held(Address), "Address"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_leaves_nothing(
    build: object, message: str, sandbox: ServiceTitanSandbox
) -> None:
    assert callable(build)
    with pytest.raises(ValueError, match=message):
        build(sandbox)
    assert [sandbox.held(kind) for kind in (Customer, Location, Lead, Booking, CustomerContact)] == [[]] * 5
