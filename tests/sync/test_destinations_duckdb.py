"""What is particular to `DuckDBDestination`: typed columns, and tables made for an older model."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from destination_kit import TENANT, batch, customer, raw_customer

from servicetitan_crm_async.errors import ConfigError, LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations import DuckDBDestination, open_destination
from servicetitan_crm_async.sync.entities import ENTITIES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crm.duckdb"


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path)) as data:
        return data.execute(query).fetchall()


async def land(path: Path, raws: Sequence[bytes], **options: Any) -> None:
    async with DuckDBDestination(path, **options) as destination:
        await destination.commit(batch(raw_customer(raw, id_) for id_, raw in enumerate(raws, 1)))


async def test_the_fields_of_the_model_are_typed_columns(path: Path) -> None:
    async with DuckDBDestination(path) as destination:
        await destination.commit(batch([customer(1, 4, memberships=[{"from": "2024"}])]))
    query = (
        "select tenant_id, modified_on, active, name, type, address.city, address.latitude, balance, "
        "created_on, tag_type_ids, custom_fields[1].type_id, memberships[1]->>'from', do_not_mail, "
        "credit_limit, modified_ticks, raw->>'doNotMail' from customers"
    )
    first = customer(1, 4)
    assert rows(path, query) == [
        (
            TENANT,
            first.modified_on,
            True,
            "Customer 1, version 4",
            "Residential",
            "Springfield",
            39.78,
            Decimal("12.5"),
            datetime(2021, 7, 19, 20, 35, 38, 287600),  # noqa: DTZ001
            [1, 2, 3],
            5,
            "2024",
            False,
            None,
            first.ticks,
            "false",
        )
    ]


@pytest.mark.parametrize("entity", ENTITIES)
async def test_every_entity_has_a_table_of_its_name(path: Path, entity: str) -> None:
    async with DuckDBDestination(path) as destination:
        await destination.commit(batch([customer(1)], entity=entity))
        assert await destination.count(TENANT, entity) == 1
    fields = {field.name for field in msgspec.structs.fields(ENTITIES[entity].model)}
    columns = {name for (name,) in rows(path, f"select column_name from (describe {entity})")}
    assert columns == fields | {"tenant_id", "id", "modified_on", "active", "modified_ticks", "raw"}


@pytest.mark.parametrize(
    "odd",
    [
        b'"address": "unknown", "tagTypeIds": 5, "createdOn": "soon", "balance": {}, "customFields": "x"',
        b'"address": [], "tagTypeIds": {"a": 1}, "createdOn": 17, "balance": "much", "customFields": {}',
        b'"address": {"city": null}, "tagTypeIds": "5", "createdOn": "infinity", "balance": 1e40',
        b'"address": null, "tagTypeIds": null, "createdOn": null, "balance": null, "customFields": null',
        b'"address": 5, "tagTypeIds": false, "createdOn": {}, "balance": [], "customFields": [5, null, "x"]',
        b'"name": "half a pair: \\ud83d"',
    ],
)
async def test_a_field_of_a_wrong_type_is_null_and_costs_nothing_else(path: Path, odd: bytes) -> None:
    raw = b'{"id": 1, "active": true, ' + odd + b"}"
    await land(path, [raw, customer(2).raw])
    query = (
        "select raw, address.city, tag_type_ids, created_on, balance, custom_fields[1].type_id "
        "from customers order by id"
    )
    first, second = rows(path, query)
    assert first == (raw.decode(), None, None, None, None, None)
    assert second[1:3] == ("Springfield", [1, 2, 3])


async def test_one_odd_entry_does_not_cost_the_list_it_is_in(path: Path) -> None:
    await land(path, [b'{"tagTypeIds": [1, "x", 3], "customFields": [{"typeId": 1}, null, {"typeId": "y"}]}'])
    query = "select tag_type_ids, [f.type_id for f in custom_fields], custom_fields[2] from customers"
    assert rows(path, query) == [([1, None, 3], [1, None, None], None)]


async def test_an_instant_with_an_offset_is_stored_in_utc(path: Path) -> None:
    await land(path, [b'{"createdOn": "2024-01-01T01:30:00+02:00"}', b'{"createdOn": "2024-01-01T01:30:00"}'])
    assert rows(path, "select created_on from customers order by id") == [
        (datetime(2023, 12, 31, 23, 30),),  # noqa: DTZ001
        (datetime(2024, 1, 1, 1, 30),),  # noqa: DTZ001
    ]


async def test_an_entity_without_a_model_gets_the_key_columns(path: Path) -> None:
    async with DuckDBDestination(path) as destination:
        await destination.commit(batch([customer(1)], entity="campaigns"))
        await destination.commit(batch([customer(1, 1)], entity="campaigns"))
    assert rows(path, "select id, raw from campaigns") == [(1, customer(1, 1).raw.decode())]


class Old(msgspec.Struct, rename="camel"):
    id: int
    name: str
    balance: str
    place: "OldPlace | None" = None  # noqa: UP037
    dropped: int | None = None


class OldPlace(msgspec.Struct, rename="camel"):
    city: str


class New(msgspec.Struct, rename="camel"):
    id: int
    name: str
    balance: float
    order: int | None = None
    place: "NewPlace | None" = None  # noqa: UP037


class NewPlace(msgspec.Struct, rename="camel"):
    city: str
    zip_code: str | None = None


async def test_a_table_made_for_an_older_model_gets_what_it_lacks_filled(path: Path) -> None:
    raw = b'{"id":1,"name":"n","balance":1.5,"order":7,"place":{"city":"c","zipCode":"z"},"dropped":3}'
    await land(path, [raw], models={"customers": Old})
    with duckdb.connect(str(path)) as data:
        data.execute("alter table customers add column mine varchar")
        data.execute("update customers set mine = 'stays'")
    async with DuckDBDestination(path, models={"customers": New}) as destination:
        await destination.commit(batch([raw_customer(raw.replace(b'1,"name":"n"', b'2,"name":"m"'), 2)]))
    query = 'select id, name, balance, "order", place.zip_code, dropped, mine, raw from customers order by id'
    assert [row[:-1] for row in rows(path, query)] == [
        (1, "n", 1.5, 7, "z", 3, "stays"),
        (2, "m", 1.5, 7, "z", None, None),
    ]


async def test_an_older_model_writes_to_a_newer_table(path: Path) -> None:
    await land(path, [b'{"id":1,"name":"a","order":1}'], models={"customers": New})
    await land(path, [b'{"id":1,"name":"b","order":1}'], models={"customers": Old})
    assert rows(path, 'select name, "order" from customers') == [("b", None)]


async def test_nothing_is_downloaded(path: Path) -> None:
    async with DuckDBDestination(path) as destination:
        await destination.commit(batch([customer(1)]))
        with duckdb.connect(str(path)) as data:
            setting = data.execute("select current_setting('autoinstall_known_extensions')").fetchall()
    assert setting == [(False,)]


async def test_a_file_another_program_has_open_is_named(path: Path) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(LedgerConflict, match=r"crm\.duckdb: another program has it open"):
            await DuckDBDestination(path).__aenter__()
        other.kill()
    async with DuckDBDestination(path) as destination:
        assert await destination.count(TENANT, "customers") == 0


async def test_a_file_open_for_reading_in_this_program_is_named(path: Path) -> None:
    duckdb.connect(str(path)).close()
    with (
        duckdb.connect(str(path), read_only=True),
        pytest.raises(LedgerConflict, match="this program has it open with other settings"),
    ):
        await DuckDBDestination(path).__aenter__()


async def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" * 100)
    with pytest.raises(SyncError, match="no DuckDB database; name another one"):
        await DuckDBDestination(path).__aenter__()
    assert path.read_bytes() == b"SQLite format 3\0" * 100


async def test_a_table_of_someone_else_is_refused_and_left_alone(path: Path) -> None:
    with duckdb.connect(str(path)) as data:
        data.execute("create table customers as select 1 as id, 'mine' as name")
    async with DuckDBDestination(path) as destination:
        with pytest.raises(SyncError, match="its table customers is not one of ours"):
            await destination.commit(batch([customer(1)]))
        await destination.commit(batch([customer(1)], entity="leads"))
    assert rows(path, "select * from customers") == [(1, "mine")]


async def test_a_batch_of_large_records_lands_within_the_memory_it_may_use(path: Path) -> None:
    records = [customer(id_, summary="x" * 10_000) for id_ in range(4_000)]
    async with DuckDBDestination(path, memory_limit="256MB") as destination:
        await destination.commit(batch(records))
        assert await destination.count(TENANT, "customers") == 4_000


async def test_too_little_memory_is_named_and_the_batch_is_out_as_a_whole(path: Path) -> None:
    async with DuckDBDestination(path, memory_limit="16MB") as destination:
        with pytest.raises(SyncError, match="raise memory_limit or land smaller batches"):
            await destination.commit(batch(customer(id_, summary="x" * 10_000) for id_ in range(1_000)))
        assert await destination.load(TENANT, "customers") is None


def test_a_missing_extra_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match=r"pip install 'servicetitan-crm-async\[duckdb\]'"):
        open_destination(f"duckdb:{path}")


async def test_an_extra_that_cannot_be_imported_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = DuckDBDestination(path)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match=r"pip install 'servicetitan-crm-async\[duckdb\]'"):
        await destination.__aenter__()
