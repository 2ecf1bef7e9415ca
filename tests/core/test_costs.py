"""What the hot paths cost, counted and not timed: functions entered, blocks of memory, requests.

The bounds leave room for other versions of Python and of the libraries; what they catch is work that
comes back for every call or for every record.
"""

from __future__ import annotations

import gc
import platform
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType

import msgspec
import pytest
from fake_transport import API_URL, AUTH_URL, FakeTransport, client, ok
from virtual_time import run

from servicetitan_crm_async import RateLimit, ServiceTitanCRM, Settings
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.models import (
    Booking,
    Customer,
    CustomerContact,
    Envelope,
    Lead,
    Location,
    LocationContact,
    TagType,
)
from servicetitan_crm_async.sandbox import Kind, Sandbox
from servicetitan_crm_async.sync.reading import read_page

RECORDS = 500


MODELS: dict[Kind, type[msgspec.Struct]] = {
    "customers": Customer,
    "customer_contacts": CustomerContact,
    "locations": Location,
    "location_contacts": LocationContact,
    "leads": Lead,
    "bookings": Booking,
    "tag_types": TagType,
}

PAGES_COME_AND_GO = """
import asyncio, resource
from servicetitan_crm_async._core.transport import AiohttpTransport

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        bodies = [b"x" * 300_000 for _ in range(8)]
        del bodies
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

async def opened():
    transport = AiohttpTransport(connect_timeout=1.0, max_response_bytes=1)
    await transport.open()
    await transport.close()
    faults()
    return faults()

faults()
print(faults(), asyncio.run(opened()))
"""


@pytest.fixture(scope="module")
def customers() -> list[bytes]:
    """As the service sends them, one by one."""
    return [body for _, body in Sandbox(customers=RECORDS, contacts=(0, 0)).records("customers").values()]


@pytest.fixture(scope="module")
def page(customers: list[bytes]) -> bytes:
    return b'{"page":1,"pageSize":500,"hasMore":false,"totalCount":null,"data":[%s]}' % b",".join(customers)


def _client(transport: FakeTransport) -> ServiceTitanCRM:
    rate = RateLimit(per_second=1_000_000)
    return client(transport, Settings(api_url=API_URL, auth_url=AUTH_URL, rate=rate))


class Entered:
    """Counts the functions that are entered, in Python and in C, while the block lasts."""

    def __enter__(self) -> Entered:
        self.count = 0
        sys.setprofile(self._see)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _see(self, frame: FrameType, event: str, argument: object) -> None:
        self.count += event in ("call", "c_call")


def _blocks_held_by(make: Callable[[], object]) -> int:
    """Blocks of memory that what is made consists of."""
    make()
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        made = make()
        held = sys.getallocatedblocks() - before
    finally:
        gc.enable()
    assert made is not None
    return held


def _entered_by_a_call(customers: list[bytes]) -> int:
    async def main() -> int:
        async with _client(FakeTransport([ok(customers[0])] * 23)) as crm:
            for _ in range(3):
                await crm.customers.get(1)
            with Entered() as entered:
                for _ in range(20):
                    await crm.customers.get(1)
            return entered.count // 20

    return run(main())


def test_a_single_call_enters_few_functions(customers: list[bytes]) -> None:
    assert _entered_by_a_call(customers) <= 130


def test_a_typed_page_is_decoded_without_a_step_for_each_record(page: bytes) -> None:
    read = decoder_for(Envelope[Customer])
    read(page)
    with Entered() as entered:
        assert len(read(page).data) == RECORDS
    assert entered.count <= 20


@pytest.mark.parametrize(("kind", "model"), MODELS.items())
def test_the_fields_of_a_record_are_where_the_decoder_looks_for_them(
    kind: Kind, model: type[msgspec.Struct]
) -> None:
    """It begins behind the field before; only what a base class has may call it back, and only once."""
    fields = [field.encode_name for field in msgspec.structs.fields(model)]
    _, body = next(iter(Sandbox(customers=20).records(kind).values()))
    places = [fields.index(name) for name in msgspec.json.decode(body, type=dict[str, msgspec.Raw])]
    assert sum(later < earlier for earlier, later in pairwise(places)) <= 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that gives memory back")
def test_the_memory_of_a_page_is_there_for_the_next() -> None:
    """In a process of its own, as what is learned there holds for all of it."""
    told = subprocess.run([sys.executable, "-c", PAGES_COME_AND_GO], check=True, capture_output=True)
    unopened, opened = map(int, told.stdout.split())
    assert opened < unopened / 10


def test_a_typed_record_takes_few_blocks_of_memory(page: bytes) -> None:
    read = decoder_for(Envelope[Customer])
    assert _blocks_held_by(lambda: read(page)) / RECORDS <= 25


def test_a_record_on_its_way_to_a_destination_takes_few_steps_and_blocks(page: bytes) -> None:
    read_page(page)
    with Entered() as entered:
        _, records, odd = read_page(page)
    assert (len(records), odd) == (RECORDS, ())
    assert entered.count / RECORDS <= 8
    assert _blocks_held_by(lambda: read_page(page)) / RECORDS <= 7


def test_a_raw_record_of_a_list_takes_few_steps(page: bytes) -> None:
    async def main() -> float:
        async with _client(FakeTransport([ok(page)] * 2)) as crm:
            await crm.customers.list().raw().collect()
            with Entered() as entered:
                assert len(await crm.customers.list().raw().collect()) == RECORDS
            return entered.count / RECORDS

    assert run(main()) <= 4


def test_many_records_by_their_ids_cost_one_request_for_each_fifty(page: bytes) -> None:
    async def main() -> int:
        empty = ok(b'{"page":1,"pageSize":50,"hasMore":false,"data":[]}')
        transport = FakeTransport([empty] * 21)
        async with _client(transport) as crm:
            assert len((await crm.customers.get_many(range(1, 1002))).missing) == 1001
        return len(transport.sent)

    assert run(main()) == 21
