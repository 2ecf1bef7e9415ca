"""What a flow comes back with; made to be told apart with `match`."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from servicetitan_crm_async.models import Customer, Location

T = TypeVar("T")


class Created(msgspec.Struct, Generic[T], frozen=True):
    """There was none, and now there is this one."""

    record: T


class Existing(msgspec.Struct, Generic[T], frozen=True):
    """This one was there; nothing was created.

    A merged record is answered as the one it was merged into. A deactivated one is answered only where
    no active one fits, so `record.active` is worth a look.
    """

    record: T


class AmbiguousCustomer(msgspec.Struct, frozen=True):
    """Some of these may be who is meant, or none of them; nothing was created."""

    candidates: tuple[Customer, ...]


class AmbiguousLocation(msgspec.Struct, frozen=True):
    """The customer is known, and some of these of its locations may be meant, or none of them."""

    customer: Created[Customer] | Existing[Customer]
    candidates: tuple[Location, ...]
