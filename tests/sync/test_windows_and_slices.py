"""Windows and slices alike, for a service that compares instants more coarsely than it prints them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import BEGINNING, UNTIL, Run, Service, coarse, cut_anywhere, dense

from servicetitan_crm_async.sync.ledger import OpenWindow
from servicetitan_crm_async.sync.slices import SlicePlan
from servicetitan_crm_async.sync.sources import Plan
from servicetitan_crm_async.sync.windows import WindowPlan

Kind: TypeAlias = Callable[..., Plan[Any]]
either = pytest.mark.parametrize("kind", [WindowPlan, SlicePlan])


@either
@settings(max_examples=150)
@given(
    st.lists(dense(), min_size=20, max_size=80),
    st.integers(2, 9),
    st.integers(1, 6),
    coarse(),
    st.sampled_from([0.0, 0.3]),
    st.integers(1, 30),
    st.integers(0, 2**32),
)
def test_what_was_cut_finely_is_taken_up_without_loss_by_who_does_not_know_how_finely(
    kind: Kind,
    stamps: list[int],
    page_size: int,
    workers: int,
    habits: dict[str, Any],
    edits: float,
    stop_after: int,
    seed: int,
) -> None:
    """Bounds off the whole second belong to one of two neighbours, however they are asked for."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size, **habits)
    plan = kind(BEGINNING, until=None, page_size=page_size, workers=workers)
    run = Run(service, plan, workers)
    run.to_the_end(edits=edits, stop_after=stop_after)
    again = kind(run.plan.open_windows(), until=UNTIL, page_size=page_size, workers=workers)
    rest = Run(service, again, workers, run.landed, run.edited)
    rest.to_the_end(edits=edits)
    assert len(rest.landed) == len(set(rest.landed))
    assert set(rest.landed) | rest.edited == set(service.stamps)


@either
@settings(max_examples=150)
@given(
    st.lists(dense(), min_size=10, max_size=60),
    cut_anywhere(),
    st.integers(1, 9),
    st.integers(1, 6),
    coarse(),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**32),
)
def test_bounds_within_what_compares_equal_lose_nothing_to_each_other(
    kind: Kind,
    stamps: list[int],
    windows: list[OpenWindow],
    page_size: int,
    workers: int,
    habits: dict[str, Any],
    edits: float,
    seed: int,
) -> None:
    """As a process may have cut them that believed the service to compare more finely than it does."""
    service = Service(dict(enumerate(stamps)), Random(seed), page_size, **habits)
    plan = kind(windows, until=UNTIL, page_size=page_size, workers=workers)
    run = Run(service, plan, workers)
    run.to_the_end(edits=edits)
    assert len(run.landed) == len(set(run.landed))
    assert set(run.landed) | run.edited == set(service.stamps)
