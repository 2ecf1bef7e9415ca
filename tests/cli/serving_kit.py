"""A sandbox served beside a command in this very process, which is quicker than one in its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread

from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve


@contextmanager
def served_beside(sandbox: Sandbox) -> Iterator[SandboxServer]:
    """Serve it in a thread while the block lasts; commands want this one, for their signals."""
    ready: Future[SandboxServer] = Future()
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def run() -> None:
        try:
            async with serve(sandbox) as server:
                ready.set_result(server)
                await done.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        yield ready.result()
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()
