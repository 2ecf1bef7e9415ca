"""The client's methods by the names of their rows: what they take and what they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from types import NoneType, UnionType
from typing import Any, Generic, NamedTuple, TypeGuard, Union, get_args, get_origin, get_type_hints

import msgspec

from servicetitan_crm_async.client import ServiceTitanCRM

Fields = type[msgspec.Struct]


class Signature(NamedTuple):
    """A method without `self`, its types as they are for the object that has it."""

    above: dict[str, Any]
    """What the nouns before it are called with: the provider of `booking_provider(id).list`."""
    positional: dict[str, Any]
    keywords: dict[str, Any]
    returns: Any
    answer: Any
    """The model of one record, or whatever else is answered, such as `int`; None where nothing is."""
    said: str
    """Its docstring."""

    @property
    def names(self) -> set[str]:
        return {*self.positional, *self.keywords}

    @property
    def body(self) -> Fields | None:
        """The model of the body, where there is one; other bodies are made of plain arguments."""
        return next((kind for kind in self.positional.values() if is_model(kind)), None)


@cache
def signature_of(name: str) -> Signature:
    """That of the method which a dotted name leads to.

    Raises:
        AttributeError: the client has none of that name.
    """
    *nouns, verb = name.split(".")
    owner, called_with = _way(nouns)
    hints, found = _hints(owner, verb), _found(owner, verb)
    parameters = [each for each in inspect.signature(found).parameters.values() if each.name != "self"]
    return Signature(
        {each: hint for arguments in called_with for each, hint in arguments.items()},
        {each.name: hints[each.name] for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD},
        {each.name: hints[each.name] for each in parameters if each.kind is each.KEYWORD_ONLY},
        hints["return"],
        _one_of(hints["return"]),
        inspect.getdoc(found) or "",
    )


def said_of(noun: str) -> str:
    """The docstring of what leads to a noun: of the property `customers`, for instance."""
    *nouns, last = noun.split(".")
    owner, _ = _way(nouns)
    return inspect.getdoc(_found(owner, last)) or ""


def method_of_client(name: str) -> str | None:
    """How `ServiceTitanCRM` offers it, if it does: `customers.list`, `booking_provider(id).list`."""
    *nouns, verb = name.split(".")
    try:
        owner, called_with = _way(nouns)
    except AttributeError:
        return None
    if not inspect.isfunction(inspect.getattr_static(get_origin(owner) or owner, verb, None)):
        return None
    steps = [f"{noun}(id)" if given else noun for noun, given in zip(nouns, called_with, strict=True)]
    return ".".join((*steps, verb))


def members_of(kind: object) -> tuple[object, ...]:
    """Those of a union; anything else is one by itself."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def is_model(kind: object) -> TypeGuard[Fields]:
    """Whether an annotation is that of one JSON object."""
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _way(nouns: Sequence[str]) -> tuple[Any, list[dict[str, Any]]]:
    """What the nouns lead to, and what each of them is called with: nothing, where it is a property."""
    owner: Any = ServiceTitanCRM
    called_with: list[dict[str, Any]] = []
    for noun in nouns:
        hints = _hints(owner, noun)
        owner = hints.pop("return")
        called_with.append(hints)
    return owner, called_with


def _found(owner: Any, name: str) -> Callable[..., Any]:
    attribute = inspect.getattr_static(get_origin(owner) or owner, name)
    return attribute.fget if isinstance(attribute, property) else attribute  # type: ignore[return-value]


def _hints(owner: Any, name: str) -> dict[str, Any]:
    """The annotations of a method or property, with what type variables stand for in this owner."""
    bound = _bound(owner)

    def concrete(annotation: Any) -> Any:
        if annotation in bound:
            return bound[annotation]
        variables = getattr(annotation, "__parameters__", ()) if get_origin(annotation) else ()
        return annotation[tuple(bound[each] for each in variables)] if variables else annotation

    return {name: concrete(hint) for name, hint in get_type_hints(_found(owner, name)).items()}


def _bound(owner: Any) -> dict[Any, Any]:
    """The type variables of a class and of those above it."""
    origin = get_origin(owner) or owner
    found = dict(zip(getattr(origin, "__parameters__", ()), get_args(owner), strict=False))
    for base in vars(origin).get("__orig_bases__", origin.__bases__):
        if get_origin(base) is not Generic:
            variables = getattr(base, "__parameters__", ()) if get_origin(base) else ()
            above = base[tuple(found.get(each, each) for each in variables)] if variables else base
            found |= {variable: kind for variable, kind in _bound(above).items() if variable not in found}
    return found


def _one_of(annotation: Any) -> Any:
    """`Lead` of `Lead`, `Pages[Lead]`, `Feed[Lead]`, `tuple[Lead, ...]` and `Lead | None`."""
    arms = [arm for arm in get_args(annotation) if arm not in (NoneType, ...)]
    return arms[0] if arms else None if annotation is NoneType else annotation
