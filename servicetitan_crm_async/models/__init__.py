"""What travels on the wire, one module per noun. One model of each serves both contracts.

Answers (`Customer`, `Lead` …) have a plain field where both contracts promise one, and `None` or an
empty tuple for what only one of them has. New things are `…Create`, whose `UNSET` fields are not
sent; changes are `…Update`, where absent (`UNSET`), null (`None`) and a value are three things.
"""

from servicetitan_crm_async.models.address import Address, AddressUpdate
from servicetitan_crm_async.models.booking import Booking, BookingCreate
from servicetitan_crm_async.models.contact import (
    Contact,
    ContactCreate,
    ContactPreferences,
    CustomerContact,
    LocationContact,
    PhoneSettings,
)
from servicetitan_crm_async.models.custom_field import CustomField, CustomFieldValue
from servicetitan_crm_async.models.customer import Customer, CustomerCreate, CustomerUpdate
from servicetitan_crm_async.models.enums import (
    Active,
    BookingStatus,
    ContactType,
    CoordinatesSource,
    CoordinatesVerification,
    CustomerType,
    ExternalDataMode,
    LeadStatus,
    OpenEnum,
    Priority,
    TagImportance,
)
from servicetitan_crm_async.models.external_data import (
    ExternalData,
    ExternalDataChange,
    ExternalDataCreate,
    ExternalDataUpdate,
)
from servicetitan_crm_async.models.lead import Lead, LeadCreate, LeadUpdate
from servicetitan_crm_async.models.location import Location, LocationCreate, LocationUpdate
from servicetitan_crm_async.models.page import Envelope, FeedPage, Page
from servicetitan_crm_async.models.record import Model, Record
from servicetitan_crm_async.models.tag_type import TagType

__all__ = [
    "Active",
    "Address",
    "AddressUpdate",
    "Booking",
    "BookingCreate",
    "BookingStatus",
    "Contact",
    "ContactCreate",
    "ContactPreferences",
    "ContactType",
    "CoordinatesSource",
    "CoordinatesVerification",
    "CustomField",
    "CustomFieldValue",
    "Customer",
    "CustomerContact",
    "CustomerCreate",
    "CustomerType",
    "CustomerUpdate",
    "Envelope",
    "ExternalData",
    "ExternalDataChange",
    "ExternalDataCreate",
    "ExternalDataMode",
    "ExternalDataUpdate",
    "FeedPage",
    "Lead",
    "LeadCreate",
    "LeadStatus",
    "LeadUpdate",
    "Location",
    "LocationContact",
    "LocationCreate",
    "LocationUpdate",
    "Model",
    "OpenEnum",
    "Page",
    "PhoneSettings",
    "Priority",
    "Record",
    "TagImportance",
    "TagType",
]
