"""Bounded concurrency over an anyio task group: nothing starts that is not waited for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import anyio

A = TypeVar("A")
B = TypeVar("B")


async def concurrently(work: Iterable[A], do: Callable[[A], Awaitable[B]], *, concurrency: int) -> list[B]:
    """The results of `do` over `work`, in its order, with at most `concurrency` under way.

    The first failure cancels the rest and is raised by itself; so does cancellation.
    """
    items = list(work)
    results: dict[int, B] = {}
    pending = iter(enumerate(items))

    async def worker() -> None:
        for index, item in pending:
            results[index] = await do(item)

    await all_or_first_failure([worker] * min(concurrency, len(items)))
    return [results[index] for index in range(len(items))]


async def all_or_first_failure(workers: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run the workers side by side to their ends; the first failure cancels the rest and is raised bare.

    Bare, because a caller that awaits one call writes `except NotFound`, not `except*`.
    """
    failures: list[BaseException] = []

    async def guarded(worker: Callable[[], Awaitable[None]], scope: anyio.CancelScope) -> None:
        try:
            await worker()
        except Exception as error:
            failures.append(error)
            scope.cancel()

    async with anyio.create_task_group() as tasks:
        for worker in workers:
            tasks.start_soon(guarded, worker, tasks.cancel_scope)
    if failures:
        raise failures[0]
