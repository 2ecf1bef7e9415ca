"""The client's methods by the names of their rows: what they take, and which model they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from types import NoneType
from typing import Any, Generic, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from servicetitan_crm_async import ServiceTitanCRM

Fields = type[msgspec.Struct]


class Signature(NamedTuple):
    """A method without `self`, its types as they are for the object that has it."""

    positional: dict[str, Any]
    keywords: dict[str, Any]
    returns: Any
    answer: Any
    """The model of one record, or whatever else is answered, such as `int`; None where nothing is."""

    @property
    def names(self) -> set[str]:
        return {*self.positional, *self.keywords}

    @property
    def body(self) -> Fields | None:
        """The model of the body, where there is one; other bodies are made of plain arguments."""
        for annotation in self.positional.values():
            if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
                return annotation
        return None


@cache
def signature_of(name: str) -> Signature:
    """That of the method which a dotted name leads to, read from the annotations alone."""
    *nouns, verb = name.split(".")
    owner: Any = ServiceTitanCRM
    for noun in nouns:
        owner = _hints(owner, noun)["return"]
    hints = _hints(owner, verb)
    parameters = inspect.signature(_found(owner, verb)).parameters.values()
    return Signature(
        {each.name: hints[each.name] for each in parameters if _is_positional(each) and each.name != "self"},
        {each.name: hints[each.name] for each in parameters if each.kind is each.KEYWORD_ONLY},
        hints["return"],
        _one_of(hints["return"]),
    )


def method_of(crm: ServiceTitanCRM, name: str) -> Callable[..., Any]:
    """The method itself; a booking provider is any."""
    found: Any = crm
    for part in name.split("."):
        found = getattr(found, part)
        if part == "booking_provider":
            found = found(1)
    return found  # type: ignore[no-any-return]


def _is_positional(parameter: inspect.Parameter) -> bool:
    return parameter.kind is parameter.POSITIONAL_OR_KEYWORD


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
