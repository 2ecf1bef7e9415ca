"""Records for tests: complete and realistic with nothing said, every field by its name in the model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models import (
    Address,
    Booking,
    ContactPreferences,
    ContactType,
    Customer,
    CustomerContact,
    CustomerType,
    CustomField,
    ExternalData,
    Lead,
    Location,
    LocationContact,
    Note,
    PhoneSettings,
    Priority,
    Record,
    TagImportance,
    TagType,
)
from servicetitan_crm_async.testing import records
from servicetitan_crm_async.testing.hosting import Host

R = TypeVar("R", bound=Record)


class RecordBuilder(Host):
    """A sandbox into which records are put as if people had, in no request and past all faults.

    What is not said is drawn, the same for the same order of calls: names, addresses and telephone
    numbers as people have them, nothing marked, tagged, owed or forbidden. Stamps are those of the
    clock; `created_on` and `modified_on` say otherwise. A record comes back as `get` would answer it.

    Raises:
        ValueError: a value that its field cannot have, or an id of nothing, by the field's name.
    """

    def add_customer(
        self,
        *,
        name: str | UnsetType = UNSET,
        type: CustomerType | str | UnsetType = UNSET,
        address: Address | UnsetType = UNSET,
        phone: str | None = None,
        email: str | None = None,
        active: bool | UnsetType = UNSET,
        balance: Decimal | float | UnsetType = UNSET,
        tax_exempt: bool | UnsetType = UNSET,
        do_not_mail: bool | UnsetType = UNSET,
        do_not_service: bool | UnsetType = UNSET,
        national_account: bool | UnsetType = UNSET,
        tag_type_ids: tuple[int, ...] | UnsetType = UNSET,
        custom_fields: tuple[CustomField, ...] | UnsetType = UNSET,
        external_data: tuple[ExternalData, ...] | UnsetType = UNSET,
        payment_term_id: int | UnsetType | None = UNSET,
        credit_limit: Decimal | float | UnsetType | None = UNSET,
        credit_limit_balance: Decimal | float | UnsetType | None = UNSET,
        merged_to_id: int | UnsetType | None = UNSET,
        created_by_id: int | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> Customer:
        """A customer with one location at the same address, and a contact for `phone` and `email` each."""
        given = _fields(locals(), "phone", "email")
        return self.within(
            lambda inside: records.put_customer(inside.world(), given, phone=phone, email=email)
        )

    def add_location(
        self,
        *,
        customer_id: int,
        name: str | UnsetType = UNSET,
        address: Address | UnsetType = UNSET,
        active: bool | UnsetType = UNSET,
        zone_id: int | UnsetType | None = UNSET,
        tax_zone_id: int | UnsetType | None = UNSET,
        tax_exempt: bool | UnsetType = UNSET,
        tag_type_ids: tuple[int, ...] | UnsetType = UNSET,
        custom_fields: tuple[CustomField, ...] | UnsetType = UNSET,
        external_data: tuple[ExternalData, ...] | UnsetType = UNSET,
        merged_to_id: int | UnsetType | None = UNSET,
        created_by_id: int | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> Location:
        """One more location of a customer, by its name and at its address where nothing else is said."""
        given = _fields(locals())
        return self.within(lambda inside: records.put_location(inside.world(), given))

    def add_customer_contact(
        self,
        *,
        customer_id: int,
        value: str,
        type: ContactType | str = ContactType.MOBILE_PHONE,
        memo: str | UnsetType | None = UNSET,
        phone_settings: PhoneSettings | UnsetType = UNSET,
        preferences: ContactPreferences | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> CustomerContact:
        """One more way to reach a customer."""
        given = _fields(locals())
        return self.within(
            lambda inside: records.put_contact(inside.world(), CustomerContact, Customer, given)
        )

    def add_location_contact(
        self,
        *,
        location_id: int,
        value: str,
        type: ContactType | str = ContactType.MOBILE_PHONE,
        memo: str | UnsetType | None = UNSET,
        phone_settings: PhoneSettings | UnsetType = UNSET,
        preferences: ContactPreferences | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> LocationContact:
        """One more way to reach somebody at a location."""
        given = _fields(locals())
        return self.within(
            lambda inside: records.put_contact(inside.world(), LocationContact, Location, given)
        )

    def add_lead(
        self,
        *,
        summary: str | UnsetType | None = UNSET,
        status: str | UnsetType = UNSET,
        priority: Priority | str | UnsetType = UNSET,
        customer_id: int | None = None,
        location_id: int | None = None,
        business_unit_id: int | UnsetType | None = UNSET,
        job_type_id: int | UnsetType | None = UNSET,
        campaign_id: int | UnsetType | None = UNSET,
        call_reason_id: int | UnsetType | None = UNSET,
        call_id: int | UnsetType | None = UNSET,
        booking_id: int | UnsetType | None = UNSET,
        manual_call_id: int | UnsetType | None = UNSET,
        follow_up_date: datetime | UnsetType | None = UNSET,
        dismissing_reason_id: int | UnsetType | None = UNSET,
        tag_type_ids: tuple[int, ...] | UnsetType = UNSET,
        lead_customer_name: str | UnsetType | None = UNSET,
        lead_phone: str | UnsetType | None = UNSET,
        lead_email: str | UnsetType | None = UNSET,
        lead_street: str | UnsetType | None = UNSET,
        lead_unit: str | UnsetType | None = UNSET,
        lead_city: str | UnsetType | None = UNSET,
        lead_state: str | UnsetType | None = UNSET,
        lead_zip: str | UnsetType | None = UNSET,
        lead_country: str | UnsetType | None = UNSET,
        lead_url: str | UnsetType | None = UNSET,
        capture_source: str | UnsetType | None = UNSET,
        created_by_id: int | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> Lead:
        """An open lead: of a customer, at its first location, or of a stranger who left name and address."""
        given = _fields(locals())
        return self.within(lambda inside: records.put_lead(inside.world(), given))

    def add_booking(
        self,
        *,
        name: str | UnsetType = UNSET,
        summary: str | UnsetType | None = UNSET,
        status: str | UnsetType = UNSET,
        phone: str | None = None,
        email: str | None = None,
        source: str | UnsetType = UNSET,
        start: datetime | UnsetType | None = UNSET,
        address: Address | UnsetType | None = UNSET,
        customer_type: CustomerType | str | UnsetType | None = UNSET,
        campaign_id: int | UnsetType | None = UNSET,
        business_unit_id: int | UnsetType | None = UNSET,
        job_type_id: int | UnsetType | None = UNSET,
        priority: Priority | str | UnsetType | None = UNSET,
        is_first_time_client: bool | UnsetType = UNSET,
        is_send_confirmation_email: bool | UnsetType = UNSET,
        uploaded_images: tuple[str, ...] | UnsetType = UNSET,
        external_id: str | UnsetType = UNSET,
        booking_provider_id: int | None = None,
        dismissing_reason_id: int | UnsetType | None = UNSET,
        job_id: int | None = None,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> Booking:
        """A new booking, and a contact of it for `phone` and `email` each."""
        given = _fields(locals(), "phone", "email")
        return self.within(
            lambda inside: records.put_booking(inside.world(), given, phone=phone, email=email)
        )

    def add_note(
        self,
        on: Customer | Location | Lead,
        text: str | UnsetType = UNSET,
        *,
        is_pinned: bool | UnsetType = UNSET,
        created_by_id: int | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> Note:
        """A note on a customer, location or lead."""
        given = _fields(locals(), "on")
        return self.within(lambda inside: records.put_note(inside.world(), on, given))

    def add_tag_type(
        self,
        *,
        name: str | UnsetType = UNSET,
        color: str | UnsetType = UNSET,
        code: str | UnsetType = UNSET,
        importance: TagImportance | str | UnsetType | None = UNSET,
        is_conversion_opportunity: bool | UnsetType = UNSET,
        allow_to_use_on_timesheet_activity: bool | UnsetType = UNSET,
        is_visible_on_dispatch_board: bool | UnsetType = UNSET,
        active: bool | UnsetType = UNSET,
        created_on: datetime | UnsetType = UNSET,
        modified_on: datetime | UnsetType = UNSET,
    ) -> TagType:
        """A kind of tag; records carry its id among their `tag_type_ids`."""
        given = _fields(locals())
        return self.within(lambda inside: records.put_tag_type(inside.world(), given))

    def held(self, kind: type[R]) -> list[R]:
        """All records of a kind as they are now, inactive ones too, in the order of their ids.

        `sandbox.held(Lead)` shows what the code under test has written. Also Customer, CustomerContact,
        Location, LocationContact, Booking, BookingProviderTag, TagType and Note.
        """
        return self.within(lambda inside: records.held(inside.world(), kind))


def _fields(given: Mapping[str, object], *others: str) -> records.Given:
    """The arguments of a method, as `locals()` has them on its first line, that are fields of the model."""
    return {name: value for name, value in given.items() if name not in ("self", *others)}
