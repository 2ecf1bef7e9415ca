"""What an operation is here: a function from a call to a reply, and a row in the table of routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from .instants import ticks_of_seconds
from .messages import Body, Json, Problem, Reply, encode_json, invalid
from .queries import guid_of
from .records import AnyKind, Record
from .views import Contract
from .world import World

Area: TypeAlias = Literal["crm", "settings", "openapi"]
"""Where a path leads: the portal's CRM or Settings, or the base path of OpenAPI 2.0.0."""


Cutting: TypeAlias = Literal["bounds", "records"]


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How this sandbox behaves where the contracts leave room.

    Args:
        unstable_ties: records whose stamps compare equal come in another order in every answer sorted by
            them.
        compares_to: seconds to which lists cut instants before they compare them, though they print them
            whole; 0 compares to the tick.
        cutting: what they cut: the bounds of a request, or the stamps of records. To cut both is to cut the
            bounds, for those are then all that makes a difference.
        feed_page: records in one answer of an export feed.
        feed_lag: without `includeRecentChanges`, seconds by which a feed stays behind.
        feed_repeat: with it, seconds that a drained feed steps back, so that the next poll repeats them.
    """

    unstable_ties: bool = False
    compares_to: float = 0.0
    cutting: Cutting = "bounds"
    feed_page: int = 500
    feed_lag: float = 0.0
    feed_repeat: float = 10.0

    @property
    def unit(self) -> int:
        """Ticks that compare equal."""
        return max(1, ticks_of_seconds(self.compares_to))


class Call(NamedTuple):
    """One request that got past tokens, keys and limits."""

    world: World
    contract: Contract
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now: int
    habits: Habits
    chance: Random

    def path_id(self, name: str = "id") -> int:
        """An id from the path."""
        text = self.ids[name]
        if not (text.isascii() and text.isdigit()):
            raise invalid(name, "has to be a whole number.")
        return int(text)

    def path_guid(self, name: str) -> str:
        """A GUID from the path, in lower case."""
        guid = guid_of(self.ids[name])
        if guid is None:
            raise invalid(name, "has to be a GUID.")
        return guid

    def record(self, kind: AnyKind, name: str = "id") -> Record:
        """The record whose id is in the path."""
        record = self.world.tables[kind].get(self.path_id(name))
        if record is None or record.deleted:
            raise _not_found(kind)
        return record

    def record_of(self, owner: int, kind: AnyKind, name: str) -> Record:
        """The record whose id is in the path, where it has to belong to the owner that is there too."""
        record = self.record(kind, name)
        if record.owner != owner:
            raise _not_found(kind)
        return record

    def provider(self) -> int:
        """The booking provider in the path."""
        return self.record("booking_provider_tags", "booking_provider").id

    def booking(self) -> Record:
        """The booking in the path, which has to be one of the provider that is there too, if there is one."""
        if "booking_provider" in self.ids:
            return self.record_of(self.provider(), "bookings", "id")
        return self.record("bookings")

    def sent(self) -> Body:
        """The body, which has to be a JSON object."""
        try:
            decoded: Json = msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise invalid("$", "the body is no JSON.") from None
        if not isinstance(decoded, dict):
            raise invalid("$", "the body has to be an object.")
        return decoded


def _not_found(kind: AnyKind) -> Problem:
    return Problem(404, f"{kind.removesuffix('s').replace('_', ' ').capitalize()} not found.")


Operation: TypeAlias = Callable[[Call], Reply]


class Route(NamedTuple):
    """One row of the table: `{name}` in the template stands for one segment of the path."""

    area: Area
    method: str
    template: str
    act: Operation


def ok(value: Json | None = None) -> Reply:
    """A 200 with a JSON value."""
    return Reply(200, encode_json(value))


def done() -> Reply:
    """A 200 that has nothing to say."""
    return Reply(200, b"")


def array_in(head: bytes, records: Iterable[bytes]) -> Reply:
    """A 200 of `head`, an array of encoded records, and the brace that closes what `head` opened.

    One join: a page of megabytes is copied no more often than it has to be.
    """
    return Reply(200, b"".join((head, b"[", b",".join(records), b"]}")))
