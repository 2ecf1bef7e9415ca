"""Closed lists that do not sort, read in slices: a slice counts only when its answer is whole."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import BEGINNING, UNTIL, YEARS, Run, Service, histories

from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.slices import SlicePlan
from servicetitan_crm_async.sync.windows import Key


def whole(page_size: int, workers: int) -> SlicePlan:
    return SlicePlan(BEGINNING, until=None, page_size=page_size, workers=workers)


instants = st.one_of(st.integers(-YEARS, UNTIL - 1), st.integers(-50, 50))
"""Some years apart, some on neighbouring ticks; not more on one than a page takes."""


@settings(max_examples=300)
@given(
    st.lists(instants, max_size=120, unique=True),
    st.integers(1, 9),
    st.integers(1, 6),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**32),
)
def test_nothing_is_lost_and_nothing_doubled_without_an_order(
    stamps: list[int], page_size: int, workers: int, by_id: bool, edits: float, seed: int
) -> None:
    service = Service(dict(enumerate(stamps)), Random(seed), page_size, by_id=by_id)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(edits=edits)
    assert run.plan.exact
    assert len(run.landed) == len(set(run.landed))
    assert set(run.landed) | run.edited == set(service.stamps)


@settings(max_examples=150)
@given(
    st.lists(instants, min_size=20, max_size=120, unique=True),
    st.integers(2, 9),
    st.integers(1, 6),
    st.integers(1, 20),
    st.integers(0, 2**32),
)
def test_a_run_in_slices_cut_short_is_taken_up_without_loss_or_double(
    stamps: list[int], page_size: int, workers: int, stop_after: int, seed: int
) -> None:
    service = Service(dict(enumerate(stamps)), Random(seed), page_size)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(stop_after=stop_after)
    again = SlicePlan(run.plan.open_windows(), until=UNTIL, page_size=page_size, workers=workers)
    rest = Run(service, again, workers, landed=list(run.landed))
    rest.to_the_end()
    assert sorted(rest.landed) == sorted(service.stamps)


@settings(max_examples=100)
@given(st.integers(2, 40), st.integers(1, 6), st.integers(1, 4), st.integers(0, 2**32))
def test_an_instant_of_several_pages_is_read_and_called_best_effort(
    members: int, page_size: int, workers: int, seed: int
) -> None:
    service = Service(dict.fromkeys(range(members), 7), Random(seed), page_size)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end()
    assert sorted(run.landed) == list(range(members))
    assert run.plan.exact is (members <= page_size)


@pytest.mark.parametrize(("shape", "most"), [("even", 2.0), ("growing", 2.0), ("bursts", 4.0)])
@pytest.mark.parametrize("by_id", [True, False])
def test_slices_come_out_well_filled(shape: str, most: float, by_id: bool) -> None:
    """About one and a half requests a page over a history without leaps."""
    service = Service(dict(enumerate(histories()[shape])), Random(2), 500, by_id=by_id)
    Run(service, whole(500, 8), 8).to_the_end()
    assert service.requests <= most * 100


def test_a_service_that_says_there_is_more_and_shows_nothing_is_noticed() -> None:
    plan = SlicePlan([OpenWindow(0, 100)], until=100, page_size=2, workers=1)
    sweep = plan.take()
    assert sweep is not None
    with pytest.raises(SyncError, match="shows nothing"):
        plan.received(sweep, [], has_more=True, total=4)


def test_a_service_that_does_not_count_is_noticed() -> None:
    plan = SlicePlan([OpenWindow(0, 100)], until=100, page_size=2, workers=1)
    sweep = plan.take()
    assert sweep is not None
    with pytest.raises(SyncError, match="did not count"):
        plan.received(sweep, [Key(1, 5), Key(2, 6)], has_more=True, total=None)
