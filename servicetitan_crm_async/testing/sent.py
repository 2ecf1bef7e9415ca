"""What a sandbox under test was asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from servicetitan_crm_async.client import Json
from servicetitan_crm_async.sandbox import Visit, datetime_of
from servicetitan_crm_async.sandbox.routes import place_of


class SentRequest(NamedTuple):
    """One request of the API, whatever became of it."""

    method: str
    path: str
    """Below the tenant: `/customers/7`."""
    query: Mapping[str, str]
    body: Json
    """None where there was none, or no JSON."""
    status: int
    """Of the answer; 0 where the connection was reset."""
    at: datetime

    @property
    def line(self) -> str:
        """Method and path: `GET /customers/7`."""
        return f"{self.method} {self.path}"


def sent_request(visit: Visit) -> SentRequest | None:
    """What the journal says, or None of a request that was none of the API, as for a token."""
    place = place_of(visit.path)
    if place is None:
        return None
    return SentRequest(
        visit.method,
        place.resource,
        dict(visit.query),
        _decoded(visit.body),
        visit.status,
        datetime_of(visit.now),
    )


def _decoded(body: bytes) -> Json:
    try:
        decoded: Json = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return decoded
