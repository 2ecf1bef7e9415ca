"""What was found of the records asked for by their ids."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

__all__ = ["Found"]

T = TypeVar("T")


class Found(msgspec.Struct, Generic[T], frozen=True):
    """Records by id, in the order asked for, and the ids that no record has."""

    records: Mapping[int, T]
    missing: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[T]:
        return iter(self.records.values())

    def __getitem__(self, number: int) -> T:
        return self.records[number]

    def __contains__(self, number: object) -> bool:
        return number in self.records
