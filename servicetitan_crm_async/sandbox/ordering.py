"""A sorted collection of whole numbers that stays cheap to change at a million entries."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable


class SortedKeys:
    """Distinct keys in order, kept in blocks so that a change moves a thousand pointers, not a million.

    Positions are counted by summing block lengths: a page far inside costs a few microseconds more
    than the first one, which no page of records notices.
    """

    def __init__(self, keys: Iterable[int] = (), *, load: int = 1000) -> None:
        self._load = load
        ordered = sorted(keys)
        self._size = len(ordered)
        self._blocks = [ordered[at : at + load] for at in range(0, len(ordered), load)]
        self._tops = [block[-1] for block in self._blocks]

    def __len__(self) -> int:
        return self._size

    def add(self, key: int) -> None:
        """Put a key in its place; the newest stamp, which goes to the very end, is the quick case."""
        self._size += 1
        if not self._blocks:
            self._blocks.append([key])
            self._tops.append(key)
            return
        at = min(bisect_left(self._tops, key), len(self._blocks) - 1)
        block = self._blocks[at]
        if key > block[-1]:
            block.append(key)
            self._tops[at] = key
        else:
            block.insert(bisect_left(block, key), key)
        if len(block) > 2 * self._load:
            upper = block[self._load :]
            del block[self._load :]
            self._blocks.insert(at + 1, upper)
            self._tops[at] = block[-1]
            self._tops.insert(at + 1, upper[-1])

    def remove(self, key: int) -> None:
        """Take a key out.

        Raises:
            KeyError: it is not there.
        """
        at = bisect_left(self._tops, key)
        if at == len(self._blocks):
            raise KeyError(key)
        block = self._blocks[at]
        place = bisect_left(block, key)
        if block[place] != key:
            raise KeyError(key)
        del block[place]
        self._size -= 1
        if not block:
            del self._blocks[at], self._tops[at]
        else:
            self._tops[at] = block[-1]

    def rank(self, key: int) -> int:
        """How many keys are smaller than this one."""
        at = bisect_left(self._tops, key)
        before = sum(map(len, self._blocks[:at]))
        return before if at == len(self._blocks) else before + bisect_left(self._blocks[at], key)

    def cut(self, start: int, stop: int) -> list[int]:
        """The keys at positions from `start` up to but not including `stop`."""
        stop = min(stop, self._size)
        found: list[int] = []
        passed = 0
        for block in self._blocks:
            if passed >= stop:
                break
            if passed + len(block) > start:
                found += block[max(0, start - passed) : stop - passed]
            passed += len(block)
        return found
