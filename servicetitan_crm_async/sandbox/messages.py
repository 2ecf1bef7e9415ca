"""What goes in and what comes out: requests, answers, and the error object of RFC 7807."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Body: TypeAlias = "dict[str, Json]"

NOTHING: Mapping[str, str] = MappingProxyType({})
encode_json = msgspec.json.Encoder().encode


class Request(NamedTuple):
    """One request, decoded as far as HTTP goes: percent-escapes of path and query are gone."""

    method: str
    path: str
    query: Mapping[str, str] = NOTHING
    headers: Mapping[str, str] = NOTHING
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)


class Mishap(NamedTuple):
    """What happens to an answer on its way, for whoever carries it to act out.

    `reset` aborts the connection with no answer; `cut` announces the whole body and closes after
    `amount` bytes of it; `slow` takes `amount` seconds over the body.
    """

    kind: Literal["reset", "cut", "slow"]
    amount: float = 0.0


class Answer(NamedTuple):
    """One answer; `delay` is the latency in seconds that the carrier sleeps or a simulation adds."""

    status: int
    headers: dict[str, str]
    body: bytes
    fault: Mishap | None = None
    delay: float = 0.0


class Reply(NamedTuple):
    """What an operation decided, before the headers every answer has."""

    status: int
    body: bytes
    headers: Mapping[str, str] = NOTHING


class Problem(Exception):  # named for the RFC 7807 object it becomes
    """An error answer, raised by whatever finds out and turned into JSON in one place."""

    def __init__(
        self,
        status: int,
        title: str,
        errors: Mapping[str, Sequence[str]] | None = None,
        *,
        headers: Mapping[str, str] = NOTHING,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.errors = errors or {}
        self.headers = headers

    def reply(self, trace_id: str) -> Reply:
        """The problem as the service would send it."""
        return Reply(self.status, problem_json(self.status, self.title, trace_id, self.errors), self.headers)


def problem_json(
    status: int, title: str, trace_id: str, errors: Mapping[str, Sequence[str]] | None = None
) -> bytes:
    """The bytes of an error object; `data` is always empty, as the contract requires it to be there."""
    return encode_json(
        {
            "type": f"https://httpstatuses.io/{status}",
            "title": title,
            "status": status,
            "traceId": trace_id,
            "errors": errors or {},
            "data": {},
        }
    )


def invalid(field: str, why: str) -> Problem:
    """The 400 that names one field."""
    return Problem(400, "One or more validation errors occurred.", {field: [why]})
