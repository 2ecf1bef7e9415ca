"""Pages and records left as they were sent, with what tells the versions of a record apart."""

from __future__ import annotations

import msgspec

from servicetitan_crm_async._core.decoding import decoder_for, no_collection
from servicetitan_crm_async.models import Envelope
from servicetitan_crm_async.models.raw_record import RawRecord

_LONGEST_HEAD = 512
"""Bytes before the records in which an envelope has said what it has to say."""


class _Key(msgspec.Struct, rename="camel", gc=False):
    id: int | str | None = None
    modified_on: str | None = None


_key = msgspec.json.Decoder(_Key)
_parts = decoder_for(Envelope[msgspec.Raw])


def raw_envelope(body: bytes) -> Envelope[RawRecord]:
    """A page whose records are left as they were sent.

    Raises:
        DecodeError: no page at all.
    """
    envelope = _parts(body)
    with no_collection():
        records = tuple(map(_raw_record, envelope.data))
    return Envelope(
        data=records,
        page=envelope.page,
        page_size=envelope.page_size,
        has_more=envelope.has_more,
        total_count=envelope.total_count,
        continue_from=envelope.continue_from,
    )


def frame_of(body: bytes) -> Envelope[msgspec.Raw]:
    """What a page says around its records, which are not looked at if that can be helped.

    Raises:
        DecodeError: no page at all.
    """
    # Reading past millions of bytes to find the end of the records costs more than receiving them. What
    # is before them tells, where the service writes it first, as it does.
    head, records, _ = body[:_LONGEST_HEAD].partition(b'"data":[')
    if records and body.endswith(b"]}"):
        try:
            envelope = _frame.decode(head + b'"data":[]}')
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _parts(body)
        if envelope.has_more is not None and envelope.page_size is not None:
            return envelope
    return _parts(body)


_frame = msgspec.json.Decoder(Envelope[msgspec.Raw])


def _raw_record(part: msgspec.Raw) -> RawRecord:
    """One record of an answer; one whose keys are no keys has none."""
    data = bytes(part)
    try:
        key = _key.decode(data)
    except msgspec.ValidationError:
        key = _Key()
    return RawRecord(id=key.id, modified_on=key.modified_on, data=data)
