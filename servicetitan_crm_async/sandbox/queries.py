"""Reading a query: what the operation does not document is ignored, what is malformed is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from .instants import parse_instant
from .messages import invalid
from .tables import OrderBy, Scope

MOST_IDS = 50
LAST_PAGE = (1 << 31) - 1
"""Page numbers have 32 bits."""

_T = TypeVar("_T")
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Window(NamedTuple):
    """Instants from `low` up to but not including `high`; None is open."""

    low: int | None = None
    high: int | None = None

    def holds(self, ticks: int) -> bool:
        """Whether an instant lies within."""
        return (self.low is None or ticks >= self.low) and (self.high is None or ticks < self.high)

    def compared(self, unit: int, *, rounded_up: bool) -> Window:
        """The window that is meant where instants are cut to a unit of ticks before they are compared.

        Cut bounds are bounds rounded down. Cut stamps are as good as bounds rounded up: what is left of a
        stamp reaches a bound exactly when the whole stamp reaches the next multiple of the unit.
        """
        more = unit - 1 if rounded_up else 0
        low, high = (None if ticks is None else (ticks + more) // unit * unit for ticks in self)
        return Window(low, high)

    @property
    def everything(self) -> bool:
        """Whether neither side is bounded."""
        return self.low is None and self.high is None


class Page(NamedTuple):
    """Which part of a list is asked for."""

    number: int
    size: int
    include_total: bool

    @property
    def start(self) -> int:
        """How many records come before this page."""
        return (self.number - 1) * self.size


class Query:
    """The documented parameters of one request.

    Names are matched without regard to case, and an empty value is none, as in ASP.NET.
    """

    def __init__(self, given: Mapping[str, str], documented: frozenset[str]) -> None:
        known = {name.lower(): name for name in documented}
        self.given = {
            known[name.lower()]: text for name, text in given.items() if text and name.lower() in known
        }

    def text(self, name: str) -> str | None:
        """The value as it stands."""
        return self.given.get(name)

    def whole(self, name: str) -> int | None:
        """A whole number."""
        return self._read(name, whole_of, "a whole number")

    def number(self, name: str) -> float | None:
        """Any number."""
        return self._read(name, _float, "a number")

    def flag(self, name: str) -> bool | None:
        """True or false, in any case."""
        return self._read(
            name, lambda text: {"true": True, "false": False}.get(text.lower()), "true or false"
        )

    def instant(self, name: str) -> int | None:
        """Ticks of an instant with an offset."""
        return self._read(
            name, parse_instant, "a date-time with an offset, such as 2021-07-19T20:35:38.2876004Z"
        )

    def guid(self, name: str) -> str | None:
        """A GUID, in lower case."""
        return self._read(name, guid_of, "a GUID")

    def ids(self, name: str) -> tuple[int, ...] | None:
        """Ids between commas, at most fifty."""
        text = self.given.get(name)
        if text is None:
            return None
        parts = [part.strip() for part in text.split(",")]
        if any(whole_of(part) is None for part in parts):
            raise invalid(name, "has to be whole numbers between commas.")
        if len(parts) > MOST_IDS:
            raise invalid(name, f"can hold at most {MOST_IDS} ids.")
        return tuple(int(part) for part in parts)

    def window(self, field: str) -> Window:
        """The bounds on `created` or `modified`."""
        return Window(self.instant(f"{field}OnOrAfter"), self.instant(f"{field}Before"))

    def page(self, largest: int) -> Page:
        """Page number, size, and whether the total is wanted."""
        number, size = self.whole("page"), self.whole("pageSize")
        if number is not None and not 1 <= number <= LAST_PAGE:
            raise invalid("page", f"has to be between 1 and {LAST_PAGE}.")
        if size is not None and not 1 <= size <= largest:
            raise invalid("pageSize", f"has to be between 1 and {largest}.")
        return Page(number or 1, size or 50, bool(self.flag("includeTotal")))

    def scope(self) -> Scope:
        """Active records only, unless asked otherwise."""
        text = self.given.get("active", "True")
        for scope in (Scope.ACTIVE, Scope.INACTIVE, Scope.LISTED):
            if scope.value.lower() == text.lower():
                return scope
        raise invalid("active", "has to be True, False or Any.")

    def sort(self) -> tuple[OrderBy, bool]:
        """The order, and whether it is descending. The `+` may arrive as the space it means in a query."""
        text = self.given.get("sort", "+Id")
        try:
            return OrderBy(text.lstrip("+- ").lower()), text.startswith("-")
        except ValueError:
            raise invalid("sort", "can be by Id, ModifiedOn or CreatedOn.") from None

    def _read(self, name: str, parse: Callable[[str], _T | None], what: str) -> _T | None:
        text = self.given.get(name)
        if text is None:
            return None
        value = parse(text)
        if value is None:
            raise invalid(name, f"has to be {what}.")
        return value


def whole_of(text: str) -> int | None:
    """A whole number of 64 bits; None for what is no such thing."""
    number = int(text) if _WHOLE.fullmatch(text) else None
    return number if number is not None and fits(number) else None


def fits(number: int) -> bool:
    """Whether a number has at most 64 bits, as those of the service do."""
    return -(1 << 63) <= number < 1 << 63


def guid_of(text: str) -> str | None:
    """A GUID in lower case; None for anything else."""
    return text.lower() if _GUID.fullmatch(text.lower()) else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
