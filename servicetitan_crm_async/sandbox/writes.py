"""Creating and updating records: both contracts' requests, one way to carry them out.

A written record holds all its fields itself, nothing of it is drawn. Contacts have a life apart: a new
one on a customer leaves the customer's `modifiedOn` alone, and one that comes with a new location is
copied to the customer as a record of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import gazetteer, shapes
from .bodies import body_of, phone_settings, place_near
from .dice import Dice
from .instants import parse_instant, text_of
from .messages import Body, Json, Problem, Reply, encode_json, invalid
from .operations import Call, Operation, done, ok
from .records import BookingState, Kind, LeadState, Record
from .views import brief_contact, list_bytes, openapi_body, ownerless_contact
from .world import World

_API_USER = 599
_GEOCODED = -3


def get_one(kind: Kind) -> Operation:
    """One record by id, inactive ones too."""

    def act(call: Call) -> Reply:
        return Reply(200, list_bytes(call.world, kind, call.record(kind), call.contract))

    return act


def get_provider_booking(call: Call) -> Reply:
    """One booking of one provider; those of others are not found."""
    provider, booking = call.provider(), call.record("bookings")
    if booking.owner != provider:
        raise Problem(404, "Booking not found.")
    return Reply(200, list_bytes(call.world, "bookings", booking))


def create_customer(call: Call) -> Reply:
    """A customer with its locations and the contacts of both."""
    sent = call.sent()
    openapi = call.contract != "portal"
    shape = shapes.OPENAPI_NEW_CUSTOMER if openapi else shapes.NEW_CUSTOMER
    shapes.check(sent, shape, closed=not openapi)
    locations = _objects(sent.get("locations"))
    address = sent.get("address") or locations[0].get("address")
    world = call.world
    customer = world.create(
        "customers",
        {
            "name": sent["name"],
            "type": sent.get("type") or "Residential",
            "address": _geocoded(world, address),
            "customFields": _custom_fields(sent.get("customFields")),
            "balance": 0.0,
            "taxExempt": bool(sent.get("taxExempt")),
            "tagTypeIds": sent.get("tagTypeIds") or [],
            "doNotMail": bool(sent.get("doNotMail")),
            "doNotService": bool(sent.get("doNotService")),
            "nationalAccount": bool(sent.get("nationalAccount")),
            "createdById": _API_USER,
            "paymentTermId": sent.get("paymentTermId"),
            "creditLimit": sent.get("creditLimit"),
            "creditLimitBalance": sent.get("creditLimitBalance"),
            "externalData": _external_data(sent.get("externalData")),
        },
    )
    _remember_application(world, customer, sent.get("externalData"))
    made: list[Record] = []
    for location in locations:
        location.setdefault("name", sent["name"])
        made.append(_new_location(world, location, customer.id))
    for contact in _objects(sent.get("contacts")):
        _new_contact(world, "customer_contacts", customer.id, contact)
    if openapi:
        return ok(openapi_body(world, "customers", customer))
    answer = body_of(world, "customers", customer)
    answer["locations"] = [_created_location(world, each) for each in made]
    answer["contacts"] = _brief_contacts(world, "customer_contacts", customer.id)
    return ok(answer)


def update_customer(call: Call) -> Reply:
    """Fields of a customer; what is not sent stays."""
    openapi = call.contract != "portal"
    customer, sent = call.record("customers"), call.sent()
    shapes.check(
        sent, shapes.OPENAPI_CHANGED_CUSTOMER if openapi else shapes.CHANGED_CUSTOMER, closed=not openapi
    )
    _write(call.world, "customers", customer, sent)
    return Reply(200, list_bytes(call.world, "customers", customer, call.contract))


def create_location(call: Call) -> Reply:
    """A location. In OpenAPI 2.0.0 the request has no field to say whose it is, so there it is nobody's."""
    sent = call.sent()
    if call.contract != "portal":
        shapes.check(sent, shapes.OPENAPI_NEW_LOCATION, closed=False)
        return ok(openapi_body(call.world, "locations", _new_location(call.world, sent, 0)))
    shapes.check(sent, shapes.NEW_LOCATION, closed=True)
    owner = int(str(sent["customerId"]))
    if call.world.tables["customers"].get(owner) is None:
        raise Problem(409, "Unknown customer.", {"customerId": ["there is no such customer."]})
    return ok(_created_location(call.world, _new_location(call.world, sent, owner)))


def update_location(call: Call) -> Reply:
    """Fields of a location; `customerId` moves it to another customer."""
    openapi = call.contract != "portal"
    location, sent = call.record("locations"), call.sent()
    shapes.check(
        sent, shapes.OPENAPI_CHANGED_LOCATION if openapi else shapes.CHANGED_LOCATION, closed=not openapi
    )
    owner = sent.pop("customerId", None)
    if isinstance(owner, int):
        if call.world.tables["customers"].get(owner) is None:
            raise invalid("customerId", "there is no such customer.")
        call.world.tables["locations"].adopt(location, owner)
    _write(call.world, "locations", location, sent)
    return Reply(200, list_bytes(call.world, "locations", location, call.contract))


def create_contact(kind: Kind, owners: Kind) -> Operation:
    """A contact of a customer or location."""

    def act(call: Call) -> Reply:
        owner, sent = call.record(owners), call.sent()
        shapes.check(sent, shapes.NEW_CONTACT, closed=call.contract == "portal")
        contact = _new_contact(call.world, kind, owner.id, sent)
        if call.contract != "portal":
            return ok(openapi_body(call.world, kind, contact))
        return ok(ownerless_contact(call.world, kind, contact))

    return act


def create_lead(call: Call) -> Reply:
    """A lead; one made from a booking dismisses the booking."""
    openapi = call.contract != "portal"
    sent, world = call.sent(), call.world
    shapes.check(sent, shapes.OPENAPI_NEW_LEAD if openapi else shapes.NEW_LEAD, closed=not openapi)
    if not openapi and sent.get("callReasonId") is None and sent.get("followUpDate") is None:
        raise invalid("callReasonId", "is required where there is no followUpDate.")
    owner, home = (
        _linked(world, "customers", sent, "customerId"),
        _linked(world, "locations", sent, "locationId"),
    )
    booking = _linked(world, "bookings", sent, "bookingId")
    own: Body = {"priority": "Normal", "createdById": _API_USER, "tagTypeIds": [], "captureSource": None}
    for name in (*shapes.NEW_LEAD, "callId", "manualCallId", "leadUrl"):
        if name not in ("customerId", "locationId") and (name not in own or sent.get(name) is not None):
            own[name] = sent.get(name)
    own["dismissingReasonId"] = None
    own["followUpDate"] = _instant_text(sent.get("followUpDate"))
    own["campaignId"] = sent.get("campaignId") or 300
    lead = world.create("leads", own, owner=owner, link=home)
    if booking:
        world.set_state("bookings", booking, BookingState.Dismissed)
    return Reply(200, list_bytes(world, "leads", lead, call.contract))


def update_lead(call: Call) -> Reply:
    """Fields of a lead."""
    lead, sent = call.record("leads"), call.sent()
    shapes.check(sent, shapes.CHANGED_LEAD, closed=True)
    call.world.edit("leads", lead.id, sent)
    return Reply(200, list_bytes(call.world, "leads", lead))


def dismiss_lead(call: Call) -> Reply:
    """Close an open lead: with a reason in the portal, without a body in OpenAPI 2.0.0."""
    reason: Json = None
    if call.contract == "portal":
        sent = call.sent()
        shapes.check(sent, shapes.DISMISSED_LEAD, closed=True)
        reason = sent["dismissingReasonId"]
    lead = call.record("leads")
    if lead.state != LeadState.Open:
        raise Problem(409, f"The lead is {LeadState(lead.state).name.lower()} already.")
    call.world.edit("leads", lead.id, {"dismissingReasonId": reason, "followUpDate": None})
    lead.state = LeadState.Dismissed
    return done()


def create_booking(call: Call) -> Reply:
    """A booking: of the provider in the path, or of the first one where the contract knows no providers."""
    sent, world = call.sent(), call.world
    if call.contract == "portal":
        provider = call.provider()
        shapes.check(sent, shapes.NEW_BOOKING, closed=True)
        ways = {str(contact.get("type")) for contact in _objects(sent.get("contacts"))}
        if sent.get("address") is None and not ways & {"Phone", "MobilePhone", "Email"}:
            raise invalid("address", "a booking needs an address, a phone number or an e-mail.")
    else:
        provider = world.providers[0]
        shapes.check(sent, shapes.OPENAPI_NEW_BOOKING, closed=False)
    own: Body = {name: sent.get(name) for name in shapes.NEW_BOOKING if name != "contacts"}
    own["start"] = _instant_text(sent.get("start")) or text_of(world.now)
    own["source"] = sent.get("source") or "API"
    own["externalId"] = sent.get("externalId") or ""
    own["priority"] = sent.get("priority") or "Normal"
    own["uploadedImages"] = sent.get("uploadedImages") or []
    own["isFirstTimeClient"] = bool(sent.get("isFirstTimeClient"))
    own["dismissingReasonId"] = None
    booking = world.create("bookings", own, owner=provider)
    return Reply(200, list_bytes(world, "bookings", booking, call.contract))


def _write(world: World, kind: Kind, record: Record, sent: Body) -> None:
    """Carry out an update of a customer or location, merging what the requests merge."""
    changes = dict(sent)
    active = changes.pop("active", None)
    before = body_of(world, kind, record)
    if "customFields" in changes:
        kept = _objects(before["customFields"])
        new = _custom_fields(changes["customFields"])
        named = {str(each["typeId"]) for each in new}
        changes["customFields"] = [each for each in kept if str(each["typeId"]) not in named] + new
    if "externalData" in changes:
        changes["externalData"] = _patched_external(before["externalData"], changes["externalData"])
        _remember_application(world, record, sent["externalData"])
    if "address" in changes:
        old = before["address"] if isinstance(before["address"], Mapping) else {}
        new_address = changes["address"] if isinstance(changes["address"], Mapping) else {}
        changes["address"] = _geocoded(world, {**old, "latitude": None, "longitude": None, **new_address})
    world.edit(kind, record.id, changes)
    if isinstance(active, bool) and active != record.active:
        world.set_active(kind, record.id, active=active)


def _new_location(world: World, sent: Body, owner: int) -> Record:
    location = world.create(
        "locations",
        {
            "taxZoneId": None,
            "name": sent.get("name") or "",
            "address": _geocoded(world, sent.get("address")),
            "customFields": _custom_fields(sent.get("customFields")),
            "createdById": _API_USER,
            "zoneId": sent.get("zoneId"),
            "taxExempt": False,
            "tagTypeIds": sent.get("tagTypeIds") or [],
            "externalData": _external_data(sent.get("externalData")),
        },
        owner=owner,
    )
    _remember_application(world, location, sent.get("externalData"))
    for contact in _objects(sent.get("contacts")):
        _new_contact(world, "location_contacts", location.id, contact)
        if owner:
            _new_contact(world, "customer_contacts", owner, contact)
    return location


def _new_contact(world: World, kind: Kind, owner: int, sent: Mapping[str, Json]) -> Record:
    contact_type, value = str(sent["type"]), str(sent["value"])
    return world.create(
        kind,
        {
            "type": contact_type,
            "value": value,
            "memo": sent.get("memo"),
            "phoneSettings": phone_settings(contact_type, value),
            "preferences": {
                "jobRemindersEnabled": True,
                "marketingUpdatesEnabled": True,
                "invoiceStatementNotification": True,
            },
        },
        owner=owner,
    )


def _created_location(world: World, location: Record) -> Body:
    body = body_of(world, "locations", location)
    body["contacts"] = _brief_contacts(world, "location_contacts", location.id)
    return body


def _brief_contacts(world: World, kind: Kind, owner: int) -> list[Json]:
    return [
        brief_contact(world, kind, each) for each in world.tables[kind].children(owner) if not each.deleted
    ]


def _objects(value: Json) -> list[dict[str, Json]]:
    return [dict(each) for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _custom_fields(value: Json) -> list[dict[str, Json]]:
    names: dict[Json, str] = dict(gazetteer.CUSTOM_FIELDS)
    return [
        {
            "typeId": each.get("typeId"),
            "name": names.get(each.get("typeId")) or each.get("name"),
            "value": each.get("value"),
        }
        for each in _objects(value)
    ]


def _external_data(value: Json) -> Json:
    pairs = _objects(value.get("externalData")) if isinstance(value, Mapping) else []
    return [{"key": pair["key"], "value": pair["value"]} for pair in pairs]


def _patched_external(before: Json, patch: Json) -> Json:
    """External data after a patch: replaced, or merged key by key where a null value takes one away."""
    given: Mapping[str, Json] = patch if isinstance(patch, Mapping) else {}
    pairs = (
        {}
        if given.get("patchMode") == "Replace"
        else {str(each["key"]): each["value"] for each in _objects(before)}
    )
    for each in _objects(given.get("externalData")):
        pairs[str(each["key"])] = each.get("value")
    return [{"key": key, "value": value} for key, value in pairs.items() if value is not None]


def _remember_application(world: World, record: Record, value: Json) -> None:
    if isinstance(value, Mapping):
        world.application_guids[record.id] = str(value["applicationGuid"])


def _geocoded(world: World, address: Json) -> Body:
    """An address with all its fields, and with a point on the map where none was given."""
    given: Mapping[str, Json] = address if isinstance(address, Mapping) else {}
    full: Body = {
        **{name: given.get(name) or "" for name in ("street", "city", "state", "zip", "country")},
        "latitude": given.get("latitude"),
        "longitude": given.get("longitude"),
    }
    full = {"street": full.pop("street"), "unit": given.get("unit"), **full}
    if full["latitude"] is None or full["longitude"] is None:
        letters = int.from_bytes(encode_json([full["street"], full["zip"]])[-7:], "little")
        _, full["latitude"], full["longitude"] = place_near(Dice(world.key, letters, _GEOCODED))
    return full


def _linked(world: World, kind: Kind, sent: Body, field: str) -> int:
    value = sent.get(field)
    if not isinstance(value, int):
        return 0
    if world.tables[kind].get(value) is None:
        raise invalid(field, f"there is no such {field.removesuffix('Id')}.")
    return value


def _instant_text(value: Json) -> str | None:
    ticks = parse_instant(value) if isinstance(value, str) else None
    return None if ticks is None else text_of(ticks)
