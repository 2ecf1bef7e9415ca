"""The drawings are what their script draws, and nothing in one runs into something else."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
from page_kit import ROOT

_SCRIPT = ROOT / "docs" / "drawings.py"
_SVG = "{http://www.w3.org/2000/svg}"
_WIDTH_OF_A_LETTER = 0.56
"""Of the size of its font, in the mean, and rather too wide."""


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("drawings", _SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


DRAWN: list[tuple[Path, str]] = list(_load().drawn())
SVGS = [(path, text) for path, text in DRAWN if path.suffix == ".svg"]


def test_the_files_are_what_the_script_draws() -> None:
    for path, text in DRAWN:
        assert path.read_text(encoding="utf-8") == text, "run `python docs/drawings.py`"
    assert {path for path, _ in SVGS} == set(SVGS[0][0].parent.iterdir())


def test_the_theory_shows_every_drawing() -> None:
    theory = (ROOT / "docs/pages/explanation/theory-of-the-sync.md").read_text(encoding="utf-8")
    for path, _ in SVGS:
        assert f"](drawings/{path.name})" in theory


@pytest.mark.parametrize(("path", "text"), SVGS, ids=[path.stem for path, _ in SVGS])
def test_words_stay_inside_and_apart(path: Path, text: str) -> None:
    svg = ElementTree.fromstring(text)
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    boxes = [(each.text or "", *_extent(each)) for each in svg.iter(f"{_SVG}text")]
    assert len(boxes) >= 5
    for words, left, top, right, bottom in boxes:
        assert left >= 0, words
        assert right <= width, words
        assert top >= 0, words
        assert bottom <= height, words
    for place, (words, left, top, right, bottom) in enumerate(boxes):
        for others, left_, top_, right_, bottom_ in boxes[place + 1 :]:
            apart = right <= left_ or right_ <= left or bottom <= top_ or bottom_ <= top
            assert apart, f"{words!r} runs into {others!r}"


@pytest.mark.parametrize(("path", "text"), SVGS, ids=[path.stem for path, _ in SVGS])
def test_every_colour_follows_the_palette(path: Path, text: str) -> None:
    drawn = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    colours = set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawn)) - {"none"}
    style = text[text.index("<style>") : text.index("</style>")]
    for colour in colours:
        assert colour.startswith("var(--drawing-"), colour
        assert style.count(f"{colour[4:-1]}:") == 2  # in the light and in the dark


def _extent(text: ElementTree.Element) -> tuple[float, float, float, float]:
    size, x, y = (float(text.attrib[name]) for name in ("font-size", "x", "y"))
    width = len(text.text or "") * size * _WIDTH_OF_A_LETTER
    left = {"start": x, "middle": x - width / 2, "end": x - width}[text.attrib["text-anchor"]]
    return left, y - size * 0.8, left + width, y + size * 0.2
