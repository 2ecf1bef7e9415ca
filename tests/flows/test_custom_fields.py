"""Custom fields changed one by one: the others stay, and nothing is written that would change nothing."""

from __future__ import annotations

import asyncio

import pytest

from servicetitan_crm_async import ConfigError, ContractName, NotFound, ServiceTitanCRM, flows
from servicetitan_crm_async.models import CustomerUpdate, CustomFieldValue
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve

BOTH: tuple[ContractName, ...] = ("portal", "openapi-2.0.0")


def values(record: object) -> dict[int, str | None]:
    return {field.type_id: field.value for field in record.custom_fields}  # type: ignore[attr-defined]


def writes(server: SandboxServer) -> int:
    return sum(visit.method == "PATCH" for visit in server.sandbox.journal)


@pytest.mark.parametrize("contract", BOTH)
async def test_the_fields_that_are_not_named_stay(contract: ContractName) -> None:
    async with (
        serve(Sandbox(customers=5, rate_limit=None)) as server,
        ServiceTitanCRM.from_env(server.environ, contract=contract) as crm,
    ):
        number = next(iter(server.sandbox.records("customers")))
        old = tuple(CustomFieldValue(type_id=kind, value="old") for kind in (9001, 9002))
        await crm.customers.update(number, CustomerUpdate(custom_fields=old))
        changed = await flows.set_customer_fields(crm, number, {9002: "new", 9003: "more"})
        assert values(changed) == {9001: "old", 9002: "new", 9003: "more"}
        assert values(await flows.set_customer_fields(crm, number, {9001: None})) == {
            9002: "new",
            9003: "more",
        }
        before = writes(server)
        same = await flows.set_customer_fields(crm, number, {9002: "new", 9005: None})
        assert (values(same), writes(server)) == ({9002: "new", 9003: "more"}, before)


async def test_calls_for_one_location_take_turns() -> None:
    async with (
        serve(Sandbox(customers=5, rate_limit=None, latency=0.002)) as server,
        ServiceTitanCRM.from_env(server.environ) as crm,
    ):
        number = next(iter(server.sandbox.records("locations")))
        kinds = [kind.id async for kind in crm.locations.custom_fields.list()]
        await asyncio.gather(*(flows.set_location_fields(crm, number, {kind: str(kind)}) for kind in kinds))
        assert values(await crm.locations.get(number)) == {kind: str(kind) for kind in kinds}


async def test_what_does_not_exist_is_told() -> None:
    async with (
        serve(Sandbox(customers=5, rate_limit=None)) as server,
        ServiceTitanCRM.from_env(server.environ) as crm,
        ServiceTitanCRM.from_env(server.environ, contract="openapi-2.0.0") as older,
    ):
        with pytest.raises(NotFound):
            await flows.set_customer_fields(crm, 5, {1: "x"})
        number = next(iter(server.sandbox.records("locations")))
        with pytest.raises(ConfigError) as refused:
            await flows.set_location_fields(older, number, {1: "x"})
        assert set(refused.value.problems) == {"custom_fields"}
