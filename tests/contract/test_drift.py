"""The client's methods and models against the published documents, so that a drift of either shows.

Which model a row is decoded into, and which one its body is made of, is read from the annotations of
the method that calls it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import msgspec
import pytest
from inspection_kit import RecordingTransport
from msgspec import UnsetType
from observing_kit import LEFT_OUT, exchanges_of, new_sandbox
from published_kit import Document, Published, Schema, content, find, read_documents
from signature_kit import Fields, method_of, signature_of
from simulation import with_client

from servicetitan_crm_async import ConfigError, ServiceTitanCRM, Settings, models
from servicetitan_crm_async.contract import OPERATIONS, ContractName, Operation
from servicetitan_crm_async.models.record import Instant

published = pytest.fixture(scope="module")(read_documents)


def rows(*chosen: Operation) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", chosen, ids=lambda row: f"{row.contract}:{row.name}")


SENDING = [row for row in OPERATIONS if row.body is not None]
ANSWERING = [row for row in OPERATIONS if row.answer is not None]
BODIES: Mapping[str, Fields] = {
    row.name: body for row in SENDING if (body := signature_of(row.name).body) is not None
}
"""The model of every body that has one, by operation."""

NO_ARGUMENT = {"page": "a list numbers its pages itself"}
"""Query parameters that nobody gives by hand, and why."""

SHARED = {
    # One model of a new location serves on its own and within a new customer, which has no id yet;
    "customers.create": {"locations[].customerId"},
    # and one of a changed address everywhere, though bookings have no coordinates.
    "booking_provider.update": {"address.latitude", "address.longitude"},
}
"""Fields that a body has only because its model is also another's; to give one a value is refused."""

SHORTER = {
    "dismissingReasonId": "reason_id",
    "dismissingMemo": "memo",
}
"""Properties that are arguments, by names that the method's own name makes plain."""

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


# Answers


def answered(published: Published, row: Operation) -> tuple[Document, Schema]:
    """The schema of what is answered, or of one item where there are many."""
    document, definition = find(published, row)
    schema = content(definition["responses"]["200"])
    assert schema is not None
    resolved = document.resolve(schema)
    if row.envelope in ("page", "data", "feed"):
        resolved = document.resolve(resolved["properties"]["data"])
    return document, document.resolve(resolved["items"]) if resolved["type"] == "array" else resolved


@rows(*ANSWERING)
def test_every_property_of_an_answer_is_a_field_of_its_model(published: Published, row: Operation) -> None:
    document, schema = answered(published, row)
    kind = signature_of(row.name).answer
    if "properties" in schema:
        assert differences(document, schema, kind) == []
    else:
        assert fits(schema, kind)


@rows(*(row for row in OPERATIONS if row.answer is None))
def test_where_nothing_is_answered_nothing_is_returned(row: Operation) -> None:
    assert signature_of(row.name).answer is None


@pytest.mark.parametrize(
    "model",
    dict.fromkeys(
        kind
        for row in ANSWERING
        if isinstance(kind := signature_of(row.name).answer, type) and kind is not int
    ),
)
def test_a_field_without_a_default_is_promised_by_all_that_answer_it(
    published: Published, model: Fields
) -> None:
    """And the other way round, so that no promise is typed as a maybe."""
    described: list[tuple[ContractName, Schema]] = [
        (row.contract, answered(published, row)[1])
        for row in ANSWERING
        if signature_of(row.name).answer is model
    ]
    for field in msgspec.structs.fields(model):
        promised = all(promises(contract, schema, field.encode_name) for contract, schema in described)
        if field.required:
            assert promised, f"{field.name} is not promised"
        elif get_origin(field.type) is not tuple and (model.__name__, field.name) not in MAYBE_NULL:
            assert not promised, f"{field.name} is promised"
        if any(schema["properties"].get(field.encode_name, {}).get("nullable") for _, schema in described):
            assert NoneType in get_args(field.type), f"{field.name} may be null"


def promises(contract: ContractName, schema: Schema, name: str) -> bool:
    """Whether a property is there with a value; openapi-2.0.0 marks nothing of answers as required."""
    properties: Schema = schema["properties"]
    required: Collection[str] = properties if contract == "openapi-2.0.0" else schema.get("required", ())
    return name in required and name in properties and not properties[name].get("nullable")


def test_every_vocabulary_has_the_published_words(published: Published) -> None:
    words: dict[str, set[str]] = {}
    for documents in published.values():
        for document in documents:
            for name, schema in document.schemas().items():
                if "enum" in schema:
                    words.setdefault(name, set()).update(schema["enum"])
    vocabularies: dict[str, type[models.OpenEnum]] = {
        "ActiveRequestArg": models.Active,
        "BookingAgentTagType": models.BookingProviderTagType,
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
    assert set(words) == set(vocabularies)
    for name, vocabulary in vocabularies.items():
        assert words[name] <= set(vocabulary)


def differences(document: Document, schema: Schema, model: Fields, above: str = "") -> list[str]:
    """Where a schema and a model disagree: fields that are missing, and types that do not match."""
    found: list[str] = []
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    for name, definition in schema["properties"].items():
        place = above + name
        if name not in fields:
            found.append(f"{place} is missing")
            continue
        (annotation,) = arms(fields[name].type)
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


class Sketch(models.Model, frozen=True, kw_only=True):
    name: str
    tag_type_ids: tuple[str, ...]


@pytest.mark.parametrize(
    ("properties", "found"),
    [
        ({"name": {"type": "string"}}, []),
        ({"name": {"type": "integer"}}, ["name is <class 'str'>, the schema says {'type': 'integer'}"]),
        ({"nickname": {"type": "string"}}, ["nickname is missing"]),
        ({"name": {"type": "array", "items": {"type": "string"}}}, ["name is no sequence"]),
        (
            {"tagTypeIds": {"type": "array", "items": {"type": "integer"}}},
            ["tagTypeIds[] is <class 'str'>, the schema says {'type': 'integer'}"],
        ),
    ],
)
def test_the_comparison_finds_what_differs(
    published: Published, properties: Schema, found: list[str]
) -> None:
    document = published["portal"][0]
    assert differences(document, {"properties": properties}, Sketch) == found


def arms(annotation: Any) -> tuple[Any, ...]:
    """What a field may be, besides null and left out."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(arm for arm in get_args(annotation) if arm not in (NoneType, UnsetType))
    return (annotation,)


def fits(schema: Schema, annotation: Any) -> bool:
    match schema:
        case {"enum": words}:
            return issubclass(annotation, models.OpenEnum) and set(words) <= set(annotation)
        case {"type": "string", "format": "date-time"}:
            return annotation in (datetime, Instant)
        case {"type": "string", "format": "guid"}:
            return annotation is UUID
        case {"type": "string"}:
            # openapi-2.0.0 types some vocabularies as plain text.
            return annotation is str or issubclass(annotation, Enum)
        case {"type": "number"}:
            return annotation in (Decimal, float)
        case {"type": kind}:
            return annotation is {"integer": int, "boolean": bool}.get(kind) or kind == "object"
    return False


# Requests


def python_name(wire: str) -> str:
    """`modified_on_or_after` for `modifiedOnOrAfter`, and `from_` for a word of the language."""
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", wire).lower()
    return name + "_" if iskeyword(name) else name


@rows(*OPERATIONS)
def test_every_query_parameter_is_a_keyword(published: Published, row: Operation) -> None:
    document, definition = find(published, row)
    wanted = {python_name(name) for name in document.query(definition) if name not in NO_ARGUMENT}
    assert wanted <= set(signature_of(row.name).keywords)


@pytest.mark.parametrize("name", dict.fromkeys(row.name for row in OPERATIONS))
def test_every_keyword_is_known_to_a_contract(name: str) -> None:
    known = [(*row.filters, *paths_of(row)) for row in OPERATIONS if row.name == name]
    names = {SHORTER.get(wire, python_name(wire)) for each in known for wire in each}
    assert set(signature_of(name).keywords) <= names


@rows(*SENDING)
def test_every_property_of_a_body_is_a_field_or_an_argument(row: Operation) -> None:
    if row.name in BODIES:
        fields = set(field_paths(BODIES[row.name]))
        assert {path for path in paths_of(row) if (row.contract, path) not in LEFT_OUT} <= fields
    else:
        arguments = {SHORTER.get(path, python_name(path)) for path in paths_of(row)}
        assert arguments <= signature_of(row.name).names


@pytest.mark.parametrize("name", BODIES)
def test_every_field_of_a_body_model_is_known_to_a_contract(name: str) -> None:
    others = [other for other, body in BODIES.items() if body is BODIES[name]]
    known = {path for row in OPERATIONS if row.name in others for path in paths_of(row)}
    assert set(field_paths(BODIES[name])) - known == SHARED.get(name, set())


@pytest.mark.parametrize("model", dict.fromkeys(BODIES.values()))
def test_a_body_model_demands_what_every_operation_requires(model: Fields) -> None:
    """What only some of them require is asked for when the call is made."""
    bodies = [row.body for row in SENDING if row.body and BODIES.get(row.name) is model]
    demanded = {path for path, is_demanded in field_paths(model).items() if is_demanded}
    required = set.intersection(*(set(body.required) for body in bodies))
    assert {path for path in demanded if "." not in path} == {path for path in required if "." not in path}


@pytest.mark.parametrize(
    ("row", "path"),
    [(row, path) for row in SENDING if row.body for path in row.body.required],
    ids=lambda value: value if isinstance(value, str) else f"{value.contract}:{value.name}",
)
def test_what_is_required_cannot_be_left_out(row: Operation, path: str) -> None:
    """Either the model demands it, or the call says which contract does; nothing is sent."""
    positional = signature_of(row.name).positional
    arguments = {name: EXAMPLES[kind] for name, kind in positional.items() if kind in EXAMPLES}
    if row.name not in BODIES:
        argument = SHORTER.get(path, python_name(path))
        arguments.pop(argument, None)
        assert argument in complaint(row, arguments)
        return
    model = BODIES[row.name]
    body = without(exchanges_of(row)[-1].sent, path.split("."))
    if field_paths(model)[path]:
        with pytest.raises(msgspec.ValidationError, match="missing required field"):
            msgspec.convert(body, model)
        return
    (place,) = (name for name, kind in positional.items() if kind is model)
    named = ".".join(python_name(name) for name in path.replace("[]", "[0]").split("."))
    assert f"{named}: is required by contract {row.contract!r}" in complaint(
        row, {**arguments, place: msgspec.convert(body, model)}
    )


EXAMPLES: Mapping[Any, object] = {int: 1, str: "x", UUID | str: UUID(int=1), Iterable[int]: [1]}
"""Arguments that cannot be wrong, by annotation."""


def complaint(row: Operation, arguments: Mapping[str, object]) -> str:
    """What is said of a call that cannot be made; nothing is sent."""
    transport = RecordingTransport(new_sandbox())
    said: list[str] = []

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises((ConfigError, TypeError)) as caught:
            await method_of(crm, row.name)(**arguments)
        said.append(str(caught.value))

    with_client(transport, main, Settings(contract=row.contract))
    assert transport.exchanges == []
    return said[0]


def without(value: Any, names: Sequence[str]) -> Any:
    """A body less one of its fields: `["locations[]", "name"]`."""
    first, *below = names
    if first.endswith("[]"):
        first = first.removesuffix("[]")
        return {**value, first: [without(member, below) for member in value[first]]}
    if below:
        return {**value, first: without(value[first], below)}
    return {name: member for name, member in value.items() if name != first}


def paths_of(row: Operation) -> tuple[str, ...]:
    """Every path of the body, spelt as in the route table."""
    return (*row.body.required, *row.body.optional) if row.body else ()


def field_paths(model: Fields, above: str = "") -> dict[str, bool]:
    """The paths a body of this model can have, spelt the same, and whether the model demands each."""
    found: dict[str, bool] = {}
    for field in msgspec.structs.fields(model):
        path = above + field.encode_name
        found[path] = field.required
        (kind,) = arms(field.type)
        if get_origin(kind) is tuple:
            kind, path = get_args(kind)[0], f"{path}[]"
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found |= field_paths(kind, f"{path}.")
    return found
