"""Tags of customers and locations, and the types they are of.

A tag that is there already, or was never there, is no error and moves no stamp.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import shapes
from .bodies import body_of, tag_code
from .messages import Body, Json, Problem, Reply, invalid
from .operations import Call, Operation, done, ok
from .records import Kind, Record
from .world import World


def add_tag(owners: Kind) -> Operation:
    """One more tag of a customer or location."""

    def act(call: Call) -> Reply:
        owner, tag = call.record(owners), call.record("tag_types", "tagTypeId")
        _refuse_retired((tag,))
        tags: list[Json] = [*_retag(call.world, owners, owner, (tag,), adding=True)]
        return ok({f"{owners.removesuffix('s')}Id": owner.id, "tagTypeIds": tags})

    return act


def remove_tag(owners: Kind) -> Operation:
    """One tag less."""

    def act(call: Call) -> Reply:
        owner, tag = call.record(owners), call.record("tag_types", "tagTypeId")
        _retag(call.world, owners, owner, (tag,), adding=False)
        return done()

    return act


def tag_many(*, adding: bool) -> Operation:
    """Several tags more, or less, for several customers: for all of them or for none."""

    def act(call: Call) -> Reply:
        sent = call.sent()
        shapes.check(sent, shapes.TAGS_OF_MANY, closed=True)
        customers = _named(call.world, "customers", sent, "customerIds")
        tags = _named(call.world, "tag_types", sent, "tagTypeIds")
        if adding:
            _refuse_retired(tags)
        for customer in customers:
            _retag(call.world, "customers", customer, tags, adding=adding)
        return done()

    return act


def create_tag_type(call: Call) -> Reply:
    """A tag type; without a code it gets one made from its name."""
    sent = call.sent()
    shapes.check(sent, shapes.NEW_TAG_TYPE, closed=True)
    own: Body = {name: sent.get(name) or False for name in shapes.TAG_FLAGS}
    own |= {name: sent.get(name) for name in ("name", "color", "importance")}
    own["code"] = sent.get("code") or tag_code(str(sent["name"]))
    return ok({"id": call.world.create("tag_types", own).id})


def update_tag_type(call: Call) -> Reply:
    """Fields of a tag type; what is not sent stays."""
    tag, sent = call.record("tag_types"), call.sent()
    shapes.check(sent, shapes.CHANGED_TAG_TYPE, closed=True)
    call.world.edit("tag_types", tag.id, sent)
    return ok({"id": tag.id})


def _refuse_retired(tags: Iterable[Record]) -> None:
    if not all(tag.active for tag in tags):
        raise Problem(409, "An inactive tag type cannot be given to anybody.")


def _retag(world: World, kind: Kind, record: Record, tags: Iterable[Record], *, adding: bool) -> list[int]:
    before, given = _wholes(body_of(world, kind, record)["tagTypeIds"]), [tag.id for tag in tags]
    if adding:
        after = before + [each for each in given if each not in before]
    else:
        after = [each for each in before if each not in given]
    if after != before:
        world.edit(kind, record.id, {"tagTypeIds": after})
    return after


def _named(world: World, kind: Kind, sent: Body, field: str) -> list[Record]:
    numbers = dict.fromkeys(_wholes(sent[field]))
    found = {number: world.tables[kind].get(number) for number in numbers}
    unknown = ", ".join(str(number) for number, record in found.items() if record is None)
    if unknown:
        raise invalid(field, f"there is no {unknown}.")
    return [record for record in found.values() if record is not None]


def _wholes(value: Json) -> list[int]:
    return [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
