"""A record as it was sent."""

import msgspec

__all__ = ["RawRecord"]


class RawRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a record, and what tells it and its versions apart."""

    id: int | str | None
    """None where the record has none."""
    modified_on: str | None
    """When it was last modified, as the service wrote it, to 100 ns: a datetime keeps microseconds only."""
    data: bytes
