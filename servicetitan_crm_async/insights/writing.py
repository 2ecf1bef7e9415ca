"""A report on disk: the page, and a picture for each of its charts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.insights.facts import MISSING
from servicetitan_crm_async.insights.figures import Figures

PAGE = "index.html"


def needed() -> None:
    """See that what draws and counts is there.

    Raises:
        ConfigError: the extra is not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in ("duckdb", "matplotlib")):
        raise ConfigError(MISSING)


def write_report(figures: Figures, folder: Path) -> list[Path]:
    """Write `index.html` and a PNG a chart into a folder, and return their paths, the page first.

    The folder is made where there is none; what a report before left there is replaced, a chart that this
    one has not got included, and other files stay. The page is written last, and in one step.

    Raises:
        ConfigError: matplotlib is not installed.
        SyncError: the folder cannot be written.
    """
    needed()
    from servicetitan_crm_async.insights.charts import NAMES, charts_of
    from servicetitan_crm_async.insights.page import page

    charts = charts_of(figures)
    credit = f"Tenant {figures.tenant}, as of {figures.as_of:%Y-%m-%d %H:%M} UTC"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in NAMES:
            (folder / f"{name}.png").unlink(missing_ok=True)
        written = [folder / f"{name}.png" for name in charts]
        for path, chart in zip(written, charts.values(), strict=True):
            path.write_bytes(chart.png(credit))
        unfinished = folder / f"{PAGE}.tmp"
        unfinished.write_text(page(figures, charts), encoding="utf-8")
        unfinished.replace(folder / PAGE)
    except OSError as error:
        raise SyncError(f"{folder}: {error.strerror or type(error).__name__}") from None
    return [folder / PAGE, *written]
