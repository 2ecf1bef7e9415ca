"""Every operation that can be given more than it needs, with all that it can be given.

Every filter of every list has a value here, and every field of every body that the contract in use
knows: a test compares them with the route table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from msgspec import UNSET, UnsetType
from ordinary_use import SINCE, SOON, Known, Use

from servicetitan_crm_async import models
from servicetitan_crm_async.contract import ContractName


class Paging(TypedDict):
    include_total: bool
    page_size: int


class Windows(Paging):
    created_on_or_after: datetime
    created_before: datetime
    modified_on_or_after: datetime
    modified_before: datetime


class Sorted(Windows):
    sort: str


class OfSomeone(Sorted):
    name: str
    title: str
    reference_id: str
    is_archived: bool


class Feeding(TypedDict):
    from_: str
    include_recent_changes: bool


class Town(TypedDict):
    city: str
    state: str
    zip: str
    country: str


class Inquirer(TypedDict):
    lead_customer_name: str
    lead_phone: str
    lead_email: str
    lead_street: str
    lead_unit: str
    lead_city: str
    lead_state: str
    lead_zip: str
    lead_country: str


class Wish(TypedDict):
    source: str
    name: str
    summary: str
    external_id: str
    is_first_time_client: bool
    start: datetime
    customer_type: models.CustomerType
    campaign_id: int
    business_unit_id: int
    job_type_id: int
    priority: models.Priority
    uploaded_images: tuple[str, ...]


class Tag(TypedDict):
    name: str
    color: str
    code: str
    importance: models.TagImportance
    is_conversion_opportunity: bool
    allow_to_use_on_timesheet_activity: bool
    is_visible_on_dispatch_board: bool


class Lookup(Sorted, Town):
    name: str
    street: str
    unit: str
    latitude: float
    longitude: float
    active: models.Active
    external_data_application_guid: str
    external_data_key: str
    external_data_values: list[str]


GUID = "6f1c2b34-8a5d-4e0f-9b7c-2d3e4f5a6b7c"

SALEM: Town = {"city": "Salem", "state": "MA", "zip": "01970", "country": "USA"}
INQUIRER: Inquirer = {
    "lead_customer_name": "Ada",
    "lead_phone": "512-555-0100",
    "lead_email": "ada@example.com",
    "lead_street": "1 Elm St",
    "lead_unit": "",
    "lead_city": "Salem",
    "lead_state": "MA",
    "lead_zip": "01970",
    "lead_country": "USA",
}
WISH: Wish = {
    "source": "Web",
    "name": "Ada",
    "summary": "A leak",
    "external_id": "e-1",
    "is_first_time_client": True,
    "start": SOON,
    "customer_type": models.CustomerType.COMMERCIAL,
    "campaign_id": 301,
    "business_unit_id": 41,
    "job_type_id": 81,
    "priority": models.Priority.HIGH,
    "uploaded_images": ("https://example.com/leak.png",),
}
TAG: Tag = {
    "name": "VIP",
    "color": "#FFD700",
    "code": "V",
    "importance": models.TagImportance.HIGH,
    "is_conversion_opportunity": True,
    "allow_to_use_on_timesheet_activity": False,
    "is_visible_on_dispatch_board": True,
}
PAGING: Paging = {"include_total": True, "page_size": 100}
WINDOWS: Windows = {
    **PAGING,
    "created_on_or_after": SINCE,
    "created_before": SOON,
    "modified_on_or_after": SINCE,
    "modified_before": SOON,
}
SORTED: Sorted = {**WINDOWS, "sort": "-ModifiedOn"}
OF_SOMEONE: OfSomeone = {
    **SORTED,
    "name": "Ada",
    "title": "Owner",
    "reference_id": "r-1",
    "is_archived": False,
}
FEED: Feeding = {"from_": "2020-01-01", "include_recent_changes": True}
LOOKUP: Lookup = {
    **SORTED,
    "name": "Ada",
    "street": "1 Elm St",
    "unit": "Apt 2",
    **SALEM,
    "latitude": 42.5,
    "longitude": -70.875,
    "active": models.Active.ANY,
    "external_data_application_guid": GUID,
    "external_data_key": "erp-id",
    "external_data_values": ["E-1", "E-2"],
}

HOME = models.Address(street="1 Elm St", unit="Apt 2", latitude=42.5, longitude=-70.875, **SALEM)
FLAT = models.Address(street="2 Elm St", unit="3", **SALEM)
MOVED = models.AddressUpdate(street="3 Elm St", unit="", latitude=42.25, longitude=-70.5, **SALEM)
MOVED_FLAT = models.AddressUpdate(street="4 Elm St", unit="5", **SALEM)
PHONE = models.ContactCreate(type=models.ContactType.PHONE, value="512-555-0100", memo="In the evening")
CHANGED = models.ContactUpdate(type=models.ContactType.MOBILE_PHONE, value="512-555-0199", memo="At work")
WISHES = models.ContactPreferences(
    job_reminders_enabled=True, marketing_updates_enabled=False, invoice_statement_notification=True
)
CHANGED_WITH_WISHES = models.ContactUpdate(
    type=models.ContactType.MOBILE_PHONE, value="512-555-0199", memo="At work", preferences=WISHES
)
EMAIL = models.ContactMethodCreate(
    type=models.ContactType.EMAIL, value="ada@example.com", reference_id="r-2", memo="Read at night"
)
KEPT = models.ExternalDataCreate(
    application_guid=GUID, external_data=(models.ExternalData(key="erp-id", value="E-1"),)
)
CHANGED_DATA = models.ExternalDataUpdate(
    application_guid=GUID,
    external_data=(
        models.ExternalDataChange(key="erp-id", value="E-2"),
        models.ExternalDataChange(key="old", value=None),
    ),
    patch_mode=models.ExternalDataMode.MERGE,
)


def new_location(at: Known, customer_id: int | UnsetType = UNSET) -> models.LocationCreate:
    return models.LocationCreate(
        customer_id=customer_id,
        name="Home",
        address=HOME,
        contacts=(PHONE,),
        custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="7"),),
        tag_type_ids=(at.tag_type,),
        external_data=KEPT,
        coordinates_source=models.CoordinatesSource.USER,
        coordinates_verification_status=models.CoordinatesVerification.VERIFIED,
    )


def new_customer(at: Known) -> models.CustomerCreate:
    return models.CustomerCreate(
        name="Ada",
        type=models.CustomerType.RESIDENTIAL,
        address=HOME,
        locations=(new_location(at),),
        contacts=(PHONE,),
        custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="7"),),
        tag_type_ids=(at.tag_type,),
        external_data=KEPT,
        do_not_mail=True,
        do_not_service=False,
        national_account=False,
        tax_exempt=True,
        payment_term_id=31,
        credit_limit=Decimal("1234.56"),
        credit_limit_balance=Decimal("1000.50"),
    )


def changed_customer(at: Known) -> models.CustomerUpdate:
    return models.CustomerUpdate(
        name="Ada Byron",
        type=models.CustomerType.COMMERCIAL,
        address=MOVED,
        custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="8"),),
        external_data=CHANGED_DATA,
        do_not_mail=False,
        do_not_service=True,
        national_account=True,
        active=True,
        tag_type_ids=(at.tag_type,),
        tax_exempt=False,
        payment_term_id=32,
        credit_limit=Decimal(2000),
        credit_limit_balance=Decimal("1999.99"),
    )


def changed_location(at: Known) -> models.LocationUpdate:
    return models.LocationUpdate(
        customer_id=at.customer,
        name="Office",
        address=MOVED,
        active=True,
        tax_zone_id=71,
        custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="8"),),
        tag_type_ids=(at.tag_type,),
        external_data=CHANGED_DATA,
    )


def new_lead(at: Known) -> models.LeadCreate:
    return models.LeadCreate(
        campaign_id=301,
        summary="Wants a boiler",
        customer_id=at.customer,
        location_id=at.location,
        business_unit_id=41,
        job_type_id=81,
        priority=models.Priority.URGENT,
        call_reason_id=11,
        follow_up_date=SOON,
        booking_id=at.booking,
        tag_type_ids=(at.tag_type,),
        **INQUIRER,
    )


CHANGED_LEAD = models.LeadUpdate(
    campaign_id=302,
    priority=models.Priority.LOW,
    business_unit_id=42,
    job_type_id=82,
    summary="Wants two boilers",
    **INQUIRER,
)
NEW_BOOKING = models.BookingCreate(**WISH, address=FLAT, contacts=(PHONE,), is_send_confirmation_email=True)
CHANGED_BOOKING = models.BookingUpdate(**WISH, address=MOVED_FLAT)
NEW_TAG = models.TagTypeCreate(**TAG)
CHANGED_TAG = models.TagTypeUpdate(**TAG)

PORTAL: Mapping[str, Use] = {
    "booking_provider_tags.list": lambda crm, at: crm.booking_provider_tags.list(
        name="Web", ids=[at.provider], **SORTED
    ).collect(),
    "booking_provider_tags.update": lambda crm, at: crm.booking_provider_tags.update(
        at.provider, models.BookingProviderTagUpdate(tag_name="Old shop", description="The old web shop")
    ),
    "bookings.list": lambda crm, at: crm.bookings.list(
        ids=[at.booking], external_id="e-1", **SORTED
    ).collect(),
    "bookings.contacts.list": lambda crm, at: crm.bookings.contacts.list(at.booking, **PAGING).collect(),
    "booking_provider.update": lambda crm, at: crm.booking_provider(at.provider).update(
        at.booking, CHANGED_BOOKING
    ),
    "booking_provider.list": lambda crm, at: (
        crm.booking_provider(at.provider).list(ids=[at.booking], external_id="e-1", **SORTED).collect()
    ),
    "booking_provider.create": lambda crm, at: crm.booking_provider(at.provider).create(NEW_BOOKING),
    "booking_provider.contacts.create": lambda crm, at: crm.booking_provider(at.provider).contacts.create(
        at.booking, PHONE
    ),
    "booking_provider.contacts.list": lambda crm, at: (
        crm.booking_provider(at.provider).contacts.list(at.booking, **PAGING).collect()
    ),
    "booking_provider.contacts.update": lambda crm, at: crm.booking_provider(at.provider).contacts.update(
        at.booking, at.booking_contact, CHANGED
    ),
    "booking_provider.dismiss": lambda crm, at: crm.booking_provider(at.provider).dismiss(
        at.booking, call_reason_id=11, memo="Booked elsewhere"
    ),
    "contacts.methods.list": lambda crm, at: crm.contacts.methods.list(
        at.person, reference_id="r-2", type="Email", value="ada@example.com", **SORTED
    ).collect(),
    "contacts.methods.create": lambda crm, at: crm.contacts.methods.create(at.person, EMAIL),
    "contacts.methods.replace": lambda crm, at: crm.contacts.methods.replace(at.person, at.method, EMAIL),
    "contacts.methods.update": lambda crm, at: crm.contacts.methods.update(
        at.person, at.method, models.ContactMethodUpdate(value="512-555-0142", memo="In the evening")
    ),
    "contacts.replace": lambda crm, at: crm.contacts.replace(
        at.person,
        models.ContactPersonReplace(name="Ada", title="Owner", reference_id="1", is_archived=True),
    ),
    "contacts.update": lambda crm, at: crm.contacts.update(
        at.person, models.ContactPersonUpdate(name="Ada", title="Owner", reference_id="r-1", is_archived=True)
    ),
    "contacts.list_by_relationship": lambda crm, at: crm.contacts.list_by_relationship(
        at.customer, **OF_SOMEONE
    ).collect(),
    "contacts.list": lambda crm, at: crm.contacts.list(**OF_SOMEONE).collect(),
    "contacts.create": lambda crm, at: crm.contacts.create(
        models.ContactPersonCreate(name="Grace", title="Landlady", reference_id="r-3")
    ),
    "contacts.relationships.list": lambda crm, at: crm.contacts.relationships.list(
        at.person,
        related_entity_id=at.customer,
        type_slug="customer",
        type_name="Customer",
        created_on_or_after=SINCE,
        created_before=SOON,
        sort="+Id",
        include_total=True,
        page_size=100,
    ).collect(),
    "contacts.methods.search": lambda crm, at: crm.contacts.methods.search(
        contact_id=at.person, reference_id="r-2", type="Email", value="ada@example.com", **SORTED
    ).collect(),
    "customers.update": lambda crm, at: crm.customers.update(at.customer, changed_customer(at)),
    "customers.list": lambda crm, at: crm.customers.list(
        ids=[at.customer],
        phone="5125550100",
        exclude_accounting_changes_from_modified_date_range=True,
        **LOOKUP,
    ).collect(),
    "customers.create": lambda crm, at: crm.customers.create(new_customer(at)),
    "customers.notes.list": lambda crm, at: crm.customers.notes.list(at.customer, **WINDOWS).collect(),
    "customers.notes.create": lambda crm, at: crm.customers.notes.create(
        at.customer, models.CustomerNoteCreate(text="Has a dog", pin_to_top=True, add_to_locations=True)
    ),
    "customers.contacts.list": lambda crm, at: crm.customers.contacts.list(at.customer, **PAGING).collect(),
    "customers.contacts.create": lambda crm, at: crm.customers.contacts.create(at.customer, PHONE),
    "customers.contacts.update": lambda crm, at: crm.customers.contacts.update(
        at.customer, at.customer_contact, CHANGED_WITH_WISHES
    ),
    "customers.contacts.list_all": lambda crm, at: crm.customers.contacts.list_all(
        customer_ids=[at.customer], **WINDOWS
    ).collect(),
    "customers.custom_fields.list": lambda crm, at: crm.customers.custom_fields.list(**SORTED).collect(),
    "bookings.export": lambda crm, at: crm.bookings.export(**FEED).collect(),
    "customers.contacts.export": lambda crm, at: crm.customers.contacts.export(**FEED).collect(),
    "locations.contacts.export": lambda crm, at: crm.locations.contacts.export(**FEED).collect(),
    "customers.export": lambda crm, at: crm.customers.export(**FEED).collect(),
    "leads.export": lambda crm, at: crm.leads.export(**FEED).collect(),
    "locations.export": lambda crm, at: crm.locations.export(**FEED).collect(),
    "leads.update": lambda crm, at: crm.leads.update(at.lead, CHANGED_LEAD),
    "leads.list": lambda crm, at: crm.leads.list(
        ids=[at.lead],
        status="Open",
        customer_id=at.customer,
        is_prospect=False,
        without_customer=False,
        customer_city="Salem",
        customer_state="MA",
        customer_zip="01970",
        customer_created_on_or_after=SINCE,
        customer_created_before=SOON,
        customer_modified_on_or_after=SINCE,
        lead_customer_name="Ada",
        lead_phone="5125550100",
        is_capture_source_form=False,
        gen_perm_url=True,
        **SORTED,
    ).collect(),
    "leads.create": lambda crm, at: crm.leads.create(new_lead(at)),
    "leads.follow_up": lambda crm, at: crm.leads.follow_up(
        at.lead, models.FollowUpCreate(follow_up_date=SOON, text="Ask for the landlord", pin_to_top=True)
    ),
    "leads.notes.list": lambda crm, at: crm.leads.notes.list(at.lead, **WINDOWS).collect(),
    "leads.notes.create": lambda crm, at: crm.leads.notes.create(
        at.lead, models.NoteCreate(text="Call after six", pin_to_top=True)
    ),
    "leads.submit_form": lambda crm, at: crm.leads.submit_form(
        models.LeadForm(
            name="Ada", email="ada@example.com", phone_number="512-555-0100", address=HOME, summary="A leak"
        ),
        id=1,
    ),
    "locations.update": lambda crm, at: crm.locations.update(at.location, changed_location(at)),
    "locations.create": lambda crm, at: crm.locations.create(new_location(at, at.customer)),
    "locations.list": lambda crm, at: crm.locations.list(
        ids=[at.location], customer_id=at.customer, **LOOKUP
    ).collect(),
    "locations.notes.list": lambda crm, at: crm.locations.notes.list(at.location, **WINDOWS).collect(),
    "locations.notes.create": lambda crm, at: crm.locations.notes.create(
        at.location,
        models.LocationNoteCreate(text="Under the mat", pin_to_top=True, add_to_customer=True),
    ),
    "locations.contacts.list": lambda crm, at: crm.locations.contacts.list(at.location, **PAGING).collect(),
    "locations.contacts.create": lambda crm, at: crm.locations.contacts.create(at.location, PHONE),
    "locations.contacts.list_all": lambda crm, at: crm.locations.contacts.list_all(
        location_ids=[at.location], **WINDOWS
    ).collect(),
    "locations.contacts.update": lambda crm, at: crm.locations.contacts.update(
        at.location, at.location_contact, CHANGED_WITH_WISHES
    ),
    "locations.custom_fields.list": lambda crm, at: crm.locations.custom_fields.list(**SORTED).collect(),
    "tag_types.export": lambda crm, at: crm.tag_types.export(**FEED).collect(),
    "tag_types.list": lambda crm, at: crm.tag_types.list(active="Any", **SORTED).collect(),
    "tag_types.create": lambda crm, at: crm.tag_types.create(NEW_TAG),
    "tag_types.update": lambda crm, at: crm.tag_types.update(at.tag_type, CHANGED_TAG),
}

OPENAPI: Mapping[str, Use] = {
    "customers.list": lambda crm, at: crm.customers.list(ids=[at.customer], **WINDOWS).collect(),
    "customers.create": lambda crm, at: crm.customers.create(
        models.CustomerCreate(
            name="Ada",
            type=models.CustomerType.RESIDENTIAL,
            do_not_mail=True,
            do_not_service=False,
            locations=(models.LocationCreate(address=HOME, name="Home", zone_id=61),),
            contacts=(PHONE,),
            custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="7"),),
        )
    ),
    "customers.update": lambda crm, at: crm.customers.update(
        at.customer,
        models.CustomerUpdate(
            name="Ada Byron",
            type=models.CustomerType.COMMERCIAL,
            do_not_mail=False,
            do_not_service=True,
            custom_fields=(models.CustomFieldValue(type_id=at.custom_field, value="8"),),
        ),
    ),
    "customers.contacts.create": lambda crm, at: crm.customers.contacts.create(at.customer, PHONE),
    "locations.list": lambda crm, at: crm.locations.list(
        customer_id=at.customer, modified_on_or_after=SINCE, page_size=100
    ).collect(),
    "locations.create": lambda crm, at: crm.locations.create(
        models.LocationCreate(address=HOME, name="Home", zone_id=61)
    ),
    "locations.update": lambda crm, at: crm.locations.update(
        at.location, models.LocationUpdate(name="Office", address=MOVED, zone_id=62)
    ),
    "leads.list": lambda crm, at: crm.leads.list(
        status="Open", modified_on_or_after=SINCE, page_size=100
    ).collect(),
    "leads.create": lambda crm, at: crm.leads.create(
        models.LeadCreate(
            business_unit_id=41,
            campaign_id=301,
            customer_id=at.customer,
            job_type_id=81,
            location_id=at.location,
            priority=models.Priority.URGENT,
            summary="Wants a boiler",
        )
    ),
    "bookings.list": lambda crm, at: crm.bookings.list(modified_on_or_after=SINCE, page_size=100).collect(),
    "bookings.create": lambda crm, at: crm.bookings.create(
        models.BookingCreate(
            source="Web",
            name="Ada",
            summary="A leak",
            start=SOON,
            address=HOME,
            customer_type=models.CustomerType.RESIDENTIAL,
            campaign_id=301,
            business_unit_id=41,
        )
    ),
}

FULL: Mapping[ContractName, Mapping[str, Use]] = {"portal": PORTAL, "openapi-2.0.0": OPENAPI}
