"""How finely the service compares: what can be asked on a page, and what the answers prove."""

from __future__ import annotations

from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from plan_kit import Service, coarse, dense

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.sync.resolution import Probe, Resolution
from servicetitan_crm_async.sync.windows import Ask

TELLING = 12_345_678_222_222_222
"""An instant by which every width can be told from coarser ones."""


@settings(max_examples=500)
@given(st.lists(dense(), min_size=1, max_size=60), coarse(), st.integers(0, 2**32))
def test_the_granule_is_never_finer_than_what_the_service_compares(
    stamps: list[int], habits: dict[str, Any], seed: int
) -> None:
    """Whatever is cut, however it sorts, and whatever digits the page happens to end in."""
    service = Service(dict(enumerate(stamps)), Random(seed), 20, **habits)
    resolution = Resolution()
    page, _, _ = service.answer(Ask(min(stamps) - TICKS_PER_SECOND, None))
    for probe in resolution.probes([key.ticks for key in page]):
        shown, _, _ = service.answer(Ask(probe.begin, probe.begin + probe.width))
        if resolution.learn(probe, [key.ticks for key in shown]):
            break
    assert resolution.granule % service.unit == 0


def test_the_finest_is_asked_for_first_and_only_what_was_not_decided_yet() -> None:
    resolution = Resolution()
    fine, micro, milli = resolution.probes([TELLING])
    assert (fine, micro.width, milli.width) == (Probe(TELLING, 1), 10, 10_000)
    assert not resolution.learn(fine, [])
    assert resolution.probes([TELLING]) == [micro, milli]
    assert resolution.learn(milli, [TELLING + 5])
    assert resolution.granule == 10_000
    assert resolution.probes([TELLING]) == [micro]
    assert resolution.learn(micro, [TELLING])
    assert resolution.probes([TELLING]) == []


def test_a_page_of_coarse_instants_or_out_of_order_leaves_nothing_to_ask() -> None:
    resolution = Resolution()
    second = TELLING - TELLING % TICKS_PER_SECOND
    assert resolution.probes([second, second]) == []
    assert [probe.width for probe in resolution.probes([second, second + 20_000])] == [10_000]
    assert [probe.width for probe in resolution.probes([TELLING + 1, TELLING])] == [10, 10_000]
    assert resolution.probes([TELLING + 50_000, TELLING]) == []


def test_distrusted_it_stays_with_whole_seconds() -> None:
    resolution = Resolution()
    assert resolution.learn(Probe(TELLING, 1), [TELLING])
    assert (resolution.floor(TELLING), resolution.ceil(TELLING)) == (TELLING, TELLING)
    resolution.distrust()
    assert resolution.granule == TICKS_PER_SECOND
    assert resolution.ceil(TELLING) - resolution.floor(TELLING) == TICKS_PER_SECOND
    assert resolution.probes([TELLING]) == []
