"""The service's counts, and where they differ its records, against what a mirror holds of one entity."""

# Theory. Below the watermark W the service's windows only lose members: whoever changes now moves past W.
# 1. The service is asked what moved past W before and after every round of counts. A window is equal when
#    its count is what is held in it less what had moved, by both of these; a window whose own members moved
#    in between is counted again, and taken for a differing one if that happens twice or a page holds it.
# 2. A record shown below W that the mirror lacks, or holds as of another instant, is a difference whatever
#    happens later: it stood there when the mirror was brought up to W.
# 3. A record held and not shown may have moved a moment ago. It is surplus only once the service does not
#    know it by its id, or, where a list takes no ids, has not shown it past W even after that.
# 4. Where an instant of an unsorted list fills more than a page, its pages may not have shown all of it. Such
#    a reading counts only if the service's count says so.

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from servicetitan_crm_async._core.caller import Caller, in_any_state
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.clock import ticks_in, to_text
from servicetitan_crm_async._core.fanout import concurrently
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.contract import Operation
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.auditing.inventory import Finding, Inventory, Span
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.engine import SETTLE
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.reading import RawPage
from servicetitan_crm_async.sync.sources import Flow, IdSource, planned_source, strategy_for
from servicetitan_crm_async.sync.sources.flow import lower_bound

_WINDOWS = 16
"""How many are counted at first: an equal mirror costs two requests more than that, however large it is.
What differs in two ways that cancel out goes unseen only where both lie in one of them."""
_READ_AT_ONCE = 4
"""Pages that are read rather than counted: they are fewer requests than the counts, and overlook nothing."""
_PATIENCE = 3
_AHEAD = ticks_in(timedelta(hours=1))
"""How far past the service's clock one asks for what moved: nothing is stamped later than that."""


class Comparison:
    """One entity compared; `run` once. Cut short, what it found so far is true."""

    def __init__(
        self,
        operation: Operation,
        inventory: Inventory,
        caller: Caller,
        *,
        since: int,
        page_size: int,
        workers: int,
        turns: Turns,
        entity: str,
        room: Callable[[], AbstractAsyncContextManager[bool]],
        differing: Callable[[Record], None],
        tell: Callable[[], None],
        thorough: bool,
        beyond_doubt: bool,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            since: from which instant on to compare, in ticks.
            room: awaited before records are handed over.
            differing: takes each record of the service that the mirror lacks or holds as of another instant.
            tell: called after every answer.
            thorough: read every record in place of counting.
            beyond_doubt: where a list takes no ids, read all of it before any record is called surplus.
        """
        self._operation, self._inventory = operation, inventory
        self._whole = inventory.span(min(since, inventory.watermark), inventory.watermark)
        self._differing, self._tell = differing, tell
        self._thorough, self._beyond_doubt = thorough, beyond_doubt

        def flow(workers: int) -> Flow:
            return Flow(
                caller,
                turns=turns,
                entity=entity,
                room=room,
                land=self._land,
                settle=-_AHEAD,
                until=None,
                page_size=page_size,
                workers=workers,
            )

        self._flow, self._one_by_one = flow(workers), flow(1)
        self._ask = self._flow.reader(operation)
        self._changed_since: int | None = None
        """From when on changes may not have been seen yet; None before the first look."""
        self._equal: dict[Span, int] = {}
        """Windows whose counts were the same, and these."""
        self._read_out: list[Span] = []
        self._recounted: set[Span] = set()
        self._exact = True
        self.missing: dict[int, int] = {}
        """Ids, and the instants that the service shows."""
        self.stale: dict[int, int] = {}
        self.surplus: set[int] = set()
        self.windows = self.requests = self.retries = 0
        self._shown = 0

    @property
    def compared(self) -> int:
        """Records of the mirror that a count or the service's own record has confirmed."""
        return self._shown + sum(self._equal.values())

    async def run(self) -> None:
        """Compare to the end.

        Raises:
            ServiceTitanError: as every call.
            SyncError: the service does not count, or contradicts itself.
        """
        await self._look_for_moved()
        await self._compare_windows()
        await self._explain_the_rest()

    async def _compare_windows(self) -> None:
        inventory, size = self._inventory, self._flow.page_size
        to_count: list[Span] = []
        to_read: list[Span] = []
        if self._whole.begin == self._whole.end:
            return
        if self._thorough or self._whole.held <= _READ_AT_ONCE * size:
            to_read = [self._whole]
        else:
            to_count = inventory.parts(self._whole, _WINDOWS)
        while to_count or to_read:
            expected = [inventory.expected(span) for span in to_count]
            counts = await concurrently(to_count, self._count, concurrency=self._flow.workers)
            await self._read(to_read)
            if to_count:
                await self._look_for_moved()
            counted = zip(to_count, expected, counts, strict=True)
            to_count, to_read = [], []
            for span, before, count in counted:
                self._decide(span, before, count, to_count, to_read)

    def _decide(self, span: Span, before: int, count: int, to_count: list[Span], to_read: list[Span]) -> None:
        """What to do next with a window that was counted."""
        after = self._inventory.expected(span)
        if before == after == count:
            self._equal[span] = count
            return
        if not self._worth_counting(count, after):
            to_read.append(span)
        elif before != after and span not in self._recounted:
            self._recounted.add(span)
            to_count.append(span)
        elif len(halves := self._inventory.parts(span, 2)) == 2:
            to_count += halves
        else:
            to_read.append(span)

    def _worth_counting(self, count: int, expected: int) -> bool:
        """Whether more counts can save pages; with a difference a page there is nothing to skip."""
        size = self._flow.page_size
        return count > size and abs(count - expected) * size < count

    async def _count(self, span: Span) -> int:
        filters: dict[str, FilterValue] = {
            "modified_on_or_after": lower_bound(self._operation, span.begin),
            "modified_before": to_text(span.end),
            "page_size": 1,
            "include_total": True,
        }
        page = await self._ask(filters | in_any_state(self._operation))
        self.windows += 1
        self._book(page)
        if page.total is None:
            raise SyncError("the service did not count the records as it was asked to")
        return page.total

    async def _read(self, spans: Sequence[Span]) -> None:
        """Compare windows record by record; what is held and not shown is left to be explained."""
        if not spans:
            return
        windows = tuple(OpenWindow(span.begin, span.end) for span in spans)
        until = max(span.end for span in spans)
        await self._run(self._flow, windows, until)
        self.windows += len(spans)
        self._read_out += spans

    async def _look_for_moved(self, *, anew: bool = False) -> None:
        """Learn what moved past the watermark since the last look, or all of it anew.

        The first look takes all workers and may miss what moves once more during it; the next one, which
        begins where the first did, is shown it. From then on one worker follows the changes to their end.
        """
        since, flow = self._inventory.watermark, self._flow
        if self._changed_since is not None:
            since, flow = since if anew else max(since, self._changed_since), self._one_by_one
        until = await self._run(flow, (OpenWindow(since, since),), None)
        # What was stamped shortly before that look may have come to be seen only after it.
        self._changed_since = until - _AHEAD - ticks_in(SETTLE)

    async def _run(self, flow: Flow, windows: tuple[OpenWindow, ...], until: int | None) -> int:
        source = planned_source(strategy_for(self._operation), self._operation, flow, windows, until)
        await source.run()
        self._exact &= source.guarantee == "exact"
        assert source.until is not None, "a source that has run knows its end"
        return source.until

    async def _explain_the_rest(self) -> None:
        if "ids" in self._operation.filters:
            source = IdSource(self._operation, self._flow, self._inventory.unexplained(self._read_out))
            await source.run()
            self.surplus = source.missing - self._inventory.inactive
            return
        if not self._unexplained():
            return
        if self._beyond_doubt:
            # It may stand, as of another instant, in a window that only seemed to be equal.
            equal, self._equal = list(self._equal), {}
            await self._read(equal)
        # Nothing else speaks for it, and a change may have come to be seen later than one should think.
        await self._look_for_moved(anew=True)
        if self._unexplained() and not self._exact:
            await self._check_all_was_shown()
        self.surplus = self._unexplained()

    def _unexplained(self) -> set[int]:
        """What is held and was not shown; but what is held as deleted need not be."""
        return set(self._inventory.unexplained(self._read_out)) - self._inventory.inactive

    async def _check_all_was_shown(self) -> None:
        """Hold what was shown, below the watermark and past it, against the service's counts.

        Raises:
            SyncError: they differ, and go on to do so.
        """
        assert self._changed_since is not None, "one has looked for what moved before"
        end = self._changed_since + ticks_in(SETTLE) + _AHEAD
        doubtful = [*self._read_out, self._inventory.span(self._inventory.watermark, end)]
        for _ in range(_PATIENCE):
            before = list(map(self._shown_in, doubtful))
            counts = await concurrently(doubtful, self._count, concurrency=self._flow.workers)
            await self._look_for_moved()
            looks = zip(doubtful, before, counts, map(self._shown_in, doubtful), strict=True)
            doubtful = [span for span, first, count, last in looks if not first == count == last]
            if not doubtful:
                return
        raise SyncError(
            f"{len(self._unexplained())} records are held and were not shown, but may be there: more records "
            "than a page share one instant, which this list cannot sort, nor can it be asked for ids. "
            "While less changes, another audit may tell"
        )

    def _shown_in(self, span: Span) -> int:
        """How many records the service has shown in a window that have not moved since."""
        if span.begin == self._inventory.watermark:
            return self._inventory.moved
        others = sum(
            span.begin <= ticks < span.end and not self._inventory.has_moved(number)
            for found in (self.missing, self.stale)
            for number, ticks in found.items()
        )
        return self._inventory.shown(span) + others

    def _land(self, records: Sequence[Record], page: RawPage) -> None:
        for record in records:
            finding = self._inventory.book(record)
            if finding is Finding.SAME:
                self._shown += 1
            elif finding is not Finding.MOVED:
                found = self.missing if finding is Finding.MISSING else self.stale
                found[record.id] = record.ticks
                self._differing(record)
        for odd in page.odd:
            if odd.id is not None:
                self._inventory.excuse(odd.id)
        self._book(page)

    def _book(self, page: RawPage) -> None:
        self.requests += page.attempts
        self.retries += page.attempts - 1
        self._tell()
