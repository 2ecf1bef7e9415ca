"""Words of the command line into the values that a method's annotations ask for; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from enum import EnumMeta
from types import NoneType
from typing import Literal, NamedTuple, TypeAlias, cast, get_args, get_origin
from uuid import UUID

from servicetitan_crm_async._core.calls import FilterValue, wire_name
from servicetitan_crm_async.cli import options
from servicetitan_crm_async.cli.nouns.offered import kebab
from servicetitan_crm_async.cli.nouns.signatures import members_of
from servicetitan_crm_async.errors import ConfigError

_TOO_LONG = 20
"""Digits; ids of the service have 64 bits."""

Read: TypeAlias = Callable[[str, str], FilterValue]
"""The value of a text; the first argument is how errors call it."""


class Wanted(NamedTuple):
    """What an argument takes."""

    what: str
    """In the words of a help text."""
    sample: str
    """A text that it takes."""
    read: Read


def wanted(name: str, annotation: object) -> Wanted:
    """What an argument of that name and annotation takes.

    A vocabulary of the service is closed here: a word that nobody knows is a slip far more often than news,
    and `request` sends any.
    """
    arms = _arms(annotation)
    words = _words(arms)
    if words:
        return Wanted(_either(words), words[0], lambda label, text: _word(label, text, words))
    if any(get_origin(arm) is not None for arm in arms):
        # An iterable of ids, or a sequence of texts.
        return _IDS if any(get_args(arm) == (int,) for arm in arms) else _TEXTS
    if name.endswith("guid") or UUID in arms:
        return _GUID
    if str in arms:
        return _TEXT
    return next(_PLAIN[arm] for arm in arms if arm in _PLAIN)


def read_pairs(
    option: str, pairs: Sequence[str], known: Mapping[str, object], of: str
) -> dict[str, FilterValue]:
    """`NAME=VALUE`, each by the annotation that its name has among the known ones.

    A name counts in Python's spelling, the service's and the command line's: `modified_before`,
    `modifiedBefore`, `modified-before`.

    Args:
        option: What the pairs were given to.
        of: Whose names they are, for the message that a name is not among them.

    Raises:
        ConfigError: naming every pair at fault, and what it should be.
    """
    spelt = {spelling: name for name in known for spelling in (name, wire_name(name), kebab(name))}
    found: dict[str, FilterValue] = {}
    problems: dict[str, str] = {}
    for pair in pairs:
        given, equals, text = pair.partition("=")
        label, name = f"{option} {given}", spelt.get(given.strip())
        if not equals:
            problems[label] = f"must be NAME=VALUE, such as {_sample(known)}"
        elif name is None:
            problems[label] = f"is no filter of {of}{nearest(given, known)}"
        elif name in found:
            problems[label] = "is given twice"
        else:
            try:
                found[name] = wanted(name, known[name]).read(label, text)
            except ConfigError as error:
                problems |= error.problems
    if problems:
        raise ConfigError(problems)
    return found


def nearest(given: str, known: Iterable[str]) -> str:
    """What to add to a message about a name that is not known: what was meant, or all there are."""
    names = [name.rstrip("_") for name in known]
    # Compared without what tells the spellings apart.
    plain = {name.replace("_", "").lower(): name for name in names}
    if meant := get_close_matches(given.replace("_", "").replace("-", "").lower(), plain, n=1):
        return f"; did you mean {plain[meant[0]]}?"
    return f"; it has {', '.join(names)}" if names else "; it has none"


def _arms(annotation: object) -> tuple[object, ...]:
    """What it may be but None, in the order of the annotation."""
    return tuple(arm for arm in members_of(annotation) if arm is not NoneType)


def _words(arms: tuple[object, ...]) -> tuple[str, ...]:
    """The vocabulary, where there is one."""
    for arm in arms:
        if isinstance(arm, EnumMeta):
            return tuple(str(member) for member in cast("Iterable[str]", arm))
        if get_origin(arm) is Literal:
            return get_args(arm)
    return ()


def _word(label: str, text: str, words: tuple[str, ...]) -> str:
    for word in words:
        if word.casefold() == text.strip().casefold():
            return word
    raise ConfigError({label: f"must be {_either(words)}"})


def _number(label: str, text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) < _TOO_LONG):
        raise ConfigError({label: "must be a whole number"})
    return int(digits)


def _decimal(label: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError({label: "must be a number"}) from None


def _claim(label: str, text: str) -> bool:
    claims = {"true": True, "false": False}
    if (said := text.strip().casefold()) not in claims:
        raise ConfigError({label: "must be true or false"})
    return claims[said]


def _guid(label: str, text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigError({label: "must be a GUID: 8-4-4-4-12 hexadecimal digits"}) from None


def _text(label: str, text: str) -> str:
    if not text.strip():
        raise ConfigError({label: "must not be empty"})
    return text


def _either(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _sample(known: Mapping[str, object]) -> str:
    name = next((each for each in ("name", "status", "active") if each in known), next(iter(known), "name"))
    return f"{name.rstrip('_')}=…"


_IDS = Wanted("ids between commas", "1,2,3", options.ids)
_TEXTS = Wanted("texts between commas", "blue,green", options.names)
_TEXT = Wanted("text", "…", _text)
_GUID = Wanted("a GUID", "7d4f3b1c-52f0-4c5e-9a53-0f6c8f0e2a11", _guid)
_PLAIN: dict[object, Wanted] = {
    bool: Wanted("true or false", "true", _claim),
    int: Wanted("a whole number", "42", _number),
    float: Wanted("a number", "43.6", _decimal),
    datetime: Wanted("a day or instant of ISO 8601, in UTC without an offset", "2026-01-31", options.instant),
}
