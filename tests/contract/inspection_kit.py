"""What went over the wire, held against the published documents by openapi-core, which is not our work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

import msgspec
from openapi_core import Config, OpenAPI
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.templating.paths.finders import APICallPathFinder
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.exceptions import ValidationError
from published_kit import Document, Published, Schema
from simulation import SandboxTransport

from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.contract import OPERATIONS, ContractName, Operation
from servicetitan_crm_async.sandbox import Sandbox


class Exchange(NamedTuple):
    """One request and what was answered."""

    request: WireRequest
    reply: Reply

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.request.url).query, keep_blank_values=True)

    @property
    def sent(self) -> Any:
        """The body of the request, decoded; None if there is none."""
        return msgspec.json.decode(self.request.body) if self.request.body else None


def is_for_token(request: WireRequest) -> bool:
    return request.url.endswith("/connect/token")


class RecordingTransport(SandboxTransport):
    """Carries requests to a sandbox and keeps what goes either way, but for tokens."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(sandbox)
        self.exchanges: list[Exchange] = []

    async def send(self, request: WireRequest) -> Reply:
        reply = await super().send(request)
        if not is_for_token(request):
            self.exchanges.append(Exchange(request, reply))
        return reply


def readable(tree: Schema) -> Schema:
    """A document as openapi-core has to have it to check what is meant; every change has its reason."""
    tree = deepcopy(tree)
    # openapi-2.0.0 calls itself 3.1.0, but marks what may be null in the manner of 3.0, which 3.1 ignores.
    tree["openapi"] = "3.0.3"
    # The portal's documents name the app key alone, though nothing is answered without a token; and
    # openapi-core does not look for the token of an `oauth2` scheme: it arrives as a bearer's.
    schemes = tree["components"]["securitySchemes"]
    key = next(name for name, scheme in schemes.items() if scheme.get("in") == "header")
    schemes["token"] = {"type": "http", "scheme": "bearer"}
    tree["security"] = [{key: [], "token": []}]
    # The portal does not say that a body has to be there, only what has to be in it.
    for methods in tree["paths"].values():
        for definition in methods.values():
            if "requestBody" in definition:
                definition["requestBody"]["required"] = True
    # openapi-2.0.0 does not say what of an answer is always there: its records are, and their ids.
    for schema in tree["components"]["schemas"].values():
        if least := [name for name in ("id", "data") if name in schema.get("properties", ())]:
            schema.setdefault("required", least)
    # The portal writes a vocabulary that may be null as `nullable` beside `oneOf`; to the letter of
    # OpenAPI 3.0 no null gets past that `oneOf`.
    for schema in schemas_in(tree):
        if schema.get("nullable") and "oneOf" in schema:
            schema["oneOf"].append({"type": "string", "nullable": True, "enum": [None]})
    return tree


def schemas_in(node: Any) -> Iterator[Schema]:
    """Every object of a document, schemas among them."""
    if isinstance(node, dict):
        yield node
    for member in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from schemas_in(member)


def is_guid(value: object) -> bool:
    """Of `format: guid`, which openapi-core leaves unchecked."""
    try:
        return not isinstance(value, str) or bool(UUID(value))
    except ValueError:
        return False


class Inspector:
    """Says of requests and answers what in them breaks a contract."""

    def __init__(self, published: Published, contract: ContractName) -> None:
        self._rows = {f"{row.method} {row.path}": row for row in OPERATIONS if row.contract == contract}
        self._books = [_Book(document) for document in published[contract]]

    def row(self, request: WireRequest) -> Operation | None:
        """The operation that a request means by its method, host and path; None if there is none such."""
        paths = (path for book in self._books if (path := book.path(request)))
        return next((self._rows[f"{request.method} {path}"] for path in paths), None)

    def breaches(self, exchange: Exchange) -> list[str]:
        """What is wrong with a request and its answer."""
        return [*self.request_breaches(exchange.request), *self.answer_breaches(exchange)]

    def request_breaches(self, request: WireRequest) -> list[str]:
        return list(self._book(request).of_request(request))

    def answer_breaches(self, exchange: Exchange) -> list[str]:
        return list(self._book(exchange.request).of_reply(*exchange))

    def _book(self, request: WireRequest) -> _Book:
        for book in self._books:
            if book.path(request):
                return book
        raise AssertionError(f"no operation is at {request.method} {request.url}")


class _Book:
    """One document. What it does not declare at all is a breach too, in queries as in bodies."""

    def __init__(self, document: Document) -> None:
        tree = readable(document.tree)
        self._prefix = document.prefix
        self._api = OpenAPI.from_dict(
            tree,
            config=Config(
                extra_format_validators={"guid": is_guid}, additional_properties_default_policy="forbid"
            ),
        )
        self._finder = APICallPathFinder(self._api.spec)

    def path(self, request: WireRequest) -> str | None:
        """The path of the operation, from the host on and with its placeholders."""
        try:
            found = self._finder.find(request.method.lower(), request.url.partition("?")[0])
        except PathError:
            return None
        return self._prefix + str(found.path_result.pattern)

    def of_request(self, request: WireRequest) -> Iterator[str]:
        asked = _asked(request)
        yield from map(explain, self._api.iter_request_errors(asked))
        operation = self._finder.find(asked.method, asked.host_url + asked.path).operation
        declared = {
            (each / "name").read_str()
            for each in operation.get("parameters", ())
            if (each / "in").read_str() == "query"
        }
        query = urlsplit(request.url).query
        for name, times in Counter(name for name, _ in parse_qsl(query, keep_blank_values=True)).items():
            if name not in declared:
                yield f"the query has an undeclared {name}"
            if times > 1:
                yield f"the query has {name} {times} times"
        if asked.body and "requestBody" not in operation:
            yield "there is a body, and none is declared"

    def of_reply(self, request: WireRequest, reply: Reply) -> Iterator[str]:
        asked = _asked(request)
        answered = MockResponse(
            reply.body, reply.status, dict(reply.headers), reply.headers.get("content-type", "")
        )
        yield from map(explain, self._api.iter_response_errors(asked, answered))
        responses = self._finder.find(asked.method, asked.host_url + asked.path).operation / "responses"
        if reply.body and str(reply.status) in responses and "content" not in responses / str(reply.status):
            yield f"{reply.status} has a body, and none is declared"


def _asked(request: WireRequest) -> MockRequest:
    parts = urlsplit(request.url)
    return MockRequest(
        f"{parts.scheme}://{parts.netloc}",
        request.method,
        parts.path,
        args=parse_qs(parts.query, keep_blank_values=True),
        headers=dict(request.headers),
        data=request.body,
        content_type=request.headers.get("Content-Type", ""),
    )


def explain(error: Exception) -> str:
    """An error with the parameter or every place of a body that is wrong."""
    if not isinstance(error, ValidationError):
        return f"{type(error).__name__}: {error}"
    places = [
        "/".join(map(str, each["path"])) + ": " + each["message"] for each in error.details["schema_errors"]
    ]
    about = getattr(error, "name", "")
    return f"{type(error).__name__} {about}: {'; '.join(places) or f'{error} ({error.__cause__})'}"
