"""What was given as `--data` into a body: strictly, so that no slip of the pen is sent."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TypeVar, cast, get_args, get_origin

import msgspec

from servicetitan_crm_async.cli.nouns.signatures import is_model, members_of
from servicetitan_crm_async.cli.nouns.values import nearest
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import OpenEnum

S = TypeVar("S", bound=msgspec.Struct)

OPTION = "--data"
_MISSING = "is missing: give JSON, @FILE, or - for stdin"
_PLAIN = msgspec.json.Decoder(float_hook=Decimal)  # a float would round money


def given(data: str | None, *, or_piped: bool) -> bytes | None:
    """The text of a body: as it was given, from `@FILE`, or from stdin for `-`.

    Args:
        data: What stands after the option.
        or_piped: Without the option, take what is piped in, if something is.

    Raises:
        ConfigError: the file cannot be read.
    """
    if data is None:
        piped = or_piped and sys.stdin is not None and not sys.stdin.isatty()
        return (_piped() or None) if piped else None
    if data == "-":
        return _piped()
    if not data.startswith("@"):
        return data.encode(errors="surrogatepass")
    try:
        return _without_mark(Path(data[1:]).read_bytes())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise ConfigError({OPTION: f"cannot be read from {data[1:]}: {why or 'it is no path'}"}) from None


def decoded(text: bytes | None) -> object:
    """The JSON of a text, with every number as exact as it was written.

    Raises:
        ConfigError: there is none.
    """
    if text is None or not text.strip():
        raise ConfigError({OPTION: _MISSING})
    try:
        return cast("object", _PLAIN.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        where = str(error) if isinstance(error, msgspec.DecodeError) else "it is not UTF-8 text"
        raise ConfigError({OPTION: f"is no JSON: {where}"}) from None


def object_of(text: bytes | None) -> dict[str, object]:
    """The one JSON object of a text.

    Raises:
        ConfigError: there is none.
    """
    value = decoded(text)
    if not isinstance(value, dict):
        raise ConfigError({OPTION: "must be a JSON object: {…}"})
    return value


def body_of(kind: type[S], text: bytes | None) -> S:
    """A body of that model; its fields are known by the service's names and by Python's.

    Raises:
        ConfigError: naming every field that the model does not have, and the first that does not fit it.
    """
    problems: dict[str, str] = {}
    respelt = _respelt(kind, object_of(text), "", problems)
    try:
        body = msgspec.convert(respelt, kind)
    except msgspec.ValidationError as error:
        problems[OPTION] = f"does not fit: {error}"
    else:
        _check_words(body, "", problems)
        if not problems:
            return body
    raise ConfigError(problems)


def labelled(place: str) -> str:
    """How errors call a place in the body."""
    return f"{OPTION} {place}"


def _piped() -> bytes:
    return _without_mark(sys.stdin.buffer.read())


def _without_mark(text: bytes) -> bytes:
    # Editors and shells of Windows write a byte order mark, which is no JSON.
    return text.removeprefix(b"\xef\xbb\xbf")


def _respelt(kind: object, value: object, above: str, problems: dict[str, str]) -> object:
    """The value with every name in the service's spelling; names that the model lacks become problems."""
    arms = [arm for arm in members_of(kind) if is_model(arm) or get_origin(arm) is tuple]
    if not arms:
        return value
    if get_origin(arms[0]) is tuple and isinstance(value, list):
        inner = get_args(arms[0])[0]
        return [_respelt(inner, each, f"{above}[{index}]", problems) for index, each in enumerate(value)]
    if not is_model(arms[0]) or not isinstance(value, dict):
        return value
    fields = msgspec.structs.fields(arms[0])
    spelt = {spelling: field for field in fields for spelling in (field.name, field.encode_name)}
    found: dict[str, object] = {}
    for name, part in value.items():
        place = f"{above}.{name}" if above else name
        if (field := spelt.get(name)) is None:
            problems[labelled(place)] = f"is no field of it{_meant(name, fields)}"
        elif field.encode_name in found:
            problems[labelled(place)] = "is given twice"
        else:
            found[field.encode_name] = _respelt(field.type, part, place, problems)
    return found


def _meant(name: str, fields: Sequence[msgspec.structs.FieldInfo]) -> str:
    return nearest(name, [field.encode_name for field in fields])


def _check_words(value: object, place: str, problems: dict[str, str]) -> None:
    """Add the words that no vocabulary of the service has: a slip far more often than news."""
    if isinstance(value, OpenEnum):
        if not value.known:
            problems[labelled(place)] = f"must be one of {', '.join(type(value))}"
    elif isinstance(value, msgspec.Struct):
        for field in msgspec.structs.fields(value):
            inner = f"{place}.{field.encode_name}" if place else field.encode_name
            _check_words(getattr(value, field.name), inner, problems)
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            _check_words(each, f"{place}[{index}]", problems)
