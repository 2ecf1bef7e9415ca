"""Notes on customers, locations and leads. They have a life apart: the stamp of what they are on stays."""

from __future__ import annotations

from . import shapes
from .messages import Body, Reply
from .operations import Call, Operation, done
from .records import API_USER, Kind, Record
from .views import list_bytes
from .world import World

_SHAPES: dict[Kind, shapes.Shape] = {
    "customers": shapes.NEW_CUSTOMER_NOTE,
    "locations": shapes.NEW_LOCATION_NOTE,
    "leads": shapes.NEW_NOTE,
}


def add_note(world: World, owner: int, text: str, *, pinned: bool = False) -> Record:
    """Put a note on a customer, location or lead."""
    own: Body = {"text": text, "isPinned": pinned, "createdById": API_USER}
    return world.create("notes", own, owner=owner)


def create_note(owners: Kind) -> Operation:
    """A note; on request one more of the same on each active location, or on the customer."""

    def act(call: Call) -> Reply:
        owner, sent = call.record(owners), call.sent()
        shapes.check(sent, _SHAPES[owners], closed=True)
        text, pinned = str(sent["text"]), bool(sent.get("pinToTop"))
        note = add_note(call.world, owner.id, text, pinned=pinned)
        copied_to: list[int] = []
        if sent.get("addToLocations"):
            locations = call.world.tables["locations"].listed_children(owner.id)
            copied_to = [each.id for each in locations if each.active]
        elif sent.get("addToCustomer") and owner.owner:
            copied_to = [owner.owner]
        for each in copied_to:
            add_note(call.world, each, text, pinned=pinned)
        return Reply(200, list_bytes(call.world, "notes", note))

    return act


def delete_note(owners: Kind) -> Operation:
    """One note less; its copies on others stay."""

    def act(call: Call) -> Reply:
        note = call.record_of(call.record(owners).id, "notes", "noteId")
        call.world.delete("notes", note.id)
        return done()

    return act
