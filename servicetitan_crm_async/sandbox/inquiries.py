"""Leads and bookings: how an inquiry comes in, becomes another and is closed.

Of a booking's contacts only their presence is looked at; the operations that would show them are not
here yet.
"""

from __future__ import annotations

from . import shapes
from .instants import parse_instant, text_of
from .messages import Body, Json, Problem, Reply, invalid
from .operations import Call, done
from .records import BookingState, Kind, LeadState
from .views import list_bytes
from .world import World
from .writes import API_USER, objects


def get_provider_booking(call: Call) -> Reply:
    """One booking of one provider; those of others are not found."""
    provider, booking = call.provider(), call.record("bookings")
    if booking.owner != provider:
        raise Problem(404, "Booking not found.")
    return Reply(200, list_bytes(call.world, "bookings", booking))


def create_lead(call: Call) -> Reply:
    """A lead; one made from a booking dismisses the booking."""
    openapi = call.contract != "portal"
    sent, world = call.sent(), call.world
    shapes.check(sent, shapes.OPENAPI_NEW_LEAD if openapi else shapes.NEW_LEAD, closed=not openapi)
    if not openapi and sent.get("callReasonId") is None and sent.get("followUpDate") is None:
        raise invalid("callReasonId", "is required where there is no followUpDate.")
    owner = _linked(world, "customers", sent, "customerId")
    home = _linked(world, "locations", sent, "locationId")
    booking = _linked(world, "bookings", sent, "bookingId")
    own: Body = {"priority": "Normal", "createdById": API_USER, "tagTypeIds": [], "captureSource": None}
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
        ways = {str(contact.get("type")) for contact in objects(sent.get("contacts"))}
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
