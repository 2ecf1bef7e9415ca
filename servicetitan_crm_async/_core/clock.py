"""Clocks, and the service's instants as integer ticks of 100 ns.

The service writes UTC with up to seven fractional digits. `datetime` holds six, msgspec rounds the
seventh up and `fromisoformat` cuts it off, and the text itself does not sort (`38Z` is before
`38.28Z` and compares after it). So whatever orders anything is an integer count of ticks since 1970.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

TICKS_PER_SECOND = 10_000_000
"""One tick is 100 ns, the last digit the service prints."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(?:\.(\d+))?([Zz]|[+-]\d{2}:?\d{2})?", re.ASCII
)
_SIGNS = "--T::."
"""What stands between the numbers of an instant with a fraction: every third character from the fifth on."""


class Clock(Protocol):
    """What the package knows of time; tests put one they move by hand in its place."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        return datetime.now(UTC)


def to_ticks(text: str) -> int:
    """Ticks since 1970 of one of the service's instants; digits past the seventh are cut off.

    A text without an offset is UTC, as everything the service prints is.

    Raises:
        ValueError: the text is no instant.
    """
    if text[4:20:3] == _SIGNS and text[27:] == "Z" and text.isascii() and text[20:27].isdigit():
        # As the service prints nearly all of them; the pattern takes half as long again.
        fraction, offset = text[20:27], None
    else:
        match = _INSTANT.fullmatch(text)
        if match is None:
            raise ValueError("not an instant of the form 2021-07-19T20:35:38.2876004Z")
        fraction, offset = match.groups()
    # Refuses what both let through, such as a 13th month.
    past = datetime.fromisoformat(text[:19]) - _NAIVE_EPOCH
    seconds = past.days * 86_400 + past.seconds
    if offset and offset not in "Zz":
        sign = -1 if offset[0] == "-" else 1
        seconds -= sign * (int(offset[1:3]) * 3600 + int(offset[-2:]) * 60)
    return seconds * TICKS_PER_SECOND + (int(fraction[:7].ljust(7, "0")) if fraction else 0)


def to_text(ticks: int) -> str:
    """The instant as the service writes it, always with seven fractional digits."""
    seconds, fraction = divmod(ticks, TICKS_PER_SECOND)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:07d}Z".rjust(28, "0")


def ticks_of(moment: datetime) -> int:
    """Ticks since 1970 of an aware datetime."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * TICKS_PER_SECOND + delta.microseconds * 10


def ticks_in(span: timedelta) -> int:
    """How many ticks a span of time has."""
    return span // timedelta(microseconds=1) * 10


def whole_second(ticks: int) -> int:
    """The second at or before an instant, a bound that a service understands however finely it compares."""
    return ticks - ticks % TICKS_PER_SECOND
