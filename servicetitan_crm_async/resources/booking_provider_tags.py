"""Booking provider tags: where bookings come from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import (
    BookingProviderTag,
    BookingProviderTagCreate,
    BookingProviderTagUpdate,
)
from servicetitan_crm_async.resources.resource import ByIds


class BookingProviderTags(ByIds[BookingProviderTag]):
    """Sources of bookings, each known by a tag. Contract portal alone."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "booking_provider_tags", BookingProviderTag)

    def list(
        self,
        *,
        ids: Iterable[int] | None = None,
        name: str | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[BookingProviderTag]:
        """Tags that match every filter given: `GET /booking-provider-tags`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`.

        Raises:
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages("booking_provider_tags.list", BookingProviderTag, locals())

    async def get(self, tag_id: int) -> BookingProviderTag:
        """One tag: `GET /booking-provider-tags/{id}`.

        Raises:
            NotFound: there is no such tag.
        """
        return await self._caller.one("booking_provider_tags.get", self._kind, path={"tag_id": tag_id})

    async def create(self, tag: BookingProviderTagCreate) -> BookingProviderTag:
        """Make a source of bookings: `POST /booking-provider-tags`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            Conflict: the service has one like it already.
        """
        return await self._caller.one("booking_provider_tags.create", self._kind, body=tag)

    async def update(self, tag_id: int, changes: BookingProviderTagUpdate) -> BookingProviderTag:
        """Change the fields that are given and leave the others: `PATCH /booking-provider-tags/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such tag.
        """
        path = {"tag_id": tag_id}
        return await self._caller.one("booking_provider_tags.update", self._kind, path=path, body=changes)
