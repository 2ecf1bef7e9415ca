"""Records as they were sent: the text of their instants to 100 ns, and every byte of their JSON."""

from __future__ import annotations

import re

import msgspec
from desk import PORTAL, desk

from servicetitan_crm_async._core.raw_records import raw_record
from servicetitan_crm_async.models import Customer, Page

SEVEN_DIGITS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z")


async def test_the_text_of_modified_on_is_reachable_to_100_ns() -> None:
    async with desk(PORTAL) as d:
        raw = await d.crm.customers.list(page_size=20, active="Any").raw().collect(concurrency=2)
        typed = await d.crm.customers.list(page_size=20, active="Any").collect()
        assert [record.id for record in raw] == [customer.id for customer in typed]
        texts = [record.modified_on or "" for record in raw]
        assert any(SEVEN_DIGITS.fullmatch(text) and text[-2] != "0" for text in texts)
        for record, customer in zip(raw, typed, strict=True):
            assert msgspec.json.decode(record.data, type=Customer) == customer
            assert msgspec.json.decode(record.data)["modifiedOn"] == record.modified_on
            assert (record.modified_on or "")[:19] == customer.modified_on.isoformat()[:19]


async def test_raw_pages_and_raw_feeds_are_asked_as_the_typed_ones() -> None:
    async with desk(PORTAL) as d:
        pages = [page async for page in d.crm.leads.list(status="Open", page_size=5).raw().pages()]
        assert all(isinstance(page, Page) for page in pages)
        assert {query["status"] for _, _, query in d.asked()} == {"Open"}
        exported = await d.crm.leads.export(include_recent_changes=True).raw().collect()
        assert {record.id for record in exported} == set(d.sandbox.records("leads"))
        assert {query["includeRecentChanges"] for _, _, query in d.asked()} == {"true"}


async def test_a_guid_is_an_id_too_and_a_record_without_keys_has_none() -> None:
    data = b'{"id":"7b9f","modifiedOn":null,"x":[1]}'
    record = raw_record(msgspec.Raw(data))
    assert (record.id, record.modified_on, record.data) == ("7b9f", None, data)
    for odd in (b"7", b"[]", b'{"id":{}}', b'{"id":1,"modifiedOn":5}', b"null"):
        record = raw_record(msgspec.Raw(odd))
        assert (record.id, record.modified_on, record.data) == (None, None, odd)
