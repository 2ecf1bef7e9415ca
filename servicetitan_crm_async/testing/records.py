"""Records put into a sandbox: what was given, quiet values for what tests stumble over, the rest drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import msgspec
from msgspec import UNSET

from servicetitan_crm_async.models import (
    Booking,
    BookingProviderTag,
    Customer,
    CustomerContact,
    Lead,
    Location,
    LocationContact,
    Note,
    Record,
    TagType,
)
from servicetitan_crm_async.sandbox import BookingState, LeadState, World, ticks_of
from servicetitan_crm_async.sandbox import Record as Stored
from servicetitan_crm_async.sandbox.bodies import body_of, tag_code
from servicetitan_crm_async.sandbox.messages import Body, Json
from servicetitan_crm_async.sandbox.records import AnyKind
from servicetitan_crm_async.sandbox.views import list_bytes
from servicetitan_crm_async.sandbox.writes import contact_fields, geocoded

R = TypeVar("R", bound=Record)

Given: TypeAlias = Mapping[str, object]
"""Values by the names of a model's fields; `UNSET` ones were not given."""

KINDS: Mapping[type[Record], AnyKind] = MappingProxyType(
    {
        Customer: "customers",
        CustomerContact: "customer_contacts",
        Location: "locations",
        LocationContact: "location_contacts",
        Lead: "leads",
        Booking: "bookings",
        BookingProviderTag: "booking_provider_tags",
        TagType: "tag_types",
        Note: "notes",
    }
)
"""What a sandbox holds of each model."""

_QUIET_PLACE: Body = {"taxExempt": False, "tagTypeIds": [], "customFields": [], "externalData": []}
# Seeded records have some of these by chance. In a test that did not ask for it, a customer with whom
# nobody wants to work is a riddle.
_QUIET: Mapping[AnyKind, Body] = {
    "customers": {
        **_QUIET_PLACE,
        **dict.fromkeys(("doNotMail", "doNotService", "nationalAccount"), False),
        **dict.fromkeys(("paymentTermId", "creditLimit", "creditLimitBalance")),
        "balance": 0.0,
    },
    "locations": {**_QUIET_PLACE, "zoneId": None, "taxZoneId": None},
    "leads": {"priority": "Normal", "tagTypeIds": [], "captureSource": None},
    "bookings": {"priority": "Normal", "isFirstTimeClient": False, "isSendConfirmationEmail": False},
    "tag_types": {
        **dict.fromkeys(
            ("isConversionOpportunity", "allowToUseOnTimesheetActivity", "isVisibleOnDispatchBoard"), False
        ),
        "importance": None,
    },
    "notes": {"isPinned": False},
}
_LINKS = ("customerId", "locationId", "jobId")
"""What the tables keep of a record's fields, beside those that `World.create` knows."""
_JOB = 900_000_001
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def held(world: World, model: type[R]) -> list[R]:
    """All records of a model, inactive ones too, deleted ones not.

    Raises:
        ValueError: the sandbox keeps no such records by themselves.
    """
    kind = _kind_of(model)
    return [_shown(world, each, model) for each in world.tables[kind] if not each.deleted]


def put_customer(world: World, given: Given, *, phone: str | None, email: str | None) -> Customer:
    """A customer, one location at the customer's address, and a contact for what there is to reach it by."""
    customer = _put(world, Customer, given, link=_reference(world, Customer, given))
    body = body_of(world, "customers", customer)
    place = {name: body[name] for name in ("name", "address")}
    _put_with(world, "locations", {**_QUIET["locations"], **place}, customer)
    for sent in _ways(phone, email):
        _put_with(world, "customer_contacts", contact_fields(sent), customer)
    return _shown(world, customer, Customer)


def put_location(world: World, given: Given) -> Location:
    """A location; name and address are its customer's where they are not given."""
    customer = _existing(world, Customer, "customer_id", given["customer_id"])
    body = body_of(world, "customers", customer)
    place = {name: body[name] for name in ("name", "address")}
    merged_to = _reference(world, Location, given)
    return _shown(world, _put(world, Location, given, place, owner=customer.id, link=merged_to), Location)


def put_contact(world: World, model: type[R], owner_model: type[Record], given: Given) -> R:
    """A contact of a customer or location."""
    owner_field = f"{_kind_of(owner_model).removesuffix('s')}_id"
    owner = _existing(world, owner_model, owner_field, given[owner_field])
    usual = contact_fields({"type": str(given["type"]), "value": str(given["value"])})
    return _shown(world, _put(world, model, given, usual, owner=owner.id), model)


def put_lead(world: World, given: Given) -> Lead:
    """A lead: of a customer and the first of its locations, or of somebody unknown."""
    customer_id, location_id = given["customer_id"], given["location_id"]
    owner = home = 0
    if isinstance(customer_id, int):
        owner = _existing(world, Customer, "customer_id", customer_id).id
        home = next((each.id for each in world.tables["locations"].listed_children(owner)), 0)
    if isinstance(location_id, int):
        home = _existing(world, Location, "location_id", location_id).id
    state = _state(LeadState, given["status"])
    return _shown(world, _put(world, Lead, given, owner=owner, link=home, state=state), Lead)


def put_booking(world: World, given: Given, *, phone: str | None, email: str | None) -> Booking:
    """A booking of a provider, the first one where none is named."""
    provider, job = given["booking_provider_id"], given["job_id"]
    if isinstance(provider, int):
        _existing(world, BookingProviderTag, "booking_provider_id", provider)
    state = _state(BookingState, given["status"])
    if not isinstance(job, int):
        job = _JOB if state == BookingState.Converted else 0
    owner = provider if isinstance(provider, int) else 0
    booking = _put(world, Booking, given, owner=owner, link=job, state=state)
    for sent in _ways(phone, email):
        _put_with(world, "booking_contacts", {**sent, "memo": ""}, booking)
    return _shown(world, booking, Booking)


def put_tag_type(world: World, given: Given) -> TagType:
    """A tag type; the code is made from the name where none is given."""
    name = given["name"]
    usual: Body = {"code": tag_code(name)} if isinstance(name, str) else {}
    return _shown(world, _put(world, TagType, given, usual), TagType)


def put_note(world: World, on: Customer | Location | Lead, given: Given) -> Note:
    """A note on a customer, location or lead."""
    owner = _existing(world, type(on), "on", on.id)
    return _shown(world, _put(world, Note, given, owner=owner.id), Note)


def _put(
    world: World,
    model: type[Record],
    given: Given,
    usual: Body | None = None,
    *,
    owner: int = 0,
    link: int = 0,
    state: int = 0,
) -> Stored:
    kind = _kind_of(model)
    said = {name: value for name, value in given.items() if value is not UNSET}
    fields = _wired(model, said)
    for name in _LINKS:
        fields.pop(name, None)
    if fields.get("address") is not None:
        fields["address"] = _whole(world, model, fields["address"])
    created, modified = _stamps(world, said)
    return world.create(
        kind,
        {**_QUIET.get(kind, {}), **(usual or {}), **fields},
        owner=owner,
        link=link,
        state=state,
        active=said.get("active", said.get("merged_to_id") is None) is True,
        at=created,
        modified=modified,
    )


def _put_with(world: World, kind: AnyKind, fields: Body, owner: Stored) -> None:
    """A record that came with another and has its stamps."""
    active = owner.active or kind != "locations"
    world.create(kind, fields, owner=owner.id, active=active, at=owner.created, modified=owner.modified)


def _wired(model: type[Record], said: Given) -> Body:
    """What was given in the words of the wire, each value checked against the type of its field."""
    fields = {field.name: field for field in msgspec.structs.fields(model)}
    wired: Body = {}
    for name, value in said.items():
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC)
        raw = _ENCODER.encode(value)
        try:
            msgspec.json.decode(raw, type=fields[name].type)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name} of a {model.__name__}: {error}") from None
        wired[fields[name].encode_name] = msgspec.json.decode(raw)
    return wired


def _whole(world: World, model: type[Record], address: Json) -> Body:
    """An address as the lists show it: with a point on the map, or as bookings have it without."""
    whole = geocoded(world, address)
    if model is Booking:
        del whole["latitude"], whole["longitude"]
    return whole


def _stamps(world: World, said: Given) -> tuple[int, int]:
    created, modified = said.get("created_on"), said.get("modified_on")
    last = ticks_of(modified) if isinstance(modified, datetime) else None
    first = ticks_of(created) if isinstance(created, datetime) else min(world.now, last or world.now)
    if last is not None and last < first:
        raise ValueError("modified_on: nothing is modified before it was created")
    return first, first if last is None else last


def _reference(world: World, model: type[Record], given: Given) -> int:
    other = given["merged_to_id"]
    return _existing(world, model, "merged_to_id", other).id if isinstance(other, int) else 0


def _existing(world: World, model: type[Record], field: str, record_id: object) -> Stored:
    record = world.tables[_kind_of(model)].get(record_id) if isinstance(record_id, int) else None
    if record is None or record.deleted:
        raise ValueError(f"{field}: the sandbox has no {model.__name__} {record_id}")
    return record


def _state(states: type[LeadState] | type[BookingState], status: object) -> int:
    if status is UNSET:
        return 0
    if str(status) not in states.__members__:
        raise ValueError(f"status: {status} is none of {', '.join(states.__members__)}")
    return states[str(status)].value


def _ways(phone: str | None, email: str | None) -> list[Body]:
    found = (("MobilePhone", phone), ("Email", email))
    return [{"type": kind, "value": value} for kind, value in found if value is not None]


def _shown(world: World, record: Stored, model: type[R]) -> R:
    return msgspec.json.decode(list_bytes(world, _kind_of(model), record), type=model)


def _kind_of(model: type[Record]) -> AnyKind:
    kind = KINDS.get(model)
    if kind is None:
        raise ValueError(
            f"{model.__name__}: one of {', '.join(each.__name__ for each in KINDS)} it has to be"
        )
    return kind
