"""Every writing method over the real sandbox, in both contracts, and what is refused before it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from desk import ADDRESS, LOCATION, OPENAPI, PORTAL, both, desk

from servicetitan_crm_async import (
    Conflict,
    ContractName,
    NotFound,
    NotInContract,
    ServiceFault,
    TransportFailure,
)
from servicetitan_crm_async.models import (
    BookingCreate,
    ContactCreate,
    ContactType,
    Customer,
    CustomerCreate,
    CustomerType,
    CustomerUpdate,
    LeadCreate,
    LocationCreate,
    LocationUpdate,
)
from servicetitan_crm_async.sandbox import Fault

START = datetime(2030, 1, 1, 9, tzinfo=UTC)
PHONE = ContactCreate(type=ContactType.PHONE, value="555-0100")


def new_customer(contract: ContractName) -> CustomerCreate:
    if contract == PORTAL:
        return CustomerCreate(
            name="Żółć & Söhne",
            address=ADDRESS,
            locations=(LOCATION,),
            contacts=(PHONE,),
            credit_limit=Decimal("1234.56"),
        )
    return CustomerCreate(
        name="Żółć & Söhne", type=CustomerType.RESIDENTIAL, locations=(LOCATION,), contacts=(PHONE,)
    )


def new_booking(contract: ContractName) -> BookingCreate:
    if contract == PORTAL:
        return BookingCreate(
            name="Ada",
            summary="Leak",
            source="Web",
            external_id="e-1",
            is_first_time_client=True,
            contacts=(PHONE,),
        )
    return BookingCreate(name="Ada", summary="Leak", start=START, address=ADDRESS)


def new_lead(contract: ContractName) -> LeadCreate:
    if contract == PORTAL:
        return LeadCreate(summary="Wants a boiler", campaign_id=1, follow_up_date=START)
    return LeadCreate(summary="Wants a boiler")


@both
async def test_a_customer_is_created_and_read_back(contract: ContractName) -> None:
    async with desk(contract) as d:
        made = await d.crm.customers.create(new_customer(contract))
        assert isinstance(made, Customer)
        assert made.name == "Żółć & Söhne"
        if contract == PORTAL:
            assert made.credit_limit == Decimal("1234.56")
            assert [location.name for location in made.locations] == ["Home"]
            assert [contact.value for contact in made.contacts] == ["555-0100"]
        assert d.asked() == [("POST", "/customers", {})]
        again = await d.crm.customers.get(made.id)
        assert (again.name, again.modified_on) == (made.name, made.modified_on)


@both
async def test_an_update_changes_what_is_given_and_nothing_else(contract: ContractName) -> None:
    async with desk(contract) as d:
        before = await d.crm.customers.get(d.ids("customers")[0])
        d.visits()
        after = await d.crm.customers.update(before.id, CustomerUpdate(name="Renamed", do_not_mail=True))
        assert d.asked() == [("PATCH", f"/customers/{before.id}", {})]
        expected = msgspec.structs.replace(
            before, name="Renamed", do_not_mail=True, modified_on=after.modified_on
        )
        assert after == expected
        assert after.modified_on > before.modified_on
        with pytest.raises(NotFound):
            await d.crm.customers.update(999_999_999, CustomerUpdate(name="x"))
        d.visits()
        await d.refuses(lambda: d.crm.customers.update(0, CustomerUpdate(name="")), "customer_id", "name")


@both
async def test_a_contact_is_added_to_a_customer(contract: ContractName) -> None:
    async with desk(contract) as d:
        number = d.ids("customers")[0]
        made = await d.crm.customers.contacts.create(number, PHONE)
        assert (made.value, made.type) == ("555-0100", "Phone")
        assert d.asked() == [("POST", f"/customers/{number}/contacts", {})]
        assert made.id in {contact.id for contact in await d.crm.customers.contacts.list(number).collect()}


@both
async def test_a_location_is_created_and_updated(contract: ContractName) -> None:
    async with desk(contract) as d:
        customer = d.ids("customers")[0]
        if contract == PORTAL:
            made = await d.crm.locations.create(
                LocationCreate(customer_id=customer, name="Barn", address=ADDRESS, contacts=(PHONE,))
            )
            assert made.customer_id == customer
            assert [contact.value for contact in made.contacts] == ["555-0100"]
        else:
            made = await d.crm.locations.create(LocationCreate(name="Barn", address=ADDRESS))
        changed = await d.crm.locations.update(made.id, LocationUpdate(name="Stable"))
        assert (changed.id, changed.name, changed.address) == (made.id, "Stable", made.address)
        assert d.asked() == [("POST", "/locations", {}), ("PATCH", f"/locations/{made.id}", {})]


@both
async def test_a_lead_is_entered_and_dismissed(contract: ContractName) -> None:
    async with desk(contract) as d:
        made = await d.crm.leads.create(new_lead(contract))
        assert (made.summary, made.status) == ("Wants a boiler", "Open")
        reason = 1 if contract == PORTAL else None
        method = "POST" if contract == PORTAL else "PUT"
        await d.crm.leads.dismiss(made.id, reason_id=reason)
        assert d.asked() == [("POST", "/leads", {}), (method, f"/leads/{made.id}/dismiss", {})]
        with pytest.raises(Conflict):
            await d.crm.leads.dismiss(made.id, reason_id=reason)
        with pytest.raises(NotFound):
            await d.crm.leads.dismiss(999_999_999, reason_id=reason)
        assert len(d.visits()) == 2
        await d.refuses(
            lambda: d.crm.leads.dismiss(made.id, reason_id=None if contract == PORTAL else 5), "reason_id"
        )


@both
async def test_a_dismissal_whose_answer_is_lost_is_not_sent_again(contract: ContractName) -> None:
    """PUT in openapi-2.0.0, and yet not repeatable: the second one meets a conflict."""
    async with desk(contract) as d:
        made = await d.crm.leads.create(new_lead(contract))
        d.sandbox.faults.add(Fault.reset(path="/leads/*/dismiss", applied=True))
        d.visits()
        with pytest.raises(TransportFailure) as caught:
            await d.crm.leads.dismiss(made.id, reason_id=1 if contract == PORTAL else None)
        assert caught.value.maybe_applied
        assert len(d.visits()) == 1


async def test_a_booking_goes_through_its_provider() -> None:
    async with desk(PORTAL) as d:
        provider = d.sandbox.world().providers[0]
        made = await d.crm.booking_provider(provider).create(new_booking(PORTAL))
        assert (made.name, made.external_id, made.status) == ("Ada", "e-1", "New")
        assert d.asked() == [("POST", f"/booking-provider/{provider}/bookings", {})]
        assert [found.id for found in await d.crm.bookings.list(external_id="e-1").collect()] == [made.id]
        d.visits()
        with pytest.raises(NotInContract, match=r"booking_provider\(id\)\.create"):
            await d.crm.bookings.create(new_booking(PORTAL))
        await d.refuses(lambda: d.crm.booking_provider(0).create(new_booking(PORTAL)), "booking_provider")


async def test_a_booking_without_providers() -> None:
    async with desk(OPENAPI) as d:
        made = await d.crm.bookings.create(new_booking(OPENAPI))
        assert (made.name, made.start) == ("Ada", START)
        assert d.asked() == [("POST", "/bookings", {})]
        with pytest.raises(NotInContract, match=r"use bookings\.create"):
            await d.crm.booking_provider(1).create(new_booking(OPENAPI))


@both
async def test_bad_input_fails_before_any_request(contract: ContractName) -> None:
    replace = msgspec.structs.replace
    async with desk(contract, customers=5) as d:
        customer, booking = new_customer(contract), new_booking(contract)
        bookings = d.crm.booking_provider(1) if contract == PORTAL else d.crm.bookings
        await d.refuses(lambda: d.crm.customers.create(replace(customer, locations=())), "locations")
        await d.refuses(lambda: d.crm.customers.create(replace(customer, name=" ")), "name")
        bare = replace(booking, address=msgspec.UNSET, contacts=msgspec.UNSET)
        fax = ContactCreate(type=ContactType.FAX, value="555-0100")
        blank = ContactCreate(type=ContactType.EMAIL, value=" ")
        for nobody in (bare, replace(bare, contacts=()), replace(bare, contacts=(fax, blank))):
            await d.refuses(
                lambda b=nobody: bookings.create(b),  # type: ignore[misc]
                "address",
            )
        await d.refuses(
            lambda: bookings.create(replace(booking, name="", summary="")),
            "name",
            "summary",
        )
        if contract == PORTAL:
            await d.refuses(
                lambda: d.crm.leads.create(LeadCreate(summary="x", campaign_id=1)), "call_reason_id"
            )
        await d.refuses(
            lambda: d.crm.locations.create(LocationCreate(name="", address=ADDRESS)),
            *(("name", "customer_id") if contract == PORTAL else ("name",)),
        )


async def test_a_call_reason_is_as_good_as_a_date() -> None:
    async with desk(PORTAL) as d:
        made = await d.crm.leads.create(LeadCreate(summary="x", campaign_id=1, call_reason_id=2))
        assert made.call_reason_id == 2


async def test_what_one_contract_requires_is_named_under_it() -> None:
    async with desk(PORTAL, customers=5) as portal:
        text = await portal.refuses(
            lambda: portal.crm.customers.create(CustomerCreate(name="a", locations=(LOCATION,))), "address"
        )
        assert text == "address: is required by contract 'portal'"
    async with desk(OPENAPI, customers=5) as openapi:
        await openapi.refuses(
            lambda: openapi.crm.customers.create(CustomerCreate(name="a", locations=(LOCATION,))), "type"
        )
        await openapi.refuses(
            lambda: openapi.crm.leads.create(LeadCreate(summary="x", lead_phone="1")), "lead_phone"
        )


@both
async def test_a_record_is_never_made_twice(contract: ContractName) -> None:
    """The service did what it was asked and the answer was lost: the caller is told, nothing is repeated."""
    async with desk(contract) as d:
        count = len(d.ids("customers"))
        d.sandbox.faults.add(
            Fault.reset(method="POST", applied=True),
            Fault.status(503, method="POST", applied=True),
            Fault.cut(keep=5, method="POST"),
        )
        for kind in (TransportFailure, ServiceFault, TransportFailure):
            with pytest.raises(kind) as caught:
                await d.crm.customers.create(new_customer(contract))
            assert getattr(caught.value, "maybe_applied", False)
        assert len(d.ids("customers")) == count + 3
        d.sandbox.faults.add(Fault.rate_limited(method="POST", times=1))
        await d.crm.customers.create(new_customer(contract))
        assert len(d.ids("customers")) == count + 4
