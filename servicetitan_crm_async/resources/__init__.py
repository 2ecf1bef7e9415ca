"""What a caller can do, one module a noun; every method names the operation it calls."""

from __future__ import annotations

from servicetitan_crm_async.resources.booking_provider_tags import BookingProviderTags
from servicetitan_crm_async.resources.bookings import BookingProvider, Bookings
from servicetitan_crm_async.resources.contacts import (
    ContactMethods,
    ContactPreferences,
    ContactRelationships,
    Contacts,
    MethodPreferences,
)
from servicetitan_crm_async.resources.custom_fields import CustomFields
from servicetitan_crm_async.resources.customers import Customers
from servicetitan_crm_async.resources.leads import Leads
from servicetitan_crm_async.resources.locations import Locations
from servicetitan_crm_async.resources.notes import DeletableNotes, Notes
from servicetitan_crm_async.resources.owned_contacts import (
    BookingContacts,
    CustomerContacts,
    EditableContacts,
    LocationContacts,
)
from servicetitan_crm_async.resources.preferred_technician import PreferredTechnician
from servicetitan_crm_async.resources.tag_types import TagTypes
from servicetitan_crm_async.resources.tags import RecordTags, Tags

__all__ = [
    "BookingContacts",
    "BookingProvider",
    "BookingProviderTags",
    "Bookings",
    "ContactMethods",
    "ContactPreferences",
    "ContactRelationships",
    "Contacts",
    "CustomFields",
    "CustomerContacts",
    "Customers",
    "DeletableNotes",
    "EditableContacts",
    "Leads",
    "LocationContacts",
    "Locations",
    "MethodPreferences",
    "Notes",
    "PreferredTechnician",
    "RecordTags",
    "TagTypes",
    "Tags",
]
