"""Creating and updating customers, locations and their contacts: two contracts, one way to carry them out.

A written record holds all its fields itself, nothing of it is drawn. Contacts have a life apart: a new
one on a customer leaves the customer's `modifiedOn` alone, and one that comes with a new location is
copied to the customer as a record of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

from . import shapes
from .bodies import FIELD_TYPES, body_of, phone_settings, place_near
from .dice import Dice
from .messages import Body, Json, Problem, Reply, encode_json
from .operations import Call, Operation, done, ok
from .records import API_USER, AnyKind, Kind, Record
from .views import brief_contact, list_bytes, openapi_body, ownerless_contact
from .world import World

_GEOCODED = -3


def get_one(kind: AnyKind) -> Operation:
    """One record by id, inactive ones too."""

    def act(call: Call) -> Reply:
        return Reply(200, list_bytes(call.world, kind, call.record(kind), call.contract))

    return act


def create_customer(call: Call) -> Reply:
    """A customer with its locations and the contacts of both."""
    sent = call.sent()
    openapi = call.contract != "portal"
    shape = shapes.OPENAPI_NEW_CUSTOMER if openapi else shapes.NEW_CUSTOMER
    shapes.check(sent, shape, closed=not openapi)
    locations = objects(sent.get("locations"))
    address = sent.get("address") or locations[0].get("address")
    world = call.world
    customer = world.create(
        "customers",
        {
            "name": sent["name"],
            "type": sent.get("type") or "Residential",
            "address": geocoded(world, address),
            "customFields": _custom_fields(sent.get("customFields")),
            "balance": 0.0,
            "taxExempt": bool(sent.get("taxExempt")),
            "tagTypeIds": sent.get("tagTypeIds") or [],
            "doNotMail": bool(sent.get("doNotMail")),
            "doNotService": bool(sent.get("doNotService")),
            "nationalAccount": bool(sent.get("nationalAccount")),
            "createdById": API_USER,
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
    for contact in objects(sent.get("contacts")):
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
    _check_customer(call.world, owner)
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
        _check_customer(call.world, owner)
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


def update_contact(kind: Kind, owners: Kind) -> Operation:
    """Fields of a contact of a customer or location; what is not sent stays."""

    def act(call: Call) -> Reply:
        contact, sent = call.record_of(call.record(owners).id, kind, "contactId"), call.sent()
        shapes.check(sent, shapes.CHANGED_CONTACT, closed=True)
        if "type" in sent or "value" in sent:
            whole = {**body_of(call.world, kind, contact), **sent}
            contact_type, value = str(whole["type"]), str(whole["value"])
            settings = phone_settings(contact_type, value)
            sent |= {"type": contact_type, "value": value, "phoneSettings": settings}
        call.world.edit(kind, contact.id, sent)
        return ok(ownerless_contact(call.world, kind, contact))

    return act


def delete_contact(kind: Kind, owners: Kind) -> Operation:
    """One contact less; the export feed goes on telling of it."""

    def act(call: Call) -> Reply:
        contact = call.record_of(call.record(owners).id, kind, "contactId")
        call.world.delete(kind, contact.id)
        return done()

    return act


def _check_customer(world: World, customer: int) -> None:
    if world.tables["customers"].get(customer) is None:
        raise Problem(409, "Unknown customer.", {"customerId": ["there is no such customer."]})


def _write(world: World, kind: Kind, record: Record, sent: Body) -> None:
    """Carry out an update of a customer or location, merging what external data the request merges."""
    changes = dict(sent)
    active = changes.pop("active", None)
    before = body_of(world, kind, record)
    if "customFields" in changes:
        # All of them: what is not named loses its value.
        changes["customFields"] = _custom_fields(changes["customFields"])
    if "externalData" in changes:
        changes["externalData"] = _patched_external(before["externalData"], changes["externalData"])
        _remember_application(world, record, sent["externalData"])
    if "address" in changes:
        old = before["address"] if isinstance(before["address"], Mapping) else {}
        new_address = changes["address"] if isinstance(changes["address"], Mapping) else {}
        changes["address"] = geocoded(world, {**old, "latitude": None, "longitude": None, **new_address})
    world.edit(kind, record.id, changes)
    if isinstance(active, bool) and active != record.active:
        world.set_active(kind, record.id, active=active)


def _new_location(world: World, sent: Body, owner: int) -> Record:
    location = world.create(
        "locations",
        {
            "taxZoneId": None,
            "name": sent.get("name") or "",
            "address": geocoded(world, sent.get("address")),
            "customFields": _custom_fields(sent.get("customFields")),
            "createdById": API_USER,
            "zoneId": sent.get("zoneId"),
            "taxExempt": False,
            "tagTypeIds": sent.get("tagTypeIds") or [],
            "externalData": _external_data(sent.get("externalData")),
        },
        owner=owner,
    )
    _remember_application(world, location, sent.get("externalData"))
    for contact in objects(sent.get("contacts")):
        _new_contact(world, "location_contacts", location.id, contact)
        if owner:
            _new_contact(world, "customer_contacts", owner, contact)
    return location


def _new_contact(world: World, kind: Kind, owner: int, sent: Mapping[str, Json]) -> Record:
    return world.create(kind, contact_fields(sent), owner=owner)


def contact_fields(sent: Mapping[str, Json]) -> Body:
    """What a new contact of a customer or location says: it wants every message until somebody says not."""
    contact_type, value = str(sent["type"]), str(sent["value"])
    return {
        "type": contact_type,
        "value": value,
        "memo": sent.get("memo"),
        "phoneSettings": phone_settings(contact_type, value),
        "preferences": {
            "jobRemindersEnabled": True,
            "marketingUpdatesEnabled": True,
            "invoiceStatementNotification": True,
        },
    }


def _created_location(world: World, location: Record) -> Body:
    body = body_of(world, "locations", location)
    body["contacts"] = _brief_contacts(world, "location_contacts", location.id)
    return body


def _brief_contacts(world: World, kind: Kind, owner: int) -> list[Json]:
    return [brief_contact(world, kind, each) for each in world.tables[kind].listed_children(owner)]


def objects(value: Json) -> list[dict[str, Json]]:
    return [dict(each) for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _custom_fields(value: Json) -> list[dict[str, Json]]:
    names: dict[Json, str] = {type_id: field.name for type_id, field in FIELD_TYPES.items()}
    return [
        {
            "typeId": each.get("typeId"),
            "name": names.get(each.get("typeId")) or each.get("name"),
            "value": each.get("value"),
        }
        for each in objects(value)
    ]


def _external_data(value: Json) -> Json:
    pairs = objects(value.get("externalData")) if isinstance(value, Mapping) else []
    return [{"key": pair["key"], "value": pair["value"]} for pair in pairs]


def _patched_external(before: Json, patch: Json) -> Json:
    """External data after a patch: replaced, or merged key by key where a null value takes one away."""
    given: Mapping[str, Json] = patch if isinstance(patch, Mapping) else {}
    pairs = (
        {}
        if given.get("patchMode") == "Replace"
        else {str(each["key"]): each["value"] for each in objects(before)}
    )
    for each in objects(given.get("externalData")):
        pairs[str(each["key"])] = each.get("value")
    return [{"key": key, "value": value} for key, value in pairs.items() if value is not None]


def _remember_application(world: World, record: Record, value: Json) -> None:
    if isinstance(value, Mapping):
        world.application_guids[record.id] = str(value["applicationGuid"])


def geocoded(world: World, address: Json) -> Body:
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
