"""Records left as they were sent, with what tells their versions apart."""

from __future__ import annotations

import msgspec

from servicetitan_crm_async.models.raw_record import RawRecord


class _Key(msgspec.Struct, rename="camel"):
    id: int | str | None = None
    modified_on: str | None = None


_key = msgspec.json.Decoder(_Key)


def raw_record(part: msgspec.Raw) -> RawRecord:
    """One record of an answer; one whose keys are no keys has none."""
    data = bytes(part)
    try:
        key = _key.decode(data)
    except msgspec.ValidationError:
        key = _Key()
    return RawRecord(id=key.id, modified_on=key.modified_on, data=data)
