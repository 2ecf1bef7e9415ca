"""How pages come to a source: asked for in turn, unread while they wait, and none that would only wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from simulation import SandboxTransport, with_client

from servicetitan_crm_async import DecodeError, ServiceTitanCRM
from servicetitan_crm_async._core.calls import FilterValue
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async._core.turns import Turns
from servicetitan_crm_async.client import caller_of
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.sync.sources.flow import Flow

FILTERS: dict[str, FilterValue] = {"active": "Any", "page": 1, "page_size": 10}


class Room:
    """Room that there is none of until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[bool]:
        await self.opened.wait()
        yield False


class Damaging(SandboxTransport):
    """Damages the first pages that come."""

    def __init__(self, sandbox: Sandbox, damage: Callable[[bytes], bytes], *, pages: int) -> None:
        super().__init__(sandbox)
        self._damage, self._left = damage, pages

    async def send(self, request: WireRequest) -> Reply:
        reply = await super().send(request)
        if "/customers" in request.url and self._left:
            self._left -= 1
            return reply._replace(body=self._damage(reply.body))
        return reply


def _sandbox() -> Sandbox:
    return Sandbox(customers=30, locations_per_customer=0, contacts=(0, 0), leads=0, bookings=0)


def _flow(
    crm: ServiceTitanCRM,
    room: Callable[[], AbstractAsyncContextManager[bool]],
    turns: Turns | None = None,
) -> Flow:
    return Flow(
        caller_of(crm),
        turns=turns or Turns(8),
        entity="customers",
        room=room,
        land=lambda records, page: None,
        settle=0,
        until=None,
        page_size=10,
        workers=2,
    )


def test_while_a_page_waits_for_room_no_other_is_asked_for() -> None:
    sandbox = _sandbox()

    async def main(crm: ServiceTitanCRM) -> None:
        room, caller = Room(), caller_of(crm)
        pages = _flow(crm, room).pages(caller.operation("customers.list"))

        async def read() -> int:
            async with pages(FILTERS) as page:
                return len(page.records)

        readers = []
        for _ in range(3):
            readers.append(asyncio.create_task(read()))
            await asyncio.sleep(5)
        assert sandbox.statistics().requests == 1
        room.opened.set()
        assert await asyncio.gather(*readers) == [10, 10, 10]
        assert sandbox.statistics().requests == 3

    with_client(SandboxTransport(sandbox), main)


def test_a_destination_that_is_the_slower_one_has_two_pages_under_way_and_an_idle_one_has_all() -> None:
    """Pages that were asked for and have not landed take memory: no more than keep a destination busy."""
    sandbox = _sandbox()

    async def main(crm: ServiceTitanCRM) -> None:
        turns, caller = Turns(8), caller_of(crm)
        landed, held, idle = 0, [0], False

        @asynccontextmanager
        async def room() -> AsyncIterator[bool]:
            async with commit:
                if not idle:
                    await asyncio.sleep(1)
                yield idle

        commit = asyncio.Lock()
        pages = _flow(crm, room, turns).pages(caller.operation("customers.list"))

        async def work() -> None:
            nonlocal landed
            while True:
                async with pages(FILTERS):
                    landed += 1
                    held[-1] = max(held[-1], crm.statistics().requests - landed)

        workers = [asyncio.create_task(work()) for _ in range(8)]
        for seconds in (8, 20):
            await asyncio.sleep(seconds)
            held.append(0)
        idle = True
        await asyncio.sleep(8)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        at_first, busy, waiting = held
        assert (at_first, busy) == (7, 1)  # beside the one that lands
        assert waiting == 7

    with_client(SandboxTransport(sandbox, jitter=0.4), main)


def test_what_turns_out_to_be_no_page_is_asked_for_again_and_counts() -> None:
    sandbox = _sandbox()

    async def main(crm: ServiceTitanCRM) -> None:
        room, caller = Room(), caller_of(crm)
        room.opened.set()
        async with _flow(crm, room).pages(caller.operation("customers.list"))(FILTERS) as page:
            assert (len(page.records), page.attempts) == (10, 2)
        assert sandbox.statistics().requests == 2

    with_client(Damaging(sandbox, lambda body: body[:-9], pages=1), main)


def test_what_never_is_a_page_fails_as_a_call_does() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        room, caller = Room(), caller_of(crm)
        room.opened.set()
        pages = _flow(crm, room).pages(caller.operation("customers.list"))
        with pytest.raises(DecodeError, match=r"^GET .*/customers"):
            await pages(FILTERS).__aenter__()

    with_client(Damaging(_sandbox(), lambda body: b'{"data":3}', pages=9), main)
