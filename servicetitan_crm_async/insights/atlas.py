"""Where locations lie, cut into areas and cells, so that a map is as small for a million as for ten."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from servicetitan_crm_async.insights.facts import Facts
from servicetitan_crm_async.insights.figures import Area, Atlas

DRAWN = 3
"""Areas drawn at large; the others are a circle each."""

_CELLS = 72
"""Across the longer side of an area."""
_SMALLEST_DEGREES = 0.02
"""Some two kilometres: a single house, too, has a map around it."""

# Half a degree, some fifty kilometres: towns of one service area touch, those of two do not.
_COARSE = 2
# Coordinates are taken for exchanged where the other way round they lie among ten times as many locations.
_PLACED = f"""
create or replace temp table placed as
with active as (
    select latitude as lat, longitude as lon, city from locations where active
), around as (
    select round(lat) as north, round(lon) as east, count(*) as number from active group by all
)
select lat, lon, city, floor(lat * {_COARSE})::integer as row, floor(lon * {_COARSE})::integer as col,
    case when lat is null or lon is null then 'missing'
        when abs(lat) < 0.01 and abs(lon) < 0.01 then 'at zero'
        when other.number >= 10 * own.number then 'swapped'
        when abs(lat) > 90 or abs(lon) > 180 or isnan(lat) or isnan(lon) then 'out of range'
        else 'shown' end as fate
from active
    left join around as own on own.north = round(lat) and own.east = round(lon)
    left join around as other on other.north = round(lon) and other.east = round(lat)"""  # noqa: S608
_COARSE_CELLS = """
select row, col, count(*), mode(city), min(lat), min(lon), max(lat), max(lon)
from placed where fate = 'shown' group by row, col order by row, col"""
_FINE_CELLS = """
select least(floor((lat - ?) / ?), ?)::integer as r, least(floor((lon - ?) / ?), ?)::integer as c, count(*)
from placed where fate = 'shown' and (row, col) in (select unnest(?::integer[]), unnest(?::integer[]))
group by all order by all"""


class _Coarse(NamedTuple):
    row: int
    col: int
    number: int
    city: str | None
    south: float
    west: float
    north: float
    east: float


def atlas(facts: Facts) -> Atlas:
    """The areas that active locations lie in, and how many have no place on a map."""
    facts.rows(_PLACED)
    fates = {
        str(fate): int(number)
        for fate, number in facts.rows("select fate, count(*) from placed group by all")
    }
    coarse = [_Coarse(*row) for row in facts.rows(_COARSE_CELLS)]
    groups = sorted(_touching(coarse), key=lambda group: -sum(cell.number for cell in group))
    return Atlas(
        areas=tuple(_area(facts, group, drawn=place < DRAWN) for place, group in enumerate(groups)),
        shown=fates.get("shown", 0),
        missing=fates.get("missing", 0),
        at_zero=fates.get("at zero", 0),
        out_of_range=fates.get("out of range", 0),
        swapped=fates.get("swapped", 0),
    )


def _touching(cells: Iterable[_Coarse]) -> list[list[_Coarse]]:
    """Cells in groups that hang together, corners included."""
    left = {(cell.row, cell.col): cell for cell in cells}
    groups = []
    while left:
        group, edge = [], [left.popitem()[1]]
        while edge:
            cell = edge.pop()
            group.append(cell)
            around = [(cell.row + up, cell.col + right) for up in (-1, 0, 1) for right in (-1, 0, 1)]
            edge += [left.pop(place) for place in around if place in left]
        groups.append(sorted(group))
    return groups


def _area(facts: Facts, group: list[_Coarse], *, drawn: bool) -> Area:
    largest = max(group, key=lambda cell: cell.number)
    south, west = min(cell.south for cell in group), min(cell.west for cell in group)
    north, east = max(cell.north for cell in group), max(cell.east for cell in group)
    squeeze = max(0.1, math.cos(math.radians((south + north) / 2)))
    side = max(north - south, (east - west) * squeeze, _SMALLEST_DEGREES) / _CELLS
    height, width = side, side / squeeze
    rows, cols = [cell.row for cell in group], [cell.col for cell in group]
    cells = (
        facts.rows(_FINE_CELLS, (south, height, _CELLS - 1, west, width, _CELLS - 1, rows, cols))
        if drawn
        else ()
    )
    return Area(
        name=largest.city or "no city",
        number=sum(cell.number for cell in group),
        south=south,
        west=west,
        north=north,
        east=east,
        cell_degrees=(height, width),
        cells=tuple((int(row), int(col), int(number)) for row, col, number in cells),
    )
