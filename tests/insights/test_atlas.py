"""Where locations are put on a map, and which are counted and left out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pytest
from insights_kit import at, figures_of, fill, record

from servicetitan_crm_async.insights.atlas import DRAWN
from servicetitan_crm_async.insights.figures import Area, Atlas


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def atlas_of(places: Iterable[tuple[float | None, float | None, str]]) -> Atlas:
    locations = [
        record(number, address=at(latitude, longitude, city=city))
        for number, (latitude, longitude, city) in enumerate(places, 1)
    ]
    await fill("sqlite:crm.db", {"locations": locations})
    found = (await figures_of("sqlite:crm.db")).atlas
    assert found is not None
    return found


def town(
    latitude: float, longitude: float, city: str, number: int = 50, *, reach: float = 0.1
) -> list[tuple[float | None, float | None, str]]:
    chance = Random(city)
    return [
        (latitude + chance.uniform(-reach, reach), longitude + chance.uniform(-reach, reach), city)
        for _ in range(number)
    ]


async def test_towns_that_touch_are_one_area_named_by_its_largest_part() -> None:
    """Denver lies twelve degrees from Boise; Nampa is next to it."""
    found = await atlas_of(
        [
            *town(43.6, -116.2, "Boise", 80),
            *town(43.55, -116.55, "Nampa", 30),
            *town(39.7, -105.0, "Denver", 40),
        ]
    )
    assert [(area.name, area.number) for area in found.areas] == [("Boise", 110), ("Denver", 40)]
    assert found.shown == 150


async def test_the_cells_of_an_area_hold_each_of_its_locations_where_it_lies() -> None:
    """They are square on the ground: a degree east is shorter than one north."""
    places = town(60.0, 10.0, "Oslo", 300)
    (oslo,) = (await atlas_of(places)).areas
    height, width = oslo.cell_degrees
    assert width / height == pytest.approx(1 / math.cos(math.radians((oslo.south + oslo.north) / 2)))
    assert sum(number for *_, number in oslo.cells) == oslo.number == 300
    filled = {(row, col) for row, col, _ in oslo.cells}
    assert filled == {_cell(oslo, latitude, longitude) for latitude, longitude, _ in places}


def _cell(area: Area, latitude: float | None, longitude: float | None) -> tuple[int, int]:
    assert latitude is not None
    assert longitude is not None
    height, width = area.cell_degrees
    return min(71, int((latitude - area.south) / height)), min(71, int((longitude - area.west) / width))


async def test_coordinates_that_are_none_are_counted_by_what_is_wrong_with_them() -> None:
    """Exchanged ones are known by where the others lie, also where the exchange is a place, too."""
    found = await atlas_of(
        [
            *town(40.7, -74.2, "Newark", 60),
            (None, -74.0, "Newark"),
            (40.0, None, "Newark"),
            (0.0, 0.0, "Newark"),
            (-74.2, 40.7, "Newark"),
            (95.0, 10.0, "Newark"),
            (10.0, 190.0, "Newark"),
        ]
    )
    assert (found.shown, found.missing, found.at_zero, found.swapped, found.out_of_range) == (60, 2, 1, 1, 2)


async def test_one_house_alone_has_a_map_around_it() -> None:
    (area,) = (await atlas_of([(43.6, -116.2, "Boise")])).areas
    assert area.cells == ((0, 0, 1),)
    assert area.cell_degrees[0] > 0


async def test_only_the_largest_areas_have_cells() -> None:
    """The others are a circle each, so that a map of a thousand towns stays small."""
    cities = [(25.0 + 3 * number, -120.0 + 5 * number, f"City {number}") for number in range(6)]
    found = await atlas_of([each for city in cities for each in town(*city, number=5)])
    assert len(found.areas) == 6
    assert [bool(area.cells) for area in found.areas] == [True] * DRAWN + [False] * (6 - DRAWN)
