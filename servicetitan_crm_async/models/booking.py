"""Incoming inquiries, before anyone at the company has looked at them."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.address import Address, AddressUpdate
from servicetitan_crm_async.models.contact import ContactCreate
from servicetitan_crm_async.models.enums import BookingStatus, CustomerType, Priority
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["Booking", "BookingCreate", "BookingUpdate"]


class Booking(Record, frozen=True, kw_only=True):
    """A wish for work; someone accepts it into a job or dismisses it.

    Its contacts are read from a list of their own.
    """

    source: str
    """Where it came from, in the provider's words."""
    created_on: Instant | None = None
    name: str
    """The name the inquirer gave; there may be no customer of record."""
    address: Address | None = None
    customer_type: CustomerType | None = None
    start: Instant | None = None
    """The time wished for; a booking can be created without."""
    campaign_id: int | None = None
    business_unit_id: int | None = None
    is_first_time_client: bool | None = None
    uploaded_images: tuple[str, ...] | None = None
    is_send_confirmation_email: bool | None = None
    status: BookingStatus
    dismissing_reason_id: int | None = None
    job_id: int | None = None
    """The job it became."""
    external_id: str | None = None
    """The provider's own id for it; a list can be filtered by it."""
    priority: Priority | None = None
    job_type_id: int | None = None
    booking_provider_id: int | None = None
    modified_on: Instant
    summary: str | None = None
    active: bool | None = None
    """Said by the export feed and by events; false means deleted."""


class BookingCreate(Model, frozen=True, kw_only=True):
    """A new booking: a name, and an address or a way to reach the person, better both.

    The portal requires `source`, `is_first_time_client` and `external_id`, openapi-2.0.0 a `start`.
    Where the account maps job types to business units, the two must match.
    """

    name: str
    summary: str
    source: str | UnsetType = UNSET
    external_id: str | UnsetType = UNSET
    is_first_time_client: bool | UnsetType = UNSET
    start: datetime | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    """The portal's bookings have no coordinates."""
    contacts: tuple[ContactCreate, ...] | UnsetType = UNSET
    customer_type: CustomerType | UnsetType = UNSET
    campaign_id: int | UnsetType = UNSET
    business_unit_id: int | UnsetType = UNSET
    job_type_id: int | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    uploaded_images: tuple[str, ...] | UnsetType = UNSET
    is_send_confirmation_email: bool | UnsetType = UNSET
    """Whether the service writes to the customer that the booking has arrived."""


class BookingUpdate(Model, frozen=True, kw_only=True):
    """What to change of a booking; what is left out stays. Its contacts are changed one by one."""

    source: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    summary: str | UnsetType | None = UNSET
    external_id: str | UnsetType = UNSET
    is_first_time_client: bool | UnsetType = UNSET
    start: datetime | UnsetType = UNSET
    address: AddressUpdate | UnsetType = UNSET
    """The portal requires all six of its fields, and knows no coordinates here."""
    customer_type: CustomerType | UnsetType = UNSET
    campaign_id: int | UnsetType | None = UNSET
    business_unit_id: int | UnsetType | None = UNSET
    job_type_id: int | UnsetType | None = UNSET
    priority: Priority | UnsetType = UNSET
    uploaded_images: tuple[str, ...] | UnsetType = UNSET
