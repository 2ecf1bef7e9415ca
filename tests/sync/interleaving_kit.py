"""Any interleaving of changes, faults and deaths with a sync: the state machine.

A tenant whose records change between any two requests, a service that answers with any fault, processes
that end at any await and at any commit, and a mirror that outlives them. Hypothesis chooses the steps;
time is virtual and everything drawn by chance comes from what Hypothesis chose, so an example replays
exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Literal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from process_kit import TALLY, Process
from stepped_loop import VirtualClock
from steps_kit import (
    CHANGES,
    COMMIT_FATES,
    SETUPS,
    TROUBLES,
    TURNS,
    Change,
    CommitFate,
    Options,
    Setup,
    Since,
    Trouble,
    Turn,
)
from tenant_kit import Tenant

from servicetitan_crm_async import LedgerConflict, ServiceTitanCRM, ServiceTitanError
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_ticks
from servicetitan_crm_async.sandbox import KINDS, Kind, datetime_of
from servicetitan_crm_async.sync import SyncReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.ledger import Ledger, read_ledger
from servicetitan_crm_async.sync.sources import Strategy

LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)


class Interleavings(RuleBasedStateMachine):
    """Any interleaving. What is put in place of the sync by a subclass is judged by the same rules."""

    known: ClassVar[Sequence[Kind]] = KINDS
    """What may be synced."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.mirror = MemoryDestination()
        self.process: Process | None = None
        self.other: Process | None = None
        """One that stands still meanwhile, as on a machine that sleeps."""
        self._processes = self._failed = 0
        self._broken = True

    async def read(
        self, crm: ServiceTitanCRM, mirror: MemoryDestination, options: Options
    ) -> SyncReport | None:
        """What is under test: one run."""
        return await sync(
            crm,
            mirror,
            entities=self.tenant.kinds[:1] if options.alone else self.tenant.kinds,
            since=self._since(options.since),
            until=self._ago(30) if options.until else None,
            strategy={kind: self.tenant.strategy(kind, options.strategy) for kind in self.tenant.kinds},
            include_recent_changes=options.recent,
            concurrency=options.workers,
            page_size=options.page_size,
            settle=timedelta(seconds=self.setup.settle),
            overlap=timedelta(seconds=options.overlap),
            take_over=options.take_over,
        )

    def _since(self, since: Since) -> datetime | None:
        if since == "the beginning":
            return LONG_AGO
        # The first run of a kind would pass over all before it, and is meant to.
        begun = [ledger.entity for ledger in self._ledgers() if ledger.watermark or ledger.until]
        return self._ago(60) if since == "a minute ago" and len(begun) == len(self.tenant.kinds) else None

    def _ledgers(self) -> list[Ledger]:
        return [read_ledger(body) for body in self.mirror._ledgers.values()]

    def _ago(self, seconds: float) -> datetime:
        return datetime_of(self.tenant.now - round(seconds * TICKS_PER_SECOND))

    def unlike(self, kind: Kind) -> object:
        """In what the mirror is not as the service in the end; nothing, unless something was lost."""
        return self.tenant.unlike(self.mirror, kind)

    def prepared(self, setup: Setup) -> Setup:
        """The setup as a subclass can bear it."""
        return setup

    def can_bear(self, trouble: Trouble) -> bool:
        """Whether what is under test is meant to get over it."""
        return True

    @initialize(setup=SETUPS)
    def begin(self, setup: Setup) -> None:
        self.setup = self.prepared(setup)
        self.tenant = Tenant(self.setup, self.known, self.clock)
        self._broken = False

    # Hypothesis leaves out some of the rules in every example, and likes the first of their names best. So
    # a run begins with whatever rule needs one, and the rule that does most comes first.

    @rule(turns=st.lists(TURNS, min_size=1, max_size=6))
    def answer(self, turns: list[Turn]) -> None:
        for turn in turns:
            self._run(partial(self._running().go_on, requests=turn.requests))
            self._happen(turn.changes)

    @rule(troubles=st.lists(TROUBLES, max_size=2))
    def break_down(self, troubles: list[Trouble]) -> None:
        """Things go wrong from now on; none named, and all is well again."""
        faults = self.tenant.sandbox.faults
        if not troubles:
            faults.clear()
        faults.add(*(trouble.fault() for trouble in troubles if self.can_bear(trouble)))

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=4))
    def change(self, changes: list[Change]) -> None:
        self._happen(changes)

    @rule(left=st.integers(0, 6), fate=st.sampled_from(COMMIT_FATES))
    def doom_a_commit(self, left: int, fate: CommitFate) -> None:
        """The process dies at a commit to come, or the mirror refuses it."""
        self._running().mirror.fate = left, fate

    @rule(how=st.sampled_from(("finished", "cancelled", "killed")))
    def end(self, how: Literal["finished", "cancelled", "killed"]) -> None:
        process = self._running()
        if how == "killed":
            TALLY["deaths between commits"] += 1
            process.die()
            self.process = None
            return
        if how == "cancelled":
            TALLY["cancellations"] += 1
            process.cancel()
        self._run(process.go_on)

    @rule(awaits=st.integers(1, 40))
    def step(self, awaits: int) -> None:
        """The run gets so many awaits further."""
        self._run(partial(self._running().step, awaits))

    @rule()
    def turn_to_the_other(self) -> None:
        """The process stands still, and one that stood still goes on, or a new one begins."""
        self.process, self.other = self.other, self.process
        if self.other is not None:
            self.other.slept = True

    @rule(seconds=st.sampled_from((0.02, 0.3, 3.0, 20.0, 400.0)))
    def wait(self, seconds: float) -> None:
        if self.process is None:
            self.clock.now += seconds
        else:
            self._run(partial(self.process.go_on, seconds=seconds))

    def teardown(self) -> None:
        try:
            if not self._broken:
                self._end()
        finally:
            for process in (self.process, self.other):
                if process is not None:
                    process.die()

    def _end(self) -> None:
        """Nothing changes any more and nothing breaks down: whatever happened, one run makes all equal."""
        if self.process is not None:
            self._run(self.process.go_on)
        self.tenant.sandbox.faults.clear()
        # Everything can be seen, and nobody any longer counts who asked for tokens too often.
        self.clock.now += self.setup.settle + 120
        self._run_for_the_last_time()
        if self.other is not None:
            # What wakes up only now can spoil nothing.
            self.turn_to_the_other()
            self._run(self._running().go_on)
            self._compare()
            self._run_for_the_last_time()
        TALLY["endings"] += 1
        TALLY["faults met"] += self.tenant.sandbox.statistics().faults

    def _run_for_the_last_time(self) -> None:
        options = self.setup.options[0]
        strategy: Strategy = "auto" if options.strategy == "ids" else options.strategy
        self._begin(options._replace(strategy=strategy, alone=False, take_over=True, until=False))
        self._run(self._running().go_on)
        assert self._failed == 0, "the last run failed"
        self._compare()

    def _compare(self) -> None:
        for kind in self.tenant.kinds:
            assert not (lost := self.unlike(kind)), f"the mirror is not as the service: {kind} {lost}"

    def _running(self) -> Process:
        """The process, begun if there is none."""
        if self.process is None:
            self._begin(self.setup.options[self._processes % len(self.setup.options)])
        assert self.process is not None
        return self.process

    def _begin(self, options: Options) -> None:
        self._processes += 1
        TALLY["runs"] += 1
        TALLY["runs that found one cut short"] += any(ledger.until for ledger in self._ledgers())
        self.process = Process(
            self.tenant,
            self.mirror,
            self.setup,
            self._processes,
            lambda crm, mirror: self.read(crm, mirror, options),
        )
        if self.other is not None:
            self.process.contested = self.other.contested = True

    def _happen(self, changes: list[Change]) -> None:
        TALLY["changes"] += len(changes)
        TALLY["changes during a run"] += len(changes) if self.process is not None else 0
        for change in changes:
            self.tenant.happens(change)

    def _run(self, go_on: Callable[[], None]) -> None:
        """Let the process go on, and look at what came of it."""
        process, self._broken = self._running(), True
        go_on()
        assert not process.mirror.findings, process.mirror.findings
        if process.mirror.fatal:
            process.die()
            self.process = None
        elif process.task.done():
            self.process = None
            self._judge(process)
        self._broken = False

    def _judge(self, process: Process) -> None:
        """What a process that came to its end says is true, and it failed for no reason of its own."""
        self._failed = 0
        assert not process.loop.complaints, process.loop.complaints
        assert not process.loop.unfinished, process.loop.unfinished
        if process.task.cancelled():
            assert process.cancelled
            return
        error = process.task.exception()
        if error is not None:
            self._excuse(process, error)
            return
        report = process.task.result()
        if report is None:
            return
        TALLY["runs that came to their end"] += 1
        for kind in self.tenant.kinds:
            if (done := report.entities.get(kind)) is None:
                continue
            if done.failure is not None:
                self._excuse(process, done.failure)
            if done.until is None:
                continue
            TALLY[f"{done.strategy}: {done.guarantee}"] += 1
            TALLY["odd records that landed later"] += done.recovered
            wrong = self.tenant.unlike(self.mirror, kind, before=to_ticks(done.until))
            assert not wrong, f"{kind} before {done.until} are not as the service: {wrong}"

    def _excuse(self, process: Process, error: BaseException) -> None:
        """Pass over an error for which there is a reason outside of the sync."""
        TALLY["runs that failed"] += 1
        self._failed += 1
        if isinstance(error, LedgerConflict):
            TALLY["runs that met another"] += 1
            excused = process.contested
        else:
            met = self.tenant.mishaps > process.mishaps_before
            excused = isinstance(error, ServiceTitanError) and (met or process.mirror.failed or process.slept)
        if not excused:
            raise error
