"""Figures as people read them; pure."""

from __future__ import annotations

from datetime import UTC, datetime

_SPANS = (("s", 120, 1), ("min", 7200, 60), ("h", 172_800, 3600), ("days", float("inf"), 86_400))
_MINUTE = len("2026-01-31T08:00")


def nouns(entity: str) -> str:
    """`customer contacts` of the name of an entity."""
    return entity.replace("_", " ")


def span(seconds: float) -> str:
    """A time in the unit that says enough: `4 min`."""
    unit, _, size = next(each for each in _SPANS if seconds < each[1])
    return f"{seconds / size:,.0f} {unit}"


def days(number: float) -> str:
    """A long time in days: `1 day`, `0.4 days`, `1,824 days`."""
    text = f"{number:.1f}" if number < 9.95 else f"{number:,.0f}"
    return f"{text.removesuffix('.0')} {'day' if text == '1.0' else 'days'}"


def instant(text: str | None) -> str:
    """The service's text to the minute; a dash for none."""
    return "\u2013" if text is None else text[:_MINUTE].replace("T", " ")


def short_instant(text: str) -> str:
    """Day and minute in two lines, for where there is no room."""
    moment = datetime.fromisoformat(text[:_MINUTE]).replace(tzinfo=UTC)
    return f"{moment:%d %b}\n{moment:%H:%M}"


def share(number: int, total: int) -> str:
    """A percentage that says 0 % of none alone, and 100 % of all alone."""
    if not total:
        return "\u2013"
    part = 100 * number / total
    if 0 < part < 0.1:
        return "<0.1%"
    if 99.9 < part < 100:
        return ">99.9%"
    return f"{part:.1f}%".replace(".0%", "%")


def counted(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"
