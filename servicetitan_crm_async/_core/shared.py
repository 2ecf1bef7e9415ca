"""What all clients of one event loop share by key: token caches and limiters.

The loop is part of the key, as locks and timers belong to one. Entries are held weakly: they end with
the last client that uses them, and none has anything running that would need an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

T = TypeVar("T")

_per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, WeakValueDictionary[Hashable, object]] = (
    WeakKeyDictionary()
)


def shared(kind: type[T], key: Hashable, make: Callable[[], T]) -> T:
    """The one object of this kind and key in the running loop, made when there is none yet."""
    known = _per_loop.setdefault(asyncio.get_running_loop(), WeakValueDictionary())
    found = known.get((kind, key))
    if isinstance(found, kind):
        return found
    made = make()
    known[(kind, key)] = made
    return made
