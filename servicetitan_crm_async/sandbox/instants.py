"""Instants as the sandbox keeps them: whole ticks of 100 ns since 1970-01-01 UTC.

The service stamps records with seven fractional digits. A float of seconds holds about six of them
today and a datetime exactly six, so neither can order two records that share a microsecond.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache

TICKS_PER_SECOND = 10_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)


def ticks_of(moment: datetime) -> int:
    """Ticks of an aware datetime, exact to its microsecond; a naive one is refused."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * TICKS_PER_SECOND + since.microseconds * 10


_FIRST = ticks_of(datetime.min.replace(tzinfo=UTC))
_BEHIND_LAST = ticks_of(datetime.max.replace(tzinfo=UTC)) + 10


def ticks_of_seconds(seconds: float) -> int:
    """Ticks of a duration or a unix time in seconds, rounded to the nearest tick."""
    return round(seconds * TICKS_PER_SECOND)


def datetime_of(ticks: int) -> datetime:
    """The aware datetime at or just before an instant: the seventh digit is cut, never rounded up."""
    return _EPOCH + timedelta(microseconds=ticks // 10)


@lru_cache(maxsize=4096)
def _second_text(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]


def text_of(ticks: int) -> str:
    """UTC text as the service writes it: up to seven digits, trailing zeros trimmed, `38Z` included."""
    second, fraction = divmod(ticks, TICKS_PER_SECOND)
    if not fraction:
        return _second_text(second) + "Z"
    return f"{_second_text(second)}.{fraction:07d}".rstrip("0") + "Z"


def parse_instant(text: str) -> int | None:
    """Ticks of an RFC 3339 instant; None for anything else.

    Strict on purpose: without an offset, or with an eighth digit, a text is no instant. A client that
    sends such text to the live service finds out by getting the wrong records. Nor is one that its offset
    moves out of the years 1 to 9999, for there is no text to answer with.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    offset = 0
    if zone not in "Zz":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * (-60 if zone[0] == "-" else 60)
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC
        )
    except ValueError:
        return None
    ticks = ticks_of(moment) - offset * TICKS_PER_SECOND + int((fraction or "0").ljust(7, "0"))
    return ticks if _FIRST <= ticks < _BEHIND_LAST else None


def parse_day_or_instant(text: str) -> int | None:
    """Like `parse_instant`, but a bare `2020-01-01` counts too, as the export feeds allow."""
    found = _DAY.fullmatch(text)
    if found is None:
        return parse_instant(text)
    try:
        return ticks_of(datetime(int(found[1]), int(found[2]), int(found[3]), tzinfo=UTC))
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _http_date(second: int) -> str:
    return format_datetime(_EPOCH + timedelta(seconds=second), usegmt=True)


def http_date(ticks: int) -> str:
    """The value of a `Date` header: the instant, floored to its second."""
    return _http_date(ticks // TICKS_PER_SECOND)
