"""What people do with the CRM, each in one obvious call; the flows have tests of their own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from desk import ADDRESS, LOCATION, PORTAL, Desk, desk

from servicetitan_crm_async import NotFound
from servicetitan_crm_async.models import (
    AddressUpdate,
    BookingCreate,
    BookingProviderTagCreate,
    BookingUpdate,
    ContactCreate,
    ContactMethodCreate,
    ContactPersonCreate,
    ContactPersonUpdate,
    ContactPreferences,
    ContactType,
    ContactUpdate,
    CoordinatesSource,
    CoordinatesVerification,
    Customer,
    CustomerCreate,
    CustomerNoteCreate,
    CustomFieldValue,
    FollowUpCreate,
    LeadCreate,
    LeadForm,
    LocationCreate,
    LocationNoteCreate,
    LocationUpdate,
    NoteCreate,
    RelatedKind,
    TagTypeCreate,
    TagTypeUpdate,
)

SOON = datetime(2030, 5, 1, 9, tzinfo=UTC)
PHONE = ContactCreate(type=ContactType.MOBILE_PHONE, value="(208) 555-0142", memo="gate code 1")


async def new_customer(d: Desk, name: str = "Ada Byron", phone: ContactCreate = PHONE) -> Customer:
    return await d.crm.customers.create(
        CustomerCreate(name=name, address=ADDRESS, locations=(LOCATION,), contacts=(phone,))
    )


async def test_leads_without_a_customer_and_leads_by_status() -> None:
    async with desk(PORTAL) as d:
        prospects = await d.crm.leads.list(without_customer=True).collect()
        assert prospects
        assert all(lead.customer_id is None for lead in prospects)
        open_ones = await d.crm.leads.list(status="Open").collect()
        assert {lead.status for lead in open_ones} == {"Open"}


async def test_a_customer_is_looked_up_by_name_phone_or_address() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        by_name = await d.crm.customers.list(name="Ada Byron").collect()
        by_phone = await d.crm.customers.list(phone="2085550142").collect()
        by_address = await d.crm.customers.list(street=ADDRESS.street, zip=ADDRESS.zip).collect()
        assert ada.id in {each.id for each in by_name}
        assert [each.id for each in by_phone] == [ada.id]
        assert ada.id in {each.id for each in by_address}


async def test_contacts_of_a_customer_and_of_a_location_are_read_and_changed() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        home = ada.locations[0].id
        for owner, contacts in ((ada.id, d.crm.customers.contacts), (home, d.crm.locations.contacts)):
            made = await contacts.create(owner, ContactCreate(type=ContactType.EMAIL, value="a@example.com"))
            wishes = ContactPreferences(
                job_reminders_enabled=False,
                marketing_updates_enabled=False,
                invoice_statement_notification=True,
            )
            changed = await contacts.update(
                owner, made.id, ContactUpdate(value="ada@example.com", preferences=wishes)
            )
            assert (changed.value, changed.type, changed.preferences) == (
                "ada@example.com",
                ContactType.EMAIL,
                wishes,
            )
            assert "ada@example.com" in [each.value async for each in contacts.list(owner)]
            await contacts.delete(owner, made.id)
            assert "ada@example.com" not in [each.value async for each in contacts.list(owner)]
            with pytest.raises(NotFound):
                await contacts.delete(owner, made.id)
        everyone = d.crm.customers.contacts.list_all(customer_ids=[ada.id])
        assert {each.customer_id async for each in everyone} == {ada.id}
        everywhere = d.crm.locations.contacts.list_all(created_on_or_after=datetime(2000, 1, 1, tzinfo=UTC))
        assert await everywhere.collect(concurrency=3)


async def test_modified_contacts_need_an_owner_or_an_instant() -> None:
    async with desk(PORTAL) as d:
        await d.refuses(lambda: d.crm.customers.contacts.list_all(), "customer_ids")
        await d.refuses(lambda: d.crm.customers.contacts.list_all(created_before=SOON), "customer_ids")
        await d.refuses(lambda: d.crm.locations.contacts.list_all(page_size=5), "location_ids")
        await d.refuses(lambda: d.crm.customers.contacts.list_all(customer_ids=range(1, 52)), "customer_ids")


async def test_external_data_is_looked_up_by_key_and_values_together() -> None:
    async with desk(PORTAL, customers=5) as d:
        for noun in (d.crm.customers, d.crm.locations):
            await d.refuses(lambda n=noun: n.list(external_data_key="k"), "external_data_values")  # type: ignore[misc]
            await d.refuses(lambda n=noun: n.list(external_data_values=["v"]), "external_data_key")  # type: ignore[misc]
            await d.refuses(
                lambda n=noun: n.list(external_data_key="k", external_data_values=["v"] * 51),  # type: ignore[misc]
                "external_data_values",
            )


async def test_a_note_can_go_to_a_customer_and_its_locations_at_once() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        home = ada.locations[0].id
        note = await d.crm.customers.notes.create(
            ada.id, CustomerNoteCreate(text="Has a dog", pin_to_top=True, add_to_locations=True)
        )
        assert (note.text, note.is_pinned) == ("Has a dog", True)
        assert [each.text async for each in d.crm.locations.notes.list(home)] == ["Has a dog"]
        await d.crm.locations.notes.create(home, LocationNoteCreate(text="Key below", add_to_customer=True))
        assert {each.text async for each in d.crm.customers.notes.list(ada.id)} == {"Has a dog", "Key below"}
        await d.crm.customers.notes.delete(ada.id, note.id)
        assert {each.text async for each in d.crm.customers.notes.list(ada.id)} == {"Key below"}


async def test_the_coordinates_of_an_address_can_be_checked_and_set() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        place = (await d.crm.locations.get(ada.locations[0].id)).address
        assert None not in (place.latitude, place.longitude)  # the service found them by itself
        whole = AddressUpdate(
            street=place.street, unit="2", city=place.city, state=place.state, zip=place.zip,
            country=place.country, latitude=43.6, longitude=-116.2,
        )  # fmt: skip
        changed = await d.crm.locations.update(ada.locations[0].id, LocationUpdate(address=whole))
        assert (changed.address.latitude, changed.address.longitude) == (43.6, -116.2)
        made = await d.crm.locations.create(
            LocationCreate(
                customer_id=ada.id,
                name="Cabin",
                address=ADDRESS,
                contacts=(ContactCreate(type=ContactType.PHONE, value="208-555-0177"),),
                coordinates_source=CoordinatesSource.USER,
                coordinates_verification_status=CoordinatesVerification.VERIFIED,
            )
        )
        assert made.customer_id == ada.id
        assert "208-555-0177" in {each.value async for each in d.crm.customers.contacts.list(ada.id)}


async def test_custom_fields_are_found_and_written() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        fields = await d.crm.locations.custom_fields.list(sort="+Id").collect()
        assert [each.name for each in fields]
        value = CustomFieldValue(type_id=fields[0].id, value="7")
        changed = await d.crm.locations.update(ada.locations[0].id, LocationUpdate(custom_fields=(value,)))
        assert [(each.type_id, each.value) for each in changed.custom_fields] == [(fields[0].id, "7")]
        assert await d.crm.customers.custom_fields.list().collect()


async def test_tags_are_defined_put_on_and_taken_off_one_by_one_and_in_bulk() -> None:
    async with desk(PORTAL) as d:
        ada, eve = await new_customer(d), await new_customer(d, "Eve")
        tag = (await d.crm.tag_types.create(TagTypeCreate(name="VIP", color="#15ABFF"))).id
        assert (await d.crm.tag_types.update(tag, TagTypeUpdate(name="Very important"))).id == tag
        assert "Very important" in {each.name async for each in d.crm.tag_types.list()}
        assert tag in (await d.crm.customers.tags.add(ada.id, tag)).tag_type_ids
        assert tag in (await d.crm.locations.tags.add(ada.locations[0].id, tag)).tag_type_ids
        await d.crm.customers.tags.remove(ada.id, tag)
        await d.crm.locations.tags.remove(ada.locations[0].id, tag)
        await d.crm.tags.add([ada.id, eve.id], [tag])
        found = await d.crm.customers.get_many([ada.id, eve.id])
        assert all(tag in each.tag_type_ids for each in found)
        await d.crm.tags.remove([ada.id, eve.id], [tag])
        found = await d.crm.customers.get_many([ada.id, eve.id])
        assert not any(tag in each.tag_type_ids for each in found)
        await d.refuses(lambda: d.crm.tags.add([], []), "customer_ids", "tag_type_ids")


async def test_a_location_has_a_preferred_technician_or_none() -> None:
    async with desk(PORTAL) as d:
        home = (await new_customer(d)).locations[0].id
        assert await d.crm.locations.preferred_technician.get(home) is None
        await d.crm.locations.preferred_technician.set(home, 77)
        assert await d.crm.locations.preferred_technician.get(home) == 77


async def test_a_provider_sends_a_booking_with_a_confirmation_and_looks_after_it() -> None:
    async with desk(PORTAL) as d:
        source = BookingProviderTagCreate(tag_name="Web", description="Our own site")
        tag = await d.crm.booking_provider_tags.create(source)
        bookings = d.crm.booking_provider(tag.id)
        made = await bookings.create(
            BookingCreate(
                name="Ada",
                summary="Leak",
                source="Web",
                external_id="e-1",
                is_first_time_client=True,
                contacts=(PHONE,),
                is_send_confirmation_email=True,
            )
        )
        assert made.is_send_confirmation_email is True
        assert [each.id async for each in bookings.list(external_id="e-1")] == [made.id]
        changed = await bookings.update(made.id, BookingUpdate(summary="Two leaks"))
        assert (changed.summary, changed.name) == ("Two leaks", "Ada")
        (phone,) = await bookings.contacts.list(made.id).collect()
        assert (await bookings.contacts.update(made.id, phone.id, ContactUpdate(value="208"))).value == "208"
        second = await bookings.contacts.create(
            made.id, ContactCreate(type=ContactType.EMAIL, value="a@example.com")
        )
        await bookings.contacts.delete(made.id, phone.id)
        assert [each.id async for each in d.crm.bookings.contacts.list(made.id)] == [second.id]
        await bookings.dismiss(made.id, call_reason_id=3, memo="moved away")
        assert (await d.crm.bookings.get(made.id)).status == "Dismissed"
        with pytest.raises(NotFound):
            await d.crm.booking_provider(d.sandbox.world().providers[0]).get(made.id)


async def test_a_lead_is_followed_up_and_a_form_becomes_one() -> None:
    async with desk(PORTAL) as d:
        lead = await d.crm.leads.create(LeadCreate(summary="Boiler", campaign_id=1, call_reason_id=2))
        told = await d.crm.leads.follow_up(lead.id, FollowUpCreate(follow_up_date=SOON, text="Call back"))
        assert (told.lead_id, told.follow_up_date) == (lead.id, SOON)
        assert (await d.crm.leads.get(lead.id)).follow_up_date == SOON
        await d.crm.leads.notes.create(lead.id, NoteCreate(text="Speaks French"))
        assert {each.text async for each in d.crm.leads.notes.list(lead.id)} == {"Call back", "Speaks French"}
        answer = await d.crm.leads.submit_form(LeadForm(name="Grace", phone_number="208-555-0100"))
        assert (await d.crm.leads.get(answer.lead_id)).lead_customer_name == "Grace"


async def test_a_person_is_related_to_a_customer_and_found_by_it() -> None:
    async with desk(PORTAL) as d:
        ada = await new_customer(d)
        person = await d.crm.contacts.create(ContactPersonCreate(name="Grace", title="Office"))
        renamed = await d.crm.contacts.update(person.id, ContactPersonUpdate(is_archived=False, name="G. H."))
        assert (renamed.name, renamed.title) == ("G. H.", "Office")
        await d.crm.contacts.relationships.create(person.id, ada.id, RelatedKind.CUSTOMER)
        (relation,) = await d.crm.contacts.relationships.list(person.id).collect()
        assert (relation.related_entity_id, relation.type_slug) == (ada.id, RelatedKind.CUSTOMER)
        assert [each.id async for each in d.crm.contacts.list_by_relationship(ada.id)] == [person.id]
        method = await d.crm.contacts.methods.create(
            person.id, ContactMethodCreate(type=ContactType.EMAIL, value="grace@example.com")
        )
        found = await d.crm.contacts.methods.search(value="grace@example.com").collect()
        assert [each.id for each in found] == [method.id]
        kinds = await d.crm.contacts.preferences.list()
        wish = await d.crm.contacts.methods.preferences.update(person.id, method.id, kinds[0].name, "true")
        assert wish.value == "true"
        assert wish in await d.crm.contacts.methods.preferences.list(str(person.id), method.id)
        await d.crm.contacts.delete(person.id)
        with pytest.raises(NotFound):
            await d.crm.contacts.get(person.id)
