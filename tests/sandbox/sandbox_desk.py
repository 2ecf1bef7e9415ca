"""A desk to ask a sandbox questions at: no sockets, no clock but the one the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, Answer, Kind, Request, Sandbox, Tenant, ticks_of

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
BORN_TICKS = ticks_of(BORN)
SECOND = TICKS_PER_SECOND

LISTS: dict[Kind, str] = {
    "customers": "/customers",
    "customer_contacts": "/customers/contacts",
    "locations": "/locations",
    "location_contacts": "/locations/contacts",
    "leads": "/leads",
    "bookings": "/bookings",
    "tag_types": "/tag-types",
}
FEEDS: dict[Kind, str] = {
    "customers": "/export/customers",
    "customer_contacts": "/export/customers/contacts",
    "locations": "/export/locations",
    "location_contacts": "/export/locations/contacts",
    "leads": "/export/leads",
    "bookings": "/export/bookings",
    "tag_types": "/export/tag-types",
}


def small(**changes: Any) -> Sandbox:
    """A small sandbox without a rate limit, born at a fixed instant."""
    usual: dict[str, Any] = {"seed": 7, "customers": 60, "born": BORN, "rate_limit": None}
    return Sandbox(**{**usual, **changes})


class Desk:
    """Asks as one tenant; answers are decoded. `now` is in ticks and moves only when told."""

    def __init__(self, sandbox: Sandbox, *, tenant: Tenant | None = None, openapi: bool = False) -> None:
        self.sandbox = sandbox
        self.tenant = tenant or sandbox.tenant
        self.openapi = openapi
        self.now = sandbox.now
        self.headers = {"st-app-key": self.tenant.app_key, "authorization": f"Bearer {self.token()}"}

    def token_answer(self, **form: str) -> Answer:
        usual = {
            "grant_type": "client_credentials",
            "client_id": self.tenant.client_id,
            "client_secret": self.tenant.client_secret,
        }
        body = urlencode({**usual, **form}).encode()
        return self.sandbox.answer(Request("POST", "/connect/token", body=body), self.now)

    def token(self) -> str:
        return str(msgspec.json.decode(self.token_answer().body)["access_token"])

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def path(self, resource: str) -> str:
        if self.openapi:
            return f"/crm/v2/{self.tenant.tenant_id}{resource}"
        area = "settings" if "/tag-types" in resource else "crm"
        return f"/{area}/v2/tenant/{self.tenant.tenant_id}{resource}"

    def send(self, method: str, resource: str, body: object = None, **query: object) -> Answer:
        texts = {name: str(value) for name, value in query.items()}
        content = b"" if body is None else msgspec.json.encode(body)
        request = Request(method, self.path(resource), texts, self.headers, content)
        return self.sandbox.answer(request, self.now)

    def ask(
        self, method: str, resource: str, body: object = None, *, expect: Any = 200, **query: object
    ) -> Any:
        answer = self.send(method, resource, body, **query)
        assert answer.status == expect, answer.body
        return msgspec.json.decode(answer.body) if answer.body else None

    def get(self, resource: str, *, expect: Any = 200, **query: object) -> Any:
        return self.ask("GET", resource, expect=expect, **query)

    def refusal(self, resource: str, **query: object) -> dict[str, list[str]]:
        """The field errors of a request that has to be answered with 400."""
        problem = self.get(resource, expect=400, **query)
        assert set(problem) == {"type", "title", "status", "traceId", "errors", "data"}
        errors: dict[str, list[str]] = problem["errors"]
        return errors

    def all(self, resource: str, **query: object) -> list[dict[str, Any]]:
        """Every record of a list, page by page."""
        query = {"pageSize": 37, **query}
        return [record for page in self.pages(resource, **query) for record in page["data"]]

    def pages(self, resource: str, **query: object) -> Iterator[dict[str, Any]]:
        number, more = 1, True
        while more:
            page = self.get(resource, page=number, **query)
            yield page
            number, more = number + 1, page["hasMore"]

    def drain(self, feed: str, start: str | None = None, **query: object) -> tuple[list[dict[str, Any]], str]:
        """Everything a feed has, and the token to go on from."""
        found: list[dict[str, Any]] = []
        token, more = start, True
        while more:
            answer = self.get(feed, **({"from": token} if token else {}), **query)
            found += answer["data"]
            token, more = answer["continueFrom"], answer["hasMore"]
        assert token is not None
        return found, token


def a_second_later(sandbox: Sandbox) -> Desk:
    """A desk at which what is written is newer than all that was seeded."""
    desk = Desk(sandbox)
    desk.wait(1)
    return desk


def ids(records: list[dict[str, Any]]) -> list[int]:
    return [record["id"] for record in records]
