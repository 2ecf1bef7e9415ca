"""The map: a circle for each area, and the largest areas at large. There is no network to fetch a map from,
so degrees, a scale and the names of the cities say where it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from servicetitan_crm_async.insights.canvas import ACCENT, GRID, INK, MUTED, PAPER, Room, canvas
from servicetitan_crm_async.insights.figures import Area, Atlas

_KM_A_DEGREE = 111.32
_KM_A_MILE = 1.609344
_CIRCLE_INCH = 1.7
"""The radius of the largest in points, for each inch of the chart's width."""
_NAMED = 25
"""The largest areas; more names would be a list."""
_SIDES = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
)


def atlas_map(room: Room, atlas: Atlas) -> Figure:
    """Overview and close-ups; of one area the close-up alone."""
    drawn = [area for area in atlas.areas if area.cells]
    overview: Axes | None = None
    if len(atlas.areas) == 1:
        figure = canvas(room, room.inches * (1 if room.narrow else 0.62))
        close_ups = [figure.add_subplot()]
    elif room.narrow:
        figure = canvas(room, room.inches * (0.7 + len(drawn)))
        overview, *close_ups = figure.subplots(1 + len(drawn), 1, height_ratios=[0.7] + [1] * len(drawn))
    else:
        figure = canvas(room, 7.4)
        grid = figure.add_gridspec(2, len(drawn), height_ratios=[1.3, 1])
        overview = figure.add_subplot(grid[0, :])
        close_ups = [figure.add_subplot(grid[1, place]) for place in range(len(drawn))]
    views = [_close_up(place, area) for place, area in zip(close_ups, drawn, strict=True)]
    if overview is not None:
        views.append(_overview(figure, overview, atlas.areas))
    figure.draw_without_rendering()  # from here on it is known how much room each plot has
    for view in views:
        _fit(view)
        _scale(view)
    if overview is not None:
        figure.draw_without_rendering()  # and from here on, what lies where
        _name(figure, overview, atlas.areas)
    return figure


class _View(NamedTuple):
    """What a plot is to show, and how much room there must be around it, in inches."""

    axes: Axes
    south: float
    west: float
    north: float
    east: float
    margin: float

    @property
    def squeeze(self) -> float:
        """How long a degree east is beside one north."""
        return max(0.1, math.cos(math.radians((self.south + self.north) / 2)))


def _close_up(axes: Axes, area: Area) -> _View:
    height, width = area.cell_degrees
    rows, cols = (1 + max(cell[place] for cell in area.cells) for place in (0, 1))
    most = max(number for *_, number in area.cells)
    picture = np.zeros((rows, cols, 4))
    picture[..., :3] = to_rgb(ACCENT)
    for row, col, number in area.cells:
        # By the logarithm, or one block of flats would leave all houses pale.
        picture[row, col, 3] = 0.5 + 0.5 * (math.log(number) / math.log(most) if most > 1 else 1)
    north, east = area.south + rows * height, area.west + cols * width
    axes.imshow(
        picture,
        extent=(area.west, east, area.south, north),
        origin="lower",
        interpolation="none",
        aspect="auto",
        zorder=2,
    )
    _degrees_on(axes, ticks=3)
    axes.set_title(f"{area.name} · {area.number:,}", loc="left", fontsize=9, color=INK)
    side = height * _KM_A_DEGREE
    size = f"{side * 1000:,.0f} m" if side < 1 else f"{side:,.1f} km"
    axes.set_xlabel(f"cells of {size}, 1 to {most:,} in each" if most > 1 else f"cells of {size}", fontsize=8)
    return _View(axes, area.south, area.west, north, east, 0.1)


def _overview(figure: Figure, axes: Axes, areas: Sequence[Area]) -> _View:
    spots = [_middle(area) for area in areas]
    axes.scatter(
        [east for east, _ in spots],
        [north for _, north in spots],
        s=[(2 * radius) ** 2 for radius in _radii(figure, areas)],
        color=ACCENT,
        alpha=0.55,
        linewidth=0,
        zorder=2,
    )
    _degrees_on(axes, ticks=5)
    axes.set_title("A circle an area, as large as it has locations", loc="left", fontsize=9, color=INK)
    (west, east), (south, north) = ((min(along), max(along)) for along in zip(*spots, strict=True))
    return _View(axes, south, west, north, east, 0.45)


def _middle(area: Area) -> tuple[float, float]:
    return (area.west + area.east) / 2, (area.south + area.north) / 2


def _radii(figure: Figure, areas: Sequence[Area]) -> list[float]:
    """Of the circles, in points."""
    largest = _CIRCLE_INCH * figure.get_size_inches()[0]
    return [max(2.0, largest * math.sqrt(area.number / areas[0].number)) for area in areas]


def _name(figure: Figure, axes: Axes, areas: Sequence[Area]) -> None:
    """Write names beside the circles, of the largest first, wherever no other name or circle is."""
    pixels = figure.dpi / 72
    taken = []
    radii = _radii(figure, areas)
    for area, radius in zip(areas, radii, strict=True):
        (x, y), r = axes.transData.transform(_middle(area)), radius * pixels
        taken.append(Bbox.from_extents(x - r, y - r, x + r, y + r))
    inside = axes.get_window_extent()
    for area, radius in [*zip(areas, radii, strict=True)][:_NAMED]:
        reach = radius + 3
        for along, up, align, stand in _SIDES:
            label = axes.annotate(
                f"{area.name} · {area.number:,}",
                _middle(area),
                (reach * along, reach * up),
                textcoords="offset points",
                ha=align,
                va=stand,
                color=INK,
                zorder=3,
            )
            box = label.get_window_extent()
            if inside.x0 < box.x0 and box.x1 < inside.x1 and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()


def _fit(view: _View) -> None:
    """Set the limits so that all is shown in the room there is, a degree east as long as on the ground."""
    axes, squeeze = view.axes, view.squeeze
    box = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    free = [max(0.1, side - 2 * view.margin) for side in (box.width, box.height)]
    # Degrees north an inch; what is but one point still has a kilometre around it.
    scale = max((view.east - view.west) * squeeze / free[0], (view.north - view.south) / free[1], 0.01)
    wide, high = box.width * scale / squeeze, box.height * scale
    axes.set_xlim((view.west + view.east - wide) / 2, (view.west + view.east + wide) / 2)
    axes.set_ylim((view.south + view.north - high) / 2, (view.south + view.north + high) / 2)
    # A title that comes later takes room; then the plot gives way, and not its proportions.
    axes.set_aspect(1 / squeeze, adjustable="box")


def _degrees_on(axes: Axes, *, ticks: int) -> None:
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for axis, sides in ((axes.xaxis, "EW"), (axes.yaxis, "NS")):
        axis.set_major_locator(MaxNLocator(ticks))
        axis.set_major_formatter(FuncFormatter(_degrees(sides)))
        axis.set_tick_params(length=0, labelsize=8, labelcolor=MUTED)


def _scale(view: _View) -> None:
    left, right = view.axes.get_xlim()
    across = (right - left) * view.squeeze * _KM_A_DEGREE
    length = _round(across / 4)
    end = 0.03 + length / across
    in_axes = view.axes.transAxes
    view.axes.plot([0.03, end], [0.045] * 2, transform=in_axes, color=INK, linewidth=2, zorder=4)
    miles = length / _KM_A_MILE
    view.axes.annotate(
        f"{length:,g} km ({miles:,.0f} mi)" if miles >= 10 else f"{length:g} km ({miles:.1f} mi)",
        (0.03, 0.045),
        (0, 5),
        xycoords=in_axes,
        textcoords="offset points",
        fontsize=8,
        color=INK,
        zorder=4,
        bbox={"facecolor": PAPER, "alpha": 0.75, "edgecolor": "none", "pad": 1},
    )


def _degrees(sides: str) -> Callable[[float, object], str]:
    def text(value: float, place: object) -> str:
        side = sides[1] if value < 0 else sides[0]
        return f"{abs(value):.6g}° {side}" if round(value, 6) else "0°"

    return text


def _round(number: float) -> float:
    """The largest of 1, 2, 5, 10, … that is not more."""
    power = 10.0 ** math.floor(math.log10(number))
    return max(step * power for step in (1, 2, 5) if step * power <= number)
