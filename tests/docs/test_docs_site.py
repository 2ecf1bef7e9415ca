"""The site builds without a warning, asks nobody for anything, and its reference leaves nothing out."""

from __future__ import annotations

import asyncio
import importlib
import os
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from page_kit import ROOT

_LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
_PACKAGE = "servicetitan_crm_async"
PUBLIC = (
    *(_PACKAGE, "config", "errors", "flows", "models", "resources", "sandbox", "sync"),
    *("sync.destinations", "testing", "webhooks"),
    *(
        "integrations.aiohttp",
        "integrations.fastapi",
        "integrations.opentelemetry",
        "integrations.redis",
        "hooks",
    ),
)


class _Loads(HTMLParser):
    """What a page loads by itself, and what ids it has."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if (identity := found.get("id")) is not None:
            self.ids.add(identity)
        relation = found.get("rel") or ""
        if tag == "link" and relation in ("canonical", "next", "prev"):
            return
        if (address := found.get(_LOADED.get(tag, ""))) is not None:
            self.loaded.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once, with warnings as errors."""
    folder = tmp_path_factory.mktemp("site")
    return asyncio.run(_built(folder))


async def _built(folder: Path) -> Path:
    build = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mkdocs", "build", "--strict"),
        *("--config-file", str(ROOT / "docs" / "mkdocs.yml"), "--site-dir", str(folder)),
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await build.communicate()
    assert build.returncode == 0, said.decode()
    assert b"WARNING" not in said, said.decode()
    return folder


def test_no_page_asks_anybody_else_for_anything(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert [address for address in loads.loaded if re.match(r"(?:https?:)?//", address)] == []
        assert "mermaid" not in page.read_text(encoding="utf-8").lower(), "it would come from a CDN"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", sheet.read_text(encoding="utf-8"))


def test_comments_for_the_tests_are_not_published(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<!-- (?:sandbox|needs|background|port|python|sh)\b", text), page


def test_drawings_are_in_the_page_and_follow_its_palette(site: Path) -> None:
    theory = (site / "explanation" / "theory-of-the-sync" / "index.html").read_text(encoding="utf-8")
    drawings = ROOT / "docs" / "pages" / "explanation" / "drawings"
    assert theory.count('<figure class="drawing"') == len(list(drawings.glob("*.svg")))
    assert "drawings/slip.svg" not in theory
    assert "prefers-color-scheme" not in "".join(re.findall(r"<svg.*?</svg>", theory, re.DOTALL))


def test_the_benchmarks_are_the_report_with_its_charts(site: Path) -> None:
    results = ROOT / "benchmarks" / "results"
    page = (site / "explanation" / "benchmarks" / "index.html").read_text(encoding="utf-8")
    for chart in re.findall(r"!\[[^]]*\]\((\w+\.png)\)", (results / "report.md").read_text(encoding="utf-8")):
        assert f'src="../{chart}"' in page
        assert (site / "explanation" / chart).read_bytes() == (results / chart).read_bytes()


@pytest.fixture(scope="module")
def referred(site: Path) -> frozenset[str]:
    """The last parts of all ids in the reference."""
    loads = _Loads()
    for page in (site / "reference").rglob("*.html"):
        loads.feed(page.read_text(encoding="utf-8"))
    return frozenset(each.split(".")[-1] for each in loads.ids if each[0].isalpha())


def test_the_reference_has_nothing_private(referred: frozenset[str]) -> None:
    assert not {name for name in referred if name.startswith("_")} | (referred & {"logger", "tell"})


@pytest.mark.parametrize("module", PUBLIC)
def test_the_reference_has_every_public_name(module: str, referred: frozenset[str]) -> None:
    path = _PACKAGE if module == _PACKAGE else f"{_PACKAGE}.{module}"
    names: list[str] = importlib.import_module(path).__all__
    # A model's place is its heading on the page of operations, whose id is in small letters.
    assert [name for name in names if not {name, name.lower()} & referred] == []
