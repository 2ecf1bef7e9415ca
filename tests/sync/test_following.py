"""Sync after sync: when rounds begin, what becomes of errors, and how it stops; all in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from random import Random
from types import TracebackType

import pytest
from simulation import SandboxTransport, client, differences
from virtual_time import run

from servicetitan_crm_async import AuthError, ConfigError, LedgerConflict, ServiceTitanError, TransportFailure
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync import SyncReport, sync
from servicetitan_crm_async.sync.destinations import MemoryDestination
from servicetitan_crm_async.sync.following import Round, follow

EVERY = timedelta(seconds=300)
REPORT = SyncReport(tenant=7, entities={}, seconds=1.0, location="nowhere")


class Runs:
    """Stands in for syncs: notes when each began, and takes or raises what it was told to."""

    def __init__(self, *fates: float | ServiceTitanError) -> None:
        self._fates = iter(fates)
        self.began: list[float] = []

    async def __call__(self) -> SyncReport:
        self.began.append(_now())
        fate = next(self._fates, 0.0)
        if isinstance(fate, ServiceTitanError):
            raise fate
        await asyncio.sleep(fate)
        return REPORT


def _now() -> float:
    return asyncio.get_running_loop().time()


async def _rounds(following: AsyncIterator[Round], number: int) -> list[Round]:
    return [await anext(following) for _ in range(number)]


def test_a_round_begins_so_long_after_the_beginning_of_the_last() -> None:
    """The first at once; one that took longer is followed at once, and those after it are on time again."""

    async def main() -> None:
        runs = Runs(20, 100, 750, 1)
        rounds = await _rounds(follow(runs, every=EVERY, jitter=0), 5)
        assert [round(at) for at in runs.began] == [0, 300, 600, 1350, 1650]
        assert [round(each.wait) for each in rounds] == [280, 200, 0, 299, 300]
        assert [each.number for each in rounds] == [1, 2, 3, 4, 5]
        assert all(each.report is REPORT and each.error is None for each in rounds)

    run(main())


def test_jitter_spreads_the_rounds_of_many_tenants_over_all_it_may() -> None:
    """Each pause is within a tenth of `every`, they fill that range, and the seed decides them."""

    async def pauses(seed: int) -> list[float]:
        runs = Runs()
        await _rounds(follow(runs, every=EVERY, jitter=0.1, chance=Random(seed)), 400)
        return [later - earlier for earlier, later in zip(runs.began, runs.began[1:], strict=False)]

    async def main() -> None:
        first = await pauses(1)
        assert all(270 <= pause <= 330.001 for pause in first)
        assert min(first) < 272
        assert max(first) > 328
        assert abs(sum(first) / len(first) - 300) < 5
        assert await pauses(1) == pytest.approx(first, abs=0.001)
        assert await pauses(2) != pytest.approx(first, abs=0.001)

    run(main())


def test_an_error_of_a_later_round_is_told_and_the_next_one_tries_again() -> None:
    """A network that is away and a destination that is busy pass."""
    failures = (TransportFailure("no connection"), LedgerConflict("busy"))

    async def main() -> None:
        runs = Runs(1, *failures, 1)
        rounds = await _rounds(follow(runs, every=EVERY, jitter=0), 4)
        assert [each.error for each in rounds] == [None, *failures, None]
        assert [each.report for each in rounds] == [REPORT, None, None, REPORT]
        assert [round(at) for at in runs.began] == [0, 300, 600, 900]

    run(main())


@pytest.mark.parametrize("error", [ConfigError("no"), AuthError("no")])
def test_what_no_later_round_could_change_ends_it(error: ServiceTitanError) -> None:
    """Settings and credentials stay what they are."""

    async def main() -> None:
        following = follow(Runs(0, 0, error), every=EVERY)
        await _rounds(following, 2)
        with pytest.raises(type(error)):
            await anext(following)

    run(main())


@pytest.mark.parametrize("error", [TransportFailure("no connection"), LedgerConflict("busy")])
def test_a_first_round_that_fails_raises(error: ServiceTitanError) -> None:
    """Whoever set it up is still there to see it."""

    async def main() -> None:
        with pytest.raises(type(error)):
            await anext(follow(Runs(error), every=EVERY))

    run(main())


@pytest.mark.parametrize("at", [150.0, 301.0])
def test_cancelled_it_stops_at_once_while_it_waits_and_in_a_round(at: float) -> None:
    """No round begins after that."""

    async def main() -> None:
        runs = Runs(10, 10)
        seen: list[Round] = []

        async def listen() -> None:
            async for each in follow(runs, every=EVERY, jitter=0):
                seen.append(each)

        task = asyncio.create_task(listen())
        await asyncio.sleep(at)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert _now() == pytest.approx(at, abs=0.01)
        assert len(seen) == 1
        assert len(runs.began) == (1 if at < 300 else 2)
        await asyncio.sleep(1000)
        assert len(runs.began) == (1 if at < 300 else 2)

    run(main())


def test_a_loop_that_is_left_leaves_nothing_behind() -> None:
    """Between two rounds nothing runs."""

    async def main() -> None:
        async for _ in follow(Runs(), every=EVERY):
            break
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


@pytest.mark.parametrize(
    ("every", "jitter", "problem"),
    [(timedelta(0), 0.1, "every"), (-EVERY, 0.1, "every"), (EVERY, -0.1, "jitter"), (EVERY, 1.1, "jitter")],
)
def test_what_could_not_be_kept_to_is_refused_at_once(every: timedelta, jitter: float, problem: str) -> None:
    """Before anything is run."""
    runs = Runs()
    with pytest.raises(ConfigError) as caught:
        follow(runs, every=every, jitter=jitter)
    assert list(caught.value.problems) == [problem]
    assert not runs.began


def test_a_mirror_that_follows_a_living_tenant_is_equal_after_each_round() -> None:
    """With real syncs: the destination is closed while it waits, and an hour of changes arrives."""
    sandbox = Sandbox(seed=5, customers=60, life=0.05, born=datetime(2026, 3, 1, 12, tzinfo=UTC))
    opened: list[bool] = []

    class Watched(MemoryDestination):
        async def __aenter__(self) -> Watched:
            opened.append(True)
            return self

        async def __aexit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            opened.pop()

    async def main() -> None:
        mirror, transport = Watched(), SandboxTransport(sandbox)
        records = []
        async with client(transport) as crm:

            def once() -> Awaitable[SyncReport]:
                return sync(crm, mirror, settle=timedelta(0))

            async for each in follow(once, every=EVERY, chance=Random(3)):
                assert not opened
                assert each.report is not None
                assert not each.report.failed
                records.append(each.report.records)
                if each.number == 12:
                    break
            await sync(crm, mirror, settle=timedelta(0))
        assert _now() > 3000
        assert sum(records[1:]) > 50
        assert not differences(sandbox, mirror)

    run(main())
