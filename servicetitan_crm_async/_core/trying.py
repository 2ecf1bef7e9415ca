"""One call tried until it succeeds or `again` says that it is enough; stamina runs the loop."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

# stamina logs a warning for each retry on its own logger. Where nobody has set logging up, Python would
# print them on stderr; a handler that does nothing keeps them for those who want them.
logging.getLogger("stamina").addHandler(logging.NullHandler())


async def tried(attempt: Callable[[], Awaitable[T]], again: Callable[[Exception], float | bool]) -> T:
    """What an attempt returns, or the error of the last one.

    `again` tells of an error how many seconds to wait before the next attempt, or False.
    """
    failed: list[Exception] = []
    try:
        return await attempt()
    except Exception as error:
        # The loop below begins with the attempt that failed already. Most calls have but one, and the
        # loop's bookkeeping would be a third of what that costs.
        failed.append(error)

    import stamina  # here, as it is a quarter of what importing this package would cost

    async for each in stamina.retry_context(on=again, attempts=None, timeout=None):
        with each:
            if failed:
                raise failed.pop()
            return await attempt()
    raise AssertionError("unreachable: the last attempt returns or raises")
