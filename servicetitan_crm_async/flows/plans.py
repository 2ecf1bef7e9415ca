"""What a lead says, as the customer and the location it would make; pure."""

from __future__ import annotations

import msgspec

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    Address,
    ContactCreate,
    ContactType,
    CustomerCreate,
    ExternalData,
    ExternalDataCreate,
    Lead,
    LocationCreate,
)

TRACE_KEY = "lead"
"""Of the external data by which a customer created for a lead is recognised."""


def check_one_application(customer: CustomerCreate | None, guid: str | None) -> None:
    data = msgspec.UNSET if customer is None else customer.external_data
    if guid is not None and data is not msgspec.UNSET and data.application_guid.lower() != guid.lower():
        raise ConfigError({"application_guid": "is not that of the external data of `customer`"})


class Plan(msgspec.Struct, frozen=True):
    """What a customer and a location are looked for by, and created from."""

    customer: CustomerCreate
    lacks: dict[str, str]
    """What is missing to create them, and what to do about it."""

    @classmethod
    def of(cls, lead: Lead, customer: CustomerCreate | None, guid: str | None) -> Plan:
        new = _customer_of(lead) if customer is None else customer
        if guid is not None:
            carried = () if new.external_data is msgspec.UNSET else new.external_data.external_data
            mark = ExternalData(key=TRACE_KEY, value=str(lead.id))
            data = ExternalDataCreate(application_guid=guid, external_data=(*carried, mark))
            new = msgspec.structs.replace(new, external_data=data)
        return cls(new, _blank(lead) if customer is None else {})

    @property
    def location(self) -> LocationCreate:
        return self.customer.locations[0]

    def check(self) -> None:
        if self.lacks:
            raise ConfigError(self.lacks)


def _customer_of(lead: Lead) -> CustomerCreate:
    name = lead.lead_customer_name or ""
    address = Address(
        street=lead.lead_street or "",
        unit=lead.lead_unit,
        city=lead.lead_city or "",
        state=lead.lead_state or "",
        zip=lead.lead_zip or "",
        country=lead.lead_country or "",
    )
    # A lead does not say whether its number is that of a mobile phone, which may be sent texts.
    ways = ((ContactType.PHONE, lead.lead_phone), (ContactType.EMAIL, lead.lead_email))
    return CustomerCreate(
        name=name,
        address=address,
        locations=(LocationCreate(name=name, address=address),),
        contacts=tuple(ContactCreate(type=kind, value=value) for kind, value in ways if value),
    )


def _blank(lead: Lead) -> dict[str, str]:
    needed = {
        "lead_customer_name": lead.lead_customer_name,
        "lead_street": lead.lead_street,
        "lead_city": lead.lead_city,
        "lead_state": lead.lead_state,
        "lead_zip": lead.lead_zip,
        "lead_country": lead.lead_country,
    }
    return {
        field: "the lead has none: give `customer`"
        for field, value in needed.items()
        if not (value or "").strip()
    }
