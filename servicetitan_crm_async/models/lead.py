"""Chances to book a job."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.address import Address
from servicetitan_crm_async.models.enums import LeadStatus, Priority
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["FollowUp", "FollowUpCreate", "Lead", "LeadCreate", "LeadForm", "LeadFormAnswer", "LeadUpdate"]


class LeadFacts(Record, frozen=True, kw_only=True):
    """What lists, feeds and webhooks alike say of a lead."""

    status: LeadStatus
    priority: Priority
    customer_id: int | None = None
    """None of a prospect, who is no customer yet."""
    location_id: int | None = None
    business_unit_id: int | None = None
    job_type_id: int | None = None
    campaign_id: int | None = None
    follow_up_date: Instant | None = None
    """When someone is to follow up next."""
    created_by_id: int | None = None
    created_on: Instant
    modified_on: Instant
    tag_type_ids: tuple[int, ...] | None = None
    dismissing_reason_id: int | None = None


class Lead(LeadFacts, frozen=True, kw_only=True):
    """An inquiry that has not become a job: it is followed up until it is converted or dismissed.

    The `lead_…` fields are what the inquirer said, whether or not there is a customer of record.
    """

    summary: str | None = None
    call_reason_id: int | None = None
    """What kind of inquiry it was, from the company's own list."""
    call_id: int | None = None
    booking_id: int | None = None
    """The booking it was made from."""
    manual_call_id: int | None = None
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


class FollowUp(Model, frozen=True, kw_only=True):
    """When someone is to follow up on a lead next."""

    lead_id: int
    follow_up_date: Instant
    text: str | None = None
    """A note on the lead that goes with it."""
    pin_to_top: bool
    """Whether that note is kept above the others."""


class FollowUpCreate(Model, frozen=True, kw_only=True):
    """The next time to follow up on a lead."""

    follow_up_date: datetime
    text: str | UnsetType = UNSET
    """A note to go with it."""
    pin_to_top: bool | UnsetType = UNSET


class LeadForm(Model, frozen=True, kw_only=True):
    """What someone filled in on a web site."""

    name: str
    email: str | UnsetType = UNSET
    phone_number: str | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    summary: str | UnsetType = UNSET


class LeadFormAnswer(Model, frozen=True, kw_only=True):
    """The lead a form became."""

    lead_id: int
