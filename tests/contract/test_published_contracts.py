"""The route table and the models against the published documents, so that a drift of either shows.

The documents are no part of the project. They are looked for in `shared/contract` beside the
repository; without them these tests are skipped, except in CI, where they fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
import yaml

from servicetitan_crm_async import models
from servicetitan_crm_async.contract import OPERATIONS, Body, ContractName, Envelope, Operation, operation
from servicetitan_crm_async.models.record import Instant

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
        self._tree: Schema = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        self.prefix = unquote(urlsplit(self._tree["servers"][0]["url"]).path)

    def operations(self) -> Iterator[tuple[str, str, Schema]]:
        for path, methods in self._tree["paths"].items():
            for method, definition in methods.items():
                yield method.upper(), self.prefix + path, definition

    def schemas(self) -> dict[str, Schema]:
        schemas = self._tree["components"]["schemas"]
        # Not the wrapped ones: `PaginatedResponse_Of_Crm.V2.LeadResponse` is no LeadResponse.
        return {name.rpartition(".")[2]: schema for name, schema in schemas.items() if "_Of_" not in name}

    def resolve(self, schema: Schema) -> Schema:
        """The schema behind a reference or a nullable reference."""
        while True:
            if "$ref" in schema:
                node: Any = self._tree
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


def name_of(schema: Schema) -> str | None:
    """The short name of what a schema refers to."""
    if "oneOf" in schema:
        return name_of(schema["oneOf"][0])
    return schema["$ref"].rpartition("/")[2].rpartition(".")[2] if "$ref" in schema else None


def content(part: Schema) -> Schema | None:
    return next((media["schema"] for media in part.get("content", {}).values()), None)


@pytest.fixture(scope="module")
def published() -> dict[ContractName, tuple[Document, ...]]:
    missing = [name for names in FILES.values() for name in names if not (FOLDER / name).is_file()]
    if missing:
        reason = f"the published contracts are not in {FOLDER}: {', '.join(missing)}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return {contract: tuple(Document(FOLDER / name) for name in names) for contract, names in FILES.items()}


Published = dict[ContractName, tuple[Document, ...]]


def find(published: Published, row: Operation) -> tuple[Document, Schema]:
    for document in published[row.contract]:
        for method, path, definition in document.operations():
            if (method, path) == (row.method, row.path):
                return document, definition
    raise AssertionError(f"{row.contract} has no {row.method} {row.path}")


every_row = pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.contract}:{row.name}")


# The route table


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


# The models

ANSWERS: Mapping[str, type[msgspec.Struct]] = {
    "BookingContactResponse": models.Contact,
    "BookingResponse": models.Booking,
    "CreateLocationResponse": models.Location,
    "CreatedCustomerResponse": models.Customer,
    "CustomerContactWithModifiedOnAndCustomerIdResponse": models.CustomerContact,
    "CustomerContactWithModifiedOnResponse": models.Contact,
    "CustomerResponse": models.Customer,
    "ExportBookingResponse": models.Booking,
    "ExportCustomerContactResponse": models.CustomerContact,
    "ExportCustomerResponse": models.Customer,
    "ExportLeadsResponse": models.Lead,
    "ExportLocationContactResponse": models.LocationContact,
    "ExportLocationsResponse": models.Location,
    "ExportTagTypeResponse": models.TagType,
    "LeadResponse": models.Lead,
    "LocationContactResponse": models.Contact,
    "LocationResponse": models.Location,
    "LocationsContactResponse": models.LocationContact,
    "TagTypeResponse": models.TagType,
    "Booking": models.Booking,
    "Contact": models.Contact,
    "Customer": models.Customer,
    "Lead": models.Lead,
    "Location": models.Location,
    "TagType": models.TagType,
}
"""The model of every answer that has one."""

BODIES: Mapping[str, type[msgspec.Struct]] = {
    "bookings.create": models.BookingCreate,
    "booking_provider.contacts.create": models.ContactCreate,
    "customers.create": models.CustomerCreate,
    "customers.update": models.CustomerUpdate,
    "customers.contacts.create": models.ContactCreate,
    "leads.create": models.LeadCreate,
    "leads.update": models.LeadUpdate,
    "locations.create": models.LocationCreate,
    "locations.update": models.LocationUpdate,
    "locations.contacts.create": models.ContactCreate,
}
"""The model of every body that has one, by operation."""

LEFT_OUT = {
    ("openapi-2.0.0", "customFields[].name"): "a value is written by the field's id; the label is read only",
}
"""Properties of bodies that no model has, and why."""

MAYBE_NULL = {
    ("Booking", "start"): "a booking may be created without one, and has to be read all the same",
    ("Contact", "modified_on"): "absent from the contacts within a newly created customer",
    ("CustomerContact", "created_on"): "as of every contact",
    ("CustomerContact", "modified_on"): "as of every contact",
    ("CustomerContact", "phone_settings"): "as of every contact: an e-mail address has none",
    ("LocationContact", "created_on"): "as of every contact",
    ("LocationContact", "modified_on"): "as of every contact",
    ("LocationContact", "phone_settings"): "as of every contact: an e-mail address has none",
}
"""Fields without which an answer is read although the schemas promise them, and why."""

answered = pytest.mark.parametrize(
    ("contract", "answer"),
    sorted({(row.contract, row.answer) for row in OPERATIONS if row.answer and row.answer in ANSWERS}),
)
sent = pytest.mark.parametrize(
    "row",
    [row for row in OPERATIONS if row.name in BODIES],
    ids=lambda row: f"{row.contract}:{row.name}",
)


@answered
def test_every_property_of_an_answer_is_a_field_of_its_model(
    published: Published, contract: ContractName, answer: str
) -> None:
    document, schema = schema_called(published, contract, answer)
    assert differences(document, schema, ANSWERS[answer]) == []


@pytest.mark.parametrize("model", dict.fromkeys(ANSWERS.values()))
def test_a_field_without_a_default_is_promised_by_both_contracts(
    published: Published, model: type[msgspec.Struct]
) -> None:
    """And the other way round, so that no promise is typed as a maybe."""
    described = [
        schema_called(published, row.contract, row.answer)
        for row in OPERATIONS
        if row.answer is not None and ANSWERS.get(row.answer) is model
    ]
    for field in msgspec.structs.fields(model):
        promised = all(promises(schema, field.encode_name) for _, schema in described)
        if field.required:
            assert promised, f"{field.name} is not promised"
        elif get_origin(field.type) is not tuple and (model.__name__, field.name) not in MAYBE_NULL:
            assert not promised, f"{field.name} is promised"
        if any(schema["properties"].get(field.encode_name, {}).get("nullable") for _, schema in described):
            assert NoneType in arms(field.type), f"{field.name} may be null"


def promises(schema: Schema, name: str) -> bool:
    """Whether a property is there with a value; openapi-2.0.0 marks no answers as required."""
    properties: Schema = schema["properties"]
    required: Collection[str] = schema.get("required") or properties
    return name in required and name in properties and not properties[name].get("nullable")


@sent
def test_every_property_of_a_body_is_a_field_of_its_model(row: Operation) -> None:
    body, model = body_of(row), BODIES[row.name]
    fields = field_paths(model)
    for path in (*body.required, *body.optional):
        assert path in fields or (row.contract, path) in LEFT_OUT


@pytest.mark.parametrize("name", BODIES)
def test_every_field_of_a_body_model_is_known_to_a_contract(name: str) -> None:
    known = {path for row in OPERATIONS if row.name == name for path in all_paths(body_of(row))}
    unknown = set(field_paths(BODIES[name])) - known
    # One model of a new location serves on its own and within a new customer, which has no id yet.
    assert unknown <= {"locations[].customerId"}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_model_demands_what_every_contract_requires(name: str) -> None:
    """What only one of them requires is asked for when the call is made."""
    bodies = [body_of(row) for row in OPERATIONS if row.name == name]
    demanded = {field.encode_name for field in msgspec.structs.fields(BODIES[name]) if field.required}
    required = set.intersection(*({path for path in body.required if "." not in path} for body in bodies))
    assert demanded == required


def test_every_vocabulary_has_the_published_words(published: Published) -> None:
    words: dict[str, set[str]] = {}
    for documents in published.values():
        for document in documents:
            for name, schema in document.schemas().items():
                if "enum" in schema:
                    words.setdefault(name, set()).update(schema["enum"])
    vocabularies: dict[str, type[models.OpenEnum]] = {
        "ActiveRequestArg": models.Active,
        "BookingStatus": models.BookingStatus,
        "ContactType": models.ContactType,
        "CustomerType": models.CustomerType,
        "ExternalDataPatchMode": models.ExternalDataMode,
        "GeolocationCoordinatesSource": models.CoordinatesSource,
        "GeolocationVerificationStatus": models.CoordinatesVerification,
        "LeadStatus": models.LeadStatus,
        "Priority": models.Priority,
        "TagImportance": models.TagImportance,
    }
    # BookingAgentTagType: booking provider tags have no model.
    assert set(words) - set(vocabularies) == {"BookingAgentTagType"}
    for name, vocabulary in vocabularies.items():
        assert words[name] <= set(vocabulary)


def schema_called(published: Published, contract: ContractName, name: str) -> tuple[Document, Schema]:
    return next(
        (document, document.schemas()[name]) for document in published[contract] if name in document.schemas()
    )


def arms(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if NoneType in get_args(annotation) else (annotation,)


def differences(
    document: Document, schema: Schema, model: type[msgspec.Struct], above: str = ""
) -> list[str]:
    """Where a schema and a model disagree: fields that are missing, and types that do not match."""
    found: list[str] = []
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    for name, definition in schema["properties"].items():
        place = above + name
        if name not in fields:
            found.append(f"{place} is missing")
            continue
        annotation = next(arm for arm in arms(fields[name].type) if arm is not NoneType)
        resolved = document.resolve(definition)
        if resolved.get("type") == "array":
            if get_origin(annotation) is not tuple:
                found.append(f"{place} is no sequence")
                continue
            place, annotation, resolved = (
                f"{place}[]",
                get_args(annotation)[0],
                document.resolve(resolved["items"]),
            )
        if "properties" in resolved:
            found += differences(document, resolved, annotation, f"{place}.")
        elif not fits(resolved, annotation):
            found.append(f"{place} is {annotation}, the schema says {resolved}")
    return found


def fits(schema: Schema, annotation: Any) -> bool:
    match schema:
        case {"enum": words}:
            return issubclass(annotation, models.OpenEnum) and set(words) <= set(annotation)
        case {"type": "string", "format": "date-time"}:
            return annotation in (datetime, Instant)
        case {"type": "string"}:
            # openapi-2.0.0 types some vocabularies as plain text.
            return annotation is str or issubclass(annotation, Enum)
        case {"type": "number"}:
            return annotation in (Decimal, float)
        case {"type": kind}:
            return annotation is {"integer": int, "boolean": bool}.get(kind) or kind == "object"
    return False


def body_of(row: Operation) -> Body:
    assert row.body is not None
    return row.body


def all_paths(body: Body) -> tuple[str, ...]:
    return (*body.required, *body.optional)


def field_paths(model: type[msgspec.Struct], above: str = "") -> list[str]:
    """The paths a body of this model can have, spelt as in the route table."""
    paths: list[str] = []
    for field in msgspec.structs.fields(model):
        path = above + field.encode_name
        paths.append(path)
        for arm in get_args(field.type) or (field.type,):
            inner = get_args(arm)[0] if get_origin(arm) is tuple else arm
            if get_origin(field.type) is tuple:
                inner, arm = get_args(field.type)[0], field.type
            if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                below = f"{path}[]." if get_origin(arm) is tuple else f"{path}."
                paths += [nested for nested in field_paths(inner, below) if nested not in paths]
    return paths


def test_operations_with_a_model_are_in_the_table() -> None:
    for name in BODIES:
        assert operation("portal", name).body is not None
