"""How the changes of one entity are read: by windows, in slices, page by page, by feed or by ids."""

from __future__ import annotations

from typing import Literal, TypeAlias

from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.slices import SlicePlan
from servicetitan_crm_async.sync.sources.feed import FeedSource
from servicetitan_crm_async.sync.sources.flow import Flow, OpenRun, Source
from servicetitan_crm_async.sync.sources.ids import IdSource
from servicetitan_crm_async.sync.sources.paged import PageSource
from servicetitan_crm_async.sync.sources.planned import Plan, PlannedSource
from servicetitan_crm_async.sync.windows import WindowPlan

__all__ = [
    "STRATEGIES",
    "FeedSource",
    "Flow",
    "IdSource",
    "OpenRun",
    "PageSource",
    "Plan",
    "PlannedSource",
    "Source",
    "Strategy",
    "check_strategy",
    "planned_source",
    "strategy_for",
]

Strategy: TypeAlias = Literal["auto", "windows", "slices", "pages", "feed", "ids"]
"""How to read an entity.

`windows` seeks through closed windows in the order of change, `slices` reads closed windows that cannot be
sorted, `pages` goes by page number and checks afterwards, `feed` reads the export feed, which alone tells
of deleted records, `ids` fetches known records anew. `auto` takes the first of the first three that the
contract allows.
"""

STRATEGIES: tuple[Strategy, ...] = ("auto", "windows", "slices", "pages", "feed", "ids")

_NEEDS: dict[Strategy, str] = {
    "windows": "its list cannot be closed, counted and sorted by ModifiedOn",
    "slices": "its list cannot be closed and counted",
    "feed": "it has no export feed",
    "ids": "its list takes no ids",
}


def strategy_for(operation: Operation) -> Strategy:
    """The best way to read a list under what its row in the route table allows."""
    if _allowed("windows", operation):
        return "windows"
    return "slices" if _allowed("slices", operation) else "pages"


def check_strategy(strategy: Strategy, operation: Operation) -> None:
    """Refuse a way to read that the contract does not allow for this list.

    Raises:
        ConfigError: it does not, and why.
    """
    if not _allowed(strategy, operation):
        raise ConfigError(
            {
                "strategy": f"{operation.name} of contract {operation.contract!r} cannot be read by "
                f"{strategy}: {_NEEDS[strategy]}"
            }
        )


def planned_source(
    strategy: Strategy, operation: Operation, flow: Flow, windows: tuple[OpenWindow, ...], until: int | None
) -> Source:
    """A source that reads closed windows; `until` is not known before the first answer of a new run."""
    if strategy == "windows":
        seeking = WindowPlan(windows, until=until, page_size=flow.page_size, workers=flow.workers)
        return PlannedSource(operation, flow, seeking, "windows")
    slicing = SlicePlan(windows, until=until, page_size=flow.page_size, workers=flow.workers)
    return PlannedSource(operation, flow, slicing, "slices")


def _allowed(strategy: Strategy, operation: Operation) -> bool:
    closed = operation.closed and operation.counted
    match strategy:
        case "windows":
            return closed and operation.sortable
        case "slices":
            return closed
        case "feed":
            return operation.envelope == "feed"
        case "ids":
            return "ids" in operation.filters
        case _:
            return True
