"""Which cheap call shows that a scope is granted, and what to tick where it is not; pure.

The developer portal grants by groups of operations. They are named here as its published reference names
them, which a test compares; how the boxes themselves are worded is published nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async.contract import OPERATIONS, ContractName, Operation, operation
from servicetitan_crm_async.errors import ConfigError


class Scope(NamedTuple):
    """An entity, the operation that reads it, and the group of the portal that grants it."""

    entity: str
    operation: str
    box: str
    """What to tick: `CRM > Customers`."""

    @property
    def advice(self) -> str:
        """What to do about a 403."""
        return (
            f"Tick {self.box}, to read, in developer.servicetitan.io > My Apps > Edit > API scopes; then the "
            "tenant's administrator allows the new version of the app in Settings > Integrations > API "
            "Application Access."
        )


SCOPES = (
    Scope("customers", "customers.list", "CRM > Customers"),
    Scope("customer_contacts", "customers.contacts.list_all", "CRM > Customers"),
    Scope("locations", "locations.list", "CRM > Locations"),
    Scope("location_contacts", "locations.contacts.list_all", "CRM > Locations"),
    Scope("leads", "leads.list", "CRM > Leads"),
    Scope("bookings", "bookings.list", "CRM > Bookings"),
    Scope("tag_types", "tag_types.list", "Settings > Tag Types"),
    Scope("contacts", "contacts.list", "CRM > Contacts"),
    Scope("booking_provider_tags", "booking_provider_tags.list", "CRM > Booking Provider Tags"),
)
"""Those of the sync first, in its order, then what single calls alone read."""


def scopes_of(contract: ContractName, entities: Sequence[str] | None) -> list[Scope]:
    """The scopes to look at: of the entities named, or of all that the contract can list.

    Raises:
        ConfigError: a name that is none.
        NotInContract: an entity named that the contract cannot list.
    """
    if entities is None:
        there = {row.name for row in OPERATIONS if row.contract == contract}
        return [scope for scope in SCOPES if scope.operation in there]
    by_name = {scope.entity: scope for scope in SCOPES}
    if unknown := [name for name in entities if name not in by_name]:
        raise ConfigError({"--entities": f"unknown: {', '.join(unknown)}; known: {', '.join(by_name)}"})
    for name in entities:
        operation(contract, by_name[name].operation)
    return [by_name[name] for name in dict.fromkeys(entities)]


def cheapest(row: Operation, now: datetime) -> dict[str, FilterValue]:
    """The filters by which a list answers as little as it can."""
    filters: dict[str, FilterValue] = {"page_size": 1} if row.paged else {}
    # The contacts of all customers are refused without ids or a window of modification.
    return {**filters, "modified_on_or_after": now} if row.name.endswith(".list_all") else filters
