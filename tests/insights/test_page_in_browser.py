"""The page as a browser shows it: every figure is there, legible, and asked of nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from insights_kit import NOW, Fields, at, figures_of, fill, ledger_of, record
from page_browser import CHROMIUM, Tab, browser

from servicetitan_crm_async._core.clock import ticks_of, to_text
from servicetitan_crm_async.insights import Figures, write_report
from servicetitan_crm_async.insights.figures import SyncRun
from servicetitan_crm_async.sync import FinishedRun

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")

CITIES = {
    "Boise": (43.6, -116.2),
    "Denver": (39.7, -105.0),
    "Newark": (40.7, -74.2),
    "El Paso": (31.8, -106.5),
}
SECTIONS = ("freshness", "over-time", "leads", "bookings", "locations", "quality", "history")

# Elements whose own text or box lies outside of the window, but for those in a box that scrolls by itself.
OUTSIDE = """
[...document.querySelectorAll('body *')].filter(each => {
    const box = each.getBoundingClientRect();
    return box.width && !each.parentElement.closest('.wide-table')
        && (box.left < -0.5 || box.right > innerWidth + 0.5);
}).map(each => each.outerHTML.slice(0, 120))"""
# Texts of one chart that lie on each other.
OVERLAPPING = """
[...document.querySelectorAll('svg')].flatMap(chart => {
    const texts = [...chart.querySelectorAll('text')].map(each => [each, each.getBoundingClientRect()])
        .filter(([_, box]) => box.width);
    return texts.flatMap(([one, a], place) => texts.slice(place + 1).filter(([_, b]) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3
    ).map(([other]) => one.textContent + ' / ' + other.textContent));
})"""
# Tables that are wider than their place.
SCROLLING = """
[...document.querySelectorAll('.wide-table')].filter(each => each.scrollWidth > each.clientWidth)
    .map(each => each.closest('section').id)"""
SMALLEST = """
Math.min(...[...document.querySelectorAll('svg text')].filter(each => each.getBoundingClientRect().width)
    .map(each => each.getBoundingClientRect().height))"""
# Of all texts of the page against its ground: how far apart they are, by WCAG's measure.
CONTRAST = """
(() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(n => n / 255)
            .map(n => n <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = light(getComputedStyle(document.body).backgroundColor);
    const texts = document.querySelectorAll('p, td, th, h1, h2, a, figcaption, svg text');
    return Math.min(...[...texts].map(each => {
        const style = getComputedStyle(each);
        const own = light(each.tagName === 'text' ? style.fill : style.color);
        return (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
    }));
})()"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Figures, Path]:
    """A report of a mirror in which there is some of everything."""
    folder = tmp_path_factory.mktemp("made")
    place = f"sqlite:{folder / 'crm.db'}"

    async def figures() -> Figures:
        runs = tuple(_run(day) for day in range(9))
        entities = _entities()
        await fill(place, entities, [ledger_of(name, history=runs, runs=9) for name in entities])
        return await figures_of(place)

    found = asyncio.run(figures())
    page, *_ = write_report(found, folder / "report")
    return found, page


def _run(day: int) -> FinishedRun:
    ended = to_text(ticks_of(NOW - timedelta(days=9 - day)))
    return FinishedRun(
        since=None, until=None, ended=ended, strategy="windows", guarantee="exact", records=1000 - 100 * day,
        requests=12 - day, retries=day % 4, throttled=day % 3, seconds=2.5,
    )  # fmt: skip


def _entities() -> dict[str, list[Fields]]:
    chance = Random(5)

    def dated(id: int, **fields: Any) -> Fields:
        moment = (NOW - timedelta(days=chance.uniform(0, 1500))).isoformat()
        return record(id, createdOn=moment, modifiedOn=moment, **fields)

    def home() -> Fields:
        city = chance.choice([*CITIES])
        north, east = (degrees + chance.uniform(-0.1, 0.1) for degrees in CITIES[city])
        return at(north, east, city=city, street=f"{chance.randrange(40)} Elm St")

    statuses = ("Open", "Open", "Converted", "Dismissed")
    return {
        "customers": [dated(number, name="<b>Ann</b>", address=home()) for number in range(1, 200)],
        "customer_contacts": [
            dated(number, customerId=number % 150, type="Phone", value=f"208555{number % 140:04}")
            for number in range(1, 200)
        ],
        "locations": [dated(number, customerId=1, address=home()) for number in range(1, 240)],
        "leads": [dated(number, status=chance.choice(statuses)) for number in range(1, 90)],
        "bookings": [dated(number, status="<script>alert(1)</script>") for number in range(1, 30)],
    }


@pytest.fixture
async def tab() -> AsyncIterator[Tab]:
    async with browser() as tab:
        yield tab


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
async def test_the_page_fits_is_legible_and_asks_nobody(
    made: tuple[Figures, Path], tab: Tab, width: int, dark: bool
) -> None:
    """On a desk and on a phone, by day and by night; no text of a chart lies on another."""
    _, page = made
    await tab.open(page, width=width, dark=dark)
    assert {url for url in tab.requested if not url.startswith("data:image/png;")} == {page.as_uri()}
    assert await tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert await tab.run(OUTSIDE) == []
    assert await tab.run(OVERLAPPING) == []
    assert width < 1280 or await tab.run(SCROLLING) == []
    assert await tab.run(SMALLEST) >= 9
    assert await tab.run(CONTRAST) >= 4.5
    drawn = "[...document.querySelectorAll('svg')].filter(each => each.getBoundingClientRect().width).length"
    assert await tab.run(drawn) == await tab.run("document.querySelectorAll('figure').length") == 8


async def test_each_section_holds_its_figures(made: tuple[Figures, Path], tab: Tab) -> None:
    """What the figures say stands in the document, as a person reads it; what records say is text alone."""
    figures, page = made
    await tab.open(page, width=1280)
    shown: dict[str, str] = await tab.run(
        "Object.fromEntries([...document.querySelectorAll('section')].map(s => [s.id, s.innerText"
        " + [...s.querySelectorAll('svg.wide text, summary ~ *')].map(t => ' ' + t.textContent).join('')]))"
    )
    assert tuple(shown) == SECTIONS
    for each in figures.freshness:
        assert f"{each.entity.replace('_', ' ')}\t{each.held}" in shown["freshness"]
    assert figures.timeline is not None
    for growth in figures.timeline.entities:
        assert f"{growth.entity.replace('_', ' ')} · {sum(growth.created)}" in shown["over-time"]
    assert figures.leads is not None
    for count in (*figures.leads.by_status, *figures.leads.open_by_age):
        assert count.name in shown["leads"]
        assert f"{count.number} · " in shown["leads"]
    assert "<script>alert(1)</script>" in shown["bookings"]
    assert "29 · 100%" in shown["bookings"]
    assert figures.atlas is not None
    for area in figures.atlas.areas:
        assert f"{area.name} · {area.number}" in shown["locations"]
    for gap in figures.gaps:
        assert f"{gap.entity} without {gap.lacking}" in shown["quality"]
        assert f"{gap.number} · " in shown["quality"]
    for likeness in figures.likenesses:
        assert f"{likeness.groups}\t{likeness.records}" in shown["quality"]
        assert ", ".join(map(str, likeness.first[0])) in shown["quality"]
    for run in figures.history:
        assert _row(run) in shown["history"]


def _row(run: SyncRun) -> str:
    """As the table has it, with tabs between the cells."""
    numbers = (run.entities, run.records, run.requests, run.seconds, run.pace, run.retries, run.throttled)
    return "\t".join(
        [
            run.ended[:16].replace("T", " "),
            *(f"{n:,.1f}" if n == run.seconds else f"{n:,.0f}" for n in numbers),
        ]
    )


async def test_a_mirror_with_nothing_in_it_says_so_and_draws_nothing(tmp_path: Path, tab: Tab) -> None:
    """No empty axes, and no figure that was never counted."""
    empty: dict[str, list[Fields]] = {"customers": [], "leads": [], "locations": []}
    place = f"sqlite:{tmp_path / 'crm.db'}"
    await fill(place, empty)
    page, *charts = write_report(await figures_of(place), tmp_path / "report")
    assert charts == []
    await tab.open(page, width=390)
    text = await tab.run("document.body.innerText")
    for said in (
        "No record of this mirror has a date", "No leads yet", "Bookings are not in this mirror",
        "No active location has coordinates", "No active customers or locations yet",
        "No sync has come to its end yet", "Not in this mirror: customer contacts",
    ):  # fmt: skip
        assert said in text
    assert await tab.run("document.querySelectorAll('svg').length") == 0
    assert await tab.run(OUTSIDE) == []


async def test_printed_it_is_dark_on_white_and_nothing_is_cut_off(
    made: tuple[Figures, Path], tab: Tab
) -> None:
    """On A4 with margins of a centimetre, whatever the screen likes."""
    _, page = made
    await tab.open(page, width=718, dark=True)
    ground = "getComputedStyle(document.body).backgroundColor"
    assert await tab.run(ground) != "rgb(255, 255, 255)"
    await tab.ask(
        "Emulation.setEmulatedMedia",
        media="print",
        features=[{"name": "prefers-color-scheme", "value": "dark"}],
    )
    assert await tab.run(ground) == "rgb(255, 255, 255)"
    assert await tab.run(CONTRAST) >= 4.5
    assert await tab.run(SCROLLING) == await tab.run(OUTSIDE) == []
