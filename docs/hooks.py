"""What the site has beside its pages: the report of the benchmarks, and drawings that follow the palette."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
_COMMENT = re.compile(r"^<!--.*?-->\n", re.DOTALL | re.MULTILINE)
_DRAWING = re.compile(r'<p><img alt="([^"]*)" src="[^"]*?(drawings/[\w-]+\.svg)" ?/></p>')
_STYLE = re.compile(r"<style>.*?</style>\s*", re.DOTALL)


def on_files(files: Files, /, *, config: MkDocsConfig) -> Files:
    """The report and its charts stand where the benchmarks wrote them; here they are a page among others."""
    report = (_RESULTS / "report.md").read_text(encoding="utf-8")
    files.append(File.generated(config, "explanation/benchmarks.md", content=report))
    for chart in sorted(_RESULTS.glob("*.png")):
        files.append(File.generated(config, f"explanation/{chart.name}", abs_src_path=str(chart)))
    return files


def on_page_markdown(markdown: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """What the tests of a page need is in comments; readers need none of it."""
    return _COMMENT.sub("", markdown)


def on_page_content(html: str, /, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Drawings go into the page itself: as images they could not know which palette was chosen."""
    here = Path(config.docs_dir, page.file.src_uri).parent
    return _DRAWING.sub(lambda found: _figure(here / found[2], found[1]), html)


def _figure(drawing: Path, said: str) -> str:
    svg = _STYLE.sub("", drawing.read_text(encoding="utf-8"))
    return f'<figure class="drawing" role="img" aria-label="{said}">{svg}</figure>'
