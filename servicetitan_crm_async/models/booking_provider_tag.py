"""Where bookings come from: one tag for each source."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import BookingProviderTagType
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["BookingProviderTag", "BookingProviderTagCreate", "BookingProviderTagUpdate"]


class BookingProviderTag(Record, frozen=True, kw_only=True):
    """A source of bookings. Its id is the `booking_provider` that an app sends its bookings as."""

    tag_name: str
    description: str
    type: BookingProviderTagType
    created_on: Instant
    modified_on: Instant
    active: bool | None = None
    """Said where it is read, not where it is created or changed."""


class BookingProviderTagCreate(Model, frozen=True, kw_only=True):
    """A new source of bookings."""

    tag_name: str
    description: str


class BookingProviderTagUpdate(Model, frozen=True, kw_only=True):
    """What to change of a source of bookings."""

    tag_name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
