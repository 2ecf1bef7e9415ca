"""What resources have in common: written once here, by the noun whose rows they call."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar

from servicetitan_crm_async._core.caller import Caller, Path
from servicetitan_crm_async._core.feed import Feed
from servicetitan_crm_async.models import Record
from servicetitan_crm_async.models.found import Found

T = TypeVar("T")
R = TypeVar("R", bound=Record)


class Resource(Generic[T]):
    """The operations of one noun, most of which answer one kind of record."""

    def __init__(self, caller: Caller, noun: str, kind: type[T], above: Path | None = None) -> None:
        """`above` is what stands in every path before the record's own id."""
        self._caller, self._noun, self._kind = caller, noun, kind
        self._above: Path = above or {}


class Exported(Resource[T]):
    """A noun that has an export feed."""

    def export(
        self, *, from_: datetime | str | None = None, include_recent_changes: bool | None = None
    ) -> Feed[T]:
        """The export feed of these records, from the beginning or from where one left off: `GET /export/…`.

        Deleted records come too, with `active` false. `from_` is an aware datetime, a date as text
        (`"2026-01-31"`) or the `continue_from` of an earlier answer. `include_recent_changes` shows
        changes sooner, and some of them more than once. A feed that has nothing new is best left alone
        for five to ten minutes.

        Raises:
            NotInContract: at once, in openapi-2.0.0, which has no feeds.
            ConfigError: at once, for a value that cannot be.
            FeedStalled: when iterated, the service promised more and gave a token it had given before.
        """
        return self._caller.feed(f"{self._noun}.export", self._kind, locals())


class ByIds(Resource[R]):
    """A noun whose records can be got by their ids, many at once."""

    async def get_many(self, ids: Iterable[int], *, concurrency: int = 16) -> Found[R]:
        """Records by their ids, active or not, 50 a request, up to `concurrency` requests at a time.

        Calls the list with its `ids` filter; where the contract in use has none, each record is got by
        itself. The first request that fails cancels the others and raises its error.

        Raises:
            ConfigError: before sending, an id is not positive.
        """
        return await self._caller.by_ids(
            self._noun, self._kind, ids, concurrency=concurrency, path=self._above
        )
