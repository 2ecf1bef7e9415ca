"""The route table as people and programs look it up, and which of its rows the client has a method for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from servicetitan_crm_async.cli.nouns.signatures import method_of_client
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


def _row(row: Operation) -> Listed:
    return {
        "name": row.name,
        "contract": row.contract,
        "method": row.method,
        "path": row.path,
        "filters": row.filters,
        "method_of_client": method_of_client(row.name),
    }
