"""One page of an entity, read for landing: the records' own bytes, and of each only its keys decoded."""

from __future__ import annotations

import json
import logging
from codecs import getincrementaldecoder
from collections.abc import Mapping
from typing import Annotated, NamedTuple, TypeAlias

import msgspec

from servicetitan_crm_async._core.caller import Caller, more_follows
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_ticks, whole_second
from servicetitan_crm_async._core.decoding import decoder_for, no_collection
from servicetitan_crm_async._core.pipeline import Answer
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
    throttled: int = 0
    """Attempts that were answered with status 429."""


class PageReader:
    """Reads pages of one entity as raw records."""

    def __init__(self, caller: Caller, operation: Operation) -> None:
        self._caller, self._operation = caller, operation
        # Where the service filters by it, a record that does not say when it was modified has no place.
        self._dated = operation.closed or operation.envelope == "feed"

    async def fetch(self, filters: Mapping[str, FilterValue]) -> Answer[bytes]:
        """One page as it came, for one that may have to wait: its records would take more room than it does.

        Raises:
            ServiceTitanError: as every call.
        """
        return await self._caller.raw(self._operation, filters, bytes)

    async def read(self, filters: Mapping[str, FilterValue], fetched: Answer[bytes] | None = None) -> RawPage:
        """One page: the one fetched with these filters, or else asked for now.

        What was fetched and is no page is asked for again, so that it is tried again where that helps, and
        fails as a call does.

        Raises:
            ServiceTitanError: as every call.
            SyncError: the answer has no `Date`, without which no watermark can be set.
        """
        attempts = throttled = 0
        if fetched is not None:
            attempts, throttled = fetched.attempts, fetched.throttled
            try:
                return self._page(read_page(fetched.value), fetched.reply, attempts, throttled)
            except DecodeError:
                pass
        answer = await self._caller.raw(self._operation, filters, read_page)
        return self._page(
            answer.value, answer.reply, attempts + answer.attempts, throttled + answer.throttled
        )

    def _page(self, parts: _Parts, reply: Reply, attempts: int, throttled: int) -> RawPage:
        envelope, records, odd = parts
        if self._dated and any(record.modified_on is None for record in records):
            records, odd = _without_undated(records, odd)
        for each in odd:
            logger.warning("a record cannot be keyed and is set aside: %s", each.reason)
        has_more = more_follows(self._operation, envelope)
        self._caller.tell_page(self._operation.name, len(envelope.data), has_more, envelope.total_count)
        return RawPage(
            records,
            odd,
            has_more,
            envelope.total_count,
            envelope.continue_from,
            _served_at(reply),
            attempts,
            throttled,
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


_key = msgspec.json.Decoder(_Key)
_raw = decoder_for(Envelope[msgspec.Raw])

_AT_ONCE = 16 * 1024
"""Bytes of a page that are looked through as text at a time; the text of a whole one is twice its size."""

_Parts: TypeAlias = tuple[Envelope[msgspec.Raw], tuple[Record, ...], tuple[Odd, ...]]


def read_page(body: bytes) -> _Parts:
    """The envelope of a page, its records, and those that are too odd to be keyed.

    Raises:
        DecodeError: no page at all.
    """
    _check_text(body)
    try:
        envelope = _raw(body)
    except DecodeError as error:
        envelope = _read_loosely(body, error)
    try:
        with no_collection():
            records = tuple([_record(_key.decode(raw), bytes(raw)) for raw in envelope.data])
    except (msgspec.DecodeError, ValueError):
        each = [_alone(bytes(raw), place) for place, raw in enumerate(envelope.data)]
        return (
            envelope,
            tuple(one for one in each if isinstance(one, Record)),
            tuple(one for one in each if isinstance(one, Odd)),
        )
    return envelope, records, ()


def _check_text(body: bytes) -> None:
    """Refuse what is no text at all.

    The records travel on unread, and the decoder looks into no text it does not decode: bytes damaged
    inside one would land.
    """
    look = getincrementaldecoder("utf-8")().decode
    page = memoryview(body)
    try:
        for start in range(0, len(page), _AT_ONCE):
            look(page[start : start + _AT_ONCE])
        look(b"", True)
    except UnicodeDecodeError:
        raise DecodeError("it is no UTF-8", malformed=True) from None


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


def _record(key: _Key, raw: bytes) -> Record:
    text = key.modified_on
    return Record(key.id, text, 0 if text is None else to_ticks(text), key.active, raw)


def _alone(raw: bytes, place: int) -> Record | Odd:
    """A record of a page on which some record is odd."""
    fields = json.loads(raw)  # which takes texts that the decoder does not
    try:
        known = msgspec.convert(fields, _Identity)
        try:
            key = msgspec.convert(fields, _Key)
        except msgspec.ValidationError:
            key = _Key(known.id, known.modified_on)  # no reason to leave a record out
        return _record(key, raw)
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
