"""What type checkers make of `changes`: mypy and pyright read the assertions, and the test runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import assert_type

from simulation import SandboxTransport, client
from virtual_time import run

from servicetitan_crm_async import ServiceTitanCRM, models
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync import ChangeBatch, Record, changes


async def test_each_entity_is_typed_by_its_model(crm: ServiceTitanCRM) -> None:
    async with changes(crm, "customers") as customers:
        assert_type(customers, AsyncIterator[ChangeBatch[models.Customer]])
        async for batch in customers:
            assert_type(batch, ChangeBatch[models.Customer])
            for customer in batch:
                assert_type(customer.name, str)
            assert_type(batch.cursor, str)
    async with changes(crm, "customer_contacts") as customer_contacts:
        assert_type(await anext(customer_contacts), ChangeBatch[models.CustomerContact])
    async with changes(crm, "locations", every=timedelta(seconds=1)) as locations:
        assert_type(await anext(locations), ChangeBatch[models.Location])
    async with changes(crm, "location_contacts") as location_contacts:
        assert_type(await anext(location_contacts), ChangeBatch[models.LocationContact])
    async with changes(crm, "leads", raw=False) as leads:
        assert_type(await anext(leads), ChangeBatch[models.Lead])
    async with changes(crm, "bookings") as bookings:
        assert_type(await anext(bookings), ChangeBatch[models.Booking])
    async with changes(crm, "tag_types") as tag_types:
        assert_type(await anext(tag_types), ChangeBatch[models.TagType])


async def test_several_entities_are_typed_by_what_their_models_share(crm: ServiceTitanCRM) -> None:
    async with changes(crm, "customers", "leads") as several:
        assert_type(await anext(several), ChangeBatch[models.Record])
    async with changes(crm) as everything:
        assert_type(await anext(everything), ChangeBatch[models.Record])
    names = ["customers", "leads"]
    async with changes(crm, *names) as named:
        assert_type(await anext(named), ChangeBatch[models.Record])


async def test_raw_records_are_records_of_the_sync(crm: ServiceTitanCRM) -> None:
    async with changes(crm, "customers", raw=True) as one:
        assert_type(await anext(one), ChangeBatch[Record])
    async with changes(crm, "customers", "leads", raw=True) as several:
        assert_type(await anext(several), ChangeBatch[Record])


async def count(opened: AbstractAsyncContextManager[AsyncIterator[ChangeBatch[models.Record]]]) -> int:
    async with opened as batches:
        return sum([len(batch) async for batch in batches])


def test_batches_of_one_entity_go_wherever_batches_of_any_do() -> None:
    async def main() -> None:
        async with client(SandboxTransport(Sandbox(customers=30))) as crm:
            assert await count(changes(crm, "customers")) == 30

    run(main())
