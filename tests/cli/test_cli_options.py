"""What people write on the command line, into values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from servicetitan_crm_async.cli import options
from servicetitan_crm_async.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2m", 120), ("90s", 90), ("1h", 3600), ("0", 0), ("90", 90), ("1.5m", 90), ("500ms", 0.5), (" 2s ", 2)],
)
def test_durations_are_read_as_written(text: str, seconds: float) -> None:
    """A unit, or seconds without one."""
    assert options.duration("--settle", text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "m", "-1s", "2 minutes", "1d", "1e3", "٣s", "9" * 30 + "h"])
def test_no_duration_is_refused_with_its_option(text: str) -> None:
    """Negative times too: nothing settles before it happened."""
    with pytest.raises(ConfigError) as caught:
        options.duration("--settle", text)
    assert list(caught.value.problems) == ["--settle"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:00", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00Z", datetime(2026, 1, 31, 8, tzinfo=UTC)),
        ("2026-01-31T08:00:00+02:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("2026-01-31T08:00:00.1234567Z", datetime(2026, 1, 31, 8, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_instants_without_an_offset_are_utc(text: str, moment: datetime) -> None:
    """The seventh digit is cut, which begins earlier and loses nothing."""
    assert options.instant("--since", text) == moment


def test_names_stand_between_commas() -> None:
    """Blanks do not matter, order does."""
    assert options.names("--entities", "leads, customers,") == ("leads", "customers")


def test_ids_stand_between_commas() -> None:
    """Numbers and nothing else."""
    assert options.ids("--ids", "3, 1,2") == (3, 1, 2)
    for text in ("", ",", "1,b", "-1", "1.5", "٣"):
        with pytest.raises(ConfigError) as caught:
            options.ids("--ids", text)
        assert list(caught.value.problems) == ["--ids"]


def test_a_strategy_is_for_all_or_for_some() -> None:
    """A name alone, or a name for each entity."""
    assert options.strategy("--strategy", " feed ") == "feed"
    assert options.strategy("--strategy", "leads=windows, customers = feed") == {
        "leads": "windows",
        "customers": "feed",
    }


@pytest.mark.parametrize(
    "text",
    ["", "fast", "feed,windows", "leads=", "=feed", "leads=fast", "leads=feed,windows", "a=feed,a=ids"],
)
def test_no_strategy_is_refused_with_its_option(text: str) -> None:
    """The advice names what there is, or how it is written."""
    with pytest.raises(ConfigError) as caught:
        options.strategy("--strategy", text)
    assert list(caught.value.problems) == ["--strategy"]
