"""What a caller can do, one module a noun; every method names the operation it calls."""

from __future__ import annotations

from servicetitan_crm_async.resources.bookings import Bookings
from servicetitan_crm_async.resources.customers import CustomerContacts, Customers
from servicetitan_crm_async.resources.leads import Leads
from servicetitan_crm_async.resources.locations import Locations
from servicetitan_crm_async.resources.tag_types import TagTypes

__all__ = ["Bookings", "CustomerContacts", "Customers", "Leads", "Locations", "TagTypes"]
