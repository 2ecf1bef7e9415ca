"""Records as they were sent: the text of their instants to 100 ns, and every byte of their JSON."""

from __future__ import annotations

import re

import msgspec
import pytest
from desk import OPENAPI, PORTAL, desk

from servicetitan_crm_async import ContractName, DecodeError
from servicetitan_crm_async._core.raw_records import frame_of, raw_envelope
from servicetitan_crm_async.models import Customer, Envelope, Lead, Page

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


async def test_page_bodies_come_as_they_were_sent_and_in_order() -> None:
    async with desk(PORTAL) as d:
        async with d.crm.customers.list(page_size=7, sort="+Id").bodies(concurrency=3) as bodies:
            read = [body async for body in bodies]
        assert [body.page for body in read] == list(range(1, len(read) + 1))
        assert [body.has_more for body in read] == [True] * (len(read) - 1) + [False]
        sent = [msgspec.json.decode(body.json, type=Envelope[Customer]) for body in read]
        assert [len(page.data) for page in sent[:-1]] == [7] * (len(read) - 1)
        typed = await d.crm.customers.list(sort="+Id").collect()
        assert [customer for page in sent for customer in page.data] == typed


@pytest.mark.parametrize("contract", [PORTAL, OPENAPI])
async def test_what_lists_say_nothing_of_is_found_out(contract: ContractName) -> None:
    """Leads of openapi-2.0.0 say `data` alone: a body without records is the last one."""
    async with desk(contract) as d:
        async with d.crm.leads.list(page_size=10).bodies(concurrency=1) as bodies:
            read = [body async for body in bodies]
        found = [
            lead.id for body in read for lead in msgspec.json.decode(body.json, type=Envelope[Lead]).data
        ]
        assert found == [lead.id for lead in await d.crm.leads.list(page_size=10).collect()]
        assert read[-1].has_more is False


HEADS = [
    b'{"page":2,"pageSize":5,"hasMore":true,"totalCount":null,"data":[%s]}',
    b'{"data":[%s],"page":2,"pageSize":5,"hasMore":true}',
    b'{"page":2,"data":[%s],"pageSize":5,"hasMore":true}',
    b'{ "page": 2, "pageSize": 5, "hasMore": true, "data": [%s] }\n',
    b'{"x":{"data":[1]},"page":2,"pageSize":5,"hasMore":true,"data":[%s]}',
    b'{"x":"' + b"y" * 600 + b'","page":2,"pageSize":5,"hasMore":true,"data":[%s]}',
    b'{"page":2,"pageSize":5,"hasMore":true,"data":[%s],"x":[1]}',
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("records", [b"", b'{"id":1},{"id":2,"hasMore":false,"data":[]}'])
def test_the_frame_of_a_page_is_found_wherever_it_stands(head: bytes, records: bytes) -> None:
    frame = frame_of(head % records)
    assert (frame.page, frame.page_size, frame.has_more) == (2, 5, True)


def test_what_is_no_page_has_no_frame() -> None:
    for body in (b"", b"[]", b'{"page":1', b'{"page":1,"pageSize":5,"hasMore":true,"data":[1', b'{"data":7}'):
        with pytest.raises(DecodeError):
            frame_of(body)


def test_a_guid_is_an_id_too_and_a_record_without_keys_has_none() -> None:
    data = b'{"id":"7b9f","modifiedOn":null,"x":[1]}'
    odd = (b"7", b"[]", b'{"id":{}}', b'{"id":1,"modifiedOn":5}', b"null")
    first, *others = raw_envelope(b'{"data":[%s]}' % b",".join((data, *odd))).data
    assert (first.id, first.modified_on, first.data) == ("7b9f", None, data)
    assert [(record.id, record.modified_on, record.data) for record in others] == [
        (None, None, each) for each in odd
    ]
