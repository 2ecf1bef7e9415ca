"""Places shared by groups that take turns: fair, never too many, none lost to a cancellation."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run

from servicetitan_crm_async._core.turns import Turns


class Workers:
    """Workers of groups that take turns for a while each; remembers whose turns there were."""

    def __init__(self, places: int) -> None:
        self.places = places
        self.turns = Turns(places)
        self.taken: list[str] = []
        self.now = self.most = 0

    async def once(self, group: str, seconds: float = 1.0) -> None:
        async with self.turns.turn(group):
            self.taken.append(group)
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await asyncio.sleep(seconds)
            finally:
                self.now -= 1

    async def for_ever(self, group: str) -> None:
        while True:
            await self.once(group)

    async def all_places_are_free(self) -> None:
        """As many as there are places get one, at once, and no more."""
        self.taken.clear()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.places + 1):
                tasks.create_task(self.once("afterwards"))
            await asyncio.sleep(0.5)
            assert self.taken == ["afterwards"] * self.places


@pytest.mark.parametrize("places", [1, 2, 5])
def test_a_group_with_a_hundred_waiting_gets_no_more_turns_than_one_with_as_many_as_there_are_places(
    places: int,
) -> None:
    workers = Workers(places)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(workers.for_ever, "many")
            for _ in range(places):
                tasks.start_soon(workers.for_ever, "few")
            await asyncio.sleep(100.5)
            tasks.cancel_scope.cancel()
        counts = Counter(workers.taken)
        assert abs(counts["many"] - counts["few"]) <= places
        assert workers.most == places
        await workers.all_places_are_free()

    run(main())


def test_a_single_worker_among_a_hundred_of_another_group_waits_one_turn_at_most() -> None:
    workers = Workers(1)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(100):
                tasks.start_soon(workers.for_ever, "many")
            tasks.start_soon(workers.for_ever, "one")
            await asyncio.sleep(50.5)
            tasks.cancel_scope.cancel()
        later = workers.taken[2:]
        assert later == [
            "one" if place % 2 == later.index("one") % 2 else "many" for place in range(len(later))
        ]

    run(main())


def test_within_a_group_who_came_first_is_served_first() -> None:
    turns, served = Turns(1), []

    async def work(number: int) -> None:
        async with turns.turn("group"):
            served.append(number)
            await asyncio.sleep(1)

    async def main() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(10):
                tasks.create_task(work(number))

    run(main())
    assert served == list(range(10))


def test_a_place_is_given_back_when_its_holder_fails() -> None:
    workers = Workers(1)

    async def main() -> None:
        with pytest.raises(ValueError, match="failed"):
            async with workers.turns.turn("group"):
                raise ValueError("failed")
        await workers.all_places_are_free()

    run(main())


def test_cancelled_at_the_very_moment_of_being_granted_the_place_goes_to_the_next() -> None:
    workers = Workers(1)

    async def main() -> None:
        async with workers.turns.turn("holder"):
            unlucky = asyncio.create_task(workers.once("unlucky"))
            patient = asyncio.create_task(workers.once("patient"))
            await asyncio.sleep(0.1)
        # The place is granted by now, and the grantee has not had a chance to run.
        unlucky.cancel()
        await asyncio.wait([unlucky, patient])
        assert unlucky.cancelled()
        assert workers.taken == ["patient"]
        await workers.all_places_are_free()

    run(main())


def test_cancelled_while_waiting_nobody_else_loses_their_turn() -> None:
    workers = Workers(1)

    async def main() -> None:
        tasks = [asyncio.create_task(workers.once(group)) for group in ("first", "gone", "gone", "last")]
        await asyncio.sleep(0.5)
        for task in tasks[1:3]:
            task.cancel()
        await asyncio.wait(tasks)
        assert workers.taken == ["first", "last"]
        await workers.all_places_are_free()

    run(main())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_however_many_are_cancelled_no_place_is_lost_and_none_too_many_given(seed: int, places: int) -> None:
    """Forty workers of three groups; half of them are cancelled, often in the very step of a grant."""
    workers, chance = Workers(places), Random(seed)

    async def main() -> None:
        tasks = []
        for _ in range(40):
            # Whole seconds, so that ends, grants and cancellations fall together.
            tasks.append(asyncio.create_task(workers.once(chance.choice("abc"), chance.randrange(3))))
            if chance.random() < 0.3:
                await asyncio.sleep(chance.randrange(3))
            if chance.random() < 0.5:
                chance.choice(tasks).cancel()
        for _ in range(10):
            await asyncio.sleep(1)
            chance.choice(tasks).cancel()
        await asyncio.wait(tasks)
        assert workers.most <= places
        assert all(task.cancelled() or task.exception() is None for task in tasks)
        await workers.all_places_are_free()

    run(main())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["narrow", "widen", "come", "leave", "go"]), max_size=80), st.integers(1, 6))
def test_narrowed_and_widened_there_are_never_too_many_and_no_place_is_lost(
    script: list[str], places: int
) -> None:
    """Two are the least and as many as at first the most; who has one too many keeps it to the end."""
    turns = Turns(places)

    async def main() -> None:
        now = places
        inside: list[asyncio.Event] = []
        tasks: list[asyncio.Task[None]] = []

        async def work(group: str) -> None:
            over = asyncio.Event()
            async with turns.turn(group):
                inside.append(over)
                try:
                    await over.wait()
                finally:
                    inside.remove(over)

        for number, step in enumerate(script):
            before = len(inside)
            match step:
                case "narrow":
                    turns.narrow()
                    now = now if now <= 2 else now - 1
                case "widen":
                    turns.widen()
                    now = min(places, now + 1)
                case "come":
                    tasks.append(asyncio.create_task(work(str(number % 3))))
                case "leave" if inside:
                    inside[0].set()
                case "go" if tasks:
                    tasks.pop(0).cancel()
                case _:
                    pass
            await asyncio.sleep(0.1)
            wanting = sum(not task.done() for task in tasks)
            assert len(inside) <= max(now, before)
            assert len(inside) >= min(now, wanting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _ in range(now, places):
            turns.widen()
        workers = Workers(places)
        workers.turns = turns
        await workers.all_places_are_free()

    run(main())
