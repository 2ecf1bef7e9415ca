"""Admission: the rate, pauses after a 429, the pace. The numbers are the invariants of `_core/limiter.py`."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run

from servicetitan_crm_async import RateLimit
from servicetitan_crm_async._core.limiter import PacedLimiter
from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, ticks_of_seconds
from servicetitan_crm_async.sandbox.gate import SlidingWindow


def most_in_a_second(times: Sequence[float], *, out_of_step: float = 0.0) -> int:
    """The most admissions that any half-open second holds; a hair less, for the loop's own resolution.

    Or the most that may arrive within one, where each takes up to so many seconds longer than another.
    """
    ordered, length = sorted(times), 0.9999 + out_of_step
    return max(
        (bisect_left(ordered, first + length) - index for index, first in enumerate(ordered)), default=0
    )


async def admissions(limiter: PacedLimiter, count: int) -> list[float]:
    """`count` callers at once; when each was admitted."""
    loop = asyncio.get_running_loop()

    async def one() -> float:
        await limiter.admit()
        return loop.time()

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


class Event(NamedTuple):
    """Something that happens `wait` seconds after the last: callers come, go, or the service says 429."""

    wait: float
    what: str
    amount: float


waits = st.floats(0, 1.5) | st.sampled_from([0.0, 0.001, 0.5, 1.0, 31.0])
events = st.lists(
    st.one_of(
        st.builds(Event, waits, st.just("come"), st.integers(1, 90).map(float)),
        st.builds(Event, waits, st.just("cancel"), st.integers(1, 40).map(float)),
        st.builds(
            Event, waits, st.just("429"), st.one_of(st.floats(0, 3), st.sampled_from([0.0, 0.2, 1.0, 40.0]))
        ),
        st.builds(Event, waits, st.just("slow"), st.sampled_from([59.0, 58.0, 45.0, 20.0, 19.0, 6.0, 3.0])),
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=120, deadline=None)
@given(events)
def test_no_window_of_one_second_holds_more_than_the_rate(script: list[Event]) -> None:
    """Invariants 1 and 5: whatever comes, goes, pauses or slows, and every pause is kept to."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter = PacedLimiter(RateLimit())
        admitted: list[float] = []
        pauses: list[tuple[float, float]] = []
        callers: list[asyncio.Task[None]] = []

        async def caller() -> None:
            await limiter.admit()
            admitted.append(loop.time())

        for event in script:
            await asyncio.sleep(event.wait)
            match event.what:
                case "come":
                    callers += [asyncio.create_task(caller()) for _ in range(int(event.amount))]
                case "cancel":
                    for task in [task for task in callers if not task.done()][:: int(event.amount)]:
                        task.cancel()
                case "429":
                    limiter.throttled(event.amount)
                    pauses.append((loop.time(), event.amount))
                case _:
                    limiter.slow_to(RateLimit(per_second=event.amount))
        ended = await asyncio.gather(*callers, return_exceptions=True)
        assert all(isinstance(end, None | asyncio.CancelledError) for end in ended)
        assert most_in_a_second(admitted) <= 60
        for began, seconds in pauses:
            assert not [moment for moment in admitted if began < moment < began + seconds]

    run(main())


@pytest.mark.parametrize("per_second", [60, 59, 20, 19.5, 10, 6])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_no_second_holds_more_than_a_process_may_send(per_second: float, share: float) -> None:
    rate = RateLimit(per_second=per_second, share=share)
    times = run(admissions(PacedLimiter(rate), 200))
    assert most_in_a_second(times) <= rate.budget


def test_requests_that_arrive_35_ms_out_of_step_are_no_more_than_60_in_a_second() -> None:
    times = run(admissions(PacedLimiter(RateLimit()), 300))
    assert most_in_a_second(times) == 58
    assert most_in_a_second(times, out_of_step=0.035) == 60


@pytest.mark.parametrize(
    ("late", "most"),
    [
        (lambda chance: chance.uniform(0, 0.04), 0.0),
        (lambda chance: chance.uniform(0, 0.08), 1 / 500),
        (lambda chance: 0.2 if chance.random() < 0.01 else chance.uniform(0, 0.01), 1 / 5000),
    ],
    ids=["up to 40 ms", "up to 80 ms", "one in a hundred 200 ms"],
)
def test_requests_that_arrive_further_out_of_step_are_hardly_ever_one_too_many(
    late: Callable[[Random], float], most: float
) -> None:
    """Why the pace is no faster, and even: each costs a pause.

    At 58 a second it would be ten times as many where all are late. Twenty at once, every 353 ms, spares
    those, and turns away one in 160 where few are late, as bursts leave no place in a second free.
    """
    left, turned_away = run(admissions(PacedLimiter(RateLimit()), 3000)), 0
    for seed in range(5):
        chance, second = Random(seed), SlidingWindow(TICKS_PER_SECOND)
        for now in sorted(ticks_of_seconds(moment + late(chance)) for moment in left):
            if second.count(now) < 60:
                second.add(now)
            else:
                turned_away += 1
    assert turned_away / (5 * len(left)) <= most


def test_a_minute_of_work_goes_at_56_a_second_or_more() -> None:
    """Invariant 1 costs little: one minute sees at least 56 * 60 admissions."""
    times = run(admissions(PacedLimiter(RateLimit()), 56 * 60))
    assert times[-1] <= 60


@pytest.mark.parametrize("per_second", [3, 5, 10])
def test_a_small_budget_is_used_as_well(per_second: float) -> None:
    times = run(admissions(PacedLimiter(RateLimit(per_second=per_second)), 100))
    assert 99 / times[-1] >= per_second - 1.3
    assert most_in_a_second(times) <= per_second


def test_a_share_is_that_part_of_the_rate() -> None:
    times = run(admissions(PacedLimiter(RateLimit(share=0.25)), 300))
    assert 12 <= 299 / (times[-1] - times[0]) <= 15
    assert most_in_a_second(times) <= 15


def test_a_pause_holds_everyone_back_until_the_latest_end_asked_for() -> None:
    async def main() -> list[float]:
        limiter = PacedLimiter(RateLimit())
        limiter.throttled(10)
        limiter.throttled(2)  # nobody can shorten it
        waiting = asyncio.create_task(admissions(limiter, 5))
        await asyncio.sleep(5)
        limiter.throttled(8)  # prolonged while they sleep
        return await waiting

    assert min(run(main())) >= 13


def test_who_waited_for_the_rate_when_a_pause_began_waits_it_out() -> None:
    """Invariant 3."""

    async def main() -> list[float]:
        limiter = PacedLimiter(RateLimit())
        waiting = asyncio.create_task(admissions(limiter, 60))
        await asyncio.sleep(0.5)
        limiter.throttled(4)
        return await waiting

    times = run(main())
    assert not [moment for moment in times if 0.5 < moment < 4.5]
    assert most_in_a_second([moment for moment in times if moment >= 4.5]) <= 60


def test_an_absurd_wish_does_not_stop_everyone_for_an_hour() -> None:
    async def main() -> list[float]:
        limiter = PacedLimiter(RateLimit())
        limiter.throttled(3600)
        return await admissions(limiter, 1)

    assert run(main())[0] == pytest.approx(60, abs=0.1)


def test_a_429_without_a_wish_pauses_for_a_second() -> None:
    async def main() -> list[float]:
        limiter = PacedLimiter(RateLimit())
        limiter.throttled(0)
        return await admissions(limiter, 1)

    assert run(main())[0] >= 1


def test_a_cancelled_waiter_takes_nothing_from_the_others() -> None:
    """A hundred come, all but every tenth give up: the rest go as if only they had come."""

    async def main() -> tuple[float, float]:
        limiter, loop = PacedLimiter(RateLimit()), asyncio.get_running_loop()
        tasks = [asyncio.create_task(limiter.admit()) for _ in range(100)]
        await asyncio.sleep(0.05)
        kept = [task for task in tasks if not task.done()][::10]
        for task in tasks:
            if task not in kept:
                task.cancel()
        began = loop.time()
        await asyncio.gather(*kept)
        return len(kept), loop.time() - began

    kept, seconds = run(main())
    assert seconds <= kept / 54


def test_a_waiter_cancelled_in_a_pause_leaves_the_others_waiting() -> None:
    async def main() -> float:
        limiter, loop = PacedLimiter(RateLimit()), asyncio.get_running_loop()
        limiter.throttled(3)
        gone, stays = (asyncio.create_task(limiter.admit()) for _ in range(2))
        await asyncio.sleep(1)
        gone.cancel()
        await stays
        assert gone.cancelled()
        return loop.time()

    assert 3 <= run(main()) < 3.1


def test_repeated_429s_lower_the_pace_and_it_recovers() -> None:
    async def main() -> None:
        limiter = PacedLimiter(RateLimit())
        full = limiter.statistics().drip
        limiter.throttled(1)
        assert limiter.statistics().pace == 1.0  # one alone is bad luck
        assert limiter.statistics().paused_for == pytest.approx(1.0)
        paces = []
        for _ in range(6):
            await asyncio.sleep(2)
            limiter.throttled(1)
            paces.append(limiter.statistics().pace)
        assert paces == [0.5, 0.25, 0.125, 0.1, 0.1, 0.1]  # and never to a standstill
        slow = await admissions(limiter, 12)
        assert 10 / (slow[-1] - slow[1]) <= 6
        recovered = []
        for _ in range(8):
            await asyncio.sleep(31)
            await limiter.admit()
            recovered.append(limiter.statistics().pace)
        assert all(later >= earlier for earlier, later in pairwise(recovered))
        assert (limiter.statistics().pace, limiter.statistics().drip) == (1.0, full)
        assert limiter.statistics().paused_for == 0.0

    run(main())


def test_the_429s_of_calls_that_left_before_a_pause_do_not_lower_the_pace() -> None:
    async def main() -> float:
        limiter = PacedLimiter(RateLimit())
        for _ in range(30):
            limiter.throttled(5)
            await asyncio.sleep(0.1)
        return limiter.statistics().pace

    assert run(main()) == 1.0


def test_a_budget_shared_by_disagreeing_clients_goes_by_the_slowest() -> None:
    async def main() -> None:
        limiter = PacedLimiter(RateLimit())
        limiter.slow_to(RateLimit(per_second=10))
        limiter.slow_to(RateLimit(per_second=40))
        assert limiter.rate.budget == 10
        assert most_in_a_second(await admissions(limiter, 40)) <= 10

    run(main())


def test_slowing_again_and_again_lets_no_new_burst_out() -> None:
    """Invariant 5: thirty clients, each slower than the last, open within one second."""

    async def main() -> list[float]:
        limiter = PacedLimiter(RateLimit())
        waiting = []
        for budget in range(59, 19, -1):
            waiting.append(asyncio.create_task(admissions(limiter, 3)))
            await asyncio.sleep(0.02)
            limiter.slow_to(RateLimit(per_second=budget))
        return [moment for moments in await asyncio.gather(*waiting) for moment in moments]

    assert most_in_a_second(run(main())) <= 60
