"""The whole chain against a server that answers over HTTP, into every destination."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from destination_kit import KINDS, ON_DISK, held, make

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.sandbox import (
    TICKS_PER_SECOND,
    Fault,
    Sandbox,
    SandboxServer,
    serve,
    system_ticks,
)
from servicetitan_crm_async.sync import ENTITIES, Destination, SyncReport, sync

AT_ONCE = timedelta(0)


async def synced(server: SandboxServer, destination: Destination, **environ: str) -> SyncReport:
    async with ServiceTitanCRM.from_env({**server.environ, **environ}) as crm:
        return await sync(crm, destination, page_size=50, settle=AT_ONCE)


def equal(sandbox: Sandbox, destination: Destination) -> bool:
    """Every entity holds, byte for byte, what the sandbox's lists show."""
    return all(
        held(destination, sandbox.tenant.tenant_id, entity)
        == {number: raw for number, (_, raw) in sandbox.records(entity).items()}  # type: ignore[arg-type]
        for entity in ENTITIES
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_two_runs_leave_the_mirror_equal_to_the_source(kind: str, tmp_path: Path) -> None:
    """The second run is another process's: nothing but the destination is carried over."""
    sandbox, mirror = Sandbox(seed=11, customers=150), make(kind, tmp_path)
    asleep = 0  # ticks the service's clock runs ahead of the machine's
    async with serve(sandbox, clock=lambda: system_ticks() + asleep) as server:
        await synced(server, mirror)
        assert equal(sandbox, mirror)
        number, other = list(sandbox.records("customers"))[:2]
        sandbox.world().edit("customers", number)
        sandbox.world().merge("customers", other, number)
        asleep = 3600 * TICKS_PER_SECOND
        report = await synced(server, make(kind, tmp_path) if kind in ON_DISK else mirror)
        assert {
            name: entity.records for name, entity in report.entities.items() if entity.records
        }.keys() <= {
            "customers",
            "customer_contacts",
            "locations",
        }
        assert report.entities["customers"].records == 2
        assert equal(sandbox, mirror)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_every_table_has_the_columns_that_are_promised(kind: str, tmp_path: Path) -> None:
    sandbox, mirror = Sandbox(seed=12, customers=40), make(kind, tmp_path)
    async with serve(sandbox) as server:
        await synced(server, mirror)
    for entity in ENTITIES:
        rows = _rows(kind, mirror.location, f"select tenant_id, id, modified_on, active, raw from {entity}")
        source = sandbox.records(entity)  # type: ignore[arg-type]
        assert {row[1]: row[2] for row in rows} == {number: text for number, (text, _) in source.items()}
        assert {row[0] for row in rows} == {sandbox.tenant.tenant_id}
        for row in rows:
            record = json.loads(row[4])
            assert row[4].encode() == source[row[1]][1]
            assert row[3] is None or bool(row[3]) == record["active"]


def _rows(kind: str, path: str, query: str) -> list[tuple[int, int, str, bool | None, str]]:
    if kind == "sqlite":
        import sqlite3

        file = sqlite3.connect(path)
        try:
            return file.execute(query).fetchall()
        finally:
            file.close()
    import duckdb

    with duckdb.connect(path) as data:
        return data.execute(query).fetchall()


async def test_ndjson_is_one_record_a_line_as_sent_under_a_manifest(tmp_path: Path) -> None:
    sandbox, mirror = Sandbox(seed=13, customers=60), make("ndjson", tmp_path)
    async with serve(sandbox) as server:
        await synced(server, mirror)
    folder = tmp_path / "ndjson" / str(sandbox.tenant.tenant_id)
    for entity in ENTITIES:
        assert (folder / entity / "manifest.json").is_file()
        lines = [
            line
            for file in sorted((folder / entity).glob("*.ndjson"))
            for line in file.read_bytes().splitlines()
        ]
        assert sorted(lines) == sorted(raw for _, raw in sandbox.records(entity).values())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ON_DISK)
async def test_faults_on_the_way_cost_nothing_but_requests(kind: str, tmp_path: Path) -> None:
    sandbox, mirror = Sandbox(seed=14, customers=120), make(kind, tmp_path)
    sandbox.faults.add(
        Fault.status(503, path="/customers", after=1, retry_after=0),
        Fault.reset(path="/locations", times=2),
        Fault.cut(path="/leads"),
        Fault.corrupt(path="/bookings"),
        Fault.expire_tokens(path="/customers/contacts", after=2),
        Fault.rate_limited(path="/locations/contacts", retry_after=0),
    )
    async with serve(sandbox) as server:
        report = await synced(server, mirror)
    assert not report.failed
    assert sum(entity.retries for entity in report.entities.values()) >= 6
    assert equal(sandbox, mirror)


async def test_both_contracts_fill_the_same_tables(tmp_path: Path) -> None:
    sandbox, mirror = Sandbox(seed=15, customers=60), make("sqlite", tmp_path)
    async with serve(sandbox) as server:
        report = await synced(server, mirror, SERVICETITAN_CONTRACT="openapi-2.0.0")
    for entity in report.entities:
        listed = sandbox.records(entity, contract="openapi-2.0.0")  # type: ignore[arg-type]
        assert held(mirror, sandbox.tenant.tenant_id, entity) == {n: raw for n, (_, raw) in listed.items()}
