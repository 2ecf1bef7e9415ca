"""Every reading method over the real sandbox, in both contracts: what is asked, what comes back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from desk import OPENAPI, PORTAL, both, desk

from servicetitan_crm_async import (
    ConfigError,
    ContractName,
    InvalidRequest,
    NotFound,
    NotInContract,
    Pages,
    ServiceTitanCRM,
)
from servicetitan_crm_async.contract import OPERATIONS, operation
from servicetitan_crm_async.models import (
    Active,
    Booking,
    Contact,
    Customer,
    Lead,
    LeadStatus,
    Location,
    Record,
    TagType,
)
from servicetitan_crm_async.sandbox import Kind

MOMENT = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
MOMENT_TEXT = "2020-01-02T03:04:05.0000000Z"


def pages_of(crm: ServiceTitanCRM, kind: str, **filters: Any) -> Pages[Any]:
    resource: Any = getattr(crm, kind)
    pages: Pages[Any] = resource.list(**filters)
    return pages


LISTS: list[tuple[Kind, type[Record]]] = [
    ("customers", Customer),
    ("locations", Location),
    ("leads", Lead),
    ("bookings", Booking),
    ("tag_types", TagType),
]
kinds = pytest.mark.parametrize(("kind", "model"), LISTS, ids=[kind for kind, _ in LISTS])


@both
@kinds
@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_list_gives_every_record_once(
    contract: ContractName, kind: Kind, model: type[Record], concurrency: int
) -> None:
    """Also where an envelope holds data alone, and reading goes on until a page is empty."""
    async with desk(contract) as d:
        paged = operation(contract, f"{kind}.list").paged
        active = {"active": "Any"} if "active" in operation(contract, f"{kind}.list").filters else {}
        pages = pages_of(d.crm, kind, **active, **({"page_size": 7} if paged else {}))
        found = await pages.collect(concurrency=concurrency)
        assert {type(record) for record in found} == {model}
        ids = [record.id for record in found]
        assert len(ids) == len(set(ids))
        everything = d.sandbox.records(kind, contract=contract)
        if active or kind in ("leads", "bookings"):
            assert set(ids) == set(everything)
        else:
            assert set(ids) <= set(everything)
        asked = d.asked()
        path = {"tag_types": "/tagtypes"}.get(kind, f"/{kind}") if contract == OPENAPI else f"/{kind}"
        if kind == "tag_types" and contract == PORTAL:
            path = "/settings/v2/tenant/1001/tag-types"
        assert {(method, where) for method, where, _ in asked} == {("GET", path)}
        if paged:
            assert all(query["pageSize"] == "7" for _, _, query in asked)
            assert sorted(int(query["page"]) for _, _, query in asked) == list(range(1, len(asked) + 1))
        else:
            assert asked == [("GET", path, {})]


@kinds
async def test_records_are_decoded_whole(
    kind: Kind, model: type[Record], caplog: pytest.LogCaptureFixture
) -> None:
    """No record of the sandbox is odd, and each has the service's own instants."""
    for contract in (PORTAL, OPENAPI):
        async with desk(contract) as d:
            raw = d.sandbox.records(kind, contract=contract)
            for record in await pages_of(d.crm, kind).collect():
                assert record == msgspec.json.decode(raw[record.id][1], type=model)
    assert caplog.messages == []


GUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
FILTERS: dict[str, dict[str, tuple[Any, str]]] = {
    "customers": {
        "ids": ([3, 4], "3,4"),
        "name": ("Ada & Söhne", "Ada & Söhne"),
        "street": ("a", "a"),
        "unit": ("a", "a"),
        "city": ("a", "a"),
        "state": ("MA", "MA"),
        "zip": ("01970", "01970"),
        "country": ("USA", "USA"),
        "latitude": (42, "42"),
        "longitude": (-70.5, "-70.5"),
        "phone": ("+1 555", "+1 555"),
        "active": (Active.ANY, "Any"),
        "exclude_accounting_changes_from_modified_date_range": (True, "true"),
        "external_data_application_guid": (GUID, GUID),
        "external_data_key": ("k", "k"),
        "external_data_values": (["a", "b"], "a,b"),
    },
    "locations": {
        "ids": ((5,), "5"),
        "customer_id": (8, "8"),
        "name": ("x", "x"),
        "street": ("a", "a"),
        "unit": ("a", "a"),
        "city": ("a", "a"),
        "state": ("MA", "MA"),
        "zip": ("01970", "01970"),
        "country": ("USA", "USA"),
        "latitude": (42.25, "42.25"),
        "longitude": (-70, "-70"),
        "active": ("False", "False"),
        "external_data_application_guid": (GUID, GUID),
        "external_data_key": ("k", "k"),
        "external_data_values": (["a"], "a"),
    },
    "leads": {
        "ids": ([3], "3"),
        "status": (LeadStatus.OPEN, "Open"),
        "customer_id": (8, "8"),
        "is_prospect": (False, "false"),
        "without_customer": (True, "true"),
        "customer_city": ("a", "a"),
        "customer_state": ("a", "a"),
        "customer_zip": ("a", "a"),
        "customer_created_on_or_after": (MOMENT, MOMENT_TEXT),
        "customer_created_before": (MOMENT, MOMENT_TEXT),
        "customer_modified_on_or_after": (MOMENT, MOMENT_TEXT),
        "lead_customer_name": ("a", "a"),
        "lead_phone": ("a", "a"),
        "is_capture_source_form": (True, "true"),
        "gen_perm_url": (True, "true"),
    },
    "bookings": {"ids": ([3], "3"), "external_id": ("e", "e")},
    "tag_types": {"active": ("Any", "Any")},
}
EXTERNAL_DATA = ("external_data_application_guid", "external_data_key", "external_data_values")
"""They go together."""
COMMON: dict[str, tuple[Any, str]] = {
    "created_on_or_after": (MOMENT, MOMENT_TEXT),
    "created_before": (MOMENT, MOMENT_TEXT),
    "modified_on_or_after": (MOMENT, MOMENT_TEXT),
    "modified_before": (MOMENT, MOMENT_TEXT),
    "sort": ("+ModifiedOn", "+ModifiedOn"),
}


@both
@pytest.mark.parametrize("kind", FILTERS)
async def test_every_filter_arrives_or_is_refused_by_name(contract: ContractName, kind: str) -> None:
    row = operation(contract, f"{kind}.list")
    async with desk(contract, customers=5) as d:
        for name, (value, text) in {**FILTERS[kind], **COMMON}.items():
            wire = name.split("_")[0] + "".join(part.capitalize() for part in name.split("_")[1:])
            if wire not in row.filters:
                assert name in await d.refuses(lambda n=name, v=value: pages_of(d.crm, kind, **{n: v}), name)  # type: ignore[misc]
                continue
            given = (
                {n: FILTERS[kind][n][0] for n in EXTERNAL_DATA} if name in EXTERNAL_DATA else {name: value}
            )
            await pages_of(d.crm, kind, **given).collect()
            first = d.asked()[0]
            assert first[2].get(wire) == text, name


def test_every_filter_of_the_contract_has_a_keyword() -> None:
    for row in OPERATIONS:
        kind = row.name.removesuffix(".list")
        if row.contract == PORTAL and kind in FILTERS:
            known = {*FILTERS[kind], *COMMON}
            wires = {
                name.split("_")[0] + "".join(p.capitalize() for p in name.split("_")[1:]) for name in known
            }
            assert wires == set(row.filters) - {"page", "pageSize", "includeTotal"}


@both
@pytest.mark.parametrize("kind", ["customers", "locations", "leads", "bookings"])
async def test_a_page_has_500_or_all_there_can_be_unless_said(contract: ContractName, kind: str) -> None:
    most = 5000 if contract == PORTAL else 500
    async with desk(contract, customers=5) as d:
        await anext(pages_of(d.crm, kind).pages())
        await pages_of(d.crm, kind).collect()
        async with pages_of(d.crm, kind, page_size=7).stream(concurrency=1) as pages:
            await anext(pages)
        await anext(pages_of(d.crm, kind, page_size=most).pages())
        asked = [query["pageSize"] for _, _, query in d.asked()]
        assert asked[:2] == ["500", str(most)]
        assert set(asked[2:]) == {"7", str(most)}
        for wrong in (0, -1, most + 1, True):
            await d.refuses(lambda size=wrong: pages_of(d.crm, kind, page_size=size), "page_size")  # type: ignore[misc]


async def test_a_list_that_is_not_paged_takes_no_page_size() -> None:
    async with desk(OPENAPI, customers=5) as d:
        await d.refuses(lambda: d.crm.tag_types.list(page_size=5), "page_size")
        await d.refuses(lambda: d.crm.customers.contacts.list(1, page_size=5), "page_size")


async def test_a_page_tells_of_itself() -> None:
    async with desk(PORTAL) as d:
        async with d.crm.customers.list(page_size=25, active="Any").stream(concurrency=3) as pages:
            found = [page async for page in pages]
        assert [(page.page, page.page_size, len(page), page.has_more) for page in found] == [
            (1, 25, 25, True),
            (2, 25, 25, True),
            (3, 25, 10, False),
        ]
        assert found[0].total_count == 60
        queries = [query for _, _, query in d.asked()]
        assert [query.get("includeTotal") for query in queries] == ["true", None, None]


@both
async def test_one_record_by_its_id(contract: ContractName) -> None:
    async with desk(contract) as d:
        for kind in ("customers", "locations", "leads", "bookings"):
            resource: Any = getattr(d.crm, kind)
            number = d.ids(kind)[3]
            if contract == OPENAPI and kind in ("leads", "bookings"):
                with pytest.raises(NotInContract, match=f"has no {kind}.get"):
                    await resource.get(number)
                assert d.asked() == []
                continue
            record = await resource.get(number)
            assert record.id == number
            assert d.asked() == [("GET", f"/{kind}/{number}", {})]
            with pytest.raises(NotFound) as caught:
                await resource.get(999_999_999)
            assert (caught.value.status, caught.value.path.endswith("/999999999")) == (404, True)
            assert caught.value.trace_id
            d.visits()
            for wrong in (0, -5, True):
                await d.refuses(lambda r=resource, n=wrong: r.get(n), f"{kind.removesuffix('s')}_id")  # type: ignore[misc]


@both
async def test_the_contacts_of_a_customer(contract: ContractName) -> None:
    async with desk(contract) as d:
        number = d.ids("customers")[0]
        found = await d.crm.customers.contacts.list(number).collect()
        assert found
        assert {type(contact) for contact in found} == {Contact}
        (visit,) = d.asked()
        assert visit[:2] == ("GET", f"/customers/{number}/contacts")
        with pytest.raises(NotFound):
            await d.crm.customers.contacts.list(999_999_999).collect()
        d.visits()
        await d.refuses(lambda: d.crm.customers.contacts.list(0), "owner_id")


@both
async def test_get_many_asks_in_batches_and_tells_what_is_missing(contract: ContractName) -> None:
    async with desk(contract, customers=130) as d:
        ids = d.ids("customers")[:115]
        wanted = [*ids[:60], 900_000_001, *ids[60:], 900_000_002, 900_000_003, 900_000_004, 900_000_005]
        found = await d.crm.customers.get_many([*wanted, *ids[:5]])
        visits = d.asked()
        assert len(visits) == 3
        assert sorted(query["ids"].count(",") + 1 for _, _, query in visits) == [20, 50, 50]
        if contract == PORTAL:
            assert list(found.records) == ids  # inactive ones too, in the order asked for
            assert found.missing == tuple(range(900_000_001, 900_000_006))
            assert {query["active"] for _, _, query in visits} == {"Any"}
        assert set(found.records) | set(found.missing) == set(wanted)
        assert found[ids[0]].id == ids[0]
        assert ids[0] in found
        assert len(found) == len(list(found)) == len(found.records)


@both
async def test_get_many_locations(contract: ContractName) -> None:
    """openapi-2.0.0 has no filter for them: each is got by itself."""
    async with desk(contract) as d:
        ids = d.ids("locations")[:10]
        found = await d.crm.locations.get_many([*ids, 900_000_001])
        assert (list(found.records), found.missing) == (ids, (900_000_001,))
        assert len(d.visits()) == (1 if contract == PORTAL else 11)


async def test_get_many_of_nothing_asks_nothing() -> None:
    async with desk(PORTAL, customers=5) as d:
        found = await d.crm.customers.get_many(iter(()))
        assert (len(found), found.missing, d.visits()) == (0, (), [])
        for wrong in ([0], [1, -1], [True]):
            await d.refuses(lambda ids=wrong: d.crm.customers.get_many(ids), "ids")  # type: ignore[misc]
        await d.refuses(lambda: d.crm.customers.get_many([1], concurrency=0), "concurrency")


async def test_bad_filters_fail_before_any_request() -> None:
    naive = datetime(2020, 1, 1)  # noqa: DTZ001
    async with desk(PORTAL, customers=5) as d:
        await d.refuses(lambda: d.crm.customers.list(name=" "), "name")
        await d.refuses(lambda: d.crm.customers.list(ids=[]), "ids")
        await d.refuses(lambda: d.crm.customers.list(ids=range(1, 52)), "ids")
        await d.refuses(lambda: d.crm.customers.list(modified_on_or_after=naive), "modified_on_or_after")
        await d.refuses(lambda: d.crm.locations.list(customer_id=0), "customer_id")
        await d.refuses(lambda: d.crm.leads.list(customer_id=True), "customer_id")


async def test_what_the_service_refuses_is_told_with_its_field(crm: ServiceTitanCRM) -> None:
    with pytest.raises(ConfigError):
        crm.customers.list(page_size=0)
    with pytest.raises(InvalidRequest) as caught:
        await crm.customers.list(sort="+Nonsense").collect()
    assert caught.value.status == 400
    assert caught.value.attempts == 1
