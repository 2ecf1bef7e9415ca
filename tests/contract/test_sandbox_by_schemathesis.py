"""The sandbox driven by schemathesis, which makes up requests from the published documents of the portal.

Each operation is asked for records that exist, first with what its schema allows and then with what it
forbids. The same examples are drawn in every run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from inspection_kit import RecordingTransport, readable, schemas_in
from observing_kit import UNPUBLISHED, exchanges_of, known_of, new_sandbox
from published_kit import Document, Published, Schema, read_documents
from requests.adapters import BaseAdapter
from schemathesis import Case, CheckContext, CheckFunction, GenerationMode, Response, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    positive_data_acceptance,
    response_schema_conformance,
    status_code_conformance,
)
from urllib3 import HTTPResponse

from servicetitan_crm_async.contract import OPERATIONS, Operation
from servicetitan_crm_async.sandbox import Request, Sandbox

HOST = "https://api-integration.servicetitan.io"
EXAMPLES = 8

published = pytest.fixture(scope="module")(read_documents)
of_portal = [row for row in OPERATIONS if row.contract == "portal"]
ALWAYS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

IDS = {"type": "string", "pattern": r"^[1-9][0-9]{0,8}(,[1-9][0-9]{0,8}){0,9}$"}
MEANT: Mapping[str, Schema] = {
    "page": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "pageSize": {"type": "integer", "minimum": 1, "maximum": 5000},
    "sort": {"enum": [sign + field for sign in "+-" for field in ("Id", "ModifiedOn", "CreatedOn")]},
    "ids": IDS,
    "customerIds": IDS,
    "locationIds": IDS,
    "from": {"type": "string", "format": "date"},
    "isArchived": {"enum": ["true", "false"]},
}
"""What filters may be, where their descriptions say it and their schemas do not."""

TOGETHER = ("externalDataKey", "externalDataValues")
"""Filters of which neither goes without the other; a schema cannot say so."""

CUSTOMER = {"enum": [100000001]}
MEANT_IN_BODIES: Mapping[str, Schema] = {
    "Crm.V2.ContactCreateRequest": {"type": {"enum": ["Phone", "MobilePhone", "Email", "Fax"]}},
    "Crm.V2.LeadCreateRequest": {
        "customerId": CUSTOMER,
        "locationId": {"enum": [300000001]},
        "bookingId": {"type": "integer", "nullable": True, "enum": [None]},
        "callReasonId": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "Crm.V2.Locations.CreateLocationRequest": {"customerId": CUSTOMER},
}
"""The same of fields, so that what is created belongs to a customer that exists."""


class InProcess(BaseAdapter):
    """Brings what `requests` sends to a sandbox, whose clock stands still."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        assert request.method
        assert request.url
        parts, body = urlsplit(request.url), request.body or b""
        assert isinstance(body, str | bytes)
        asked = Request(
            request.method,
            unquote(parts.path),
            dict(parse_qsl(parts.query)),
            {name: str(value) for name, value in request.headers.items()},
            body if isinstance(body, bytes) else body.encode(),
        )
        answer = self.sandbox.answer(asked, self.sandbox.now)
        response = requests.Response()
        response.request, response.url, response.status_code = request, request.url, answer.status
        response.headers.update(answer.headers)
        response.raw = HTTPResponse(BytesIO(answer.body), answer.headers, preload_content=False)
        return response

    def close(self) -> None:
        return None


def narrowed(document: Document) -> Schema:
    """A document that asks for no credentials, which are sent anyway, and tells what is meant."""
    tree = readable(document.tree)
    del tree["security"]
    for methods in tree["paths"].values():
        for definition in methods.values():
            parameters = [each for each in definition["parameters"] if each["name"] not in TOGETHER]
            definition["parameters"] = parameters
            for parameter in parameters:
                if parameter["in"] == "query":
                    meant = MEANT.get(parameter["name"], parameter["schema"])
                    parameter["schema"] = {**meant, "nullable": False}  # A query has no null.
    for name, fields in MEANT_IN_BODIES.items():
        tree["components"]["schemas"].get(name, {"properties": {}})["properties"].update(fields)
    for schema in schemas_in(tree):
        if schema.get("format") == "guid":
            schema["format"] = "uuid"  # As schemathesis calls it.
    return tree


def refused(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """That what breaks the schema is not accepted, but for an empty filter: it counts as none given."""
    query = parse_qsl(urlsplit(response.request.url or "").query, keep_blank_values=True)
    return None if "" in dict(query).values() else negative_data_rejection(context, response, case)


@pytest.fixture(scope="module")
def schemas(published: Published) -> Mapping[str, BaseSchema]:
    """The portal's documents as schemathesis sees them, by what their paths begin with."""
    return {document.prefix: openapi.from_dict(narrowed(document)) for document in published["portal"]}


def draw(
    schemas: Mapping[str, BaseSchema], row: Operation, mode: GenerationMode, checks: Sequence[CheckFunction]
) -> Counter[int]:
    """Ask a sandbox what schemathesis makes up for an operation; how often each status was answered."""
    sandbox = new_sandbox()
    transport = RecordingTransport(sandbox)
    known_of(transport)
    session = requests.Session()
    session.mount(HOST, InProcess(sandbox))
    session.headers.update(transport.exchanges[-1].request.headers)
    prefix, tenant, path = row.path.partition("/tenant")
    operation = schemas[prefix][tenant + path][row.method]
    statuses = Counter[int]()

    @given(case=operation.as_strategy(mode, path_parameters=ids_of(row)))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    def ask(case: Case[Any]) -> None:
        response = case.call(base_url=HOST + prefix, session=session)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=list(checks))

    ask()
    return statuses


@pytest.mark.parametrize("row", of_portal, ids=lambda row: row.name)
def test_what_the_schemas_allow_is_answered_as_published(
    schemas: Mapping[str, BaseSchema], row: Operation
) -> None:
    checks = [check for check in ALWAYS if row.name not in UNPUBLISHED or check != status_code_conformance]
    # The lists of all contacts want ids or a window, one of many, which no schema can say either.
    if row.method == "GET" and not row.name.endswith(".list_all"):
        checks.append(positive_data_acceptance)
    statuses = draw(schemas, row, GenerationMode.POSITIVE, checks)
    assert statuses[200]


@pytest.mark.parametrize(
    "row", [row for row in of_portal if row.filters or row.body], ids=lambda row: row.name
)
def test_what_the_schemas_forbid_is_refused_as_published(
    schemas: Mapping[str, BaseSchema], row: Operation
) -> None:
    draw(schemas, row, GenerationMode.NEGATIVE, [*ALWAYS, refused])


def ids_of(row: Operation) -> dict[str, str]:
    """What stands in the path of an operation that is asked for records that exist."""
    path = urlsplit(exchanges_of(row)[0].request.url).path
    return {
        name[1:-1]: segment
        for name, segment in zip(row.path.split("/"), path.split("/"), strict=True)
        if name.startswith("{")
    }
