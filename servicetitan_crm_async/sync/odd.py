"""Records that no row can be made of: what is known of them, and where the service lists them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, ticks_of, to_text, whole_second
from servicetitan_crm_async.sync.destinations.protocol import OddRecord, Record
from servicetitan_crm_async.sync.ledger import OpenWindow


class Odd(NamedTuple):
    """A record of a page that cannot be keyed."""

    id: int | None
    reason: str
    """A place and a type, never a value."""
    place: int
    """Its position among all records of its page."""
    raw: bytes
    since: int | None = None
    before: int | None = None
    """Between which instants the service lists it, in ticks; None is unknown."""

    @property
    def key(self) -> str:
        """What it is known by: its id, or else its text."""
        if self.id is not None:
            return key_of(self.id)
        return f"raw:{blake2b(self.raw, digest_size=12).hexdigest()}"


def key_of(id: int) -> str:
    """What a record is known by in the quarantine."""
    return f"id:{id}"


def between_neighbours(
    odd: Iterable[Odd], records: Sequence[Record], since: int, before: int, *, in_order: bool
) -> tuple[Odd, ...]:
    """The odd ones, each with the instants between which the service listed it.

    Where the page is in the order of `modifiedOn`, these are those of its neighbours on the page; else
    those that the page was asked for. To the whole second, as the service may sort no more finely.
    """
    if not in_order:
        return tuple(each._replace(since=since, before=before) for each in odd)
    found: list[Odd] = []
    for number, each in enumerate(odd):
        # So many records with a key, less the odd ones before it, stand before it.
        following = each.place - number
        begin = records[following - 1].ticks if following > 0 else since
        end = records[following].ticks if following < len(records) else before
        end = whole_second(end) + TICKS_PER_SECOND
        found.append(each._replace(since=max(since, whole_second(begin)), before=end))
    return tuple(found)


def set_aside(odd: Odd, now: datetime, before: OddRecord | None) -> OddRecord:
    """As it goes to the quarantine, where it may have been before."""
    return OddRecord(
        key=odd.key,
        id=odd.id,
        reason=odd.reason,
        since=odd.since,
        before=odd.before,
        seen=before.seen if before else to_text(ticks_of(now)),
        raw=odd.raw.decode("utf-8", "replace"),
    )


def windows_of(records: Iterable[OddRecord]) -> tuple[OpenWindow, ...]:
    """The windows in which these are listed, those that overlap made one.

    None for one that was seen past the end of its run: the next run comes by there anyway.
    """
    merged: list[OpenWindow] = []
    known = [(odd.since, odd.before) for odd in records if odd.since is not None and odd.before is not None]
    for since, before in sorted((since, before) for since, before in known if since < before):
        if merged and since <= merged[-1].before:
            merged[-1] = OpenWindow(merged[-1].cursor, max(merged[-1].before, before))
        else:
            merged.append(OpenWindow(since, before))
    return tuple(merged)
