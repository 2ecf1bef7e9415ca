"""The two contracts' views of a record, as bytes: one world, two ways to show it.

The portal's list bytes are cached on the record. What single customers' contacts, feeds and created
records add or leave out is made from them, so that all answers agree on everything they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from .bodies import body_of
from .instants import text_of
from .messages import Body, Json, encode_json
from .records import AnyKind, Kind, Record

if TYPE_CHECKING:
    from .world import World

Contract: TypeAlias = Literal["portal", "openapi-2.0.0"]

_FEED_ADDS_ACTIVE: frozenset[Kind] = frozenset(
    {"customer_contacts", "location_contacts", "leads", "bookings"}
)
_OPENAPI_FIELDS: dict[AnyKind, tuple[str, ...]] = {
    "customers": (
        "id", "active", "name", "type", "address", "customFields", "balance", "doNotMail", "doNotService",
        "createdOn", "modifiedOn",
    ),
    "customer_contacts": ("id", "type", "value", "memo", "modifiedOn"),
    "locations": (
        "id", "customerId", "active", "name", "address", "zoneId", "taxZoneId", "createdOn", "modifiedOn",
    ),
    "location_contacts": ("id", "type", "value", "memo", "modifiedOn"),
    "leads": (
        "id", "status", "customerId", "locationId", "businessUnitId", "jobTypeId", "priority", "summary",
        "callReasonId", "campaignId", "followUpDate", "createdOn", "modifiedOn",
    ),
    "bookings": (
        "id", "source", "name", "address", "customerType", "start", "summary", "campaignId", "businessUnitId",
        "isFirstTimeClient", "uploadedImages", "status", "modifiedOn",
    ),
    "tag_types": ("id", "name", "color", "active"),
}  # fmt: skip
_NULLABLE_IN_OPENAPI = frozenset(
    {
        "taxZoneId",
        "memo",
        "customerId",
        "locationId",
        "businessUnitId",
        "jobTypeId",
        "callReasonId",
        "campaignId",
        "followUpDate",
    }
)


def list_bytes(world: World, kind: AnyKind, record: Record, contract: Contract = "portal") -> bytes:
    """A record as the lists of that contract send it."""
    if contract == "portal":
        if record.wire is None:
            record.wire = encode_json(body_of(world, kind, record))
        return record.wire
    if record.wire_openapi is None:
        record.wire_openapi = encode_json(openapi_body(world, kind, record))
    return record.wire_openapi


def feed_bytes(world: World, kind: Kind, record: Record) -> bytes:
    """A record as the export feeds send it: some kinds say there, and only there, whether they are active."""
    listed = list_bytes(world, kind, record)
    if kind not in _FEED_ADDS_ACTIVE:
        return listed
    return listed[:-1] + (b',"active":false}' if record.deleted else b',"active":true}')


def ownerless_contact(world: World, kind: Kind, record: Record) -> Body:
    """A contact as the list of one customer or location sends it, where the owner is in the path."""
    body = body_of(world, kind, record)
    body.pop("customerId" if kind == "customer_contacts" else "locationId")
    return body


def brief_contact(world: World, kind: Kind, record: Record) -> Body:
    """A contact as it is shown within a customer or location that was just created."""
    body = body_of(world, kind, record)
    return {field: body[field] for field in ("id", "type", "value", "memo")}


def openapi_body(world: World, kind: AnyKind, record: Record) -> Body:
    """A record in the words of OpenAPI 2.0.0; what may not be null there and has no value is left out."""
    portal = body_of(world, kind, record)
    body: Body = {
        field: portal[field]
        for field in _OPENAPI_FIELDS[kind]
        if portal[field] is not None or field in _NULLABLE_IN_OPENAPI
    }
    if kind == "bookings" and body["status"] in ("New", "Accepted"):
        body["status"] = "Pending"
    if kind == "customers":
        body["memberships"] = []
        body["contacts"] = contacts_of(world, "customer_contacts", record.id)
        body["hasActiveMembership"] = False
    return body


def contacts_of(world: World, kind: Kind, owner: int) -> list[Json]:
    """The contacts of one customer or location in the words of OpenAPI 2.0.0."""
    return [openapi_body(world, kind, each) for each in world.tables[kind].listed_children(owner)]


def stamp_text(record: Record) -> str:
    """The record's `modifiedOn` as it is sent."""
    return text_of(record.modified)
