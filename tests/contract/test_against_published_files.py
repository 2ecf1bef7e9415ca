"""Every operation, as the client asks it and the sandbox answers it, held against the published files."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from full_use import FULL
from inspection_kit import Inspector
from observing_kit import LEFT_OUT, exchanges_of, paths
from ordinary_use import ORDINARY
from published_kit import Published, read_documents

from servicetitan_crm_async.contract import CONTRACTS, OPERATIONS, ContractName, Operation

published = pytest.fixture(scope="module")(read_documents)
every_row = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.contract}:{row.name}")


@pytest.fixture(scope="module")
def inspectors(published: Published) -> Mapping[ContractName, Inspector]:
    return {contract: Inspector(published, contract) for contract in CONTRACTS}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_operation_has_its_line(contract: ContractName) -> None:
    assert set(ORDINARY[contract]) == {row.name for row in OPERATIONS if row.contract == contract}
    assert set(FULL[contract]) <= set(ORDINARY[contract])


@every_row
def test_requests_and_answers_are_as_published(
    inspectors: Mapping[ContractName, Inspector], row: Operation
) -> None:
    inspector = inspectors[row.contract]
    for exchange in exchanges_of(row):
        assert inspector.row(exchange.request) == row
        assert exchange.reply.status == 200
        assert inspector.breaches(exchange) == []


@every_row
def test_every_filter_is_given_a_value_somewhere(row: Operation) -> None:
    assert {name for each in exchanges_of(row) for name in each.query} == set(row.filters)


@every_row
def test_every_field_of_a_body_is_sent_somewhere(row: Operation) -> None:
    sent = {path for each in exchanges_of(row) for path in paths(each.sent)}
    known = {*row.body.required, *row.body.optional} if row.body else set()
    assert known - sent == {path for path in known if (row.contract, path) in LEFT_OUT}
    assert sent <= known


@pytest.mark.parametrize(
    "row",
    [row for row in OPERATIONS if row.envelope in ("page", "data", "feed", "array")],
    ids=lambda row: f"{row.contract}:{row.name}",
)
def test_every_list_shows_something_that_its_schema_can_be_held_against(row: Operation) -> None:
    answers = [msgspec.json.decode(each.reply.body) for each in exchanges_of(row)]
    assert any(answer if row.envelope == "array" else answer["data"] for answer in answers)
