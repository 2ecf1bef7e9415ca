"""The route table against the published documents, so that a drift of either shows."""

from __future__ import annotations

import pytest
from published_kit import Document, Published, Schema, content, find, name_of, read_documents

from servicetitan_crm_async.contract import OPERATIONS, Envelope, Operation

published = pytest.fixture(scope="module")(read_documents)
every_row = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.contract}:{row.name}")


def test_the_rows_are_the_published_operations_in_their_order(published: Published) -> None:
    documented = [
        (contract, method, path)
        for contract, documents in published.items()
        for document in documents
        for method, path, _ in document.operations()
    ]
    assert [(row.contract, row.method, row.path) for row in OPERATIONS] == documented


@every_row
def test_the_filters_of_a_row_are_the_published_query_parameters(
    published: Published, row: Operation
) -> None:
    document, definition = find(published, row)
    assert set(row.filters) == set(document.query(definition))


@every_row
def test_the_body_of_a_row_is_the_published_one(published: Published, row: Operation) -> None:
    document, definition = find(published, row)
    schema = content(definition.get("requestBody", {}))
    if schema is None:
        assert row.body is None
    else:
        assert row.body is not None
        assert row.body.name == name_of(schema)
        required, optional = body_paths(document, schema)
        assert set(row.body.required) == required
        assert set(row.body.optional) == optional


@every_row
def test_the_answer_of_a_row_is_the_published_one(published: Published, row: Operation) -> None:
    document, definition = find(published, row)
    schema = content(definition["responses"]["200"])
    expected: tuple[Envelope, str | None] = ("none", None)
    if schema is not None:
        resolved = document.resolve(schema)
        properties = resolved.get("properties", {})
        if resolved["type"] == "array":
            expected = "array", name_of(resolved["items"])
        elif "continueFrom" in properties:
            expected = "feed", name_of(properties["data"]["items"])
        elif {"page", "pageSize", "hasMore", "data"} <= set(properties):
            expected = "page", name_of(properties["data"]["items"])
        elif set(properties) == {"data"}:
            expected = "data", name_of(properties["data"]["items"])
        else:
            expected = "one", name_of(schema) or resolved["type"]
    assert (row.envelope, row.answer) == expected


def body_paths(document: Document, schema: Schema, above: str = "") -> tuple[set[str], set[str]]:
    """Every path of a body, those its own object requires and those it does not."""
    required, optional = set[str](), set[str]()
    resolved = document.resolve(schema)
    for name, definition in resolved.get("properties", {}).items():
        path = above + name
        (required if name in resolved.get("required", ()) else optional).add(path)
        below = document.resolve(definition)
        if below.get("type") == "array":
            more_required, more_optional = body_paths(document, below["items"], f"{path}[].")
        else:
            more_required, more_optional = body_paths(document, below, f"{path}.")
        required |= more_required
        optional |= more_optional
    return required, optional
