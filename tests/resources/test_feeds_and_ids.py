"""Export feeds of every noun that has one, and many records by their ids, over the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from desk import OPENAPI, PORTAL, Desk, desk

from servicetitan_crm_async import Feed, NotInContract

KINDS = {
    "customers": "customers",
    "customers.contacts": "customer_contacts",
    "locations": "locations",
    "locations.contacts": "location_contacts",
    "leads": "leads",
    "bookings": "bookings",
    "tag_types": "tag_types",
}


def noun_of(d: Desk, name: str) -> Any:
    found: Any = d.crm
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("noun", KINDS)
async def test_a_feed_tells_of_every_record(noun: str) -> None:
    async with desk(PORTAL) as d:
        kind: Any = KINDS[noun]
        feed: Feed[Any] = noun_of(d, noun).export()
        records = await feed.collect()
        assert {record.id for record in records} == set(d.sandbox.records(kind, feed=True))
        assert all(record.active is not None for record in records)


async def test_a_feed_goes_on_from_a_token_and_from_a_date() -> None:
    async with desk(PORTAL) as d:
        pages = [page async for page in d.crm.customers.export().pages()]
        token = pages[-1].continue_from
        assert await d.crm.customers.export(from_=token).collect() == []
        number = d.ids("customers")[0]
        d.sandbox.world().edit("customers", number, {"name": "Anew"})
        assert [each.name for each in await d.crm.customers.export(from_=token).collect()] == ["Anew"]
        d.visits()
        await d.crm.customers.export(from_="2020-01-01").collect()
        await d.crm.customers.export(from_=datetime(2020, 1, 1, tzinfo=UTC)).collect()
        assert [query["from"] for _, _, query in d.asked() if "from" in query][:1] == ["2020-01-01"]


async def test_a_deleted_record_comes_inactive() -> None:
    async with desk(PORTAL) as d:
        number = d.ids("customer_contacts")[0]
        d.sandbox.world().delete("customer_contacts", number)
        told = {each.id: each.active async for each in d.crm.customers.contacts.export()}
        assert told[number] is False


async def test_the_older_contract_has_no_feeds_and_says_what_it_has() -> None:
    async with desk(OPENAPI) as d:
        with pytest.raises(NotInContract, match=r"use leads\.list with modifiedOnOrAfter"):
            d.crm.leads.export()


@pytest.mark.parametrize("noun", ["leads", "bookings", "locations"])
async def test_many_by_their_ids(noun: str) -> None:
    async with desk(PORTAL, customers=150) as d:
        kind: Any = KINDS[noun]
        ids = d.ids(kind)[:60]
        d.visits()
        found = await noun_of(d, noun).get_many([*ids, 999_999_999])
        assert list(found.records) == ids
        assert found.missing == (999_999_999,)
        assert len(d.visits()) == -(-(len(ids) + 1) // 50)


async def test_many_of_one_provider_by_their_ids() -> None:
    async with desk(PORTAL, customers=150) as d:
        provider = d.sandbox.world().providers[0]
        bookings = d.crm.booking_provider(provider)
        ids = [each.id async for each in bookings.list()]
        assert ids
        d.visits()
        found = await bookings.get_many(ids)
        assert list(found.records) == ids
        assert {path for _, path, _ in d.asked()} == {f"/booking-provider/{provider}/bookings"}
