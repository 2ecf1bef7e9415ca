"""How to reach a customer, a location or whoever made a booking: one telephone number or e-mail each."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import ContactType
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = [
    "Contact",
    "ContactCreate",
    "ContactPreferences",
    "ContactUpdate",
    "CustomerContact",
    "LocationContact",
    "PhoneSettings",
]


class PhoneSettings(Model, frozen=True, kw_only=True):
    """What the service knows of a telephone number."""

    phone_number: str
    do_not_text: bool
    """The number has opted out of text messages."""


class ContactPreferences(Model, frozen=True, kw_only=True):
    """Which messages a contact wants."""

    job_reminders_enabled: bool
    marketing_updates_enabled: bool
    invoice_statement_notification: bool


class Contact(Record, frozen=True, kw_only=True):
    """A way to reach someone, where it is clear whose it is: on one customer, location or booking.

    The same number on a customer and on its location is two contacts with two ids.
    """

    type: ContactType
    value: str
    """The number or the address, as it was entered."""
    memo: str | None = None
    modified_on: Instant | None = None
    """Absent on the contacts that a newly created customer or location comes back with."""
    phone_settings: PhoneSettings | None = None
    created_on: Instant | None = None
    preferences: ContactPreferences | None = None
    active: bool | None = None
    """Said by export feeds alone; false means deleted."""


class CustomerContact(Contact, frozen=True, kw_only=True):
    """A contact among those of all customers."""

    customer_id: int


class LocationContact(Contact, frozen=True, kw_only=True):
    """A contact among those of all locations."""

    location_id: int


class ContactCreate(Model, frozen=True, kw_only=True):
    """A new contact: on its own, or within a new customer, location or booking.

    A contact of a new location is copied to its customer by the service.
    """

    type: ContactType
    value: str
    memo: str | UnsetType = UNSET


class ContactUpdate(Model, frozen=True, kw_only=True):
    """What to change of a contact; contacts of bookings have no preferences.

    A changed contact of a booking comes back as one of these, without its id.
    """

    type: ContactType | UnsetType = UNSET
    value: str | UnsetType = UNSET
    memo: str | UnsetType | None = UNSET
    preferences: ContactPreferences | UnsetType = UNSET
