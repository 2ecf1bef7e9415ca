"""Bookings: incoming inquiries that wait to be accepted or dismissed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from servicetitan_crm_async._core.caller import Caller, Path
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    Booking,
    BookingCreate,
    BookingUpdate,
    ContactType,
    ContactUpdate,
    Model,
)
from servicetitan_crm_async.resources.owned_contacts import BookingContacts, EditableContacts
from servicetitan_crm_async.resources.resource import ByIds, Exported


class _Dismissal(Model, frozen=True, kw_only=True):
    call_reason_id: int | msgspec.UnsetType
    dismissing_memo: str | msgspec.UnsetType


class _BookingList(ByIds[Booking]):
    """What can be done with the bookings of a tenant and with those of one provider alike."""

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
        """Bookings that match every filter given: `GET …/bookings`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`. Contract openapi-2.0.0 knows only `modified_on_or_after`.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages(f"{self._noun}.list", Booking, locals(), path=self._above)

    async def get(self, booking_id: int) -> Booking:
        """One booking: `GET …/bookings/{id}`.

        Raises:
            NotFound: there is no such booking.
            NotInContract: openapi-2.0.0 has no such operation.
        """
        return await self._caller.one(f"{self._noun}.get", Booking, path=self._path(booking_id))

    async def create(self, booking: BookingCreate) -> Booking:
        """Send in a booking: `POST …/bookings`, with a provider in contract portal, without in openapi-2.0.0.

        The service writes to the customer where `is_send_confirmation_email` is true. Never sent twice:
        when the answer is lost, `TransportFailure.maybe_applied` is true; `flows.book` looks the booking
        up by its `external_id` then.

        Raises:
            ConfigError: before sending, when the booking has neither an address nor a telephone number
                or e-mail, or when something the contract in use requires is missing.
            NotInContract: portal has bookings of providers alone, openapi-2.0.0 has no providers.
        """
        if booking.address is msgspec.UNSET and not _can_be_reached(booking):
            raise ConfigError({"address": "a booking needs one, or a telephone number or e-mail in contacts"})
        return await self._caller.one(f"{self._noun}.create", Booking, path=self._above, body=booking)

    def _path(self, booking_id: int) -> Path:
        return {**self._above, "booking_id": booking_id}


class Bookings(_BookingList, Exported[Booking]):
    """Bookings of the whole tenant, whichever provider they came through."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "bookings", Booking)
        self._contacts = BookingContacts(caller, "bookings")

    @property
    def contacts(self) -> BookingContacts:
        """The contacts of one booking at a time."""
        return self._contacts


class BookingProvider(_BookingList):
    """What an app that is connected to one booking provider may do. Contract portal alone."""

    def __init__(self, caller: Caller, booking_provider: int) -> None:
        above = {"booking_provider": booking_provider}
        super().__init__(caller, "booking_provider", Booking, above)
        self._contacts = EditableContacts(caller, "booking_provider", ContactUpdate, above)

    @property
    def contacts(self) -> EditableContacts[ContactUpdate]:
        """The contacts of one booking at a time."""
        return self._contacts

    async def update(self, booking_id: int, changes: BookingUpdate) -> Booking:
        """Change the fields that are given and leave the others: `PATCH …/bookings/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: this provider has no such booking.
            Conflict: the booking has been accepted or dismissed.
        """
        path = self._path(booking_id)
        return await self._caller.one("booking_provider.update", Booking, path=path, body=changes)

    async def dismiss(
        self, booking_id: int, *, call_reason_id: int | None = None, memo: str | None = None
    ) -> None:
        """Turn a booking down: `POST …/bookings/{id}/dismiss`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: this provider has no such booking.
        """
        body = _Dismissal(
            call_reason_id=msgspec.UNSET if call_reason_id is None else call_reason_id,
            dismissing_memo=msgspec.UNSET if memo is None else memo,
        )
        await self._caller.nothing("booking_provider.dismiss", path=self._path(booking_id), body=body)


def _can_be_reached(booking: BookingCreate) -> bool:
    contacts = booking.contacts
    return contacts is not msgspec.UNSET and any(
        contact.type != ContactType.FAX and contact.value.strip() for contact in contacts or ()
    )
