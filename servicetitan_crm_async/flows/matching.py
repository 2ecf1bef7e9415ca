"""When two ways to write a name, an address or a telephone number mean the same; pure."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable

import msgspec

from servicetitan_crm_async.models import Address

_ABBREVIATIONS = {
    "aly": "alley",
    "ave": "avenue av aven",
    "blvd": "boulevard boul blv",
    "cir": "circle circ",
    "ct": "court crt",
    "cv": "cove",
    "dr": "drive drv",
    "e": "east",
    "expy": "expressway",
    "fwy": "freeway",
    "hts": "heights",
    "hwy": "highway",
    "ln": "lane",
    "mt": "mount",
    "n": "north",
    "ne": "northeast",
    "nw": "northwest",
    "pkwy": "parkway pky",
    "pl": "place",
    "plz": "plaza",
    "rd": "road",
    "rte": "route rt",
    "s": "south",
    "se": "southeast",
    "sq": "square",
    "st": "street str saint",
    "sw": "southwest",
    "ter": "terrace terr",
    "trl": "trail",
    "tpke": "turnpike",
    "w": "west",
}
# Long and short begin with the same letter throughout: `street_filter` relies on it.
_SHORT = {long: short for short, longs in _ABBREVIATIONS.items() for long in longs.split()}
_UNIT_WORDS = frozenset(
    {"apartment", "apt", "bldg", "building", "fl", "floor", "lot", "rm", "room", "ste", "suite", "unit"}
)
_EXTENSION = re.compile(r"\s*(?:extension|ext|x|#)[.:]?\s*\d+\s*$", re.IGNORECASE)
_SHORTEST_NUMBER = 7


class Fit(enum.IntEnum):
    """How well a record fits what was asked for."""

    NOT = 0
    DOUBTFUL = 1
    """Nothing contradicts it and not enough speaks for it: for a person to decide."""
    GOOD = 2
    PERFECT = 3


class Place(msgspec.Struct, frozen=True):
    """An address reduced to what tells it from others; state and country follow from the rest."""

    street: str
    unit: str
    city: str
    zip: str

    @classmethod
    def of(cls, address: Address) -> Place:
        street, unit = _split_off_unit(_words(address.street.replace("#", " unit ")))
        return cls(
            " ".join(street),
            _unit(_words(address.unit or "")) or unit,
            " ".join(_shortened(_words(address.city))),
            _zip(address.zip),
        )

    def fit(self, other: Place) -> Fit:
        """Whether it is the same place: doubtful where only one of the two names a unit."""
        if not self.street or self.street != other.street:
            return Fit.NOT
        same_area = self.zip == other.zip if self.zip and other.zip else self.city == other.city
        if not same_area:
            return Fit.NOT
        if self.unit == other.unit:
            return Fit.PERFECT
        return Fit.NOT if self.unit and other.unit else Fit.DOUBTFUL

    def fit_any(self, others: Iterable[Place]) -> Fit:
        return max((self.fit(other) for other in others), default=Fit.NOT)

    # The lists are searched with parts that every spelling of the place has in common, and what comes
    # back is compared here. Whether the service compares whole fields or looks within them is not
    # published; the sandbox looks within them.

    @property
    def street_filter(self) -> str | None:
        """House number and the first letter after it: `12 n` is in `12 N Main St` and `12 North Main`."""
        number, _, rest = self.street.partition(" ")
        return f"{number} {rest[0]}" if rest and rest[0].isalpha() else number or None

    @property
    def zip_filter(self) -> str | None:
        return (self.zip if self.zip.isdigit() else self.zip[:3]) or None

    @property
    def city_filter(self) -> str | None:
        """Only where there is no zip: the same town goes by several names."""
        return None if self.zip else max(self.city.split(), key=len, default=None)


def name_key(name: str) -> str:
    """The same for `O'Brien, Ann` and `ann  obrien`; empty for a name without letters."""
    return " ".join(sorted(_words(name)))


def phone_key(number: str) -> str:
    """The digits that are dialled from within the country, without the extension.

    Only North America's country code is told from the rest of a number. What is too short to be a
    number gives an empty key.
    """
    main = _EXTENSION.sub("", number)
    digits = _digits(main)
    for international in ("011", "00"):
        if digits.startswith(international):
            digits = digits.removeprefix(international)
            break
    if len(digits) == 11:
        digits = digits.removeprefix("1")
    return digits if len(digits) >= _SHORTEST_NUMBER else ""


def phone_spellings(number: str) -> tuple[str, ...]:
    """How the number may stand in a contact, by its digits: the filter compares those."""
    key = phone_key(number)
    if not key:
        return ()
    with_country = f"1{key}" if len(key) == 10 else key
    return tuple(dict.fromkeys((key, with_country, _digits(number))))


def _words(text: str) -> list[str]:
    """Lower-case words without accents. Dots and apostrophes join: `N.E.`, `O'Brien`."""
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("&", " and ")
    letters = (
        letter if letter.isalnum() else " "
        for letter in plain
        if letter not in ".'\u2019`" and not unicodedata.combining(letter)
    )
    return "".join(letters).split()


def _shortened(words: Iterable[str]) -> list[str]:
    return [_SHORT.get(word, word) for word in words]


def _split_off_unit(words: list[str]) -> tuple[list[str], str]:
    """The street and the unit, which comes last as a rule: `12 Main St Apt 4`, `Apt 4, 12 Main St`."""
    at = next((index for index, word in enumerate(words[:-1]) if word in _UNIT_WORDS), None)
    if at is None:
        return _shortened(words), ""
    if at == 0:
        return _shortened(words[2:]), _unit(words[:2])
    return _shortened(words[:at]), _unit(words[at:])


def _unit(words: list[str]) -> str:
    return "".join(word for word in words if word not in _UNIT_WORDS)


def _zip(text: str) -> str:
    """Of an American one the first five digits, of others all of it without spaces."""
    whole = "".join(_words(text))
    return whole[:5] if whole.isdigit() and len(whole) == 9 else whole


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdecimal() and letter.isascii())
