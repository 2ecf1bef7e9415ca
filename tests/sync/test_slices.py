"""Closed lists that do not sort, read in slices: a slice counts only when its answer is whole."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import BEGINNING, UNTIL, YEARS, Cut, Run, Service, coarse, dense, histories

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.slices import SlicePlan
from servicetitan_crm_async.sync.windows import Ask, Key


def whole(page_size: int, workers: int) -> SlicePlan:
    return SlicePlan(BEGINNING, until=None, page_size=page_size, workers=workers)


instants = st.one_of(
    st.integers(-YEARS // TICKS_PER_SECOND, 999).map(lambda second: second * TICKS_PER_SECOND + 7),
    st.integers(-50, 50).filter(lambda ticks: ticks % 5 in (1, 2, 3)),
)
"""Some years apart, some a few ticks; not more on one than a page takes.

By their last digit it can be told how finely the service compares, be there but one of them on a page.
"""


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
    # An edit may take away the very record that a probe was for.
    assert run.plan.exact or edits
    assert len(run.landed) == len(set(run.landed))
    if run.plan.exact or by_id:
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


@settings(max_examples=250)
@given(
    st.lists(dense(), max_size=80),
    st.integers(1, 9),
    st.integers(1, 6),
    coarse(),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**32),
)
def test_nothing_is_lost_without_an_order_however_coarsely_the_service_compares(
    stamps: list[int], page_size: int, workers: int, habits: dict[str, Any], edits: float, seed: int
) -> None:
    """For a service that prints 100 ns and compares 1 µs, 1 ms or 1 s."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size, **habits)
    run = Run(service, whole(page_size, workers), workers)
    run.to_the_end(edits=edits)
    assert len(run.landed) == len(set(run.landed))
    assert set(run.landed) | run.edited == set(service.stamps)


CROWD = dict(enumerate(range(3, 400 * 1_237, 1_237)))
"""Eight records a millisecond, for fifty milliseconds."""


@pytest.mark.parametrize(
    ("unit", "probes", "exact"),
    [(1, 1, True), (10, 2, True), (10_000, 3, True), (TICKS_PER_SECOND, 3, False)],
)
def test_a_second_of_several_pages_is_sliced_as_finely_as_the_service_compares(
    unit: int, probes: int, exact: bool
) -> None:
    service = Service(CROWD, Random(3), 50, unit=unit)
    run = Run(service, whole(50, 1), 1)
    run.to_the_end()
    assert sorted(run.landed) == list(CROWD)
    assert (service.probes, run.plan.exact) == (probes, exact)


@pytest.mark.parametrize("cut", ["records", "bounds", "both"])
def test_slicing_by_ticks_what_is_compared_by_milliseconds_loses_records(cut: Cut) -> None:
    """What the plan would do were its probes wrong: they are not there for nothing."""

    class Deceiving(Service):
        def holds(self, ask: Ask, ticks: int) -> bool:
            if ask.before == ask.since + 1:
                return ticks == ask.since
            return super().holds(ask, ticks)

    service = Deceiving(CROWD, Random(3), 5, unit=10_000, cut=cut)
    run = Run(service, whole(5, 1), 1)
    run.to_the_end()
    assert CROWD.keys() - set(run.landed)


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
