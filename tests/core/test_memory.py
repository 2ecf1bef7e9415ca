"""Memory does not grow with the number of records: what is read is let go."""

from __future__ import annotations

import gc
import tracemalloc
from urllib.parse import parse_qs, urlsplit

import msgspec
from virtual_time import LoopClock, run

from servicetitan_crm_async import Credentials, RateLimit, ServiceTitanCRM, Settings
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest

TAG = {
    "name": "A tag whose name takes some room",
    "color": "#112233",
    "code": "T",
    "isConversionOpportunity": False,
    "allowToUseOnTimesheetActivity": False,
    "isVisibleOnDispatchBoard": True,
    "active": True,
    "createdOn": "2024-01-01T00:00:00Z",
    "modifiedOn": "2024-01-01T00:00:00Z",
}


class Endless:
    """As many tag types as asked for, made page by page, so that the service's memory is no part of it."""

    def __init__(self, records: int) -> None:
        self.records = records

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def send(self, request: WireRequest) -> Reply:
        if request.method == "POST":
            return Reply(200, {}, b'{"access_token":"t","expires_in":900}')
        query = parse_qs(urlsplit(request.url).query)
        page, size = int(query["page"][0]), int(query["pageSize"][0])
        first = (page - 1) * size
        data = [{"id": number + 1, **TAG} for number in range(first, min(first + size, self.records))]
        more = first + size < self.records
        body = {"page": page, "pageSize": size, "hasMore": more, "totalCount": self.records, "data": data}
        return Reply(200, {}, msgspec.json.encode(body))


def _most_alive(records: int) -> int:
    """The most bytes alive at any tenth page of a stream, with what the collector frees taken off."""

    async def main() -> int:
        credentials = Credentials(tenant_id=1, client_id="c", client_secret="s", app_key="k")
        settings = Settings(rate=RateLimit(per_second=10_000))
        seen = most = 0
        async with (
            ServiceTitanCRM(credentials, settings, transport=Endless(records), clock=LoopClock()) as crm,
            crm.tag_types.list(page_size=100).stream(concurrency=4) as pages,
        ):
            async for page in pages:
                seen += len(page)
                if page.page % 10 == 0:
                    gc.collect()
                    most = max(most, tracemalloc.get_traced_memory()[0])
        assert seen == records
        return most

    tracemalloc.start()
    try:
        return run(main())
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_records() -> None:
    """The fewer are still so many that the caches of a hundred URLs, which others keep, are full."""
    few, many = _most_alive(20_000), _most_alive(60_000)
    assert many < few * 1.1
