"""Chance that can be asked again: draws from a hash of what they are for.

A record's content is drawn from its id, not from a stream, so it does not matter in which order
records are looked at, or whether they are looked at at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import Struct
from typing import TypeVar

_T = TypeVar("_T")
_pack = Struct("<qq").pack


def key_of(seed: int, tenant_id: int) -> bytes:
    """The key that makes one tenant's draws its own."""
    return blake2b(f"{seed}/{tenant_id}".encode(), digest_size=32).digest()


def guid_for(key: bytes, subject: int, purpose: int) -> str:
    """A GUID for one purpose, by its digits one of those that are drawn by chance."""
    digits = blake2b(_pack(subject, purpose), digest_size=16, key=key).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


class Dice:
    """Some 500 bits for one purpose, drawn from the bottom up.

    Nothing here needs more than 300; a die that ran dry would show only zeros.
    """

    __slots__ = ("_left",)

    def __init__(self, key: bytes, subject: int, purpose: int) -> None:
        self._left = int.from_bytes(blake2b(_pack(subject, purpose), key=key).digest(), "little")

    def below(self, limit: int) -> int:
        """A whole number from 0 up to but not including `limit`."""
        self._left, drawn = divmod(self._left, limit)
        return drawn

    def chance(self, percent: int) -> bool:
        """True in that many cases of a hundred."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them, each as likely."""
        return choices[self.below(len(choices))]
