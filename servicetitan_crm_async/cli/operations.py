"""The route table as people and programs look it up, and which of its rows the client has a method for."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TypedDict, get_origin, get_type_hints

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.contract import OPERATIONS, ContractName, Operation


class Listed(TypedDict):
    """One row as it is printed."""

    name: str
    contract: str
    method: str
    path: str
    filters: Sequence[str]
    method_of_client: str | None


def listed(contract: ContractName | None = None) -> list[Listed]:
    """The rows of one contract, or of both."""
    return [_row(each) for each in OPERATIONS if contract in (None, each.contract)]


def method_of_client(name: str) -> str | None:
    """How `ServiceTitanCRM` offers it, if it does: `customers.list`, `booking_provider(id).list`.

    Looked up by the return annotations of its members, so what is added there is found here.
    """
    *nouns, verb = name.split(".")
    owner: type = ServiceTitanCRM
    steps: list[str] = []
    for noun in nouns:
        member = inspect.getattr_static(owner, noun, None)
        reader = member.fget if isinstance(member, property) else member
        if not inspect.isfunction(reader):
            return None
        steps.append(noun if isinstance(member, property) else f"{noun}(id)")
        hint = get_type_hints(reader)["return"]
        owner = get_origin(hint) or hint
    return ".".join((*steps, verb)) if inspect.isfunction(inspect.getattr_static(owner, verb, None)) else None


def _row(row: Operation) -> Listed:
    return {
        "name": row.name,
        "contract": row.contract,
        "method": row.method,
        "path": row.path,
        "filters": row.filters,
        "method_of_client": method_of_client(row.name),
    }
