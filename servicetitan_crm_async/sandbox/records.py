"""What the sandbox keeps of a record, and the kinds of records there are."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, TypeAlias, get_args

import msgspec

from .messages import Body

Kind: TypeAlias = Literal[
    "customers", "customer_contacts", "locations", "location_contacts", "leads", "bookings", "tag_types"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

SideKind: TypeAlias = Literal["notes", "booking_provider_tags", "custom_field_types", "booking_contacts"]
"""Kinds without an export feed, in which life changes nothing."""
SIDE_KINDS: tuple[SideKind, ...] = get_args(SideKind)

AnyKind: TypeAlias = Kind | SideKind

_SPACING = 100_000_000
FIRST_ID: dict[AnyKind, int] = {
    **{kind: (number + 1) * _SPACING + 1 for number, kind in enumerate((*KINDS, *SIDE_KINDS))},
    "booking_provider_tags": 8_000_001,
    "custom_field_types": 9001,
}
WRITTEN_IDS = _SPACING // 2
"""Records written through the API get ids this far above those the world made by itself.

Life counts its own ids, so what a user writes cannot change what life does next.
"""

API_USER = 599
"""Whoever writes through the API is this user to those who look at what was written."""


class LeadState(IntEnum):
    """Status of a lead, as stored; the names are the portal's."""

    Open = 0
    Dismissed = 1
    Converted = 2


class BookingState(IntEnum):
    """Status of a booking, as stored; the names are the portal's."""

    New = 0
    Accepted = 1
    Converted = 2
    Dismissed = 3


class Record(msgspec.Struct, gc=False):
    """One record: what orders and links it, not what it says.

    The rest of its content is drawn from `id` and `edit` when somebody asks, so that a million records
    take seconds to make. A Struct without garbage collection, since it can be in no cycle and there
    are millions of them.

    Attributes:
        owner: customer of a location, contact or lead; location of a location contact; provider of a
            booking; booking of its contacts; whatever a note is on. 0 is none.
        link: customer or location this one was merged into, location of a lead, job of a booking.
        state: a LeadState or BookingState; 1 for a location with an address of its own.
        edit: number of the last change life made; what an edit changes is drawn from it.
        own: fields somebody wrote, which stand above what is drawn.
        wire: cached bytes of the portal's list, and of the other contract's.
    """

    id: int
    created: int
    modified: int
    owner: int = 0
    link: int = 0
    state: int = 0
    active: bool = True
    deleted: bool = False
    edit: int = 0
    own: Body | None = None
    wire: bytes | None = None
    wire_openapi: bytes | None = None
