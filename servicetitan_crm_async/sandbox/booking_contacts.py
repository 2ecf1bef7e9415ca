"""Contacts of bookings. A booking is the same with another of them: its stamp stays."""

from __future__ import annotations

from collections.abc import Mapping

from . import shapes
from .bodies import body_of
from .messages import Json, Reply
from .operations import Call, done, ok
from .records import Record
from .views import list_bytes
from .world import World


def add_booking_contact(world: World, booking: Record, sent: Mapping[str, Json]) -> Record:
    """Give a booking one more contact."""
    own = {"type": sent["type"], "value": sent["value"], "memo": sent.get("memo") or ""}
    return world.create("booking_contacts", own, owner=booking.id)


def create_contact(call: Call) -> Reply:
    """A contact of a booking."""
    booking, sent = call.booking(), call.sent()
    shapes.check(sent, shapes.NEW_CONTACT, closed=True)
    contact = add_booking_contact(call.world, booking, sent)
    return Reply(200, list_bytes(call.world, "booking_contacts", contact))


def update_contact(call: Call) -> Reply:
    """Fields of a contact; the answer has no more than a request could have."""
    contact, sent = _contact(call), call.sent()
    shapes.check(sent, shapes.CHANGED_BOOKING_CONTACT, closed=True)
    body = body_of(call.world, "booking_contacts", call.world.edit("booking_contacts", contact.id, sent))
    return ok({name: body[name] for name in shapes.CHANGED_BOOKING_CONTACT})


def delete_contact(call: Call) -> Reply:
    """A contact goes; what is left may be a booking that nobody could be reached by."""
    call.world.delete("booking_contacts", _contact(call).id)
    return done()


def _contact(call: Call) -> Record:
    return call.record_of(call.booking().id, "booking_contacts", "contactId")
