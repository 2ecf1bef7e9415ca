"""One page of an entity, read for landing: the records' own bytes, and of each only its keys decoded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from servicetitan_crm_async._core.caller import Caller, more_follows
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_ticks
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import DecodeError, SyncError
from servicetitan_crm_async.models import Envelope
from servicetitan_crm_async.sync.destinations.protocol import Record

logger = logging.getLogger("servicetitan_crm_async")


class RawPage(NamedTuple):
    """A page as it goes to a destination."""

    records: tuple[Record, ...]
    odd: int
    """Records without a usable id or instant, which no destination can key."""
    has_more: bool
    total: int | None
    served_at: int
    """The service's clock, in ticks, when it began to answer, or somewhat earlier; never later."""
    attempts: int


class PageReader:
    """Reads pages of one entity as raw records."""

    def __init__(self, caller: Caller, operation: Operation) -> None:
        self._caller, self._operation = caller, operation

    async def read(self, filters: Mapping[str, FilterValue]) -> RawPage:
        """One page.

        Raises:
            ServiceTitanError: as every call.
            SyncError: the answer has no `Date`, without which no watermark can be set.
        """
        answer = await self._caller.raw(self._operation, filters, read_page)
        envelope, records, odd = answer.value
        return RawPage(
            records,
            odd,
            more_follows(self._operation, envelope),
            envelope.total_count,
            _served_at(answer.reply),
            answer.attempts,
        )


class _Identity(msgspec.Struct, rename="camel"):
    id: int
    modified_on: str | None = None


class _Key(_Identity):
    active: bool | None = None


_keys = msgspec.json.Decoder(Envelope[_Key])
_key = msgspec.json.Decoder(_Key)
_identity = msgspec.json.Decoder(_Identity)
_raw = decoder_for(Envelope[msgspec.Raw])


def read_page(body: bytes) -> tuple[Envelope[msgspec.Raw], tuple[Record, ...], int]:
    """The envelope of a page, its records, and how many of them are too odd to be keyed.

    Raises:
        DecodeError: no page at all.
    """
    # The records travel on unread, and the decoder looks into no text it does not decode: bytes damaged
    # inside one would land. This finds what is no text at all, at memory speed.
    try:
        body.decode()
    except UnicodeDecodeError:
        raise DecodeError("it is no UTF-8", malformed=True) from None
    envelope = _raw(body)
    try:
        keys = _keys.decode(body).data
        records = tuple(
            _record(key, bytes(raw), key.active) for key, raw in zip(keys, envelope.data, strict=True)
        )
    except (msgspec.ValidationError, ValueError):
        records = tuple(record for raw in envelope.data if (record := _alone(bytes(raw))) is not None)
    return envelope, records, len(envelope.data) - len(records)


def _record(key: _Identity, raw: bytes, active: bool | None) -> Record:
    text = key.modified_on
    return Record(key.id, text, 0 if text is None else to_ticks(text), active, raw)


def _alone(raw: bytes) -> Record | None:
    """A record of a page on which some record is odd; None for the odd one."""
    try:
        key = _identity.decode(raw)
        try:
            active = _key.decode(raw).active
        except msgspec.ValidationError:
            active = None  # no reason to leave a record out
        return _record(key, raw, active)
    except (msgspec.ValidationError, ValueError) as error:
        # A place and a type, never a value.
        logger.warning("a record cannot be keyed and is left out: %s", error)
        return None


def _served_at(reply: Reply) -> int:
    # The answer shows one moment between sending and receiving, and `Date` is of its end. Taking the
    # whole exchange off is the latest moment that is certainly not after the one shown.
    if reply.served_at is None:
        raise SyncError(
            "the service's answers carry no Date header, so no watermark can be set by its clock; "
            "a proxy on the way may drop it"
        )
    earliest = ticks_of(reply.served_at) - int(reply.seconds * TICKS_PER_SECOND)
    # On a whole second, as the service may compare instants less finely than it prints them.
    return earliest - earliest % TICKS_PER_SECOND
