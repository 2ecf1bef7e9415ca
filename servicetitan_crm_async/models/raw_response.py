"""What the service answered, beside what a call made of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class RawAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the service, as it came."""

    method: str
    path: str
    """Without its query."""
    status: int
    headers: Mapping[str, str]
    """Found by name in any case."""
    body: bytes
    """After decompression."""
    attempts: int
    """Requests it took to get this answer."""
    seconds: float
    """From the moment the last of them left to the last byte."""

    def __repr__(self) -> str:
        # A body holds people's data, and reprs end up in logs.
        return f"<RawAnswer {self.method} {self.path} {self.status} {len(self.body)} bytes>"


class RawResponse(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What a call returned, and the answers it comes from, in the order they came."""

    value: T
    answers: tuple[RawAnswer, ...]

    @property
    def last(self) -> RawAnswer:
        """The last answer, which is the only one of most calls.

        Raises:
            LookupError: there is none, as the call took no request.
        """
        if not self.answers:
            raise LookupError("the call took no request")
        return self.answers[-1]
