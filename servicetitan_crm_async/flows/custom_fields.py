"""Custom fields changed one by one, where the service takes all of a record's or none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.flows.turns import in_turn
from servicetitan_crm_async.models import (
    Customer,
    CustomerUpdate,
    CustomFieldValue,
    Location,
    LocationUpdate,
)

R = TypeVar("R", Customer, Location)

Values = tuple[CustomFieldValue, ...]


async def set_customer_fields(
    crm: ServiceTitanCRM, customer_id: int, values: Mapping[int, str | None]
) -> Customer:
    """Give custom fields of a customer new values and leave the others as they are.

    `values` go by the ids of the fields, those of `crm.customers.custom_fields`; None empties one. An
    update of the service replaces all custom fields of a record, so the record is read first, and not
    written where nothing would change. Calls for one customer take turns in one event loop; what another
    process changes between the reading and the writing is lost.

    Safe to repeat after any failure.

    Raises:
        NotFound: there is no such customer.
        TransportFailure: `maybe_applied` is true when the answer to the update was lost.
    """

    async def write(fields: Values) -> Customer:
        return await crm.customers.update(customer_id, CustomerUpdate(custom_fields=fields))

    async with in_turn(crm, f"fields of customer {customer_id}"):
        return await _changed(await crm.customers.get(customer_id), values, write)


async def set_location_fields(
    crm: ServiceTitanCRM, location_id: int, values: Mapping[int, str | None]
) -> Location:
    """Give custom fields of a location new values and leave the others as they are.

    As `set_customer_fields`, with the ids of `crm.locations.custom_fields`. Contract portal alone.

    Raises:
        NotFound: there is no such location.
        TransportFailure: `maybe_applied` is true when the answer to the update was lost.
        ConfigError: before writing, in openapi-2.0.0, where locations have no custom fields.
    """

    async def write(fields: Values) -> Location:
        return await crm.locations.update(location_id, LocationUpdate(custom_fields=fields))

    async with in_turn(crm, f"fields of location {location_id}"):
        return await _changed(await crm.locations.get(location_id), values, write)


async def _changed(record: R, values: Mapping[int, str | None], write: Callable[[Values], Awaitable[R]]) -> R:
    before = {field.type_id: field.value for field in record.custom_fields if field.value is not None}
    after = {number: value for number, value in {**before, **values}.items() if value is not None}
    if after == before:
        return record
    return await write(
        tuple(CustomFieldValue(type_id=number, value=value) for number, value in after.items())
    )
