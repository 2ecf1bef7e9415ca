"""Records and pages as they were sent."""

import msgspec

__all__ = ["PageBody", "RawRecord"]


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a record, and what tells it and its versions apart."""

    id: int | str | None
    """None where the record has none."""
    modified_on: str | None
    """When it was last modified, as the service wrote it, to 100 ns: a datetime keeps microseconds only."""
    data: bytes


class PageBody(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list as the JSON that was sent, its records unread."""

    json: bytes
    page: int
    """Its number, from 1."""
    page_size: int
    """How many records it could have held."""
    has_more: bool
    total_count: int | None
    """How many records the whole list had at that moment; only where the request asked for it."""
