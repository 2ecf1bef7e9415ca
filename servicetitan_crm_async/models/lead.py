"""Chances to book a job."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import LeadStatus, Priority
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["Lead", "LeadCreate", "LeadUpdate"]


class Lead(Record, frozen=True, kw_only=True):
    """An inquiry that has not become a job: it is followed up until it is converted or dismissed.

    The `lead_…` fields are what the inquirer said, whether or not there is a customer of record.
    """

    status: LeadStatus
    priority: Priority
    created_on: Instant
    modified_on: Instant
    customer_id: int | None = None
    """None of a prospect, who is no customer yet."""
    location_id: int | None = None
    business_unit_id: int | None = None
    job_type_id: int | None = None
    campaign_id: int | None = None
    summary: str | None = None
    call_reason_id: int | None = None
    """What kind of inquiry it was, from the company's own list."""
    follow_up_date: Instant | None = None
    """When someone is to follow up next."""
    dismissing_reason_id: int | None = None
    created_by_id: int | None = None
    call_id: int | None = None
    booking_id: int | None = None
    """The booking it was made from."""
    manual_call_id: int | None = None
    tag_type_ids: tuple[int, ...] | None = None
    lead_url: str | None = None
    """The lead's permanent page; answered where the filter `genPermUrl` asks for it."""
    lead_customer_name: str | None = None
    lead_phone: str | None = None
    lead_email: str | None = None
    lead_street: str | None = None
    lead_unit: str | None = None
    lead_city: str | None = None
    lead_state: str | None = None
    lead_zip: str | None = None
    lead_country: str | None = None
    capture_source: str | None = None
    """Which web form or other source it came in by."""
    active: bool | None = None
    """Said by the export feed alone; false means deleted."""


class LeadCreate(Model, frozen=True, kw_only=True):
    """A new lead.

    The portal requires a `campaign_id`, and a `call_reason_id` or a `follow_up_date`.
    """

    summary: str
    campaign_id: int | UnsetType = UNSET
    customer_id: int | UnsetType = UNSET
    location_id: int | UnsetType = UNSET
    business_unit_id: int | UnsetType = UNSET
    job_type_id: int | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    call_reason_id: int | UnsetType = UNSET
    follow_up_date: datetime | UnsetType = UNSET
    booking_id: int | UnsetType = UNSET
    """The booking to make it from, which is dismissed thereby."""
    tag_type_ids: tuple[int, ...] | UnsetType = UNSET
    lead_customer_name: str | UnsetType = UNSET
    lead_phone: str | UnsetType = UNSET
    lead_email: str | UnsetType = UNSET
    lead_street: str | UnsetType = UNSET
    lead_unit: str | UnsetType = UNSET
    lead_city: str | UnsetType = UNSET
    lead_state: str | UnsetType = UNSET
    lead_zip: str | UnsetType = UNSET
    lead_country: str | UnsetType = UNSET


class LeadUpdate(Model, frozen=True, kw_only=True):
    """What to change of a lead; None empties a field, what is left out stays.

    The customer of a lead cannot be changed, nor its status: that is what dismissing is for.
    """

    campaign_id: int | UnsetType | None = UNSET
    priority: Priority | UnsetType | None = UNSET
    business_unit_id: int | UnsetType | None = UNSET
    job_type_id: int | UnsetType | None = UNSET
    summary: str | UnsetType | None = UNSET
    lead_customer_name: str | UnsetType | None = UNSET
    lead_phone: str | UnsetType | None = UNSET
    lead_email: str | UnsetType | None = UNSET
    lead_street: str | UnsetType | None = UNSET
    lead_unit: str | UnsetType | None = UNSET
    lead_city: str | UnsetType | None = UNSET
    lead_state: str | UnsetType | None = UNSET
    lead_zip: str | UnsetType | None = UNSET
    lead_country: str | UnsetType | None = UNSET
