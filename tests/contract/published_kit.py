"""The published documents: where they are, what they hold, and where a schema and a model disagree.

The documents are no part of the project. They are looked for in `shared/contract` beside the
repository; without them the tests that need them are skipped, except in CI, where they fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from servicetitan_crm_async.contract import ContractName, Operation

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "contract"
FILES: Mapping[ContractName, tuple[str, ...]] = {
    "portal": ("portal-crm-v2.json", "portal-settings-tag-types-v2.json"),
    "openapi-2.0.0": ("openapi-2.0.0.yml",),
}

Schema = dict[str, Any]


class Document:
    """One published OpenAPI document, its references followed."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.tree: Schema = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        self.prefix = unquote(urlsplit(self.tree["servers"][0]["url"]).path)

    def operations(self) -> Iterator[tuple[str, str, Schema]]:
        for path, methods in self.tree["paths"].items():
            for method, definition in methods.items():
                yield method.upper(), self.prefix + path, definition

    def schemas(self) -> dict[str, Schema]:
        schemas = self.tree["components"]["schemas"]
        # Not the wrapped ones: `PaginatedResponse_Of_Crm.V2.LeadResponse` is no LeadResponse.
        return {name.rpartition(".")[2]: schema for name, schema in schemas.items() if "_Of_" not in name}

    def resolve(self, schema: Schema) -> Schema:
        """The schema behind a reference or a nullable reference."""
        while True:
            if "$ref" in schema:
                node: Any = self.tree
                for step in schema["$ref"].removeprefix("#/").split("/"):
                    node = node[step]
                schema = node
            elif "oneOf" in schema:
                schema = schema["oneOf"][0]
            else:
                return schema

    def query(self, definition: Schema) -> list[str]:
        parameters = (self.resolve(parameter) for parameter in definition.get("parameters", ()))
        return [parameter["name"] for parameter in parameters if parameter["in"] == "query"]


Published = dict[ContractName, tuple[Document, ...]]


def read_documents() -> Published:
    """Every document, read anew; the test that asks is skipped where they are not at hand."""
    missing = [name for names in FILES.values() for name in names if not (FOLDER / name).is_file()]
    if missing:
        reason = f"the published contracts are not in {FOLDER}: {', '.join(missing)}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return {contract: tuple(Document(FOLDER / name) for name in names) for contract, names in FILES.items()}


def find(published: Published, row: Operation) -> tuple[Document, Schema]:
    """What is published of a row, and where."""
    for document in published[row.contract]:
        for method, path, definition in document.operations():
            if (method, path) == (row.method, row.path):
                return document, definition
    raise AssertionError(f"{row.contract} has no {row.method} {row.path}")


def name_of(schema: Schema) -> str | None:
    """The short name of what a schema refers to."""
    if "oneOf" in schema:
        return name_of(schema["oneOf"][0])
    return schema["$ref"].rpartition("/")[2].rpartition(".")[2] if "$ref" in schema else None


def content(part: Schema) -> Schema | None:
    """The schema of a body, of whatever media type."""
    return next((media["schema"] for media in part.get("content", {}).values()), None)
