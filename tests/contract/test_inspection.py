"""The inspection itself: what breaks a published document does not get past it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from inspection_kit import Exchange, Inspector
from observing_kit import exchanges_of
from published_kit import Published, read_documents

from servicetitan_crm_async.contract import CONTRACTS, ContractName, operation

published = pytest.fixture(scope="module")(read_documents)
both = pytest.mark.parametrize("contract", CONTRACTS)


@pytest.fixture(scope="module")
def inspectors(published: Published) -> Mapping[ContractName, Inspector]:
    return {contract: Inspector(published, contract) for contract in CONTRACTS}


Inspectors = Mapping[ContractName, Inspector]


def said(contract: ContractName, name: str) -> Exchange:
    """What the client asks and the sandbox answers, which is as published."""
    return exchanges_of(operation(contract, name))[0]


def asked_with(exchange: Exchange, **changes: Any) -> Exchange:
    return exchange._replace(request=exchange.request._replace(**changes))


def sending(exchange: Exchange, **fields: Any) -> Exchange:
    """The same with other fields in the body; None takes one away."""
    body = {name: value for name, value in {**exchange.sent, **fields}.items() if value is not None}
    return asked_with(exchange, body=msgspec.json.encode(body))


def answering(exchange: Exchange, value: Any, status: int = 200) -> Exchange:
    return exchange._replace(reply=exchange.reply._replace(body=msgspec.json.encode(value), status=status))


def first_record_with(exchange: Exchange, **fields: Any) -> Exchange:
    page = msgspec.json.decode(exchange.reply.body)
    page["data"][0] |= fields
    return answering(exchange, page)


@both
def test_a_filter_of_another_name_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    listed = said(contract, "customers.list")
    wrong = asked_with(listed, url=f"{listed.request.url}&modifiedAfter=2020-01-01T00:00:00Z")
    assert inspectors[contract].breaches(wrong) == ["the query has an undeclared modifiedAfter"]


@both
def test_a_filter_given_twice_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    listed = said(contract, "customers.list")
    wrong = asked_with(listed, url=f"{listed.request.url}&page=2")
    assert inspectors[contract].breaches(wrong) == ["the query has page 2 times"]


@both
@pytest.mark.parametrize("query", ["createdBefore=yesterday", "includeTotal=perhaps", "page=one"])
def test_a_filter_that_cannot_be_read_is_noticed(
    inspectors: Inspectors, contract: ContractName, query: str
) -> None:
    name = query.partition("=")[0]
    listed = said(contract, "customers.list")
    url = listed.request.url.partition("?")[0]
    (breach,) = inspectors[contract].breaches(asked_with(listed, url=f"{url}?{query}"))
    assert name in breach


def test_a_guid_that_is_none_is_noticed(inspectors: Inspectors) -> None:
    listed = said("portal", "customers.list")
    wrong = asked_with(listed, url=f"{listed.request.url}&externalDataApplicationGuid=1")
    (breach,) = inspectors["portal"].breaches(wrong)
    assert "externalDataApplicationGuid" in breach


@both
@pytest.mark.parametrize("header", ["Authorization", "ST-App-Key"])
def test_a_request_without_credentials_is_noticed(
    inspectors: Inspectors, contract: ContractName, header: str
) -> None:
    listed = said(contract, "customers.list")
    headers = {name: value for name, value in listed.request.headers.items() if name != header}
    (breach,) = inspectors[contract].breaches(asked_with(listed, headers=headers))
    assert "Security" in breach


@both
@pytest.mark.parametrize("field", ["name", "locations"])
def test_a_missing_field_is_noticed(inspectors: Inspectors, contract: ContractName, field: str) -> None:
    created = said(contract, "customers.create")
    (breach,) = inspectors[contract].breaches(sending(created, **{field: None}))
    assert f"'{field}' is a required property" in breach


@both
def test_a_field_of_the_wrong_type_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    created = said(contract, "customers.create")
    (breach,) = inspectors[contract].breaches(sending(created, doNotMail="no"))
    assert "doNotMail: 'no' is not of type 'boolean'" in breach


@both
def test_an_undeclared_field_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    created = said(contract, "customers.create")
    (breach,) = inspectors[contract].breaches(sending(created, nickname="Countess"))
    assert "'nickname' was unexpected" in breach


@both
def test_a_missing_body_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    (breach,) = inspectors[contract].breaches(asked_with(said(contract, "leads.create"), body=None))
    assert "Missing required request body" in breach


def test_a_body_where_none_belongs_is_noticed(inspectors: Inspectors) -> None:
    dismissed = asked_with(said("openapi-2.0.0", "leads.dismiss"), body=b"{}")
    assert inspectors["openapi-2.0.0"].breaches(dismissed) == ["there is a body, and none is declared"]


@both
@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"id": "7"}, "'7' is not of type 'integer'"),
        ({"name": None}, "None is not of type 'string'"),
        ({"type": "Friendly"}, "type: 'Friendly' is not"),
        ({"createdOn": "yesterday"}, "'yesterday' is not a 'date-time'"),
        ({"nickname": "Countess"}, "'nickname' was unexpected"),
    ],
)
def test_a_record_that_is_not_as_published_is_noticed(
    inspectors: Inspectors, contract: ContractName, fields: dict[str, Any], wrong: str
) -> None:
    (breach,) = inspectors[contract].breaches(first_record_with(said(contract, "customers.list"), **fields))
    assert wrong in breach


def test_a_null_that_is_published_is_no_breach(inspectors: Inspectors) -> None:
    listed = first_record_with(said("portal", "bookings.list"), customerType=None, address=None, jobId=None)
    assert inspectors["portal"].breaches(listed) == []


@both
def test_an_answer_without_its_records_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    (breach,) = inspectors[contract].breaches(answering(said(contract, "customers.list"), {"page": 1}))
    assert "'data' is a required property" in breach


@both
def test_an_answer_that_is_no_json_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    got = said(contract, "customers.get")
    html = got._replace(reply=got.reply._replace(headers={"content-type": "text/html"}))
    (breach,) = inspectors[contract].breaches(html)
    assert "text/html" in breach


@both
def test_an_unpublished_status_is_noticed(inspectors: Inspectors, contract: ContractName) -> None:
    (breach,) = inspectors[contract].breaches(answering(said(contract, "customers.get"), {}, 418))
    assert "418" in breach


def test_an_answer_where_none_belongs_is_noticed(inspectors: Inspectors) -> None:
    removed = answering(said("portal", "tags.remove"), {})
    assert inspectors["portal"].breaches(removed) == ["200 has a body, and none is declared"]


def test_a_request_to_another_host_or_path_is_no_operation(inspectors: Inspectors) -> None:
    request = said("portal", "customers.list").request
    for url in (
        request.url.replace("integration", "extraction"),
        request.url.replace("/customers", "/clients"),
        request.url.replace("/tenant/", "/"),
    ):
        assert inspectors["portal"].row(request._replace(url=url)) is None


def test_a_request_is_known_by_the_narrowest_path(inspectors: Inspectors) -> None:
    row = inspectors["portal"].row(said("portal", "contacts.methods.search").request)
    assert row == operation("portal", "contacts.methods.search")
