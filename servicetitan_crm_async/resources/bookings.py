"""Bookings: incoming inquiries that wait to be accepted or dismissed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import Booking, BookingCreate, ContactType


class Bookings:
    """Bookings of the whole tenant, whichever provider they came through."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        ids: Iterable[int] | None = None,
        external_id: str | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[Booking]:
        """Bookings that match every filter given: `GET /bookings`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`. Contract openapi-2.0.0 knows only `modified_on_or_after`.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages(
            "bookings.list",
            Booking,
            filters={
                "ids": ids,
                "external_id": external_id,
                "created_on_or_after": created_on_or_after,
                "created_before": created_before,
                "modified_on_or_after": modified_on_or_after,
                "modified_before": modified_before,
                "sort": sort,
                "include_total": include_total,
            },
            page_size=page_size,
        )

    async def get(self, booking_id: int) -> Booking:
        """One booking: `GET /bookings/{id}`.

        Raises:
            NotFound: there is no such booking.
            NotInContract: openapi-2.0.0 has no such operation.
        """
        return await self._caller.one("bookings.get", Booking, path={"booking_id": booking_id})

    async def create(self, booking: BookingCreate, *, booking_provider: int | None = None) -> Booking:
        """Send in a booking: `POST /booking-provider/{booking_provider}/bookings`.

        Contract openapi-2.0.0 has no providers: `POST /bookings`. Never sent twice: when the answer is
        lost, `TransportFailure.maybe_applied` is true; look the booking up by its `external_id` then.

        Raises:
            ConfigError: before sending, when the booking has neither an address nor a telephone number
                or e-mail, or when something the contract in use requires is missing.
        """
        if not _has_address(booking) and not _can_be_reached(booking):
            raise ConfigError({"address": "a booking needs one, or a telephone number or e-mail in contacts"})
        per_provider = "{booking_provider}" in self._caller.operation("bookings.create").path
        if per_provider and booking_provider is None:
            raise ConfigError({"booking_provider": f"is required by contract {self._caller.contract!r}"})
        if not per_provider and booking_provider is not None:
            raise ConfigError({"booking_provider": f"is not known to contract {self._caller.contract!r}"})
        path = {} if booking_provider is None else {"booking_provider": booking_provider}
        return await self._caller.one("bookings.create", Booking, path=path, body=booking)


def _has_address(booking: BookingCreate) -> bool:
    return booking.address is not msgspec.UNSET


def _can_be_reached(booking: BookingCreate) -> bool:
    contacts = booking.contacts
    return contacts is not msgspec.UNSET and any(
        contact.type != ContactType.FAX and contact.value.strip() for contact in contacts or ()
    )
