"""Instants as the service prints them, in ticks of 100 ns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_text, to_ticks

LAST = 253_402_300_800 * TICKS_PER_SECOND - 1
"""Of the year 9999."""


@given(st.integers(-62_135_596_800 * TICKS_PER_SECOND, LAST))
def test_every_instant_comes_back_however_it_is_written(ticks: int) -> None:
    text = to_text(ticks)
    assert to_ticks(text) == ticks
    assert to_ticks(f"{text[:-1]}+00:00") == ticks
    assert to_ticks(text.lower()) == ticks
    assert to_ticks(f"{text[:-1]}9Z") == ticks  # an eighth digit is cut off


@pytest.mark.parametrize(
    "text",
    [
        "2024-13-01T00:00:00.0000000Z",
        "2024-W38-4T16:08:55.0000000Z",
        "2024-01-01T24:00:00.0000000Z",
        "2024-01-01T00:00:00.00000\N{SUPERSCRIPT TWO}0Z",
        "2024-01-01T00:00:00.000000\N{FULLWIDTH DIGIT ONE}Z",
        "2024-01-01T00:00:00.-000000Z",
        "2024-01-01T00:00:00.0000000Y",
        "2024-01-01T00:00.00:0000000Z",
        "",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"instant|month|hour"):
        to_ticks(text)
