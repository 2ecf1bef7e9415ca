"""One suite for every destination: what `Destination` promises, whatever is behind it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import anyio
import msgspec
import pytest
import pytest_asyncio
from destination_kit import KINDS, ON_DISK, TENANT, batch, customer, held, ledger, make, raw_customer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from servicetitan_crm_async.errors import ConfigError, LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations import (
    Batch,
    CallbackDestination,
    Destination,
    Mirror,
    NdjsonDestination,
    Record,
    open_destination,
)
from servicetitan_crm_async.sync.destinations.rows import newest
from servicetitan_crm_async.sync.ledger import LAYOUT, Ledger

ODD_JSON = [
    b'{"id":1,"balance":1.10,"creditLimit":1E5,"big":123456789012345678901234567890.00}',
    '{"id": 1, "name": "Zoë Übel 株式会社 \U0001f9f0 \u2028", "e": "\\u00eb\\u0000\\n"}'.encode(),
    b'{ "id" : 1 ,\t"a":[ ] , "id2":1, "a":{"b":[[],{}]} }',
    b'{"id":1,"note":"it\'s \\"quoted\\"; drop table customers; -- \\\\"}',
    b'{"id":1,"name":null,"address":"unknown","tagTypeIds":{"a":1},"createdOn":17,"balance":"much"}',
]


@pytest_asyncio.fixture(params=KINDS)
async def destination(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Destination]:
    async with make(request.param, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(params=ON_DISK)
async def on_disk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Destination]:
    async with make(request.param, tmp_path) as opened:
        yield opened


async def test_nothing_is_there_before_the_first_commit(destination: Destination) -> None:
    assert await destination.load(TENANT, "customers") is None
    assert await destination.count(TENANT, "customers") == 0


async def test_records_and_their_ledger_land_together(destination: Destination) -> None:
    landed = batch([customer(1), customer(2)])
    await destination.commit(landed)
    assert held(destination) == {1: customer(1).raw, 2: customer(2).raw}
    assert await destination.load(TENANT, "customers") == landed.ledger
    assert await destination.count(TENANT, "customers") == 2


async def test_a_batch_without_records_moves_the_ledger(destination: Destination) -> None:
    await destination.commit(batch([customer(1)]))
    await destination.commit(batch([], runs=1))
    assert await destination.load(TENANT, "customers") == ledger(runs=1)
    assert await destination.count(TENANT, "customers") == 1


async def test_a_newer_version_replaces_and_an_older_never_does(destination: Destination) -> None:
    await destination.commit(batch([customer(1, 5), customer(2, 5)]))
    await destination.commit(batch([customer(1, 4), customer(2, 6, active=False)]))
    assert held(destination) == {1: customer(1, 5).raw, 2: customer(2, 6, active=False).raw}


async def test_an_equally_new_version_replaces(destination: Destination) -> None:
    await destination.commit(batch([customer(1, 5, name="read first")]))
    await destination.commit(batch([customer(1, 5, name="read later")]))
    assert held(destination) == {1: customer(1, 5, name="read later").raw}


async def test_the_seventh_digit_of_an_instant_orders_versions(destination: Destination) -> None:
    await destination.commit(batch([customer(1, 38_2876004)]))
    await destination.commit(batch([customer(1, 38_2876003)]))
    assert held(destination) == {1: customer(1, 38_2876004).raw}


async def test_a_batch_may_hold_the_same_id_twice(destination: Destination) -> None:
    twice = [
        customer(1, 2),
        customer(1, 1),
        customer(2, 1),
        customer(2, 1, name="read later"),
        customer(1, 2),
    ]
    await destination.commit(batch(twice))
    assert held(destination) == {1: customer(1, 2).raw, 2: customer(2, 1, name="read later").raw}


async def test_records_without_an_instant_are_replaced_by_what_comes_later(destination: Destination) -> None:
    for name in (b"first", b"second"):
        bare = [replace(raw, modified_on=None, ticks=0, active=None) for raw in (_bare(name),)]
        await destination.commit(batch(bare, entity="tag_types"))
    assert held(destination, entity="tag_types") == {1: _bare(b"second").raw}


def _bare(name: bytes) -> Record:
    return raw_customer(b'{"id":1,"name":"' + name + b'"}')


async def test_two_tenants_live_side_by_side(destination: Destination) -> None:
    await destination.commit(batch([customer(1), customer(2)]))
    await destination.commit(batch([customer(1, 9)], tenant=7, runs=3))
    assert held(destination) == {1: customer(1).raw, 2: customer(2).raw}
    assert held(destination, tenant=7) == {1: customer(1, 9).raw}
    assert await destination.count(TENANT, "customers") == 2
    assert await destination.load(7, "customers") == ledger(7, records=1, runs=3)
    assert await destination.load(7, "leads") is None


@pytest.mark.parametrize("raw", ODD_JSON)
async def test_odd_json_is_kept_to_the_letter(destination: Destination, raw: bytes) -> None:
    await destination.commit(batch([raw_customer(raw)]))
    assert held(destination) == {1: raw}


async def test_bytes_that_are_no_text_do_not_cost_the_batch(on_disk: Destination) -> None:
    odd = raw_customer(b'{"id":1,"name":"\xff","note":"\x1e"}')
    await on_disk.commit(batch([odd, customer(2)]))
    assert await on_disk.count(TENANT, "customers") == 2


versions = st.builds(customer, st.integers(1, 6), st.integers(0, 5))
batches = st.lists(st.lists(versions, max_size=6), max_size=6)
_tenants = count(10_000_000)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=batches, data=st.data())
async def test_any_batches_in_any_order_with_repeats_end_in_the_newest_versions(
    destination: Destination, batches: list[list[Record]], data: st.DataObject
) -> None:
    tenant = next(_tenants)
    order = data.draw(st.permutations([*batches, *batches[:2]]))
    for records in order:
        await destination.commit(batch(records, tenant=tenant))
    newest_of_all = newest(record for records in batches for record in records)
    expected = {id_: record.raw for id_, record in newest_of_all.items()}
    assert (held(destination, tenant) if order else {}) == expected
    assert await destination.count(tenant, "customers") == len(expected)


async def test_a_repeated_batch_changes_nothing(destination: Destination) -> None:
    landed = batch([customer(id_, id_ % 3) for id_ in range(50)])
    await destination.commit(landed)
    before = held(destination)
    await destination.commit(landed)
    assert held(destination) == before
    assert await destination.load(TENANT, "customers") == landed.ledger


@pytest.mark.parametrize("kind", ON_DISK)
async def test_another_instance_finds_what_was_committed(kind: str, tmp_path: Path) -> None:
    landed = batch([customer(1, 5), customer(2)])
    async with make(kind, tmp_path) as first:
        await first.commit(landed)
    async with make(kind, tmp_path) as second:
        assert await second.load(TENANT, "customers") == landed.ledger
        assert await second.count(TENANT, "customers") == 2
        await second.commit(batch([customer(1, 4), customer(3)]))
    assert held(second) == {id_: customer(id_, version).raw for id_, version in ((1, 5), (2, 0), (3, 0))}


async def test_twenty_thousand_records_in_one_batch_land_while_the_loop_goes_on(
    destination: Destination,
) -> None:
    records = [customer(id_) for id_ in range(20_000)]
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    async with anyio.create_task_group() as group:
        group.start_soon(beat)
        await destination.commit(batch(records))
        await destination.commit(batch([customer(id_, 1) for id_ in range(19_000, 21_000)]))
        group.cancel_scope.cancel()
    assert await destination.count(TENANT, "customers") == 21_000
    assert beats > 0 or destination.location == "memory"


@pytest.mark.parametrize("by", ["task", "scope"])
async def test_a_cancelled_commit_leaves_the_batch_wholly_in_or_out(on_disk: Destination, by: str) -> None:
    for run in range(1, 6):
        records = [customer(id_, run) for id_ in range(1_000)]
        if by == "task":
            task = asyncio.create_task(on_disk.commit(batch(records, runs=run)))
            for _ in range(random.Random(run).randrange(2, 30)):
                await asyncio.sleep(0)
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await task
        else:
            with anyio.move_on_after(0):
                await on_disk.commit(batch(records, runs=run))
        found = await on_disk.load(TENANT, "customers")
        rows = held(on_disk) if found else {}
        assert {json.loads(raw)["name"].partition(", ")[2] for raw in rows.values()} == (
            {f"version {found.runs}"} if found else set()
        )
        assert await on_disk.count(TENANT, "customers") == (1_000 if found else 0)


async def test_a_commit_cancelled_in_the_queue_does_not_happen(on_disk: Destination) -> None:
    first = asyncio.create_task(on_disk.commit(batch([customer(id_) for id_ in range(2_000)], runs=1)))
    second = asyncio.create_task(on_disk.commit(batch([customer(1, 9)], runs=2)))
    await asyncio.sleep(0)
    second.cancel()
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    found = await on_disk.load(TENANT, "customers")
    assert found is not None
    assert found.runs == 1


async def test_leaving_waits_for_a_cancelled_commit_and_leaves_no_thread(on_disk: Destination) -> None:
    mine = {one for one in threading.enumerate() if one.name.startswith(type(on_disk).__name__)}
    assert mine
    task = asyncio.create_task(on_disk.commit(batch([customer(id_) for id_ in range(5_000)])))
    await asyncio.sleep(0)
    task.cancel()
    await on_disk.__aexit__(None, None, None)
    assert not mine.intersection(threading.enumerate())
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_destination_that_is_not_open_says_so(kind: str, tmp_path: Path) -> None:
    closed = make(kind, tmp_path)
    with pytest.raises(SyncError, match="inside `async with`"):
        await closed.load(TENANT, "customers")
    async with closed:
        with pytest.raises(SyncError, match="open already"):
            await closed.__aenter__()
    with pytest.raises(SyncError, match="inside `async with`"):
        await closed.commit(batch([]))
    assert not [path for path in tmp_path.iterdir() if path.name != kind]


async def test_a_ledger_of_a_newer_layout_is_refused(destination: Destination) -> None:
    landed = batch([customer(1)])
    await destination.commit(
        landed._replace(ledger=msgspec.structs.replace(landed.ledger, layout=LAYOUT + 1))
    )
    with pytest.raises(LedgerConflict, match=f"has layout {LAYOUT + 1}"):
        await destination.load(TENANT, "customers")


@pytest.mark.parametrize(
    "entity", ["", "Customers", "a b", "../up", 'x"; drop', "sync_ledger", "sqlite_x", "ä"]
)
async def test_a_name_that_fits_no_table_is_refused(destination: Destination, entity: str) -> None:
    with pytest.raises(ConfigError, match="entity"):
        await destination.load(TENANT, entity)
    with pytest.raises(ConfigError, match="entity"):
        await destination.commit(batch([], entity=entity))


async def test_a_batch_with_the_ledger_of_another_entity_is_refused(destination: Destination) -> None:
    with pytest.raises(ConfigError, match="ledger"):
        await destination.commit(batch([customer(1)])._replace(ledger=ledger(entity="leads")))
    assert await destination.count(TENANT, "customers") == 0


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_a_sync_that_another_one_overtook_stops_at_its_next_commit(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, make(kind, tmp_path) as second:
        await first.load(TENANT, "customers")
        await second.commit(batch([customer(1)], runs=1))
        with pytest.raises(LedgerConflict, match="another sync"):
            await first.commit(batch([customer(2)], runs=1))
        assert await second.count(TENANT, "customers") == 1
        await first.commit(batch([customer(2)], tenant=7))
        await first.load(TENANT, "customers")
        await first.commit(batch([customer(2)], runs=2))
    assert [*held(first)] == [1, 2]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_command_to_look_at_the_data_works_as_it_is(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s $HOME "here"'
    async with make(kind, folder) as destination:
        await destination.commit(batch([customer(1)]))
        command = destination.look(TENANT)
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    shown = {"memory": "memory", "ndjson": "Customer 1"}.get(kind, "customers 1 2024-01-01T00:00:00.0000000Z")
    assert shown in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("duckdb:a/b.duckdb", "a/b.duckdb"),
        ("sqlite:/x/y", "/x/y"),
        ("ndjson:out", "out"),
        ("memory:", "memory"),
    ],
)
def test_a_destination_is_named_by_a_text(url: str, shown: str) -> None:
    assert open_destination(url).location == str(Path(shown))


@pytest.mark.parametrize("kind", KINDS)
def test_every_destination_can_be_looked_into(kind: str, tmp_path: Path) -> None:
    assert isinstance(make(kind, tmp_path), Mirror)


@pytest.mark.parametrize(
    "url", ["", "duckdb", "duckdb:", "memory:x", "postgres:db", "sqlite:///a.db", "x.duckdb"]
)
def test_a_text_that_names_no_destination_is_answered_with_those_there_are(url: str) -> None:
    with pytest.raises(ConfigError, match="duckdb:PATH, ndjson:DIR, sqlite:PATH or memory:"):
        open_destination(url)


def test_naming_a_destination_creates_nothing_and_imports_no_extra(tmp_path: Path) -> None:
    code = (
        "import sys; from servicetitan_crm_async.sync.destinations import open_destination as make;"
        "[make(f'{kind}:{sys.argv[1]}/{kind}') for kind in ('duckdb', 'sqlite', 'ndjson')];"
        "assert 'duckdb' not in sys.modules and 'pyarrow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert not [*tmp_path.iterdir()]


async def test_a_callback_gets_each_batch_with_each_id_once() -> None:
    got: list[Batch] = []

    async def land(one: Batch) -> None:
        if one.ledger.runs == 2:
            raise OSError("the queue is down")
        got.append(one)

    async with CallbackDestination(land) as destination:
        assert await destination.count(TENANT, "customers") == 0
        await destination.commit(batch([customer(1, 2), customer(1, 1), customer(2)], runs=1))
        with pytest.raises(OSError, match="queue"):
            await destination.commit(batch([customer(3)], runs=2))
        assert [record.id for record in got[0].records] == [1, 2]
        assert await destination.load(TENANT, "customers") == got[0].ledger
        assert await destination.count(TENANT, "customers") == 3
        assert "land" in destination.location


async def test_a_callback_may_bring_the_ledgers_back_itself() -> None:
    async def land(one: Batch) -> None: ...

    async def load(tenant: int, entity: str) -> Ledger | None:
        return ledger(tenant, entity, runs=4)

    async with CallbackDestination(land, load=load) as destination:
        assert await destination.load(TENANT, "leads") == ledger(entity="leads", runs=4)


class _Broken(NdjsonDestination):
    """A destination whose disk answers with an error of one's choice."""

    error: Exception

    def _open(self) -> None: ...

    def _close(self) -> None:
        raise self.error

    def _commit(self, batch: Batch) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "the disk is full; make room and run again, what was committed before stays"),
        (errno.EROFS, "this user may not write there; change its rights or use another place"),
        (errno.EIO, "Input/output error"),
    ],
)
async def test_an_error_of_the_disk_is_told_in_a_sentence(number: int, sentence: str) -> None:
    destination = _Broken("the/place")
    destination.error = OSError(number, os.strerror(number), "the/place/file")
    with pytest.raises(SyncError, match=f"^the/place/file: {sentence}$"):
        async with destination:
            await destination.commit(batch([]))
    with pytest.raises(SyncError, match="the/place/file"):  # closing fails, and nothing failed before
        async with destination:
            pass


async def test_a_bug_is_not_dressed_up_as_an_error_of_the_storage() -> None:
    destination = _Broken("the/place")
    destination.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        async with destination:
            await destination.commit(batch([]))
