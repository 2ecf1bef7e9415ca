"""An export feed: one answer after the other, each with the token that asks for the next."""

from __future__ import annotations

import logging

from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import to_text, whole_second
from servicetitan_crm_async._core.feed import next_token
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import InvalidRequest
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.odd import Odd, between_neighbours
from servicetitan_crm_async.sync.reading import RawPage
from servicetitan_crm_async.sync.sources.flow import Flow, OpenRun
from servicetitan_crm_async.sync.windows import EARLIEST

logger = logging.getLogger("servicetitan_crm_async")


class FeedSource:
    """Reads a feed from an instant, or from the token of a run that was cut short, until it says it is dry.

    A feed also tells of what was deleted: such a record comes with `active` false.

    A feed is in the order of change only roughly, it stays behind the clock by as much as it likes, and
    what becomes visible late has its place behind a token already used. So a token serves within a run
    alone. The next run begins at an instant again: that of the newest change seen, less the settling
    time, and what it shows a second time lands without harm.
    """

    strategy = "feed"
    guarantee = "exact"

    def __init__(
        self, operation: Operation, flow: Flow, *, since: int, open_run: OpenRun | None, recent: bool
    ) -> None:
        self._operation, self._flow, self._recent = operation, flow, recent
        self._pages = flow.pages(operation)
        self.token: str | None = open_run.token if open_run else None
        self._since = self._reached = since
        self._settled: int | None = None
        if open_run is not None:
            # Its own end, not one of today: what came to be seen late lies behind the token by now.
            self._settled = open_run.until
            self._reached = max([since, *(window.cursor for window in open_run.windows)])
        self._used: set[str] = set()

    @property
    def until(self) -> int | None:
        return self._settled

    @property
    def watermark(self) -> int | None:
        return None if self._settled is None else self._reached

    def open_windows(self) -> tuple[OpenWindow, ...]:
        return () if self._settled is None else (OpenWindow(self._reached, self._settled),)

    async def run(self) -> None:
        """Read to the end.

        Raises:
            FeedStalled: a token came a second time while more was promised; going on could never end.
        """
        more = True
        while more:
            try:
                more = await self._step()
            except InvalidRequest:
                if self.token is None or self._used:
                    raise
                # A token of long ago may have expired: the run begins again where it began.
                logger.warning(
                    "%s refuses the token of the last run; that is begun again", self._operation.name
                )
                self.token, self._reached = None, self._since

    async def _step(self) -> bool:
        async with self._pages(self._filters()) as page:
            if page.has_more:
                # The token just asked with counts as used: a run taken up begins with one.
                self._used.update(filter(None, (self.token,)))
                next_token(self._operation.name, page.token, self._used)
            if self._settled is None:
                self._settled = max(self._since, self._flow.end_after(page))
            newest = max((record.ticks for record in page.records), default=EARLIEST)
            # Never past what had settled when the run began, and never taken back.
            self._reached = max(self._reached, min(self._settled, newest - self._flow.settle))
            self.token = page.token
            self._flow.land(page.records, page._replace(odd=self._placed(page)))
        return page.has_more

    def _placed(self, page: RawPage) -> tuple[Odd, ...]:
        """The odd records, each with the instants between which a list has it: about its neighbours'."""
        settle, end = self._flow.settle, max(self._settled or EARLIEST, self._reached)
        placed = between_neighbours(page.odd, page.records, self._since, end, in_order=True)
        return tuple(
            each._replace(since=max(self._since, each.since - settle), before=each.before + settle)
            for each in placed
            if each.since is not None and each.before is not None
        )

    def _filters(self) -> dict[str, FilterValue]:
        start = None if self._since == EARLIEST else to_text(whole_second(self._since))
        return {"from": self.token or start, "include_recent_changes": self._recent or None}
