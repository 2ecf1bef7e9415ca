"""Bytes into typed values: strict and fast first, field by field where a record is odd.

One strange record never costs a page. When the strict decoder refuses an answer, its parts are decoded
one by one from their own bytes (so money stays exact), and a field that does not fit becomes None with a
warning on the logger that names the record's id and the field, never the value.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import UnionType
from typing import Generic, TypeVar, Union, cast, get_args, get_origin

import msgspec

from servicetitan_crm_async.errors import DecodeError

logger = logging.getLogger("servicetitan_crm_async")

_MANY_RECORDS = 64 * 1024
"""Bytes from which on an answer is worth the trouble of keeping the garbage collector quiet."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the garbage collector quiet while a page becomes records; nothing may be awaited inside.

    They are made by the thousand, and all of them live on: looking for garbage among them costs as much
    as making them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


T = TypeVar("T")


class Decoder(Generic[T]):
    """Decodes one type; built once per type by `decoder_for`."""

    __slots__ = ("_kind", "_strict")

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._strict = msgspec.json.Decoder(kind)

    def __call__(self, body: bytes) -> T:
        """The value.

        Raises:
            DecodeError: no JSON at all, or nothing of the answer fits.
        """
        try:
            if len(body) < _MANY_RECORDS:
                return self._strict.decode(body)
            with no_collection():
                return self._strict.decode(body)
        except msgspec.ValidationError:
            pass
        except _NO_JSON as error:
            raise _malformed(error) from None
        try:
            # The strict decoder stopped at the first oddity; what follows need not be JSON at all.
            body.decode()
            _WHOLE.decode(body)
        except _NO_JSON as error:
            raise _malformed(error) from None
        try:
            value = _lenient(self._kind, msgspec.Raw(body), "", "the answer")
        except _MisfitError as error:
            raise DecodeError(str(error)) from None
        # Lenient decoding gives the type or raises; it works from annotations, which mypy cannot follow.
        return value  # type: ignore[return-value]


_decoders: dict[object, Decoder[object]] = {}


def decoder_for(kind: type[T]) -> Decoder[T]:
    """The decoder of a type, built at its first use."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = Decoder[object](kind)
    return cast("Decoder[T]", decoder)


class _MisfitError(Exception):
    """Something does not fit: where, and why."""

    def __init__(self, place: str, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{place}: {problem}")


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _malformed(error: Exception) -> DecodeError:
    return DecodeError(f"it is no JSON ({_where(error)})", malformed=True)


def _where(error: Exception) -> str:
    # msgspec's texts name a type and a place (`at `$.data[3].id``), never a value.
    return str(error) if isinstance(error, msgspec.DecodeError) else type(error).__name__


def _lenient(annotation: object, raw: msgspec.Raw, owner: str, place: str) -> object:
    """The value, with what does not fit inside it left out; raises _MisfitError when nothing fits."""
    try:
        return _typed(annotation).decode(raw)
    except _NO_JSON as error:
        problem = _where(error)
    arm = _composite(annotation)
    if arm is datetime:
        return _utc_assumed(raw, place, problem)
    if isinstance(arm, type) and issubclass(arm, msgspec.Struct):
        return _lenient_struct(arm, annotation, raw, owner, place, problem)
    if get_origin(arm) in (tuple, list):
        return _lenient_sequence(arm, raw, owner, place, problem)
    raise _MisfitError(place, problem)


def _lenient_struct(
    kind: type[msgspec.Struct], annotation: object, raw: msgspec.Raw, owner: str, place: str, problem: str
) -> object:
    try:
        parts = _PARTS.decode(raw)
    except _NO_JSON:
        raise _MisfitError(place, problem) from None
    identity = _identity_of(parts)
    # Places count from the record that has an id.
    owner, above = (identity, "") if identity else (owner, f"{place}.")
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(_parametrised(annotation, kind)):
        part = parts.get(field.encode_name)
        inner = f"{above}{field.encode_name}"
        if part is None:
            if field.required:
                if field.name in ("id", "data"):
                    raise _MisfitError(place, f"no {field.encode_name}")
                _warn(owner, inner, "is missing")
                values[field.name] = None
            continue
        try:
            values[field.name] = _lenient(field.type, part, owner, inner)
        except _MisfitError as error:
            if field.name in ("id", "data"):
                raise
            _warn(owner, inner, error.problem)
            values[field.name] = None if field.required or field.default is None else field.default
    return kind(**values)


def _lenient_sequence(arm: object, raw: msgspec.Raw, owner: str, place: str, problem: str) -> object:
    member_type = get_args(arm)[0]
    try:
        members = _MEMBERS.decode(raw)
    except _NO_JSON:
        raise _MisfitError(place, problem) from None
    kept = []
    for index, member in enumerate(members):
        try:
            kept.append(_lenient(member_type, member, owner, f"{place}[{index}]"))
        except _MisfitError as error:
            _warn(owner, f"{place}[{index}]", error.problem)
    return tuple(kept) if get_origin(arm) is tuple else kept


def _utc_assumed(raw: msgspec.Raw, place: str, problem: str) -> datetime:
    # An instant without an offset: everything else the service prints is UTC.
    try:
        moment = _NAIVE.decode(raw)
    except _NO_JSON:
        raise _MisfitError(place, problem) from None
    return moment.replace(tzinfo=UTC)


_WHOLE = msgspec.json.Decoder(msgspec.Raw)
_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MEMBERS = msgspec.json.Decoder(list[msgspec.Raw])
_NAIVE = msgspec.json.Decoder(datetime)


@cache
def _typed(annotation: object) -> msgspec.json.Decoder[object]:
    return msgspec.json.Decoder(annotation)


@cache
def _composite(annotation: object) -> object:
    """The arm of a type that can be taken apart: a Struct, a sequence or an instant."""
    if get_origin(annotation) in (Union, UnionType):
        arms = [_composite(arm) for arm in get_args(annotation) if arm is not type(None)]
        return next((arm for arm in arms if arm is not None), None)
    if hasattr(annotation, "__metadata__"):  # Annotated
        return _composite(get_args(annotation)[0])
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return origin
    return annotation if origin in (tuple, list) or isinstance(annotation, type) else None


def _parametrised(annotation: object, kind: type[msgspec.Struct]) -> type[msgspec.Struct]:
    # `fields` resolves a generic's type variables only when it is handed the parametrised form.
    return cast("type[msgspec.Struct]", annotation) if get_origin(annotation) is kind else kind


def _identity_of(parts: dict[str, msgspec.Raw]) -> str:
    # A number or nothing: any other id is content, and content is not logged.
    identity = bytes(parts.get("id", b""))
    return identity.decode()[:40] if identity.isdigit() else ""


def _warn(owner: str, place: str, problem: str) -> None:
    logger.warning("record %s: %s does not fit the model (%s)", owner or "without id", place, problem)
