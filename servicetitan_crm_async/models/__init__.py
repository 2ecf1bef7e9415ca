"""What travels on the wire, one module per noun. One model of each serves both contracts.

Answers (`Customer`, `Lead` …) have a plain field where both contracts promise one, and `None` or an
empty tuple for what only one of them has. New things are `…Create`, whose `UNSET` fields are not
sent; changes are `…Update`, where absent (`UNSET`), null (`None`) and a value are three things.
"""

from servicetitan_crm_async.models.address import Address, AddressUpdate
from servicetitan_crm_async.models.booking import Booking, BookingCreate, BookingUpdate
from servicetitan_crm_async.models.booking_provider_tag import (
    BookingProviderTag,
    BookingProviderTagCreate,
    BookingProviderTagUpdate,
)
from servicetitan_crm_async.models.contact import (
    Contact,
    ContactCreate,
    ContactPreferences,
    ContactUpdate,
    CustomerContact,
    LocationContact,
    PhoneSettings,
)
from servicetitan_crm_async.models.contact_method import (
    ContactMethod,
    ContactMethodCreate,
    ContactMethodPreference,
    ContactMethodUpdate,
)
from servicetitan_crm_async.models.contact_person import (
    ContactPerson,
    ContactPersonCreate,
    ContactPersonReplace,
    ContactPersonUpdate,
    ContactPreferenceType,
    ContactRelationship,
)
from servicetitan_crm_async.models.custom_field import CustomField, CustomFieldType, CustomFieldValue
from servicetitan_crm_async.models.customer import Customer, CustomerCreate, CustomerUpdate
from servicetitan_crm_async.models.enums import (
    Active,
    BookingProviderTagType,
    BookingStatus,
    ContactType,
    CoordinatesSource,
    CoordinatesVerification,
    CustomerType,
    ExternalDataMode,
    LeadStatus,
    OpenEnum,
    Priority,
    RelatedKind,
    TagImportance,
)
from servicetitan_crm_async.models.external_data import (
    ExternalData,
    ExternalDataChange,
    ExternalDataCreate,
    ExternalDataUpdate,
)
from servicetitan_crm_async.models.lead import (
    FollowUp,
    FollowUpCreate,
    Lead,
    LeadCreate,
    LeadForm,
    LeadFormAnswer,
    LeadUpdate,
)
from servicetitan_crm_async.models.location import Location, LocationCreate, LocationUpdate
from servicetitan_crm_async.models.note import CustomerNoteCreate, LocationNoteCreate, Note, NoteCreate
from servicetitan_crm_async.models.page import Envelope, FeedPage, Page
from servicetitan_crm_async.models.record import Model, Record
from servicetitan_crm_async.models.tag_type import Modification, TagType, TagTypeCreate, TagTypeUpdate
from servicetitan_crm_async.models.tags import CustomerTags, LocationTags, Tagged

__all__ = [
    "Active",
    "Address",
    "AddressUpdate",
    "Booking",
    "BookingCreate",
    "BookingProviderTag",
    "BookingProviderTagCreate",
    "BookingProviderTagType",
    "BookingProviderTagUpdate",
    "BookingStatus",
    "BookingUpdate",
    "Contact",
    "ContactCreate",
    "ContactMethod",
    "ContactMethodCreate",
    "ContactMethodPreference",
    "ContactMethodUpdate",
    "ContactPerson",
    "ContactPersonCreate",
    "ContactPersonReplace",
    "ContactPersonUpdate",
    "ContactPreferenceType",
    "ContactPreferences",
    "ContactRelationship",
    "ContactType",
    "ContactUpdate",
    "CoordinatesSource",
    "CoordinatesVerification",
    "CustomField",
    "CustomFieldType",
    "CustomFieldValue",
    "Customer",
    "CustomerContact",
    "CustomerCreate",
    "CustomerNoteCreate",
    "CustomerTags",
    "CustomerType",
    "CustomerUpdate",
    "Envelope",
    "ExternalData",
    "ExternalDataChange",
    "ExternalDataCreate",
    "ExternalDataMode",
    "ExternalDataUpdate",
    "FeedPage",
    "FollowUp",
    "FollowUpCreate",
    "Lead",
    "LeadCreate",
    "LeadForm",
    "LeadFormAnswer",
    "LeadStatus",
    "LeadUpdate",
    "Location",
    "LocationContact",
    "LocationCreate",
    "LocationNoteCreate",
    "LocationTags",
    "LocationUpdate",
    "Model",
    "Modification",
    "Note",
    "NoteCreate",
    "OpenEnum",
    "Page",
    "PhoneSettings",
    "Priority",
    "Record",
    "RelatedKind",
    "TagImportance",
    "TagType",
    "TagTypeCreate",
    "TagTypeUpdate",
    "Tagged",
]
