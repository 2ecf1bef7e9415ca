"""Who pays."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.address import Address, AddressUpdate
from servicetitan_crm_async.models.contact import Contact, ContactCreate
from servicetitan_crm_async.models.custom_field import CustomField, CustomFieldValue
from servicetitan_crm_async.models.enums import CustomerType
from servicetitan_crm_async.models.external_data import ExternalData, ExternalDataCreate, ExternalDataUpdate
from servicetitan_crm_async.models.location import Location, LocationCreate
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["Customer", "CustomerCreate", "CustomerUpdate"]


class Customer(Record, frozen=True, kw_only=True):
    """A customer of record; the work is done at its locations, of which it has at least one."""

    active: bool
    """False: deactivated, as a rule because it was merged into another; see `merged_to_id`."""
    name: str
    type: CustomerType
    address: Address
    """Where the bill goes."""
    custom_fields: tuple[CustomField, ...] = ()
    balance: Decimal
    tax_exempt: bool | None = None
    tag_type_ids: tuple[int, ...] = ()
    do_not_mail: bool
    do_not_service: bool
    """The company does not want to work for this customer; the service itself refuses nothing."""
    national_account: bool | None = None
    created_on: Instant
    created_by_id: int | None = None
    modified_on: Instant
    """Does not move when only contacts or memberships change: contacts have a list of their own."""
    merged_to_id: int | None = None
    """The customer that took this one's place; people merge duplicates in the user interface."""
    payment_term_id: int | None = None
    credit_limit: Decimal | None = None
    credit_limit_balance: Decimal | None = None
    external_data: tuple[ExternalData, ...] = ()
    """That of the application whose GUID the request named; empty when it named none."""
    locations: tuple[Location, ...] = ()
    """Only of a customer just created."""
    contacts: tuple[Contact, ...] = ()
    """Of a customer just created, and of openapi-2.0.0; otherwise they have a list of their own."""
    memberships: tuple[Mapping[str, object], ...] = ()
    """Of openapi-2.0.0 alone, which does not say what is in them."""
    has_active_membership: bool | None = None


class CustomerCreate(Model, frozen=True, kw_only=True):
    """A new customer with its locations, one at least.

    The portal requires an `address` and a name for each location, openapi-2.0.0 a `type`.
    """

    name: str
    locations: tuple[LocationCreate, ...]
    type: CustomerType | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    """Where the bill goes."""
    do_not_mail: bool | UnsetType = UNSET
    do_not_service: bool | UnsetType = UNSET
    national_account: bool | UnsetType = UNSET
    tax_exempt: bool | UnsetType = UNSET
    payment_term_id: int | UnsetType = UNSET
    credit_limit: Decimal | UnsetType = UNSET
    credit_limit_balance: Decimal | UnsetType = UNSET
    contacts: tuple[ContactCreate, ...] | UnsetType = UNSET
    custom_fields: tuple[CustomFieldValue, ...] | UnsetType = UNSET
    tag_type_ids: tuple[int, ...] | UnsetType = UNSET
    external_data: ExternalDataCreate | UnsetType = UNSET


class CustomerUpdate(Model, frozen=True, kw_only=True):
    """What to change of a customer; None empties a field, what is left out stays.

    The service's guide says that records are not deactivated through the API, though its schema
    has `active`.
    """

    name: str | UnsetType | None = UNSET
    type: CustomerType | UnsetType | None = UNSET
    address: AddressUpdate | UnsetType | None = UNSET
    do_not_mail: bool | UnsetType | None = UNSET
    do_not_service: bool | UnsetType | None = UNSET
    national_account: bool | UnsetType | None = UNSET
    active: bool | UnsetType | None = UNSET
    tax_exempt: bool | UnsetType | None = UNSET
    payment_term_id: int | UnsetType | None = UNSET
    credit_limit: Decimal | UnsetType | None = UNSET
    credit_limit_balance: Decimal | UnsetType | None = UNSET
    custom_fields: tuple[CustomFieldValue, ...] | UnsetType | None = UNSET
    tag_type_ids: tuple[int, ...] | UnsetType | None = UNSET
    external_data: ExternalDataUpdate | UnsetType | None = UNSET
