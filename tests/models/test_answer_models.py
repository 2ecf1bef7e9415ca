"""Answers of both contracts, each in full, into the one model that serves both."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any, TypeVar

import msgspec
import pytest

from servicetitan_crm_async import models
from servicetitan_crm_async.models import (
    Address,
    Booking,
    BookingStatus,
    Contact,
    ContactPreferences,
    ContactType,
    Customer,
    CustomerContact,
    CustomerType,
    CustomField,
    ExternalData,
    Lead,
    LeadStatus,
    Location,
    LocationContact,
    PhoneSettings,
    Priority,
    TagImportance,
    TagType,
)

T = TypeVar("T")
Json = dict[str, Any]

CREATED = "2019-03-01T08:00:00Z"
MODIFIED = "2021-07-19T20:35:38.287600Z"
CREATED_ON = datetime(2019, 3, 1, 8, tzinfo=UTC)
MODIFIED_ON = datetime(2021, 7, 19, 20, 35, 38, 287600, tzinfo=UTC)
STAMPS: Json = {"createdOn": CREATED, "modifiedOn": MODIFIED}

ADDRESS: Json = {
    "street": "4 Mill Lane",
    "unit": None,
    "city": "Toledo",
    "state": "OH",
    "zip": "43604",
    "country": "USA",
    "latitude": 41.6528,
    "longitude": -83.5379,
}
TOLEDO = Address(
    street="4 Mill Lane",
    city="Toledo",
    state="OH",
    zip="43604",
    country="USA",
    latitude=41.6528,
    longitude=-83.5379,
)
CONTACT: Json = {"id": 7, "type": "MobilePhone", "value": "419 555 0143", "memo": "work"}
REACH: Json = {
    **CONTACT,
    **STAMPS,
    "phoneSettings": {"phoneNumber": "4195550143", "doNotText": True},
    "preferences": {
        "jobRemindersEnabled": True,
        "marketingUpdatesEnabled": False,
        "invoiceStatementNotification": True,
    },
}

PORTAL_CUSTOMER: Json = {
    "id": 1001,
    "active": False,
    "name": "Ines Falk",
    "type": "Residential",
    "address": ADDRESS,
    "customFields": [{"typeId": 3, "name": "Gate code", "value": "1289"}],
    "balance": 1204.10,
    "taxExempt": True,
    "tagTypeIds": [11, 12],
    "doNotMail": True,
    "doNotService": False,
    "nationalAccount": False,
    "createdOn": CREATED,
    "createdById": 42,
    "modifiedOn": MODIFIED,
    "mergedToId": 1000,
    "paymentTermId": 2,
    "creditLimit": 5000,
    "creditLimitBalance": 3795.9,
    "externalData": [{"key": "ref", "value": "A-17"}],
}
PORTAL_LOCATION: Json = {
    "id": 2001,
    "customerId": 1001,
    "active": True,
    "name": "Mill house",
    "address": ADDRESS,
    "customFields": [{"typeId": 4, "name": None, "value": None}],
    "createdOn": CREATED,
    "createdById": 42,
    "modifiedOn": MODIFIED,
    "mergedToId": None,
    "zoneId": 5,
    "taxExempt": False,
    "tagTypeIds": [],
    "externalData": [],
    "taxZoneId": 6,
}
PORTAL_LEAD: Json = {
    "id": 3001,
    "status": "Open",
    "priority": "Urgent",
    "customerId": None,
    "locationId": None,
    "businessUnitId": 8,
    "jobTypeId": 9,
    "campaignId": 10,
    "followUpDate": "2021-08-01T00:00:00Z",
    "createdById": 42,
    **STAMPS,
    "tagTypeIds": None,
    "dismissingReasonId": None,
    "summary": "Boiler knocks",
    "callReasonId": 13,
    "callId": 14,
    "bookingId": 15,
    "manualCallId": 16,
    "leadUrl": "https://go.example/leads/3001",
    "leadCustomerName": "Ines Falk",
    "leadPhone": "419 555 0143",
    "leadEmail": "ines@example.org",
    "leadStreet": "4 Mill Lane",
    "leadUnit": "B",
    "leadCity": "Toledo",
    "leadState": "OH",
    "leadZip": "43604",
    "leadCountry": "USA",
    "captureSource": "web form",
}
PORTAL_BOOKING: Json = {
    "id": 4001,
    "source": "web",
    "name": "Ines Falk",
    "address": {name: value for name, value in ADDRESS.items() if name not in ("latitude", "longitude")},
    "customerType": "Commercial",
    "start": "2021-08-02T14:00:00Z",
    "campaignId": 10,
    "businessUnitId": 8,
    "isFirstTimeClient": True,
    "uploadedImages": ["https://img.example/1.png"],
    "isSendConfirmationEmail": False,
    "status": "Accepted",
    "dismissingReasonId": None,
    "jobId": 17,
    "externalId": "W-991",
    "priority": "High",
    "jobTypeId": 9,
    "bookingProviderId": 18,
    **STAMPS,
    "summary": "No heat",
}
PORTAL_TAG_TYPE: Json = {
    "id": 11,
    "name": "Senior",
    "color": "#aa0000",
    "code": "SR",
    "importance": "High",
    "isConversionOpportunity": True,
    "allowToUseOnTimesheetActivity": False,
    "isVisibleOnDispatchBoard": True,
    "active": True,
    **STAMPS,
}

OPEN_CUSTOMER: Json = {
    "id": 1001,
    "active": True,
    "name": "Ines Falk",
    "type": "Residential",
    "address": ADDRESS,
    "customFields": [],
    "balance": 12.5,
    "doNotMail": False,
    "doNotService": False,
    **STAMPS,
    "memberships": [{"id": 1, "status": "Active"}],
    "contacts": [{**CONTACT, "modifiedOn": MODIFIED}],
    "hasActiveMembership": True,
}
OPEN_LOCATION: Json = {
    "id": 2001,
    "customerId": 1001,
    "active": True,
    "name": "Mill house",
    "address": ADDRESS,
    "zoneId": 5,
    "taxZoneId": None,
    **STAMPS,
}
OPEN_LEAD: Json = {
    "id": 3001,
    "status": "Converted",
    "customerId": 1001,
    "locationId": None,
    "businessUnitId": None,
    "jobTypeId": None,
    "priority": "Normal",
    "summary": "Boiler knocks",
    "callReasonId": None,
    "campaignId": None,
    "followUpDate": None,
    **STAMPS,
}
OPEN_BOOKING: Json = {
    "id": 4001,
    "source": "web",
    "name": "Ines Falk",
    "address": ADDRESS,
    "customerType": "Residential",
    "start": "2021-08-02T14:00:00Z",
    "summary": "No heat",
    "campaignId": None,
    "businessUnitId": None,
    "isFirstTimeClient": False,
    "uploadedImages": [],
    "status": "Pending",
    "modifiedOn": MODIFIED,
}
OPEN_TAG_TYPE: Json = {"id": 11, "name": "Senior", "color": "#aa0000", "active": True}


def decode(sample: Json, model: type[T]) -> T:
    return msgspec.json.decode(msgspec.json.encode(sample), type=model)


def test_a_customer_of_the_portal() -> None:
    assert decode(PORTAL_CUSTOMER, Customer) == Customer(
        id=1001,
        active=False,
        name="Ines Falk",
        type=CustomerType.RESIDENTIAL,
        address=TOLEDO,
        custom_fields=(CustomField(type_id=3, name="Gate code", value="1289"),),
        balance=Decimal("1204.1"),
        tax_exempt=True,
        tag_type_ids=(11, 12),
        do_not_mail=True,
        do_not_service=False,
        national_account=False,
        created_on=CREATED_ON,
        created_by_id=42,
        modified_on=MODIFIED_ON,
        merged_to_id=1000,
        payment_term_id=2,
        credit_limit=Decimal(5000),
        credit_limit_balance=Decimal("3795.9"),
        external_data=(ExternalData(key="ref", value="A-17"),),
    )


def test_a_customer_just_created_brings_its_locations_and_contacts() -> None:
    sample = {
        **PORTAL_CUSTOMER,
        "locations": [{**PORTAL_LOCATION, "contacts": [CONTACT]}],
        "contacts": [CONTACT],
    }
    customer = decode(sample, Customer)
    contact = Contact(id=7, type=ContactType.MOBILE_PHONE, value="419 555 0143", memo="work")
    assert customer.contacts == (contact,)
    assert [location.id for location in customer.locations] == [2001]
    assert customer.locations[0].contacts == (contact,)


def test_a_customer_of_the_older_contract() -> None:
    customer = decode(OPEN_CUSTOMER, Customer)
    assert customer.contacts[0].modified_on == MODIFIED_ON
    assert customer.memberships == ({"id": 1, "status": "Active"},)
    assert customer.has_active_membership
    assert customer.tax_exempt is None
    assert customer.merged_to_id is None


@pytest.mark.parametrize(("sample", "zone", "tax_zone"), [(PORTAL_LOCATION, 5, 6), (OPEN_LOCATION, 5, None)])
def test_a_location(sample: Json, zone: int, tax_zone: int | None) -> None:
    location = decode(sample, Location)
    assert (location.id, location.customer_id, location.address) == (2001, 1001, TOLEDO)
    assert (location.zone_id, location.tax_zone_id) == (zone, tax_zone)
    assert location.contacts == ()


def test_a_lead_of_the_portal() -> None:
    lead = decode(PORTAL_LEAD, Lead)
    assert lead.status is LeadStatus.OPEN
    assert lead.priority is Priority.URGENT
    assert lead.customer_id is None
    assert lead.tag_type_ids is None
    assert lead.follow_up_date == datetime(2021, 8, 1, tzinfo=UTC)
    assert lead.lead_zip == "43604"


def test_a_lead_of_the_older_contract() -> None:
    lead = decode(OPEN_LEAD, Lead)
    assert lead.status is LeadStatus.CONVERTED
    assert lead.created_by_id is None
    assert lead.lead_phone is None


def test_a_booking_of_the_portal() -> None:
    booking = decode(PORTAL_BOOKING, Booking)
    assert booking.status is BookingStatus.ACCEPTED
    assert booking.customer_type is CustomerType.COMMERCIAL
    assert booking.address is not None
    assert booking.address.latitude is None
    assert booking.uploaded_images == ("https://img.example/1.png",)
    assert booking.start == datetime(2021, 8, 2, 14, tzinfo=UTC)


def test_a_booking_of_the_older_contract() -> None:
    booking = decode(OPEN_BOOKING, Booking)
    assert booking.status is BookingStatus.PENDING
    assert booking.created_on is None
    assert booking.external_id is None


def test_tag_types_of_both_contracts() -> None:
    assert decode(PORTAL_TAG_TYPE, TagType).importance is TagImportance.HIGH
    assert decode(OPEN_TAG_TYPE, TagType) == TagType(id=11, name="Senior", color="#aa0000", active=True)


@pytest.mark.parametrize(
    ("owner", "model"),
    [({"customerId": 1001}, CustomerContact), ({"locationId": 2001}, LocationContact), ({}, Contact)],
)
def test_a_contact_with_its_settings(owner: Json, model: type[Contact]) -> None:
    contact = decode({**REACH, **owner}, model)
    assert contact.phone_settings == PhoneSettings(phone_number="4195550143", do_not_text=True)
    assert contact.preferences == ContactPreferences(
        job_reminders_enabled=True, marketing_updates_enabled=False, invoice_statement_notification=True
    )
    assert contact.modified_on == MODIFIED_ON


def test_an_e_mail_address_has_no_phone_settings() -> None:
    sample = {**REACH, "type": "Email", "phoneSettings": None, "preferences": None, "memo": None}
    assert decode(sample, Contact).phone_settings is None


@pytest.mark.parametrize(
    ("sample", "model"),
    [
        ({**REACH, "customerId": 1001}, CustomerContact),
        ({**REACH, "locationId": 2001}, LocationContact),
        (PORTAL_CUSTOMER, Customer),
        (PORTAL_LOCATION, Location),
        (PORTAL_LEAD, Lead),
        (PORTAL_BOOKING, Booking),
        (PORTAL_TAG_TYPE, TagType),
    ],
)
def test_a_record_of_an_export_feed_says_whether_it_is_active(sample: Json, model: type[Any]) -> None:
    assert decode({**sample, "active": False}, model).active is False


EVERY_SAMPLE: list[tuple[Json, type[models.Record]]] = [
    (PORTAL_CUSTOMER, Customer),
    (OPEN_CUSTOMER, Customer),
    (PORTAL_LOCATION, Location),
    (OPEN_LOCATION, Location),
    (PORTAL_LEAD, Lead),
    (OPEN_LEAD, Lead),
    (PORTAL_BOOKING, Booking),
    (OPEN_BOOKING, Booking),
    (PORTAL_TAG_TYPE, TagType),
    (OPEN_TAG_TYPE, TagType),
    ({**REACH, "customerId": 1001}, CustomerContact),
    ({**REACH, "locationId": 2001}, LocationContact),
]
every_sample = pytest.mark.parametrize(("sample", "model"), EVERY_SAMPLE)


@every_sample
def test_a_field_the_model_does_not_know_is_ignored(sample: Json, model: type[models.Record]) -> None:
    assert decode({**sample, "brandNew": {"x": [1]}}, model) == decode(sample, model)


@every_sample
def test_a_record_survives_encoding_and_pickling(sample: Json, model: type[models.Record]) -> None:
    record = decode(sample, model)
    assert msgspec.json.decode(msgspec.json.encode(record), type=model) == record
    assert pickle.loads(pickle.dumps(record)) == record


@every_sample
def test_a_record_is_immutable(sample: Json, model: type[models.Record]) -> None:
    with pytest.raises(AttributeError):
        decode(sample, model).id = 1  # type: ignore[misc]


@every_sample
def test_a_record_without_an_id_is_refused(sample: Json, model: type[models.Record]) -> None:
    with pytest.raises(msgspec.ValidationError, match="`id`"):
        decode({name: value for name, value in sample.items() if name != "id"}, model)


@every_sample
def test_equal_records_are_one_member_of_a_set(sample: Json, model: type[models.Record]) -> None:
    sample = {name: value for name, value in sample.items() if name != "memberships"}
    assert len({decode(sample, model), decode(sample, model)}) == 1


@pytest.mark.parametrize(
    "digits",
    ["0.1", "1204.10", "-0.005", "12345678901234567890.123456789", "0.30000000000000004", "1e3", "0"],
)
def test_money_is_exact(digits: str) -> None:
    text = msgspec.json.encode({**PORTAL_CUSTOMER, "balance": 0}).replace(
        b'"balance":0', b'"balance":' + digits.encode()
    )
    assert msgspec.json.decode(text, type=Customer).balance == Decimal(digits)


def test_instants_are_aware() -> None:
    customer = decode(PORTAL_CUSTOMER, Customer)
    assert customer.modified_on.utcoffset() is not None


def test_every_public_name_is_exported_and_documented() -> None:
    public = {
        name
        for name, value in vars(models).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert public == set(models.__all__)
    assert list(models.__all__) == sorted(models.__all__)
    for name in models.__all__:
        assert inspect.getdoc(getattr(models, name)) != inspect.getdoc(models.Model) or name == "Model"
        assert vars(getattr(models, name)).get("__doc__"), name


@pytest.mark.parametrize(
    "model",
    [
        value
        for value in vars(models).values()
        if inspect.isclass(value) and issubclass(value, msgspec.Struct)
    ],
)
def test_every_model_is_frozen_keyword_only_and_camel_case(model: type[msgspec.Struct]) -> None:
    assert model.__struct_config__.frozen
    with pytest.raises(TypeError, match="positional"):
        model(1)
    for field in msgspec.structs.fields(model):
        first, *rest = field.name.split("_")
        assert field.encode_name == first + "".join(part.title() for part in rest)
