"""What the sandbox answers to requests that fail, and the errors the client makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from uuid import UUID

import pytest
from inspection_kit import Exchange, Inspector, RecordingTransport, is_for_token
from observing_kit import UNPUBLISHED, known_of, new_sandbox
from ordinary_use import HOME, PORTAL, Known, Use
from published_kit import Published, find, read_documents
from simulation import SandboxTransport, with_client

from servicetitan_crm_async import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServiceTitanCRM,
    Settings,
)
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.contract import OPERATIONS, Operation, operation
from servicetitan_crm_async.models import LocationCreate, LocationUpdate

published = pytest.fixture(scope="module")(read_documents)


@pytest.fixture(scope="module")
def inspector(published: Published) -> Inspector:
    return Inspector(published, "portal")


NOBODY = 999999999
NO_GUID = UUID(int=0)
SETTINGS = Settings(environment="integration")


Altered = Callable[[Operation, WireRequest], WireRequest]
of_portal = [row for row in OPERATIONS if row.contract == "portal"]


def as_it_is(row: Operation, request: WireRequest) -> WireRequest:
    return request


def refusal(row: Operation, use: Use, altered: Altered = as_it_is) -> tuple[ApiError, Exchange]:
    """The error in which a use of the client ends, perhaps because its requests are altered on their way."""
    sandbox = new_sandbox()
    known = known_of(SandboxTransport(sandbox))

    class Altering(RecordingTransport):
        async def send(self, request: WireRequest) -> Reply:
            return await super().send(request if is_for_token(request) else altered(row, request))

    transport = Altering(sandbox)
    errors: list[ApiError] = []

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(ApiError) as caught:
            await use(crm, known)
        errors.append(caught.value)

    with_client(transport, main, SETTINGS)
    return errors[0], transport.exchanges[-1]


def with_segment(
    row: Operation, request: WireRequest, which: Callable[[str], bool], text: str
) -> WireRequest:
    """The request with something else in place of the first placeholder of its path that is wanted."""
    path, mark, query = request.url.removeprefix(SETTINGS.host).partition("?")
    segments = path.split("/")
    place = next(n for n, name in enumerate(row.path.split("/")) if name.startswith("{") and which(name))
    segments[place] = text
    return request._replace(url=SETTINGS.host + "/".join(segments) + mark + query)


def is_of_record(placeholder: str) -> bool:
    return placeholder not in ("{tenant}", "{booking_provider}")


def for_nobody(row: Operation, request: WireRequest) -> WireRequest:
    by_guid = row.name.startswith("contacts.") and "{relationshipId}" not in row.path
    return with_segment(row, request, is_of_record, str(NO_GUID if by_guid else NOBODY))


def for_another_tenant(row: Operation, request: WireRequest) -> WireRequest:
    return with_segment(row, request, lambda placeholder: placeholder == "{tenant}", "1002")


def malformed(row: Operation, request: WireRequest) -> WireRequest:
    """The request with one thing in it that cannot be read."""
    if row.body is not None:
        return request._replace(body=b"[]")
    if row.paged:
        return request._replace(url=re.sub(r"\bpage=1\b", "page=0", request.url))
    if row.envelope == "feed":
        return request._replace(url=f"{request.url}?includeRecentChanges=perhaps")
    return with_segment(row, request, is_of_record, "x")


def placeholders(row: Operation) -> list[str]:
    return re.findall(r"\{\w+\}", row.path)


def documented(published: Published, row: Operation) -> set[str]:
    return set(find(published, row)[1]["responses"])


@pytest.mark.parametrize(
    "row",
    # The one that is left out takes nothing that could be malformed.
    [row for row in of_portal if row.name != "contacts.preferences.list"],
    ids=lambda row: row.name,
)
def test_a_malformed_request_is_refused_as_published(inspector: Inspector, row: Operation) -> None:
    error, exchange = refusal(row, PORTAL[row.name], malformed)
    assert isinstance(error, InvalidRequest)
    assert inspector.answer_breaches(exchange) == []


@pytest.mark.parametrize(
    "row", [row for row in of_portal if any(map(is_of_record, placeholders(row)))], ids=lambda row: row.name
)
def test_what_is_not_there_is_not_found_as_published(
    published: Published, inspector: Inspector, row: Operation
) -> None:
    error, exchange = refusal(row, PORTAL[row.name], for_nobody)
    # Of relationships, the portal says that a contact which is not there is a conflict.
    assert isinstance(error, Conflict if ".relationships." in row.name else NotFound)
    # Of some operations on one record, it says nothing of records that are not there.
    assert inspector.answer_breaches(exchange) == [] or "404" not in documented(published, row)


@pytest.mark.parametrize(
    "row", [row for row in of_portal if row.name.startswith("contacts.")], ids=lambda row: row.name
)
def test_another_tenant_is_forbidden_as_published(inspector: Inspector, row: Operation) -> None:
    error, exchange = refusal(row, PORTAL[row.name], for_another_tenant)
    assert isinstance(error, Forbidden)
    assert inspector.answer_breaches(exchange) == []


def twice(use: Use) -> Use:
    async def both_times(crm: ServiceTitanCRM, at: Known) -> None:
        await use(crm, at)
        await use(crm, at)

    return both_times


CONFLICTS: Mapping[str, Use] = {
    "booking_provider_tags.create": twice(PORTAL["booking_provider_tags.create"]),
    "contacts.relationships.delete": lambda crm, at: crm.contacts.relationships.delete(
        at.person, at.location, "location"
    ),
    "locations.create": lambda crm, at: crm.locations.create(
        LocationCreate(customer_id=NOBODY, name="Cabin", address=HOME)
    ),
    "locations.update": lambda crm, at: crm.locations.update(at.location, LocationUpdate(customer_id=NOBODY)),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict_is_answered_as_published(inspector: Inspector, name: str) -> None:
    error, exchange = refusal(operation("portal", name), CONFLICTS[name])
    assert isinstance(error, Conflict)
    assert inspector.answer_breaches(exchange) == []


@pytest.mark.parametrize("name", UNPUBLISHED)
def test_an_unpublished_conflict_looks_like_the_published_refusals(inspector: Inspector, name: str) -> None:
    error, exchange = refusal(operation("portal", name), twice(PORTAL[name]))
    assert isinstance(error, Conflict)
    assert inspector.answer_breaches(exchange) == ["ResponseNotFound: Unknown response http status: 409"]
    as_400 = exchange._replace(reply=exchange.reply._replace(status=400))
    assert inspector.answer_breaches(as_400) == []
