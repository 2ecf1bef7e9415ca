"""Leads and bookings: how an inquiry comes in, becomes another and is closed."""

from __future__ import annotations

from collections.abc import Mapping

from . import shapes
from .booking_contacts import add_booking_contact
from .instants import parse_instant, text_of
from .messages import Body, Json, Problem, Reply, invalid
from .notes import add_note
from .operations import Call, done, ok
from .queries import Query
from .records import API_USER, BookingState, Kind, LeadState, Record
from .views import list_bytes
from .world import World
from .writes import objects


def get_provider_booking(call: Call) -> Reply:
    """One booking of one provider; those of others are not found."""
    return Reply(200, list_bytes(call.world, "bookings", call.booking()))


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
    lead = _new_lead(world, sent, owner=owner, link=home)
    if booking:
        world.set_state("bookings", booking, BookingState.Dismissed)
    return Reply(200, list_bytes(world, "leads", lead, call.contract))


def submit_form(call: Call) -> Reply:
    """What somebody filled in becomes a lead; which form it was (`id`) is nothing a lead would show."""
    Query(call.query, frozenset({"id"})).whole("id")
    sent = call.sent()
    shapes.check(sent, shapes.LEAD_FORM, closed=True)
    filled_in = sent.get("address")
    address: Mapping[str, Json] = filled_in if isinstance(filled_in, Mapping) else {}
    said: Body = {
        "summary": sent.get("summary"),
        "leadCustomerName": sent["name"],
        "leadPhone": sent.get("phoneNumber"),
        "leadEmail": sent.get("email"),
    }
    for part in ("street", "unit", "city", "state", "zip", "country"):
        said[f"lead{part.capitalize()}"] = address.get(part)
    return ok({"leadId": _new_lead(call.world, said, source="Form").id})


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
    lead = _open_lead(call)
    call.world.edit("leads", lead.id, {"dismissingReasonId": reason, "followUpDate": None})
    lead.state = LeadState.Dismissed
    return done()


def follow_up(call: Call) -> Reply:
    """When to get back to an open lead, and a note of why if there is something to say."""
    lead, sent = _open_lead(call), call.sent()
    shapes.check(sent, shapes.FOLLOW_UP, closed=True)
    text, pinned = sent.get("text"), bool(sent.get("pinToTop"))
    date = _instant_text(sent["followUpDate"])
    call.world.edit("leads", lead.id, {"followUpDate": date})
    if text:
        add_note(call.world, lead.id, str(text), pinned=pinned)
    return ok({"leadId": lead.id, "followUpDate": date, "text": text, "pinToTop": pinned})


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
    for contact in objects(sent.get("contacts")):
        add_booking_contact(world, booking, contact)
    return Reply(200, list_bytes(world, "bookings", booking, call.contract))


def update_booking(call: Call) -> Reply:
    """Fields of a booking; what is not sent stays."""
    booking, sent = call.booking(), call.sent()
    shapes.check(sent, shapes.CHANGED_BOOKING, closed=True)
    if "start" in sent:
        sent["start"] = _instant_text(sent["start"])
    call.world.edit("bookings", booking.id, sent)
    return Reply(200, list_bytes(call.world, "bookings", booking))


def dismiss_booking(call: Call) -> Reply:
    """Close a booking that was neither closed nor made a job; no answer ever shows the memo."""
    booking, sent = call.booking(), call.sent() if call.body else {}
    shapes.check(sent, shapes.DISMISSED_BOOKING, closed=True)
    if booking.state in (BookingState.Dismissed, BookingState.Converted):
        raise Problem(409, f"The booking is {BookingState(booking.state).name.lower()} already.")
    call.world.edit("bookings", booking.id, {"dismissingReasonId": sent.get("callReasonId")})
    booking.state = BookingState.Dismissed
    return done()


def _new_lead(
    world: World, said: Body, *, owner: int = 0, link: int = 0, source: str | None = None
) -> Record:
    own: Body = {"priority": "Normal", "createdById": API_USER, "tagTypeIds": [], "captureSource": source}
    for name in (*shapes.NEW_LEAD, "callId", "manualCallId", "leadUrl"):
        if name not in ("customerId", "locationId") and (name not in own or said.get(name) is not None):
            own[name] = said.get(name)
    own["dismissingReasonId"] = None
    own["followUpDate"] = _instant_text(said.get("followUpDate"))
    own["campaignId"] = said.get("campaignId") or 300
    return world.create("leads", own, owner=owner, link=link)


def _open_lead(call: Call) -> Record:
    lead = call.record("leads")
    if lead.state != LeadState.Open:
        raise Problem(409, f"The lead is {LeadState(lead.state).name.lower()} already.")
    return lead


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
