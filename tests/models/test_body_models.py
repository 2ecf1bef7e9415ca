"""What is sent: absent, null and a value are three things, and money stays a number."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from servicetitan_crm_async.models import (
    Address,
    AddressUpdate,
    BookingCreate,
    ContactCreate,
    ContactType,
    CoordinatesSource,
    CoordinatesVerification,
    CustomerCreate,
    CustomerType,
    CustomerUpdate,
    CustomFieldValue,
    ExternalData,
    ExternalDataChange,
    ExternalDataCreate,
    ExternalDataMode,
    ExternalDataUpdate,
    LeadCreate,
    LeadUpdate,
    LocationCreate,
    LocationUpdate,
    Priority,
)

ENCODER = msgspec.json.Encoder(decimal_format="number")
TOLEDO = Address(street="4 Mill Lane", city="Toledo", state="OH", zip="43604", country="USA")
TOLEDO_SENT = {"street": "4 Mill Lane", "city": "Toledo", "state": "OH", "zip": "43604", "country": "USA"}


def sent(body: msgspec.Struct) -> Any:
    return msgspec.json.decode(ENCODER.encode(body))


@pytest.mark.parametrize("update", [CustomerUpdate, LocationUpdate, LeadUpdate, AddressUpdate])
def test_an_update_changes_nothing_by_itself(update: type[msgspec.Struct]) -> None:
    assert sent(update()) == {}
    assert all(field.default is UNSET for field in msgspec.structs.fields(update))


@pytest.mark.parametrize("update", [CustomerUpdate, LocationUpdate, LeadUpdate, AddressUpdate])
def test_every_field_of_an_update_can_be_emptied(update: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(update):
        assert sent(update(**{field.name: None})) == {field.encode_name: None}
        assert msgspec.json.decode(b'{"%s":null}' % field.encode_name.encode(), type=update) == update(
            **{field.name: None}
        )


def test_absent_null_and_a_value_are_three_things() -> None:
    assert [sent(update) for update in (LeadUpdate(), LeadUpdate(summary=None), LeadUpdate(summary=""))] == [
        {},
        {"summary": None},
        {"summary": ""},
    ]
    assert len({LeadUpdate(), LeadUpdate(summary=None), LeadUpdate(summary="")}) == 3


def test_a_change_within_an_address_leaves_the_rest_out() -> None:
    update = LocationUpdate(address=AddressUpdate(unit=None, zip="43605"))
    assert sent(update) == {"address": {"unit": None, "zip": "43605"}}


def test_a_customer_update_in_full() -> None:
    update = CustomerUpdate(
        name="Ines Falk",
        type=CustomerType.COMMERCIAL,
        credit_limit=Decimal("2500.50"),
        credit_limit_balance=None,
        tag_type_ids=(),
        custom_fields=(CustomFieldValue(type_id=3, value="1289"),),
        external_data=ExternalDataUpdate(
            patch_mode=ExternalDataMode.MERGE,
            application_guid="8a4f4f0e-4a3a-4c57-9f0b-0a8c2a6f7d11",
            external_data=(ExternalDataChange(key="ref", value=None),),
        ),
    )
    assert sent(update) == {
        "name": "Ines Falk",
        "type": "Commercial",
        "creditLimit": 2500.5,
        "creditLimitBalance": None,
        "tagTypeIds": [],
        "customFields": [{"typeId": 3, "value": "1289"}],
        "externalData": {
            "patchMode": "Merge",
            "applicationGuid": "8a4f4f0e-4a3a-4c57-9f0b-0a8c2a6f7d11",
            "externalData": [{"key": "ref", "value": None}],
        },
    }


def test_the_smallest_new_customer() -> None:
    customer = CustomerCreate(name="Ines Falk", locations=(LocationCreate(address=TOLEDO),))
    assert sent(customer) == {"name": "Ines Falk", "locations": [{"address": TOLEDO_SENT}]}


def test_a_new_customer_in_full() -> None:
    reach = ContactCreate(type=ContactType.EMAIL, value="ines@example.org", memo="home")
    carried = ExternalDataCreate(application_guid="guid", external_data=(ExternalData(key="ref", value="A"),))
    customer = CustomerCreate(
        name="Ines Falk",
        type=CustomerType.RESIDENTIAL,
        address=TOLEDO,
        locations=(
            LocationCreate(
                name="Mill house",
                address=TOLEDO,
                contacts=(reach,),
                external_data=carried,
                coordinates_source=CoordinatesSource.USER,
                coordinates_verification_status=CoordinatesVerification.VERIFIED,
            ),
        ),
        contacts=(reach,),
        credit_limit=Decimal("0.10"),
        do_not_mail=False,
    )
    reach_sent = {"type": "Email", "value": "ines@example.org", "memo": "home"}
    assert sent(customer) == {
        "name": "Ines Falk",
        "type": "Residential",
        "address": TOLEDO_SENT,
        "locations": [
            {
                "name": "Mill house",
                "address": TOLEDO_SENT,
                "contacts": [reach_sent],
                "externalData": {"applicationGuid": "guid", "externalData": [{"key": "ref", "value": "A"}]},
                "coordinatesSource": "User",
                "coordinatesVerificationStatus": "Verified",
            }
        ],
        "contacts": [reach_sent],
        "creditLimit": 0.1,
        "doNotMail": False,
    }


def test_a_new_location_belongs_to_a_customer() -> None:
    assert sent(LocationCreate(customer_id=1001, address=TOLEDO)) == {
        "customerId": 1001,
        "address": TOLEDO_SENT,
    }


def test_an_address_sends_the_coordinates_it_has() -> None:
    assert sent(msgspec.structs.replace(TOLEDO, latitude=0.0)) == {**TOLEDO_SENT, "latitude": 0.0}


def test_a_new_lead() -> None:
    lead = LeadCreate(
        summary="Boiler knocks",
        campaign_id=10,
        priority=Priority.HIGH,
        follow_up_date=datetime(2021, 8, 1, tzinfo=UTC),
    )
    assert sent(lead) == {
        "summary": "Boiler knocks",
        "campaignId": 10,
        "priority": "High",
        "followUpDate": "2021-08-01T00:00:00Z",
    }


def test_a_new_booking() -> None:
    booking = BookingCreate(
        name="Ines Falk",
        summary="No heat",
        source="web",
        external_id="W-991",
        is_first_time_client=True,
        contacts=(ContactCreate(type=ContactType.MOBILE_PHONE, value="419 555 0143"),),
        uploaded_images=("https://img.example/1.png",),
        is_send_confirmation_email=True,
    )
    assert sent(booking) == {
        "name": "Ines Falk",
        "summary": "No heat",
        "source": "web",
        "externalId": "W-991",
        "isFirstTimeClient": True,
        "contacts": [{"type": "MobilePhone", "value": "419 555 0143"}],
        "uploadedImages": ["https://img.example/1.png"],
        "isSendConfirmationEmail": True,
    }


@pytest.mark.parametrize("digits", ["0.1", "12345678901234567890.123456789", "100.00"])
def test_money_is_sent_digit_by_digit(digits: str) -> None:
    assert ENCODER.encode(CustomerUpdate(credit_limit=Decimal(digits))) == (
        b'{"creditLimit":%s}' % digits.encode()
    )
