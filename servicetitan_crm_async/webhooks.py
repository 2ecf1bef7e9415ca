"""Events that ServiceTitan posts to a webhook: `parse` turns the body of one into a typed value.

    match webhooks.parse(await request.read()):
        case webhooks.LeadCreated(lead=lead) as event:
            if await first_time(event.user_assigned_id):
                ...
        case webhooks.UnknownEvent(type=kind):
            log.info("nothing to do for %s", kind)

Deliveries repeat. What repeats with them is `user_assigned_id`, which belongs to the occurrence; `id` belongs
to one delivery and may be another the next time. The published contract describes no signature, so `parse`
does not know who sent a body: keep the URL of the webhook to yourself, or read the record again.
"""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

import msgspec

from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.errors import DecodeError
from servicetitan_crm_async.models import Address, Booking, Model
from servicetitan_crm_async.models.lead import LeadFacts
from servicetitan_crm_async.models.record import Instant

__all__ = [
    "BookingPayload",
    "BookingUpdated",
    "Event",
    "LeadCreated",
    "LeadPayload",
    "LeadUpdated",
    "Payload",
    "UnknownEvent",
    "WebhookLead",
    "parse",
]


_WIRE_NAMES = {"spec_version": "specversion", "user_assigned_id": "userassignedid"}


class _Event(msgspec.Struct, frozen=True, kw_only=True, rename=_WIRE_NAMES):
    """What every event says of itself, as CloudEvents has it."""

    spec_version: str
    """Of CloudEvents."""
    id: str
    """Of this delivery; a repetition may have another."""
    type: str
    time: Instant
    """When it happened."""
    source: str
    user_assigned_id: str
    """Of what happened, the same in every delivery: what duplicates are recognised by."""


class Payload(Model, frozen=True, kw_only=True):
    """What every event of a type with a name carries."""

    tenant_id: int
    tenant_name: str


P = TypeVar("P", bound=Payload)


class _TenantEvent(_Event, Generic[P], frozen=True, kw_only=True):
    data: P
    """The payload as it came; the properties are what is in it."""

    @property
    def tenant_id(self) -> int:
        """The tenant in which it happened."""
        return self.data.tenant_id

    @property
    def tenant_name(self) -> str:
        """Its name."""
        return self.data.tenant_name


class WebhookLead(LeadFacts, frozen=True, kw_only=True):
    """A lead as an event tells of it: less than the CRM's lists, and `crm.leads.get` has the rest."""

    project_id: int | None = None
    estimate_id: int | None = None
    customer_name: str | None = None
    """What the inquirer said, as are the next three."""
    phone: str | None = None
    email: str | None = None
    address: Address | None = None


class LeadPayload(Payload, frozen=True, kw_only=True):
    """What an event on a lead carries."""

    lead: WebhookLead


class BookingPayload(Payload, frozen=True, kw_only=True):
    """What an event on a booking carries."""

    booking: Booking


class BookingUpdated(_TenantEvent[BookingPayload], frozen=True, kw_only=True):
    """`tn.crm.booking-updated`: a booking was changed, accepted or dismissed."""

    @property
    def booking(self) -> Booking:
        """The booking as it was then; events leave its `summary` out."""
        return self.data.booking


class _LeadEvent(_TenantEvent[LeadPayload], frozen=True, kw_only=True):
    @property
    def lead(self) -> WebhookLead:
        """The lead as it was then."""
        return self.data.lead


class LeadCreated(_LeadEvent, frozen=True, kw_only=True):
    """`tn.crm.lead-created`: there is a new lead."""


class LeadUpdated(_LeadEvent, frozen=True, kw_only=True):
    """`tn.crm.lead-updated`: a lead was changed, dismissed or converted."""


class UnknownEvent(_Event, frozen=True, kw_only=True):
    """An event of a type that this version of the package has no name for."""

    data: msgspec.Raw = msgspec.Raw(b"null")
    """Its payload, as the JSON that came: `msgspec.json.decode(event.data)`."""


Event: TypeAlias = BookingUpdated | LeadCreated | LeadUpdated | UnknownEvent


class _Kind(msgspec.Struct):
    type: str


def parse(body: bytes | str) -> Event:
    """The event in the body of a webhook's request.

    As tolerant as every answer is read: what the models do not know is ignored, an unknown member of an
    enum keeps its text, and a field that does not fit becomes None with a warning in the log.

    Raises:
        DecodeError: it is no such event; `where` says what is wrong with it and quotes nothing of it.
    """
    try:
        return _parse(body.encode() if isinstance(body, str) else body)
    except DecodeError as error:
        raise DecodeError(error.where, path="webhook", malformed=error.malformed) from None
    except UnicodeEncodeError as error:
        raise DecodeError(type(error).__name__, path="webhook", malformed=True) from None


def _parse(body: bytes) -> Event:
    event: Event
    # What is missing is None by now, whatever its annotation; without these three an event is none.
    match decoder_for(_Kind)(body).type:
        case "tn.crm.booking-updated":
            event = decoder_for(BookingUpdated)(body)
            _require(event.booking, "data.booking")
        case "tn.crm.lead-created":
            event = decoder_for(LeadCreated)(body)
            _require(event.lead, "data.lead")
        case "tn.crm.lead-updated":
            event = decoder_for(LeadUpdated)(body)
            _require(event.lead, "data.lead")
        case kind:
            _require(kind, "type")
            event = decoder_for(UnknownEvent)(body)
    _require(event.user_assigned_id, "userassignedid")
    return event


def _require(value: object, where: str) -> None:
    if value in (None, ""):
        raise DecodeError(f"no {where}")
