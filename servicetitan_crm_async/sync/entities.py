"""The entities a sync knows, and what reads and types each of them."""

from __future__ import annotations

from typing import NamedTuple

from servicetitan_crm_async import models


class Entity(NamedTuple):
    """One table of the mirror: its name, the operation that lists it, the model of its records."""

    name: str
    operation: str
    """The name of the row in the route table."""
    model: type[models.Record]

    @property
    def feed(self) -> str:
        """The name of the row of its export feed; not every contract has one."""
        return f"{self.operation.rpartition('.')[0]}.export"


ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (
        Entity("customers", "customers.list", models.Customer),
        Entity("customer_contacts", "customers.contacts.list_all", models.CustomerContact),
        Entity("locations", "locations.list", models.Location),
        Entity("location_contacts", "locations.contacts.list_all", models.LocationContact),
        Entity("leads", "leads.list", models.Lead),
        Entity("bookings", "bookings.list", models.Booking),
        Entity("tag_types", "tag_types.list", models.TagType),
    )
}
"""In the order a sync reports them."""
