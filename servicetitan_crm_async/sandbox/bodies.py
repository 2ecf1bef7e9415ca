"""What a record says, in the portal's words: drawn, then overlaid with what somebody wrote.

A record's content has two parts. One is drawn from its id and stays; the other from its id and the
number of the last change life made, so an edit is one integer and costs nothing until it is read.
Fields that tables keep (flags, links, stamps, status) are always theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import gazetteer
from .dice import Dice
from .instants import TICKS_PER_SECOND, text_of
from .messages import Body, Json
from .records import FIRST_ID, AnyKind, BookingState, LeadState, Record

if TYPE_CHECKING:
    from .world import World

APPLICATION_GUID = "6f1c2b34-8a5d-4e0f-9b7c-2d3e4f5a6b7c"
"""The application that all seeded external data belongs to."""

FIELD_TYPES = dict(enumerate(gazetteer.FIELD_TYPES, FIRST_ID["custom_field_types"]))
"""Custom field types by id, the same for customers and locations."""

_DRAWN_FIELDS = [(type_id, field.name) for type_id, field in FIELD_TYPES.items() if not field.options]
_STAYS, _ADDRESS, _EDITS = -1, -2, 0
_DAY = 86_400 * TICKS_PER_SECOND
_PRIORITIES = ("Low", "Normal", "Normal", "Normal", "High", "Urgent")
_CONTACT_TYPES = ("MobilePhone",) * 9 + ("Phone",) * 4 + ("Email",) * 6 + ("Fax",)


def body_of(world: World, kind: AnyKind, record: Record) -> Body:
    """The record as the portal's list shows it, contacts with the id of their owner last."""
    body = _DRAWN[kind](world, record)
    if record.own:
        body.update(record.own)
    return body


def full_name(dice: Dice) -> str:
    """A first and a last name."""
    return f"{dice.pick(gazetteer.FIRST_NAMES)} {dice.pick(gazetteer.LAST_NAMES)}"


def place_near(dice: Dice) -> tuple[gazetteer.Town, float, float]:
    """A town and a point within a few miles of its middle."""
    town = dice.pick(gazetteer.TOWNS)
    north, east = dice.below(60_000) - 30_000, dice.below(60_000) - 30_000
    return town, round(town.latitude + north / 1e6, 6), round(town.longitude + east / 1e6, 6)


def phone_number(dice: Dice) -> str:
    """Ten digits in the exchange that is kept for fiction."""
    return f"{201 + dice.below(780)}555{dice.below(10_000):04d}"


def phone_settings(kind: str, value: str) -> Body:
    """The settings every contact carries, e-mail addresses too; theirs name no number."""
    return {"phoneNumber": "" if kind == "Email" else value, "doNotText": kind != "MobilePhone"}


def tag_code(name: str) -> str:
    """The code of a tag type that was given none: its capitals, or how it begins."""
    return ("".join(letter for letter in name if letter.isupper()) or name.upper())[:20]


def _address(world: World, subject: int) -> Body:
    dice = Dice(world.key, subject, _ADDRESS)
    town, latitude, longitude = place_near(dice)
    return {
        "street": f"{1 + dice.below(9899)} {dice.pick(gazetteer.STREETS)}",
        "unit": f"Apt {1 + dice.below(40)}" if dice.chance(15) else None,
        "city": town.city,
        "state": town.state,
        "zip": f"{town.zip + dice.below(12):05d}",
        "country": "USA",
        "latitude": latitude,
        "longitude": longitude,
    }


def _name_and_type(stays: Dice) -> tuple[str, str]:
    if stays.chance(80):
        return full_name(stays), "Residential"
    return f"{stays.pick(gazetteer.LAST_NAMES)} {stays.pick(gazetteer.TRADES)}", "Commercial"


def _custom_fields(dice: Dice) -> Json:
    return [
        {"typeId": type_id, "name": name, "value": f"{dice.below(10_000):04d}"}
        for type_id, name in _DRAWN_FIELDS
        if dice.chance(25)
    ]


def _tag_ids(world: World, dice: Dice) -> Json:
    count = len(world.tables["tag_types"].rows)
    if not count or not dice.chance(40):
        return []
    first = dice.below(count)
    return sorted({FIRST_ID["tag_types"] + (first + 5 * step) % count for step in range(1 + dice.below(3))})


def _external_data(record: Record, dice: Dice) -> Json:
    return [{"key": "erp-id", "value": f"E-{record.id % 1_000_000}"}] if dice.chance(20) else []


def _customer(world: World, record: Record) -> Body:
    stays, edits = Dice(world.key, record.id, _STAYS), Dice(world.key, record.id, _EDITS + record.edit)
    name, customer_type = _name_and_type(stays)
    if record.edit and edits.chance(20):
        name = f"{name} ({edits.pick(gazetteer.LAST_NAMES)})"
    limit = edits.pick((None, None, 500.0, 2500.0, 10000.0))
    return {
        "id": record.id,
        "active": record.active,
        "name": name,
        "type": customer_type,
        "address": _address(world, record.id),
        "customFields": _custom_fields(edits),
        "balance": (edits.below(400_000) - 20_000) / 100 if edits.chance(30) else 0.0,
        "taxExempt": edits.chance(4),
        "tagTypeIds": _tag_ids(world, edits),
        "doNotMail": edits.chance(8),
        "doNotService": edits.chance(2),
        "nationalAccount": edits.chance(3),
        "createdOn": text_of(record.created),
        "createdById": 501 + stays.below(12),
        "modifiedOn": text_of(record.modified),
        "mergedToId": record.link or None,
        "paymentTermId": edits.pick((None, 31, 32, 33)),
        "creditLimit": limit,
        "creditLimitBalance": limit,
        "externalData": _external_data(record, stays),
    }


def _location(world: World, record: Record) -> Body:
    stays, edits = Dice(world.key, record.id, _STAYS), Dice(world.key, record.id, _EDITS + record.edit)
    return {
        "taxZoneId": edits.pick((None, 71, 72)),
        "id": record.id,
        "customerId": record.owner,
        "active": record.active,
        "name": _name_and_type(Dice(world.key, record.owner, _STAYS))[0],
        "address": _address(world, record.id if record.state else record.owner),
        "customFields": _custom_fields(edits),
        "createdOn": text_of(record.created),
        "createdById": 501 + stays.below(12),
        "modifiedOn": text_of(record.modified),
        "mergedToId": record.link or None,
        "zoneId": edits.pick((None, 61, 62, 63)),
        "taxExempt": edits.chance(4),
        "tagTypeIds": _tag_ids(world, edits),
        "externalData": _external_data(record, stays),
    }


def _contact(world: World, record: Record, owner_field: str) -> Body:
    stays, edits = Dice(world.key, record.id, _STAYS), Dice(world.key, record.id, _EDITS + record.edit)
    contact_type = stays.pick(_CONTACT_TYPES)
    value = (
        f"contact{record.id}.{edits.below(100)}@example.com"
        if contact_type == "Email"
        else phone_number(edits)
    )
    if record.own:
        contact_type, value = str(record.own.get("type", contact_type)), str(record.own.get("value", value))
    return {
        "id": record.id,
        "type": contact_type,
        "value": value,
        "memo": edits.pick(gazetteer.MEMOS),
        "modifiedOn": text_of(record.modified),
        "phoneSettings": phone_settings(contact_type, value),
        "createdOn": text_of(record.created),
        "preferences": {
            "jobRemindersEnabled": edits.chance(80),
            "marketingUpdatesEnabled": edits.chance(50),
            "invoiceStatementNotification": edits.chance(60),
        },
        owner_field: record.owner,
    }


def _customer_contact(world: World, record: Record) -> Body:
    return _contact(world, record, "customerId")


def _location_contact(world: World, record: Record) -> Body:
    return _contact(world, record, "locationId")


def _booking_contact(world: World, record: Record) -> Body:
    body = _contact(world, record, "bookingId")
    shown = {name: body[name] for name in ("id", "type", "value", "memo", "modifiedOn")}
    return {**shown, "memo": body["memo"] or ""}


def _lead(world: World, record: Record) -> Body:
    stays, edits = Dice(world.key, record.id, _STAYS), Dice(world.key, record.id, _EDITS + record.edit)
    known = bool(record.owner)
    town, _, _ = place_near(stays)
    state = LeadState(record.state)
    follow_up = record.created + (1 + edits.below(30)) * _DAY
    follow_up -= follow_up % (900 * TICKS_PER_SECOND)
    return {
        "id": record.id,
        "status": state.name,
        "priority": edits.pick(_PRIORITIES),
        "customerId": record.owner or None,
        "locationId": record.link or None,
        "businessUnitId": stays.pick((None, 41, 42, 43)),
        "jobTypeId": stays.pick((None, 81, 82, 83, 84)),
        "campaignId": 300 + stays.below(9),
        "followUpDate": text_of(follow_up) if state is LeadState.Open else None,
        "createdById": 501 + stays.below(12),
        "createdOn": text_of(record.created),
        "modifiedOn": text_of(record.modified),
        "tagTypeIds": _tag_ids(world, edits),
        "dismissingReasonId": 21 + edits.below(5) if state is LeadState.Dismissed else None,
        "summary": edits.pick(gazetteer.ERRANDS),
        "callReasonId": 11 + stays.below(6),
        "callId": None,
        "bookingId": None,
        "manualCallId": None,
        "leadUrl": None,
        "leadCustomerName": None if known else full_name(stays),
        "leadPhone": None if known else phone_number(stays),
        "leadEmail": None,
        "leadStreet": None if known else f"{1 + stays.below(9899)} {stays.pick(gazetteer.STREETS)}",
        "leadUnit": None,
        "leadCity": None if known else town.city,
        "leadState": None if known else town.state,
        "leadZip": None if known else f"{town.zip:05d}",
        "leadCountry": None if known else "USA",
        "captureSource": "Form" if stays.chance(10) else None,
    }


def _booking(world: World, record: Record) -> Body:
    stays, edits = Dice(world.key, record.id, _STAYS), Dice(world.key, record.id, _EDITS + record.edit)
    name, customer_type = _name_and_type(stays)
    state = BookingState(record.state)
    start = record.created + (1 + edits.below(14)) * _DAY
    start -= start % (900 * TICKS_PER_SECOND)
    address = {**_address(world, record.id)}
    del address["latitude"], address["longitude"]
    return {
        "id": record.id,
        "source": stays.pick(gazetteer.SOURCES),
        "createdOn": text_of(record.created),
        "name": name,
        "address": address,
        "customerType": customer_type,
        "start": text_of(start),
        "campaignId": stays.pick((None, 301, 302)),
        "businessUnitId": stays.pick((None, 41, 42, 43)),
        "isFirstTimeClient": stays.chance(40),
        "uploadedImages": [],
        "isSendConfirmationEmail": stays.chance(50),
        "status": state.name,
        "dismissingReasonId": 21 + edits.below(5) if state is BookingState.Dismissed else None,
        "jobId": record.link or None,
        "externalId": f"B-{record.id}",
        "priority": edits.pick(_PRIORITIES),
        "jobTypeId": stays.pick((None, 81, 82, 83, 84)),
        "bookingProviderId": record.owner,
        "modifiedOn": text_of(record.modified),
        "summary": edits.pick(gazetteer.ERRANDS),
    }


def _tag_type(world: World, record: Record) -> Body:
    number = record.id - FIRST_ID["tag_types"]
    name, color = gazetteer.TAGS[number % len(gazetteer.TAGS)]
    edits = Dice(world.key, record.id, _EDITS + record.edit)
    return {
        "id": record.id,
        "name": name,
        "color": color,
        "code": tag_code(name),
        "importance": edits.pick(("Medium", "High")),
        "isConversionOpportunity": edits.chance(20),
        "allowToUseOnTimesheetActivity": edits.chance(30),
        "isVisibleOnDispatchBoard": edits.chance(70),
        "active": record.active,
        "createdOn": text_of(record.created),
        "modifiedOn": text_of(record.modified),
    }


def _note(world: World, record: Record) -> Body:
    dice = Dice(world.key, record.id, _STAYS)
    return {
        "id": record.id,
        "text": dice.pick(gazetteer.REMARKS),
        "isPinned": dice.chance(15),
        "createdById": 501 + dice.below(12),
        "createdOn": text_of(record.created),
        "modifiedOn": text_of(record.modified),
    }


def _booking_provider_tag(_: World, record: Record) -> Body:
    number = record.id - FIRST_ID["booking_provider_tags"]
    again, place = divmod(number, len(gazetteer.SOURCES))
    source = gazetteer.SOURCES[place] + (f" {again + 1}" if again else "")
    return {
        "id": record.id,
        "tagName": source,
        "description": f"Bookings by way of {source}",
        "type": "V2Api" if number else "V1Api",
        "createdOn": text_of(record.created),
        "modifiedOn": text_of(record.modified),
        "active": record.active,
    }


def _custom_field_type(_: World, record: Record) -> Body:
    number = record.id - FIRST_ID["custom_field_types"]
    field = gazetteer.FIELD_TYPES[number % len(gazetteer.FIELD_TYPES)]
    return {
        "id": record.id,
        "name": field.name,
        "dataType": field.data_type,
        "dataTypeOptions": field.options,
        "createdOn": text_of(record.created),
        "modifiedOn": text_of(record.modified),
    }


_DRAWN: dict[AnyKind, Callable[[World, Record], Body]] = {
    "customers": _customer,
    "customer_contacts": _customer_contact,
    "locations": _location,
    "location_contacts": _location_contact,
    "leads": _lead,
    "bookings": _booking,
    "tag_types": _tag_type,
    "notes": _note,
    "booking_provider_tags": _booking_provider_tag,
    "custom_field_types": _custom_field_type,
    "booking_contacts": _booking_contact,
}
