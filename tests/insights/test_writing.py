"""What a report leaves on disk, and what its pictures are."""

from __future__ import annotations

import importlib.util
import re
import struct
from datetime import date
from pathlib import Path

import msgspec
import pytest
from insights_kit import NOW

from servicetitan_crm_async import ConfigError, SyncError
from servicetitan_crm_async.insights import Figures, write_report
from servicetitan_crm_async.insights.canvas import NARROW, WIDE
from servicetitan_crm_async.insights.charts import NAMES, charts_of
from servicetitan_crm_async.insights.figures import Area, Atlas, Count, Gap, Growth, Leads, SyncRun, Timeline
from servicetitan_crm_async.insights.wording import days, share, span

_RUN = SyncRun(
    ended="2026-06-15T11:59:00Z", entities=1, records=1, requests=1, seconds=0.1, retries=0, throttled=0
)
_OLD = SyncRun(
    ended="2026-06-14T11:59:00Z",
    entities=1,
    records=1,
    requests=1,
    seconds=None,
    retries=None,
    throttled=None,
)
_AREA = Area(
    name="Boise & <Nampa>", number=1, south=43, west=-116, north=43, east=-116, cell_degrees=(0.001, 0.001),
    cells=((0, 0, 1),),
)  # fmt: skip


def figures(**fields: object) -> Figures:
    """Of the least that every chart can be drawn of."""
    growth = Growth(entity="leads", created=(1,), modified=(0,), created_elsewhere=0, modified_elsewhere=1)
    made = Figures(
        location="crm.db",
        tenant=7,
        as_of=NOW,
        freshness=(),
        timeline=Timeline(unit="day", starts=(date(2026, 6, 15),), entities=(growth,)),
        leads=Leads(
            by_status=(Count("Open", 1),), open_by_age=(Count("new", 1),), median_days=0, oldest_days=0
        ),
        bookings=(Count("New", 1_234_567),),
        atlas=Atlas(areas=(_AREA,), shown=1, missing=0, at_zero=0, out_of_range=0, swapped=0),
        gaps=(Gap(entity="customers", lacking="coordinates", number=1, total=3),),
        likenesses=(),
        not_mirrored=(),
        history=(_OLD, _RUN),
    )
    return msgspec.structs.replace(made, **fields)


def test_it_writes_a_page_and_a_picture_a_chart(tmp_path: Path) -> None:
    """Every chart there is, also of the least there may be; each picture at twice the pixels of the page."""
    page, *charts = write_report(figures(), tmp_path / "deep" / "report")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [path.stem for path in charts] == list(NAMES)
    for path in charts:
        head = path.read_bytes()[:24]
        assert head[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", head[16:24])
        assert width == 1680
        assert height > 100
    assert sorted(path.name for path in page.parent.iterdir()) == sorted(
        [page.name, *(p.name for p in charts)]
    )


def test_a_chart_that_is_no_more_goes_and_other_files_stay(tmp_path: Path) -> None:
    """A picture of the report before would else be taken for one of this."""
    write_report(figures(atlas=None, timeline=None, history=(), gaps=(), leads=None), tmp_path)
    (tmp_path / "mine.png").write_bytes(b"mine")
    page, *charts = write_report(
        figures(bookings=(), atlas=None, timeline=None, history=(), gaps=(), leads=None), tmp_path
    )
    assert charts == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [page.name, "mine.png"]


def test_a_folder_that_cannot_be_written_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SyncError, match="file"):
        write_report(figures(), tmp_path / "file")


@pytest.mark.parametrize("missing", ["duckdb", "matplotlib"])
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))
    with pytest.raises(ConfigError, match=r"servicetitan-crm-async\[report\]"):
        write_report(figures(), tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_markup_of_charts_has_no_colour_and_no_id_of_its_own() -> None:
    """Colours are the page's, so that they follow light and dark; two charts share no id."""
    charts = [chart.svg(room) for chart in charts_of(figures()).values() for room in (WIDE, NARROW)]
    for chart in charts:
        assert not re.findall(r"(?:fill|stroke): ?#[0-9a-f]{3,6}", chart)
        assert "<script" not in chart
    ids = [found for chart in charts for found in re.findall(r'\bid="([^"]+)"', chart)]
    assert len(set(ids)) == len(ids)
    assert "Boise &amp; &lt;Nampa&gt;" in "".join(charts)


def test_a_report_of_the_same_figures_is_the_same(tmp_path: Path) -> None:
    """Byte for byte, so that it can be kept and compared."""
    one, other = (write_report(figures(), tmp_path / name) for name in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


@pytest.mark.parametrize(
    ("number", "total", "text"),
    [(0, 5, "0%"), (5, 5, "100%"), (1, 3, "33.3%"), (1, 2, "50%"), (1, 10**6, "<0.1%"), (0, 0, "\u2013"),
     (10**6 - 1, 10**6, ">99.9%")],
)  # fmt: skip
def test_a_share_of_some_never_reads_as_none_or_all(number: int, total: int, text: str) -> None:
    assert share(number, total) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (7000, "117 min"), (90_000, "25 h"), (10**8, "1,157 days")],
)
def test_a_span_is_told_in_the_unit_that_says_enough(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1 day"), (0.04, "0 days"), (0.5, "0.5 days"), (1824.2, "1,824 days")]
)
def test_days_are_told_finely_where_they_are_few(number: float, text: str) -> None:
    assert days(number) == text
