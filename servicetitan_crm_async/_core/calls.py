"""What to send: an operation and its values into a request, or all that is wrong with them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from math import isfinite
from typing import NamedTuple
from urllib.parse import quote, unquote
from uuid import UUID

import msgspec

from servicetitan_crm_async._core.clock import ticks_of, to_text
from servicetitan_crm_async.contract import MAX_IDS, MAX_PAGE_SIZE, Operation
from servicetitan_crm_async.errors import ConfigError, NotInContract

_NAIVE = "must be aware: give it a time zone, such as datetime.UTC"
_NOT_FINITE = "must be a finite number"
_NO_TEXT = "must be text that has a UTF-8 form"
_NO_GUID = "must be a GUID: 8-4-4-4-12 hexadecimal digits"
_GUID = "application_guid"

# Money goes out as the number the service expects; the default would quote it.
_encoder = msgspec.json.Encoder(decimal_format="number")

FilterValue = str | int | float | bool | datetime | UUID | Iterable[int] | Sequence[str] | None
"""What a query filter may be given as; None leaves it out."""

PathValue = int | str | UUID
"""What may stand in a path."""


class Request(NamedTuple):
    """What one call asks for, before a token and a place under the rate limit are known."""

    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    repeatable: bool = False
    operation: str | None = None
    """Its name in the route table; None where no row describes it."""
    template: str | None = None
    """Its path with the placeholders, as `operation`."""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


def prepare(
    operation: Operation,
    *,
    tenant: int,
    path: Mapping[str, PathValue] | None = None,
    filters: Mapping[str, FilterValue] | None = None,
    body: msgspec.Struct | None = None,
) -> Request:
    """The request of one operation.

    `path` and `filters` go by Python names (`modified_on_or_after`), as they stand in the signature
    that a user sees, so that an error names what the user wrote.

    Raises:
        ConfigError: naming every value at fault, and every field of the body that the contract in use
            does not know.
        NotInContract: a filter that the contract in use does not know. The service would ignore it
            without a word.
    """
    problems: dict[str, str] = {}
    query = _query(operation, filters, problems) if filters else ""
    parts = {"tenant": str(tenant)}
    for name, value in (path or {}).items():
        text = str(value)
        if isinstance(value, int):
            _check_id(name, value, problems)
        elif text in ("", ".", ".."):
            problems[name] = "must not be empty, nor dots alone"
        elif not _encodes(text):
            problems[name] = _NO_TEXT
        else:
            text = quote(text, safe="")
        parts[_placeholder(operation.path, name)] = text
    if body is not None:
        check_body(operation, body, problems)
    if problems:
        raise ConfigError(problems)
    return Request(
        operation.method,
        operation.path.format_map(parts),
        query,
        None if body is None else _encoded(body),
        operation.repeatable,
        operation.name,
        operation.path,
    )


def free_request(
    method: str,
    path: str,
    *,
    tenant: int,
    query: Mapping[str, FilterValue] | None = None,
    body: object = None,
    repeatable: bool | None = None,
) -> Request:
    """A request for a path that no row describes; `query` goes by the service's names.

    Raises:
        ConfigError: naming every value at fault.
    """
    problems: dict[str, str] = {}
    verb = method.upper()
    if verb not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        problems["method"] = "must be GET, POST, PUT, PATCH or DELETE"
    filled = path.replace("{tenant}", str(tenant))
    # A path that could name another host would send the token there.
    if not path.startswith("/") or path.startswith("//") or ".." in unquote(path):
        problems["path"] = "must begin with one slash and not climb: /jpm/v2/tenant/{tenant}/jobs"
    elif set(path) & set("?#\\ ") or not filled.isprintable():
        problems["path"] = "must carry no query, space, backslash or control character"
    elif set(filled) & set("{}"):
        problems["path"] = "must have no placeholder left but {tenant}"
    pairs = {
        name: text
        for name, value in (query or {}).items()
        if (text := _text(None, name, value, problems)) is not None
    }
    if problems:
        raise ConfigError(problems)
    return Request(
        verb,
        quote(filled, safe="/:@!$&'()*+,;=~%"),
        encode_query(pairs),
        None if body is None else _encoded(body),
        verb == "GET" if repeatable is None else repeatable,
    )


@cache
def wire_name(name: str) -> str:
    """The service's spelling of a Python name: `modified_on_or_after` is `modifiedOnOrAfter`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


@cache
def _placeholder(template: str, name: str) -> str:
    """The placeholder of a path a Python name stands for: `customer_id` is `{id}` among customers."""
    # All placeholders but this contract's `{booking_provider}` are spelt as the filters are.
    return next((each for each in (name, wire_name(name)) if f"{{{each}}}" in template), "id")


def encode_query(pairs: Mapping[str, str]) -> str:
    """A query string; a plus sign is escaped, since `sort=+Id` unescaped would arrive as ` Id`."""
    return "&".join(f"{quote(name, safe='')}={quote(text, safe=':,')}" for name, text in pairs.items())


def _query(operation: Operation, filters: Mapping[str, FilterValue], problems: dict[str, str]) -> str:
    pairs: dict[str, str] = {}
    unknown: list[str] = []
    for name, value in filters.items():
        if value is None:
            continue
        wire = wire_name(name)
        if wire not in operation.filters:
            unknown.append(name)
            continue
        text = _text(operation, name, value, problems)
        if text is not None:
            pairs[wire] = text
    if unknown:
        raise NotInContract(
            dict.fromkeys(unknown, f"{operation.name} has no such filter in contract {operation.contract!r}")
        )
    return encode_query(pairs)


def _text(operation: Operation | None, name: str, value: FilterValue, problems: dict[str, str]) -> str | None:
    """A filter as it is written in a query; without an operation nothing is known of what it may be."""
    match value:
        case bool():
            if operation is not None and (name.endswith("_id") or name in ("page", "page_size")):
                problems[name] = "must be a number"
            return "true" if value else "false"
        case str():
            if operation is not None and not value.strip():
                problems[name] = "must not be empty"
            elif not _encodes(value):
                problems[name] = _NO_TEXT
                return None
            elif name.endswith(_GUID) and not _is_guid(value):
                problems[name] = _NO_GUID
            return value
        case int() | float() if operation is None or name in ("latitude", "longitude"):
            if not isfinite(value):
                problems[name] = _NOT_FINITE
                return None
            # Without an exponent, which a parser of decimal numbers refuses.
            return f"{Decimal(repr(value)):f}"
        case int():
            assert operation is not None
            if name == "page_size":
                most = MAX_PAGE_SIZE[operation.contract]
                if not 1 <= value <= most:
                    problems[name] = f"must be 1 to {most} in contract {operation.contract!r}"
            elif name == "page":
                if value < 1:
                    problems[name] = "must be at least 1"
            else:
                _check_id(name, value, problems)
            return str(value)
        case float():
            problems[name] = "must be a whole number"
            return None
        case datetime():
            if value.utcoffset() is None:
                problems[name] = _NAIVE
                return None
            return to_text(ticks_of(value))
        case UUID():
            return str(value)
        case None:
            return None
        case _:
            if operation is None:
                return _text(None, name, ",".join(str(member) for member in value), problems)
            return _list_text(name, value, problems)


def _list_text(name: str, values: Iterable[int] | Sequence[str], problems: dict[str, str]) -> str:
    members: list[int | str] = list(values)
    # An empty list would be left out of the query, and the answer would be everything.
    if not 1 <= len(members) <= MAX_IDS:
        problems[name] = f"must be 1 to {MAX_IDS} values"
    for member in members:
        if isinstance(member, int):
            _check_id(name, member, problems)
        elif not member or "," in member:
            problems[name] = "must not hold an empty text or a comma"
        elif not _encodes(member):
            problems[name] = _NO_TEXT
            return ""
    return ",".join(str(member) for member in members)


def _check_id(name: str, value: int, problems: dict[str, str]) -> None:
    if isinstance(value, bool) or value < 1:
        problems[name] = "must be a positive id"


def check_body(operation: Operation, body: msgspec.Struct, problems: dict[str, str]) -> None:
    """Add what the contract in use requires or does not know, and values no record may have."""
    if operation.body is None:
        problems["body"] = f"{operation.name} takes none in contract {operation.contract!r}"
        return
    known = {*operation.body.required, *operation.body.optional}
    required = {
        (above, name) for above, _, name in (path.rpartition(".") for path in operation.body.required)
    }
    _check_struct(body, "", "", known, required, f"contract {operation.contract!r}", problems)


def _check_struct(
    struct: msgspec.Struct,
    wire_above: str,
    above: str,
    known: set[str],
    required: set[tuple[str, str]],
    contract: str,
    problems: dict[str, str],
) -> None:
    """Check one object of a body; `wire_above` is its path in the row, `above` the one a user reads."""
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        path = f"{wire_above}.{field.encode_name}" if wire_above else field.encode_name
        place = f"{above}.{field.name}" if above else field.name
        left_out = value is None and struct.__struct_config__.omit_defaults
        if value is msgspec.UNSET or left_out:
            if (wire_above, field.encode_name) in required:
                problems[place] = f"is required by {contract}"
        elif path not in known:
            problems[place] = f"is not known to {contract}"
        elif isinstance(value, msgspec.Struct):
            _check_struct(value, path, place, known, required, contract, problems)
        elif isinstance(value, list | tuple):
            for index, member in enumerate(value):
                if isinstance(member, msgspec.Struct):
                    _check_struct(
                        member, f"{path}[]", f"{place}[{index}]", known, required, contract, problems
                    )
                elif field.name.endswith("_ids"):
                    _check_id(f"{place}[{index}]", member, problems)
                else:
                    _check_value(field.name, f"{place}[{index}]", member, problems)
        else:
            _check_value(field.name, place, value, problems)


def _check_value(name: str, place: str, value: object, problems: dict[str, str]) -> None:
    if isinstance(value, str) and name in ("name", "summary") and not value.strip():
        problems[place] = "must not be empty"
    elif isinstance(value, int) and name.endswith("_id"):
        _check_id(place, value, problems)
    elif isinstance(value, datetime) and value.utcoffset() is None:
        problems[place] = _NAIVE
    elif (isinstance(value, Decimal) and not value.is_finite()) or (
        isinstance(value, float) and not isfinite(value)
    ):
        problems[place] = _NOT_FINITE
    elif isinstance(value, str) and not _encodes(value):
        problems[place] = _NO_TEXT
    elif isinstance(value, str) and name == _GUID and not _is_guid(value):
        problems[place] = _NO_GUID


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _encodes(text: str) -> bool:
    # Half of a surrogate pair, as `os.fsdecode` or a careless cut leaves behind, has no UTF-8.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoded(body: object) -> bytes:
    try:
        return _encoder.encode(body)
    except (TypeError, ValueError, OverflowError, RecursionError):
        # What `check_body` sees has been named there; this is about the bodies nothing is known of.
        raise ConfigError({"body": "does not encode as JSON"}) from None
