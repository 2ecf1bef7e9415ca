"""The traps of the live service are here: careless readers lose records, the careful one does not."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from sandbox_desk import SECOND, Desk, small

from servicetitan_crm_async.sandbox import parse_instant, text_of

SINCE = text_of(0)


class Reader:
    """Mirrors the customers of a busy tenant, a hundredth of a second and two changes a request."""

    def __init__(self, *, visibility_delay: float = 0.0, active: str = "Any") -> None:
        self.sandbox = small(customers=1500, life=200, visibility_delay=visibility_delay, leads=0, bookings=0)
        self.desk = Desk(self.sandbox)
        self.active = active
        self.mirror: dict[int, str] = {}

    def page(self, **query: object) -> dict[str, Any]:
        self.desk.wait(0.01)
        page: dict[str, Any] = self.desk.get("/customers", active=self.active, pageSize=50, **query)
        self.mirror |= {record["id"]: record["modifiedOn"] for record in page["data"]}
        return page

    def by_position(self, since: int, until: int, sort: str) -> None:
        for number in count(1):
            window = {"modifiedOnOrAfter": text_of(since), "modifiedBefore": text_of(until)}
            if not self.page(page=number, sort=sort, **window)["hasMore"]:
                return

    def by_seeking(self, since: int, until: int) -> None:
        more = True
        while more:
            page = self.page(
                modifiedOnOrAfter=text_of(since), modifiedBefore=text_of(until), sort="+ModifiedOn"
            )
            more = page["hasMore"]
            since = parse_instant(page["data"][-1]["modifiedOn"]) or 0 if more else since

    def lost(self, until: int) -> int:
        expected = {
            key: stamp
            for key, (stamp, _) in self.sandbox.records("customers").items()
            if (parse_instant(stamp) or 0) < until
        }
        return sum(self.mirror.get(key) != stamp for key, stamp in expected.items())


def two_passes(reader: Reader, way: str, *, settling: float = 0.0) -> int:
    watermark = 0
    for _ in range(2):
        until = reader.desk.now - round(settling * SECOND)
        if way == "seek":
            reader.by_seeking(watermark, until)
        else:
            reader.by_position(watermark, until, way)
        watermark = until
    reader.sandbox.advance(reader.desk.now + 5 * SECOND)
    return reader.lost(watermark)


def test_who_seeks_loses_nothing() -> None:
    assert two_passes(Reader(), "seek") == 0


@pytest.mark.parametrize("sort", ["+Id", "+ModifiedOn"])
def test_who_counts_pages_of_a_moving_list_loses_records(sort: str) -> None:
    assert two_passes(Reader(), sort) > 0


def test_who_does_not_ask_for_inactive_records_never_hears_of_them() -> None:
    assert two_passes(Reader(active="True"), "seek") > 0


def test_who_does_not_let_time_settle_loses_what_is_seen_late() -> None:
    assert two_passes(Reader(visibility_delay=2.0), "seek") > 0
    assert two_passes(Reader(visibility_delay=2.0), "seek", settling=3.0) == 0
