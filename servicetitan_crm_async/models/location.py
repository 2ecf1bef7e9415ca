"""Where work is done."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.address import Address, AddressUpdate
from servicetitan_crm_async.models.contact import Contact, ContactCreate
from servicetitan_crm_async.models.custom_field import CustomField, CustomFieldValue
from servicetitan_crm_async.models.enums import CoordinatesSource, CoordinatesVerification
from servicetitan_crm_async.models.external_data import ExternalData, ExternalDataCreate, ExternalDataUpdate
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["Location", "LocationCreate", "LocationUpdate"]


class Location(Record, frozen=True, kw_only=True):
    """A place of work; it belongs to exactly one customer."""

    customer_id: int
    active: bool
    """False: deactivated, as a rule because it was merged into another; see `merged_to_id`."""
    name: str
    address: Address
    custom_fields: tuple[CustomField, ...] = ()
    created_on: Instant
    created_by_id: int | None = None
    modified_on: Instant
    """Does not move when only the contacts change: they have a list of their own."""
    merged_to_id: int | None = None
    """The location that took this one's place."""
    zone_id: int | None = None
    tax_zone_id: int | None = None
    tax_exempt: bool | None = None
    tag_type_ids: tuple[int, ...] = ()
    external_data: tuple[ExternalData, ...] = ()
    """That of the application whose GUID the request named; empty when it named none."""
    contacts: tuple[Contact, ...] = ()
    """Only of a location just created; otherwise they are read from a list of their own."""


class LocationCreate(Model, frozen=True, kw_only=True):
    """A new location: on its own with a `customer_id`, or without one inside `CustomerCreate`.

    The portal requires a `name`.
    """

    address: Address
    name: str | UnsetType = UNSET
    customer_id: int | UnsetType = UNSET
    contacts: tuple[ContactCreate, ...] | UnsetType = UNSET
    custom_fields: tuple[CustomFieldValue, ...] | UnsetType = UNSET
    tag_type_ids: tuple[int, ...] | UnsetType = UNSET
    external_data: ExternalDataCreate | UnsetType = UNSET
    coordinates_source: CoordinatesSource | UnsetType = UNSET
    coordinates_verification_status: CoordinatesVerification | UnsetType = UNSET
    zone_id: int | UnsetType = UNSET
    """Of openapi-2.0.0 alone."""


class LocationUpdate(Model, frozen=True, kw_only=True):
    """What to change of a location; None empties a field, what is left out stays."""

    customer_id: int | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    address: AddressUpdate | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET
    tax_zone_id: int | UnsetType | None = UNSET
    custom_fields: tuple[CustomFieldValue, ...] | UnsetType | None = UNSET
    """All of them: a custom field that is not named loses its value."""
    tag_type_ids: tuple[int, ...] | UnsetType | None = UNSET
    """All of them: a tag that is not named is taken off."""
    external_data: ExternalDataUpdate | UnsetType | None = UNSET
    zone_id: int | UnsetType | None = UNSET
    """Of openapi-2.0.0 alone."""
