"""Windows read by seeking: nothing is lost and nothing doubled, whatever changes and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import BEGINNING, UNTIL, YEARS, Cut, Run, Service, coarse, dense, histories

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.windows import Ask, Key, Reading, WindowPlan


def whole(page_size: int, workers: int) -> WindowPlan:
    return WindowPlan(BEGINNING, until=None, page_size=page_size, workers=workers)


instants = st.one_of(
    st.integers(-YEARS, UNTIL - 1),
    st.sampled_from([0, 1, 7 * TICKS_PER_SECOND, UNTIL - 1]),  # many share one of these
)


@settings(max_examples=300)
@given(
    st.lists(instants, max_size=120),
    st.integers(1, 9),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**32),
)
def test_nothing_is_lost_and_nothing_doubled(
    stamps: list[int], page_size: int, workers: int, edits: float, seed: int
) -> None:
    """Invariants 1, 3 and 4: equal instants in any order, edits between any two requests."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(edits=edits)
    assert len(run.landed) == len(set(run.landed))
    assert set(run.landed) | run.edited == set(service.stamps)


@settings(max_examples=200)
@given(
    st.lists(instants, min_size=20, max_size=120),
    st.integers(2, 9),
    st.integers(1, 6),
    st.integers(1, 20),
    st.integers(0, 2**32),
)
def test_a_run_cut_short_is_taken_up_without_loss_or_double(
    stamps: list[int], page_size: int, workers: int, stop_after: int, seed: int
) -> None:
    """Invariant 2: what the ledger holds of a run is enough to finish it, in another process."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(stop_after=stop_after)
    rest = Run(
        service,
        WindowPlan(run.plan.open_windows(), until=UNTIL, page_size=page_size, workers=workers),
        workers,
        landed=list(run.landed),
    )
    rest.to_the_end()
    assert sorted(rest.landed) == sorted(service.stamps)


@settings(max_examples=250)
@given(
    st.lists(dense(), max_size=80),
    st.integers(1, 9),
    st.integers(1, 6),
    coarse(),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**32),
)
def test_nothing_is_lost_however_coarsely_the_service_compares(
    stamps: list[int], page_size: int, workers: int, habits: dict[str, Any], edits: float, seed: int
) -> None:
    """Invariants 1, 3 and 4, for a service that prints 100 ns and compares 1 µs, 1 ms or 1 s."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size, **habits)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(edits=edits)
    assert run.plan.exact
    assert len(run.landed) == len(set(run.landed))
    assert set(run.landed) | run.edited == set(service.stamps)


@pytest.mark.parametrize(("unit", "probes"), [(1, 1), (10, 2), (10_000, 3), (TICKS_PER_SECOND, 3)])
def test_how_finely_the_service_compares_is_asked_where_a_second_is_crowded(unit: int, probes: int) -> None:
    """Once for all, from the finest on; whole seconds need no asking."""
    crowd = [7 * 12_347 * place for place in range(400)]
    service = Service(dict(enumerate(crowd)), Random(3), 50, unit=unit)
    run = Run(service, whole(50, 1), 1)
    run.to_the_end()
    assert sorted(run.landed) == list(range(400))
    assert service.probes == probes


def test_where_no_second_is_crowded_nothing_is_asked() -> None:
    sparse = [TICKS_PER_SECOND // 2 * place for place in range(400)]
    service = Service(dict(enumerate(sparse)), Random(3), 50)
    Run(service, whole(50, 1), 1).to_the_end()
    assert (service.probes, service.requests) == (0, 9)


CROWD = dict(enumerate(range(0, 400 * 1_237, 1_237)))
"""Eight records a millisecond, for fifty milliseconds."""


class Contradicting(Service):
    """Compares exactly when asked for a single instant, and by its unit else."""

    def holds(self, ask: Ask, ticks: int) -> bool:
        if ask.before == ask.since + 1 and ask.sort != "+Id":
            return ticks == ask.since
        return super().holds(ask, ticks)


@pytest.mark.parametrize(("cut", "loses"), [("records", True), ("bounds", False)])
def test_believing_in_ticks_without_proof_loses_records(cut: Cut, loses: bool) -> None:
    """What the plan would do were its probes wrong: they are not there for nothing."""
    service = Contradicting(CROWD, Random(3), 50, unit=10_000, cut=cut)
    run = Run(service, whole(50, 1), 1)
    run.to_the_end()
    assert bool(CROWD.keys() - set(run.landed)) is loses
    assert service.probes == 1


def test_a_service_that_contradicts_itself_is_read_by_whole_seconds_and_nothing_is_promised() -> None:
    plan, reading = _plan_with_one_reading(before=UNTIL)
    keys = [Key(1, 2_000), Key(2, 2_001), Key(3, 2_003)]
    plan.received(reading, keys, has_more=True, total=9)
    assert plan.ask(reading)[:2] == (2_001, 2_002)
    plan.received(reading, keys[1:2], has_more=False, total=None)
    assert plan.ask(reading)[:2] == (2_003, UNTIL)
    assert plan.exact
    assert plan.received(reading, [Key(4, 2_009), Key(5, 2_004)], has_more=True, total=None) == [0, 1]
    assert plan.ask(reading)[:2] == (0, TICKS_PER_SECOND)
    assert not plan.exact


@pytest.mark.parametrize(("shape", "extra"), [(name, 41 if "instant" in name else 0) for name in histories()])
def test_sixteen_workers_need_little_more_than_one_request_a_page(shape: str, extra: int) -> None:
    """At most 1.1 times the pages there are, plus two a worker, plus once more the pages of a tie."""
    stamps = histories()[shape]
    service = Service(dict(enumerate(stamps)), Random(2), 500)
    Run(service, whole(500, 16), 16).to_the_end()
    assert service.requests <= 1.1 * 100 + 2 * 16 + extra


def test_one_page_is_one_request() -> None:
    service = Service(dict.fromkeys(range(300), 5), Random(0), 500)
    Run(service, whole(500, 8), 8).to_the_end()
    assert service.requests == 1


def _plan_with_one_reading(before: int = 100) -> tuple[WindowPlan, Reading]:
    plan = WindowPlan([OpenWindow(0, before)], until=before, page_size=2, workers=1)
    reading = plan.take()
    assert reading is not None
    return plan, reading


@pytest.mark.parametrize(
    ("keys", "reason"),
    [([Key(1, 5 * TICKS_PER_SECOND), Key(2, 4)], "did not sort"), ([], "shows nothing")],
)
def test_an_answer_that_cannot_be_right_stops_the_run(keys: Iterable[Key], reason: str) -> None:
    """Going on would lose records, or never end."""
    plan, reading = _plan_with_one_reading()
    with pytest.raises(SyncError, match=reason):
        plan.received(reading, list(keys), has_more=True, total=4)


def test_a_service_that_compares_more_coarsely_than_a_second_is_noticed() -> None:
    plan, reading = _plan_with_one_reading()

    def answered() -> None:
        if plan.ask(reading).sort == "+Id":
            plan.received(reading, [], has_more=False, total=0)
        else:
            plan.received(reading, [Key(1, 50), Key(2, 50)], has_more=True, total=4)

    with pytest.raises(SyncError, match="more coarsely"):  # noqa: PT012  # it gives up after some
        for _ in range(20):
            answered()
