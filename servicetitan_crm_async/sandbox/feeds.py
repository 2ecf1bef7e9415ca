"""Export feeds: every record in the order of its last change, deleted ones too, behind an opaque token.

A token names the last record that was sent. Nothing is remembered about who reads, so a token polls as
often as one likes, and from any process.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64

from .instants import parse_day_or_instant, ticks_of_seconds
from .messages import Reply, invalid
from .operations import Call, Operation, array_in
from .queries import Query
from .records import Kind
from .tables import ID_BITS, OrderBy, Scope
from .views import feed_bytes

_PARAMETERS = frozenset({"from", "includeRecentChanges"})


def export(kind: Kind) -> Operation:
    """The export feed of a kind."""

    def act(call: Call) -> Reply:
        query = Query(call.query, _PARAMETERS)
        recent = bool(query.flag("includeRecentChanges"))
        after = _position(kind, query.text("from"))
        keys = call.world.tables[kind].order(OrderBy.MODIFIED, Scope.EVERY)
        horizon = len(keys)
        if not recent and call.habits.feed_lag:
            horizon = keys.rank((call.now - ticks_of_seconds(call.habits.feed_lag)) << ID_BITS)
        start = keys.rank(after + 1)
        stop = min(start + call.habits.feed_page, max(start, horizon))
        found = keys.cut(start, stop)
        has_more = stop < horizon
        reached = found[-1] if found else after
        if recent and not has_more:
            back = (call.now - ticks_of_seconds(call.habits.feed_repeat)) << ID_BITS
            reached = max(after, min(reached, back))
        head = b'{"hasMore":%s,"continueFrom":"%s","data":' % (
            b"true" if has_more else b"false",
            _token(kind, reached),
        )
        records = call.world.tables[kind].records(found)
        return array_in(head, [feed_bytes(call.world, kind, each) for each in records])

    return act


def _token(kind: Kind, position: int) -> bytes:
    return urlsafe_b64encode(f"{kind}:{position}".encode())


def _position(kind: Kind, start: str | None) -> int:
    if start is None:
        return -1
    ticks = parse_day_or_instant(start)
    if ticks is not None:
        return (ticks << ID_BITS) - 1
    try:
        owner, _, position = urlsafe_b64decode(start.encode()).decode().partition(":")
        if owner == kind:
            return int(position)
    except (BadBase64, ValueError):
        pass
    raise invalid("from", "is neither a date nor a token of this feed.")
