"""What a mirror tells about the business and about itself: figures, charts and a page; extra `[report]`.

async with open_destination("duckdb:crm.duckdb", read_only=True) as mirror:
    figures = await gather(mirror, "duckdb:crm.duckdb", now=datetime.now(UTC))
write_report(figures, Path("report"))
"""

from servicetitan_crm_async.insights.figures import Figures
from servicetitan_crm_async.insights.gathering import gather
from servicetitan_crm_async.insights.writing import write_report

__all__ = ["Figures", "gather", "write_report"]
