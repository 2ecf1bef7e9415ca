"""Where a customer is billed, a location lies, a booking is wanted."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.record import Model

__all__ = ["Address", "AddressUpdate"]


class Address(Model, frozen=True, kw_only=True, omit_defaults=True):
    """An address, as it is answered and as it is sent when something is created.

    What is None is left out of a request: the service finds the coordinates by itself.
    """

    street: str
    unit: str | None = None
    city: str
    state: str
    zip: str
    country: str
    latitude: float | None = None
    """Not of bookings."""
    longitude: float | None = None


class AddressUpdate(Model, frozen=True, kw_only=True):
    """A changed address, inside `CustomerUpdate` and `LocationUpdate`.

    The portal's schema asks for all the fields of a customer's address, and for the first six of a
    location's; openapi-2.0.0 for none.
    """

    street: str | UnsetType | None = UNSET
    unit: str | UnsetType | None = UNSET
    city: str | UnsetType | None = UNSET
    state: str | UnsetType | None = UNSET
    zip: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    latitude: float | UnsetType | None = UNSET
    longitude: float | UnsetType | None = UNSET
