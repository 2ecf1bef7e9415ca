"""`servicetitan-crm report`: a mirror looked into, and the report of it written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.cli.mirror.looking import existing
from servicetitan_crm_async.cli.mirror.standing import TENANT, clock_of, file_beside
from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.insights.figures import Figures
from servicetitan_crm_async.insights.gathering import gather
from servicetitan_crm_async.insights.writing import needed, write_report
from servicetitan_crm_async.sync import open_destination

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, as it is printed for programs."""

    event: Literal["written"] = "written"
    location: str
    tenant: int
    page: str
    charts: Sequence[str]


async def look(to: str, tenant: int | None) -> Figures:
    """The figures of a tenant in a mirror.

    Raises:
        ConfigError: the extra is not installed, there is no mirror, or it is not clear which tenant is meant.
        LedgerConflict: a sync is at work, and this kind of mirror cannot be read meanwhile.
    """
    needed()
    async with existing(open_destination(to, read_only=True)) as mirror:
        now = datetime.now(UTC)
        if {ledger.tenant for ledger in await mirror.ledgers()} == {TENANT}:
            # A sandbox has a time of its own, by which its records go.
            theirs = clock_of(file_beside(mirror))
            now = now if theirs is None else _EPOCH + timedelta(seconds=theirs / TICKS_PER_SECOND)
        return await gather(mirror, to, now=now, tenant=tenant)


def write(figures: Figures, out: str | None) -> Written:
    """Write the report.

    Raises:
        ConfigError: it cannot be written there.
    """
    folder = Path(out or f"servicetitan-report-{figures.tenant}").expanduser()
    try:
        page, *charts = write_report(figures, folder)
    except SyncError as error:
        raise ConfigError({"--out": str(error)}) from None
    return Written(
        location=figures.location,
        tenant=figures.tenant,
        page=str(page),
        charts=[str(path) for path in charts],
    )
