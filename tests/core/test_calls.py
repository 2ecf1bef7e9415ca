"""What is sent: queries, paths and bodies, and everything that is wrong with them before anything is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async import ConfigError, NotInContract
from servicetitan_crm_async._core.calls import (
    FilterValue,
    Request,
    encode_query,
    free_request,
    prepare,
    wire_name,
)
from servicetitan_crm_async.contract import OPERATIONS, ContractName, operation
from servicetitan_crm_async.models import (
    Address,
    AddressUpdate,
    BookingCreate,
    ContactCreate,
    ContactType,
    CustomerCreate,
    CustomerType,
    CustomerUpdate,
    CustomFieldValue,
    ExternalData,
    ExternalDataChange,
    ExternalDataUpdate,
    LeadCreate,
    LocationCreate,
    LocationUpdate,
)

CUSTOMERS = operation("portal", "customers.list")
ADDRESS = Address(street="1 Elm St", city="Salem", state="MA", zip="01970", country="USA")
LOCATION = LocationCreate(name="Home", address=ADDRESS)


def listed(row: str = "customers.list", contract: ContractName = "portal", **filters: Any) -> Request:
    return prepare(operation(contract, row), tenant=7, filters=filters)


def sent(**filters: Any) -> dict[str, str]:
    """The query of a list of customers, as a server reads it."""
    return dict(parse_qsl(listed(**filters).query, keep_blank_values=True, strict_parsing=True))


def body_of(row: str, body: msgspec.Struct, contract: ContractName = "portal", **path: int) -> Any:
    request = prepare(operation(contract, row), tenant=7, path=path, body=body)
    assert request.body is not None
    return msgspec.json.decode(request.body)


def problems_with(
    row: str, body: msgspec.Struct, contract: ContractName = "portal", **path: int
) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        prepare(operation(contract, row), tenant=7, path=path, body=body)
    return caught.value.problems


# Queries


def test_a_plus_sign_is_escaped() -> None:
    """Unescaped, `sort=+Id` would arrive as ` Id`."""
    assert listed(sort="+ModifiedOn").query == "sort=%2BModifiedOn"


def test_names_become_the_services_and_none_is_left_out() -> None:
    moment = datetime(2021, 7, 19, 20, 35, 38, 287600, tzinfo=UTC)
    assert sent(
        ids=(3, 1, 2),
        name="Żółć & Söhne?#/%",
        phone="+1 (555) 0100",
        active="Any",
        modified_on_or_after=moment,
        exclude_accounting_changes_from_modified_date_range=True,
        external_data_values=["a b", "c"],
        city=None,
        page_size=500,
    ) == {
        "ids": "3,1,2",
        "name": "Żółć & Söhne?#/%",
        "phone": "+1 (555) 0100",
        "active": "Any",
        "modifiedOnOrAfter": "2021-07-19T20:35:38.2876000Z",
        "excludeAccountingChangesFromModifiedDateRange": "true",
        "externalDataValues": "a b,c",
        "pageSize": "500",
    }


@given(st.dictionaries(st.sampled_from(["name", "street", "city", "phone"]), st.text(min_size=1), min_size=1))
def test_any_text_arrives_as_it_was_given(filters: dict[str, str]) -> None:
    given_text = {name: text for name, text in filters.items() if text.strip()}
    if given_text:
        assert sent(**given_text) == given_text
    assert "#" not in encode_query(filters)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2021, 1, 2, 3, 4, 5, tzinfo=UTC), "2021-01-02T03:04:05.0000000Z"),
        (datetime(2021, 1, 2, 3, 4, 5, 1, tzinfo=UTC), "2021-01-02T03:04:05.0000010Z"),
        (datetime(2021, 1, 2, tzinfo=timezone(timedelta(hours=-7))), "2021-01-02T07:00:00.0000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.0000000Z"),
    ],
)
def test_an_instant_goes_out_in_utc_with_seven_digits(moment: datetime, text: str) -> None:
    assert sent(created_before=moment) == {"createdBefore": text}


@pytest.mark.parametrize(
    ("value", "text"),
    [(-122, "-122"), (0, "0"), (-97.5, "-97.5"), (0.0, "0.0"), (1e-05, "0.00001"), (-1e-07, "-0.0000001")],
)
def test_coordinates_are_any_number_whole_ones_too(value: float, text: str) -> None:
    assert sent(latitude=1.5, longitude=value) == {"latitude": "1.5", "longitude": text}


@pytest.mark.parametrize(
    ("row", "filters", "named"),
    [
        ("customers.list", {"ids": [0]}, {"ids"}),
        ("customers.list", {"ids": [-4]}, {"ids"}),
        ("customers.list", {"ids": [True]}, {"ids"}),
        ("customers.list", {"ids": []}, {"ids"}),
        ("customers.list", {"ids": range(1, 52)}, {"ids"}),
        ("customers.list", {"external_data_values": ["a", ""]}, {"external_data_values"}),
        ("customers.list", {"external_data_values": ["a,b"]}, {"external_data_values"}),
        ("customers.list", {"external_data_values": ["\ud800"]}, {"external_data_values"}),
        ("customers.list", {"modified_before": datetime(2021, 1, 1)}, {"modified_before"}),  # noqa: DTZ001
        ("customers.list", {"name": ""}, {"name"}),
        ("customers.list", {"name": " \t"}, {"name"}),
        ("customers.list", {"name": "\ud800"}, {"name"}),
        ("customers.list", {"latitude": float("nan")}, {"latitude"}),
        ("customers.list", {"longitude": float("inf")}, {"longitude"}),
        ("customers.list", {"page_size": 0}, {"page_size"}),
        ("customers.list", {"page_size": 5001}, {"page_size"}),
        ("customers.list", {"page_size": True}, {"page_size"}),
        ("customers.list", {"page_size": 1.5}, {"page_size"}),
        ("customers.list", {"page": 0}, {"page"}),
        ("locations.list", {"customer_id": 0}, {"customer_id"}),
        ("locations.list", {"customer_id": -1}, {"customer_id"}),
        ("locations.list", {"customer_id": True}, {"customer_id"}),
        ("locations.list", {"customer_id": 2.0}, {"customer_id"}),
        ("customers.list", {"ids": [0], "name": "", "page_size": -1}, {"ids", "name", "page_size"}),
    ],
)  # fmt: skip
def test_a_bad_filter_is_named(row: str, filters: Mapping[str, Any], named: set[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        listed(row, **filters)
    assert set(caught.value.problems) == named


@pytest.mark.parametrize(("contract", "most"), [("portal", 5000), ("openapi-2.0.0", 500)])
def test_the_page_size_has_the_contracts_maximum(contract: ContractName, most: int) -> None:
    assert f"pageSize={most}" in listed(contract=contract, page_size=most).query
    with pytest.raises(ConfigError, match=f"1 to {most}"):
        listed(contract=contract, page_size=most + 1)


def test_fifty_ids_are_allowed() -> None:
    assert sent(ids=range(1, 51))["ids"].endswith(",50")


def test_an_unknown_filter_is_an_error_that_names_it() -> None:
    """The service would ignore it without a word and answer everything."""
    with pytest.raises(NotInContract, match=r"sort: customers\.list has no such filter") as caught:
        listed(contract="openapi-2.0.0", sort="+Id", name="x", ids=[1])
    assert set(caught.value.problems) == {"sort", "name"}


def test_python_names_and_wire_names() -> None:
    assert wire_name("modified_on_or_after") == "modifiedOnOrAfter"
    assert wire_name("from_") == "from"
    for row in OPERATIONS:
        for name in row.filters:
            snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
            assert wire_name(snake) == name


# Paths


def test_ids_fill_the_path() -> None:
    request = prepare(operation("portal", "customers.get"), tenant=7, path={"id": 12})
    assert request.target == "/crm/v2/tenant/7/customers/12"
    request = prepare(
        operation("portal", "booking_provider.create"),
        tenant=7,
        path={"booking_provider": 5},
        body=BookingCreate(name="a", summary="b", source="c", external_id="d", is_first_time_client=True),
    )
    assert request.path == "/crm/v2/tenant/7/booking-provider/5/bookings"


@pytest.mark.parametrize("value", [0, -1, True, "", ".", "..", "\ud800"])
def test_a_bad_path_value_is_named(value: int | str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(operation("portal", "customers.get"), tenant=7, path={"id": value})
    assert set(caught.value.problems) == {"id"}


@given(st.text(min_size=1))
def test_no_path_value_adds_a_step_to_the_path(text: str) -> None:
    try:
        request = prepare(operation("portal", "customers.get"), tenant=7, path={"id": text})
    except ConfigError:
        assert text in (".", "..")
        return
    assert request.path.count("/") == "/crm/v2/tenant/7/customers/x".count("/")
    assert not set(request.target) & set("?#\\ ")


# Free requests


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/jpm/v2/tenant/{tenant}/jobs", "/jpm/v2/tenant/7/jobs"),
        ("/a/ü", "/a/%C3%BC"),
        ("/a/b%2Fc", "/a/b%2Fc"),
        ("/a/b%20c", "/a/b%20c"),
        ("/a:b@c/d", "/a:b@c/d"),
        ("/@host", "/@host"),
    ],
)
def test_a_free_path_is_sent_as_it_is_meant(path: str, target: str) -> None:
    assert free_request("get", path, tenant=7) == Request("GET", target, "", None, True)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "jpm/v2",
        "//evil.example/x",
        "///evil.example",
        "https://evil.example/x",
        "/a/../b",
        "/..",
        "/%2e%2e/x",
        "/.%2E/x",
        "/a?b=1",
        "/a#b",
        "/\\evil.example",
        "\\\\evil.example",
        "/a b",
        "/a\r\nHost: evil.example",
        "/a\tb",
        "/a\x00b",
        "/a\x7fb",
        "/a\u2028b",
        "/a/{id}",
        "/a/\ud800",
    ],
)
def test_a_path_that_could_leave_the_host_or_the_line_is_refused(path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        free_request("GET", path, tenant=7)
    assert set(caught.value.problems) == {"path"}


@given(st.text(st.sampled_from("/\\.%2eE:@?#ab\r\n\t {}~ü\u2025")))
def test_whatever_path_is_let_through_stays_on_the_host(path: str) -> None:
    try:
        target = free_request("GET", path, tenant=7).target
    except ConfigError:
        return
    parts = urlsplit(f"https://host.example{target}")
    assert (parts.hostname, parts.port, parts.username) == ("host.example", None, None)
    assert target.isascii()
    assert target.isprintable()


def test_a_free_query_goes_by_the_services_names() -> None:
    moment = datetime(2021, 1, 2, tzinfo=UTC)
    query: dict[str, FilterValue] = {
        "ids": [1, 2],
        "from": moment,
        "flag": False,
        "a&b": "c=+d",
        "none": None,
        "empty": "",
        "count": 0,
        "share": 0.00001,
    }
    request = free_request("GET", "/x", tenant=7, query=query)
    assert dict(parse_qsl(request.query, keep_blank_values=True)) == {
        "ids": "1,2",
        "from": "2021-01-02T00:00:00.0000000Z",
        "flag": "false",
        "a&b": "c=+d",
        "empty": "",
        "count": "0",
        "share": "0.00001",
    }


@pytest.mark.parametrize(
    ("query", "body", "named"),
    [
        ({"from": datetime(2021, 1, 2)}, None, "from"),  # noqa: DTZ001
        ({"n": float("nan")}, None, "n"),
        ({"text": "\ud800"}, None, "text"),
        ({"list": ["\ud800"]}, None, "list"),
        ({}, {"text": "\ud800"}, "body"),
        ({}, object(), "body"),
        ({}, {"a": {1j: 2}}, "body"),
    ],
)
def test_what_is_wrong_with_a_free_request_is_named(
    query: Mapping[str, FilterValue], body: object, named: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        free_request("POST", "/x", tenant=7, query=query, body=body)
    assert set(caught.value.problems) == {named}


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="method"):
        free_request("CONNECT", "/x", tenant=7)


@pytest.mark.parametrize(
    ("method", "given_as", "repeatable"),
    [("GET", None, True), ("PUT", None, False), ("POST", True, True), ("GET", False, False)],
)
def test_only_a_get_is_repeatable_unless_told(method: str, given_as: bool | None, repeatable: bool) -> None:
    assert free_request(method, "/x", tenant=7, repeatable=given_as).repeatable is repeatable


# Bodies


def test_money_goes_out_as_a_number_with_every_digit() -> None:
    request = prepare(
        operation("portal", "customers.update"),
        tenant=7,
        path={"id": 1},
        body=CustomerUpdate(
            credit_limit=Decimal("12345678901234567.89"), credit_limit_balance=Decimal("0.10")
        ),
    )
    assert request.body == b'{"creditLimit":12345678901234567.89,"creditLimitBalance":0.10}'


def test_an_update_keeps_absent_null_and_value_apart() -> None:
    assert body_of("customers.update", CustomerUpdate(), id=1) == {}
    changes = CustomerUpdate(name="New", payment_term_id=None)
    assert body_of("customers.update", changes, id=1) == {"name": "New", "paymentTermId": None}
    moved = LocationUpdate(address=AddressUpdate(unit=None, city="Salem"))
    assert body_of("locations.update", moved, "openapi-2.0.0", id=1) == {
        "address": {"unit": None, "city": "Salem"}
    }


def test_what_is_not_given_of_something_new_is_not_sent() -> None:
    assert body_of("customers.create", CustomerCreate(name="A", address=ADDRESS, locations=(LOCATION,))) == {
        "name": "A",
        "address": {"street": "1 Elm St", "city": "Salem", "state": "MA", "zip": "01970", "country": "USA"},
        "locations": [
            {
                "name": "Home",
                "address": {
                    "street": "1 Elm St",
                    "city": "Salem",
                    "state": "MA",
                    "zip": "01970",
                    "country": "USA",
                },
            }
        ],
    }


def test_what_the_contract_requires_is_named_at_its_place() -> None:
    customer = CustomerCreate(name="A", locations=(LOCATION, LocationCreate(address=ADDRESS)))
    assert problems_with("customers.create", customer) == {
        "locations[1].name": "is required by contract 'portal'",
        "address": "is required by contract 'portal'",
    }
    assert problems_with("customers.create", customer, "openapi-2.0.0") == {
        "type": "is required by contract 'openapi-2.0.0'"
    }


def test_what_the_contract_does_not_know_is_named_at_its_place() -> None:
    customer = CustomerCreate(
        name="A",
        type=CustomerType.RESIDENTIAL,
        tax_exempt=False,
        locations=(LocationCreate(address=ADDRESS, zone_id=3, tag_type_ids=(1,)),),
    )
    assert problems_with("customers.create", customer, "openapi-2.0.0") == {
        "tax_exempt": "is not known to contract 'openapi-2.0.0'",
        "locations[0].tag_type_ids": "is not known to contract 'openapi-2.0.0'",
    }
    booking = BookingCreate(
        name="a",
        summary="b",
        source="c",
        external_id="d",
        is_first_time_client=True,
        address=Address(street="s", city="c", state="s", zip="z", country="c", latitude=1.0),
    )
    assert problems_with("booking_provider.create", booking, booking_provider=1) == {
        "address.latitude": "is not known to contract 'portal'"
    }


def test_bad_values_are_named_wherever_they_stand() -> None:
    customer = CustomerCreate(
        name=" ",
        address=Address(
            street="\ud800", city="c", state="s", zip="z", country="c", latitude=float("nan"), longitude=1.0
        ),
        locations=(
            LOCATION,
            LocationCreate(
                name="",
                address=ADDRESS,
                contacts=(ContactCreate(type=ContactType.EMAIL, value="a@b"),),
                custom_fields=(CustomFieldValue(type_id=0, value="x"),),
                tag_type_ids=(1, 0, True),
            ),
        ),
        payment_term_id=-1,
        credit_limit=Decimal("NaN"),
        credit_limit_balance=Decimal("sNaN"),
    )
    assert set(problems_with("customers.create", customer)) == {
        "name",
        "address.street",
        "address.latitude",
        "locations[1].name",
        "locations[1].custom_fields[0].type_id",
        "locations[1].tag_type_ids[1]",
        "locations[1].tag_type_ids[2]",
        "payment_term_id",
        "credit_limit",
        "credit_limit_balance",
    }
    lead = LeadCreate(summary="", campaign_id=True, follow_up_date=datetime(2021, 1, 1))  # noqa: DTZ001
    assert set(problems_with("leads.create", lead)) == {"summary", "campaign_id", "follow_up_date"}


def test_a_member_of_a_list_of_texts_is_looked_at_too() -> None:
    booking = BookingCreate(
        name="a",
        summary="b",
        source="c",
        external_id="d",
        is_first_time_client=True,
        uploaded_images=("fine", "\ud800"),
    )
    assert set(problems_with("booking_provider.create", booking, booking_provider=1)) == {
        "uploaded_images[1]"
    }


GUID = "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def test_external_data_is_checked_like_the_rest() -> None:
    changes = LocationUpdate(
        external_data=ExternalDataUpdate(
            application_guid=GUID, external_data=(ExternalDataChange(key="k", value=None),)
        )
    )
    assert body_of("locations.update", changes, id=1) == {
        "externalData": {"applicationGuid": GUID, "externalData": [{"key": "k", "value": None}]}
    }
    assert set(problems_with("locations.update", changes, "openapi-2.0.0", id=1)) == {"external_data"}
    mistyped = LocationUpdate(external_data=ExternalDataUpdate(application_guid="g", external_data=()))
    assert set(problems_with("locations.update", mistyped, id=1)) == {"external_data.application_guid"}


def test_a_body_where_none_belongs_is_refused() -> None:
    extra = ExternalData(key="k", value="v")
    assert set(problems_with("leads.dismiss", extra, "openapi-2.0.0", id=1)) == {"body"}


def test_all_problems_of_path_filters_and_body_come_together() -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(
            operation("portal", "customers.update"), tenant=7, path={"id": 0}, body=CustomerUpdate(name="")
        )
    assert set(caught.value.problems) == {"id", "name"}
