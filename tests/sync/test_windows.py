"""Windows read by seeking: nothing is lost and nothing doubled, whatever changes and in whatever order."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import BEGINNING, UNTIL, YEARS, Run, Service, histories

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.windows import Key, Reading, WindowPlan


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


def _plan_with_one_reading() -> tuple[WindowPlan, Reading]:
    plan = WindowPlan([OpenWindow(0, 100)], until=100, page_size=2, workers=1)
    reading = plan.take()
    assert reading is not None
    return plan, reading


@pytest.mark.parametrize(
    ("keys", "reason"),
    [([Key(1, 5), Key(2, 4)], "did not sort"), ([], "shows nothing")],
)
def test_an_answer_that_cannot_be_right_stops_the_run(keys: Iterable[Key], reason: str) -> None:
    """Going on would lose records, or never end."""
    plan, reading = _plan_with_one_reading()
    with pytest.raises(SyncError, match=reason):
        plan.received(reading, list(keys), has_more=True, total=4)


def test_a_service_that_compares_more_coarsely_than_it_prints_is_noticed() -> None:
    plan, reading = _plan_with_one_reading()

    def answered() -> None:
        if plan.ask(reading).sort == "+Id":
            plan.received(reading, [], has_more=False, total=0)
        else:
            plan.received(reading, [Key(1, 50), Key(2, 50)], has_more=True, total=4)

    with pytest.raises(SyncError, match="more coarsely"):  # noqa: PT012  # it gives up after some
        for _ in range(20):
            answered()
