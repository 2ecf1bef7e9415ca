"""Booking providers: each is known by a tag, and the id of the tag opens its bookings."""

from __future__ import annotations

from typing import Final

from . import shapes
from .bodies import body_of
from .messages import Problem, Reply, invalid
from .operations import Call, ok
from .records import Record
from .world import World

_TAGS: Final = "booking_provider_tags"


def create_provider_tag(call: Call) -> Reply:
    """A tag, and with it a provider whose bookings can be listed and created at once."""
    sent = call.sent()
    shapes.check(sent, shapes.NEW_PROVIDER_TAG, closed=True)
    if _taken(call.world, str(sent["tagName"])):
        raise Problem(409, "A booking provider tag of that name exists.")
    return _as_written(call.world, call.world.create(_TAGS, {**sent, "type": "V2Api"}))


def update_provider_tag(call: Call) -> Reply:
    """Name or description of a tag; the contract has no conflict here, so a name taken is a wrong field."""
    tag, sent = call.record(_TAGS), call.sent()
    shapes.check(sent, shapes.CHANGED_PROVIDER_TAG, closed=True)
    if "tagName" in sent and _taken(call.world, str(sent["tagName"]), but_for=tag):
        raise invalid("tagName", "another booking provider tag has it.")
    return _as_written(call.world, call.world.edit(_TAGS, tag.id, sent))


def _taken(world: World, name: str, *, but_for: Record | None = None) -> bool:
    others = (each for each in world.tables[_TAGS] if each is not but_for)
    return any(str(body_of(world, _TAGS, each)["tagName"]).casefold() == name.casefold() for each in others)


def _as_written(world: World, tag: Record) -> Reply:
    """What is answered to a write, which leaves out whether the tag is active."""
    body = body_of(world, _TAGS, tag)
    del body["active"]
    return ok(body)
