"""A booking that is sent in once, however often it is tried."""

from __future__ import annotations

from functools import partial

import msgspec

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.flows.outcomes import Created, Existing
from servicetitan_crm_async.flows.settling import find_or_create
from servicetitan_crm_async.flows.turns import in_turn
from servicetitan_crm_async.models import Booking, BookingCreate


async def book(
    crm: ServiceTitanCRM, booking_provider: int, booking: BookingCreate
) -> Created[Booking] | Existing[Booking]:
    """Send in a booking, unless the provider has one with its `external_id` already.

    That one is answered as it stands, whatever has become of it: dismissed, or changed since. If there
    are several, it is the oldest.

    Safe to repeat after any failure. Calls with the same `external_id` take turns in one event loop.
    When the answer to the creation is lost, it looks again; finding nothing it raises the error, whose
    `maybe_applied` is then true.

    Raises:
        ConfigError: before sending, for a booking without an `external_id`, or as `create` of the
            provider's bookings.
        NotInContract: openapi-2.0.0 has no booking providers.
    """
    external_id = booking.external_id
    if external_id is msgspec.UNSET or not external_id.strip():
        raise ConfigError({"external_id": "is what the booking is looked up by, so it must not be blank"})
    bookings = crm.booking_provider(booking_provider)

    async def find() -> Existing[Booking] | None:
        # No contract says that the filter compares the whole of it, to the letter.
        found = [
            each async for each in bookings.list(external_id=external_id) if each.external_id == external_id
        ]
        return Existing(min(found, key=lambda each: each.id)) if found else None

    async with in_turn(crm, f"booking {booking_provider} {external_id}"):
        return await find_or_create(find, partial(bookings.create, booking))
