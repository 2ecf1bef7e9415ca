"""Many records in one answer: pages of lists and of export feeds."""

from collections.abc import Iterator
from typing import Generic, TypeVar, overload

from servicetitan_crm_async.models.record import Model

__all__ = ["Envelope", "FeedPage", "Page"]

T = TypeVar("T")


class _Items(Model, Generic[T], frozen=True, kw_only=True):
    """A sequence of what `data` holds."""

    data: tuple[T, ...]

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...
    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self.data[index]


class Page(_Items[T], Generic[T], frozen=True, kw_only=True):
    """One page of a list: `for customer in page`, `len(page)`, `page[0]`.

    An empty page is falsy, and says nothing of whether there are more: `has_more` does.
    """

    page: int
    """Its number, from 1."""
    page_size: int
    """How many records it could have held."""
    has_more: bool
    total_count: int | None = None
    """How many records the whole list had at that moment; only where the request asked for it."""


class FeedPage(_Items[T], Generic[T], frozen=True, kw_only=True):
    """One answer of an export feed, decoded as it comes.

    `has_more` false means nothing new for now: `continue_from` polls for later changes.
    """

    has_more: bool
    continue_from: str
    """What the next request passes as `from`; to be stored, never to be taken apart."""


class Envelope(Model, Generic[T], frozen=True, kw_only=True):
    """A page of a list as it travels. Leads, bookings, contacts and tag types of openapi-2.0.0 say
    `data` alone, so the rest may be absent; `Page` is what a caller gets.
    """

    data: tuple[T, ...]
    page: int | None = None
    page_size: int | None = None
    has_more: bool | None = None
    total_count: int | None = None
    continue_from: str | None = None
    """Of a feed's answer alone."""
