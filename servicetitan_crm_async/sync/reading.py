"""One page of an entity, read for landing: the records' own bytes, and of each only its keys decoded."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Annotated, NamedTuple

import msgspec

from servicetitan_crm_async._core.caller import Caller, more_follows
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_ticks, whole_second
from servicetitan_crm_async._core.decoding import decoder_for, no_collection
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import DecodeError, SyncError
from servicetitan_crm_async.models import Envelope
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.odd import Odd

logger = logging.getLogger("servicetitan_crm_async")


class RawPage(NamedTuple):
    """A page as it goes to a destination."""

    records: tuple[Record, ...]
    odd: tuple[Odd, ...]
    """Records without a usable id or instant, which no destination can key."""
    has_more: bool
    total: int | None
    token: str | None
    """Where a feed goes on."""
    served_at: int
    """The service's clock, in ticks, when it began to answer, or somewhat earlier; never later."""
    attempts: int


class PageReader:
    """Reads pages of one entity as raw records."""

    def __init__(self, caller: Caller, operation: Operation) -> None:
        self._caller, self._operation = caller, operation
        # Where the service filters by it, a record that does not say when it was modified has no place.
        self._dated = operation.closed or operation.envelope == "feed"

    async def read(self, filters: Mapping[str, FilterValue]) -> RawPage:
        """One page.

        Raises:
            ServiceTitanError: as every call.
            SyncError: the answer has no `Date`, without which no watermark can be set.
        """
        answer = await self._caller.raw(self._operation, filters, read_page)
        envelope, records, odd = answer.value
        if self._dated and any(record.modified_on is None for record in records):
            records, odd = _without_undated(records, odd)
        for each in odd:
            logger.warning("a record cannot be keyed and is set aside: %s", each.reason)
        return RawPage(
            records,
            odd,
            more_follows(self._operation, envelope),
            envelope.total_count,
            envelope.continue_from,
            _served_at(answer.reply),
            answer.attempts,
        )


_Id = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What a column of 64 bits takes."""


class _Identity(msgspec.Struct, rename="camel", gc=False):
    id: _Id
    modified_on: str | None = None


class _Key(_Identity):
    active: bool | None = None


class _Id64(msgspec.Struct):
    id: _Id


_keys = msgspec.json.Decoder(Envelope[_Key])
_raw = decoder_for(Envelope[msgspec.Raw])


def read_page(body: bytes) -> tuple[Envelope[msgspec.Raw], tuple[Record, ...], tuple[Odd, ...]]:
    """The envelope of a page, its records, and those that are too odd to be keyed.

    Raises:
        DecodeError: no page at all.
    """
    # The records travel on unread, and the decoder looks into no text it does not decode: bytes damaged
    # inside one would land. This finds what is no text at all, at memory speed.
    try:
        body.decode()
    except UnicodeDecodeError:
        raise DecodeError("it is no UTF-8", malformed=True) from None
    try:
        envelope = _raw(body)
    except DecodeError as error:
        envelope = _read_loosely(body, error)
    try:
        with no_collection():
            keys = _keys.decode(body).data
            records = tuple(
                _record(key, bytes(raw), key.active) for key, raw in zip(keys, envelope.data, strict=True)
            )
    except (msgspec.DecodeError, ValueError):
        each = [_alone(bytes(raw), place) for place, raw in enumerate(envelope.data)]
        return (
            envelope,
            tuple(one for one in each if isinstance(one, Record)),
            tuple(one for one in each if isinstance(one, Odd)),
        )
    return envelope, records, ()


def _read_loosely(body: bytes, refusal: DecodeError) -> Envelope[msgspec.Raw]:
    """A page that the decoder refuses for a text in one record, such as an emoji cut in half.

    The standard library takes half a surrogate pair. What it refuses, too, is no JSON, and worth a retry.
    """
    page = body.decode()
    records: list[msgspec.Raw] = []
    fields: dict[str, object] = {}
    try:
        json.loads(page)
        at = _past(page, 0, "{")
        while page[at] != "}":
            name, at = _scan(page, at)
            at = _past(page, at, ":")
            if name == "data" and page[at] == "[":
                fields[name], at = (), _past(page, at, "[")
                while page[at] != "]":
                    begin = at
                    _, at = _scan(page, at)
                    records.append(msgspec.Raw(page[begin:at].encode()))
                    at = _past(page, at, ",")
                at += 1
            else:
                fields[name], at = _scan(page, at)
            at = _past(page, at, ",")
        envelope = msgspec.convert(fields, Envelope[msgspec.Raw])
    except (ValueError, IndexError, RecursionError, msgspec.ValidationError):
        raise refusal from None
    return msgspec.structs.replace(envelope, data=tuple(records))


_scan = json.JSONDecoder().raw_decode


def _past(page: str, at: int, sign: str) -> int:
    """The place after blanks, this sign if it is there, and blanks."""
    for wanted in (sign, ""):
        while page[at].isspace():
            at += 1
        at += page[at] == wanted
    return at


def _record(key: _Identity, raw: bytes, active: bool | None) -> Record:
    text = key.modified_on
    return Record(key.id, text, 0 if text is None else to_ticks(text), active, raw)


def _alone(raw: bytes, place: int) -> Record | Odd:
    """A record of a page on which some record is odd."""
    fields = json.loads(raw)  # which takes texts that the decoder does not
    try:
        key = msgspec.convert(fields, _Identity)
        try:
            active = msgspec.convert(fields, _Key).active
        except msgspec.ValidationError:
            active = None  # no reason to leave a record out
        return _record(key, raw, active)
    except msgspec.ValidationError as error:
        reason = str(error)
    except ValueError as error:
        reason = f"modifiedOn: {error}"
    try:
        number = msgspec.convert(fields, _Id64).id
    except msgspec.ValidationError:
        number = None
    return Odd(number, reason, place, raw)


def _without_undated(
    records: tuple[Record, ...], odd: tuple[Odd, ...]
) -> tuple[tuple[Record, ...], tuple[Odd, ...]]:
    """The page with the records that say not when they were modified among the odd ones."""
    rows: list[Record | Odd] = list(records)
    for each in odd:
        rows.insert(each.place, each)
    for place, row in enumerate(rows):
        if isinstance(row, Record) and row.modified_on is None:
            rows[place] = Odd(row.id, "modifiedOn is missing", place, row.raw)
    return (
        tuple(row for row in rows if isinstance(row, Record)),
        tuple(row for row in rows if isinstance(row, Odd)),
    )


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
    return whole_second(earliest)
