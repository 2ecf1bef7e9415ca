"""Records whose ids are known, fetched anew: fifty a request, several requests at once."""

from __future__ import annotations

from collections.abc import Iterable

from servicetitan_crm_async._core.caller import in_any_state
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.fanout import all_or_first_failure
from servicetitan_crm_async.contract import MAX_IDS, Operation
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.sources.flow import Flow


class IdSource:
    """Fetches known records as they are now. It knows of no others, so it moves no watermark."""

    strategy = "ids"
    guarantee = "exact"
    until: int | None = None
    watermark: int | None = None
    token: str | None = None

    def __init__(self, operation: Operation, flow: Flow, ids: Iterable[int]) -> None:
        """Take the ids.

        Raises:
            ConfigError: the contract's list cannot be asked for ids.
        """
        if "ids" not in operation.filters:
            raise ConfigError(
                {"strategy": f"{operation.name} of contract {operation.contract!r} takes no ids"}
            )
        self._operation, self._flow = operation, flow
        self._pages = flow.pages(operation)
        self._left = iter(_batches(sorted(set(ids))))
        self.missing: set[int] = set()
        """Those the service does not know any more."""
        self.unsure: set[int] = set()
        """Those not shown by an answer that also held a record without an id, which may be any of them."""

    def open_windows(self) -> tuple[OpenWindow, ...]:
        return ()

    async def run(self) -> None:
        await all_or_first_failure([self._work] * self._flow.workers)

    async def _work(self) -> None:
        for wanted in self._left:
            await self._step(wanted)

    async def _step(self, wanted: list[int]) -> None:
        filters: dict[str, FilterValue] = {"ids": wanted, "page_size": MAX_IDS}
        async with self._pages(filters | in_any_state(self._operation)) as page:
            told = [odd for odd in page.odd if odd.id is not None]
            shown = {record.id for record in page.records} | {odd.id for odd in told}
            absent = self.missing if len(told) == len(page.odd) else self.unsure
            absent.update(number for number in wanted if number not in shown)
            records = [record for record in page.records if record.id in wanted]
            self._flow.land(records, page._replace(odd=tuple(told)))


def _batches(ids: list[int]) -> list[list[int]]:
    return [ids[start : start + MAX_IDS] for start in range(0, len(ids), MAX_IDS)]
