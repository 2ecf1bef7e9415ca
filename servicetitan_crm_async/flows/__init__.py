"""Work that takes several calls and may be cut off between any two of them.

    match await flows.find_or_create_customer(crm, CustomerCreate(...)):
        case flows.Created(customer) | flows.Existing(customer):
            ...
        case flows.AmbiguousCustomer(candidates):
            ...  # for a person to decide

Every flow looks before it writes, so repeating one that failed, was cancelled or died with its process
makes nothing twice. Calls for the same thing in one event loop wait for each other, whichever client they
go through; between processes nothing does. What the service answers so late that it is not yet there to
be seen, no flow can see.
"""

from __future__ import annotations

from servicetitan_crm_async.flows.bookings import book
from servicetitan_crm_async.flows.custom_fields import set_customer_fields, set_location_fields
from servicetitan_crm_async.flows.customers import CustomerOutcome, find_or_create_customer
from servicetitan_crm_async.flows.leads import Conversion, convert_lead
from servicetitan_crm_async.flows.outcomes import AmbiguousCustomer, AmbiguousLocation, Created, Existing

__all__ = [
    "AmbiguousCustomer",
    "AmbiguousLocation",
    "Conversion",
    "Created",
    "CustomerOutcome",
    "Existing",
    "book",
    "convert_lead",
    "find_or_create_customer",
    "set_customer_fields",
    "set_location_fields",
]
