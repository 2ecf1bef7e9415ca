"""What people write on the command line, into values; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.sources import STRATEGIES, Strategy

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_KINDS = ("duckdb", "ndjson", "sqlite")


def duration(option: str, text: str) -> timedelta:
    """A time as people write it: `2m`, `90s`, `1.5h`, `500ms`, or seconds as a bare number.

    Raises:
        ConfigError: it is none.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ConfigError({option: "must be a time such as 2m, 90s, 1h or 0"})
    try:
        return timedelta(seconds=float(found[1]) * _UNITS[found[2] or "s"])
    except OverflowError:
        raise ConfigError({option: "is longer than any time"}) from None


def instant(option: str, text: str) -> datetime:
    """An ISO 8601 day or instant; without an offset it is UTC.

    Raises:
        ConfigError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigError(
            {option: "must be an ISO 8601 day or instant, such as 2026-01-31 or 2026-01-31T08:00:00Z"}
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def names(option: str, text: str) -> tuple[str, ...]:
    """Names between commas.

    Raises:
        ConfigError: there is none.
    """
    found = tuple(name for part in text.split(",") if (name := part.strip()))
    if not found:
        raise ConfigError({option: "must be names between commas, such as customers,leads"})
    return found


def ids(option: str, text: str) -> tuple[int, ...]:
    """Ids between commas.

    Raises:
        ConfigError: there is none, or something else among them.
    """
    found = names(option, text) if text.strip(", ") else ()
    if not found or not all(id_.isascii() and id_.isdecimal() for id_ in found):
        raise ConfigError({option: "must be ids between commas, such as 1,2,3"})
    return tuple(map(int, found))


def strategy(option: str, text: str) -> Strategy | dict[str, Strategy]:
    """One strategy for all entities, or `entity=strategy` between commas.

    Raises:
        ConfigError: it is neither.
    """
    if "=" not in text:
        return _strategy(option, text)
    chosen: dict[str, Strategy] = {}
    for part in names(option, text):
        entity, equals, name = (word.strip() for word in part.partition("="))
        if not equals or not entity or entity in chosen:
            raise ConfigError(
                {option: "must be one strategy, or one for each entity such as customers=feed,leads=windows"}
            )
        chosen[entity] = _strategy(option, name)
    return chosen


def destination(option: str, text: str) -> str:
    """A destination that outlives the command.

    Raises:
        ConfigError: it names none.
    """
    kind, _, path = text.partition(":")
    if kind not in _KINDS or not path or path.startswith("//"):
        raise ConfigError({option: "must be duckdb:PATH, ndjson:DIR or sqlite:PATH"})
    return text


def sandbox_only(given: Mapping[str, object], *, sandbox: bool) -> None:
    """Refuse what means something with `--sandbox` alone; None is what was not given.

    Raises:
        ConfigError: naming each of them.
    """
    problems = {option: "goes with --sandbox" for option, value in given.items() if value is not None}
    if problems and not sandbox:
        raise ConfigError(problems)


def live_only(given: Mapping[str, object], *, sandbox: bool) -> None:
    """Refuse what has no meaning with `--sandbox`; None is what was not given.

    Raises:
        ConfigError: naming each of them.
    """
    problems = {
        option: "has no meaning with --sandbox" for option, value in given.items() if value is not None
    }
    if problems and sandbox:
        raise ConfigError(problems)


def for_once(given: Mapping[str, object], *, every: str | None) -> None:
    """Refuse what has no meaning in rounds; None is what was not given.

    Raises:
        ConfigError: naming each of them.
    """
    problems = {option: "has no meaning with --every" for option, value in given.items() if value is not None}
    if problems and every is not None:
        raise ConfigError(problems)


def _strategy(option: str, text: str) -> Strategy:
    for known in STRATEGIES:
        if known == text.strip():
            return known
    raise ConfigError({option: f"knows {', '.join(STRATEGIES)}, alone or as entity=strategy"})
