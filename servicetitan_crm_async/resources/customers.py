"""Customers: who pays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicetitan_crm_async._core.caller import ActiveText, Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    Active,
    Contact,
    ContactCreate,
    Customer,
    CustomerCreate,
    CustomerUpdate,
)
from servicetitan_crm_async.models.found import Found


class CustomerContacts:
    """Telephone numbers and addresses of one customer. They do not move the customer's `modified_on`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self, customer_id: int, *, include_total: bool | None = None, page_size: int | None = None
    ) -> Pages[Contact]:
        """The contacts of a customer: `GET /customers/{id}/contacts`.

        Contract portal alone takes `include_total` and `page_size`; openapi-2.0.0 answers them all at once.

        Raises:
            NotFound: when iterated, there is no such customer.
        """
        return self._caller.pages(
            "customers.contacts.list",
            Contact,
            path={"customer_id": customer_id},
            filters={"include_total": include_total},
            page_size=page_size,
        )

    async def create(self, customer_id: int, contact: ContactCreate) -> Contact:
        """Add a contact to a customer: `POST /customers/{id}/contacts`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such customer.
        """
        return await self._caller.one(
            "customers.contacts.create", Contact, path={"customer_id": customer_id}, body=contact
        )


class Customers:
    """Customers and their contacts; lists are of active customers unless `active` says otherwise."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._contacts = CustomerContacts(caller)

    @property
    def contacts(self) -> CustomerContacts:
        """The contacts of one customer at a time."""
        return self._contacts

    def list(
        self,
        *,
        ids: Iterable[int] | None = None,
        name: str | None = None,
        street: str | None = None,
        unit: str | None = None,
        city: str | None = None,
        state: str | None = None,
        zip: str | None = None,
        country: str | None = None,
        latitude: float | None = None,
        longitude: float | None = None,
        phone: str | None = None,
        active: Active | ActiveText | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        exclude_accounting_changes_from_modified_date_range: bool | None = None,
        external_data_application_guid: str | None = None,
        external_data_key: str | None = None,
        external_data_values: Sequence[str] | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[Customer]:
        """Customers that match every filter given: `GET /customers`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`. Contract openapi-2.0.0 knows only `ids`, `include_total` and the
        four instants.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages(
            "customers.list",
            Customer,
            filters={
                "ids": ids,
                "name": name,
                "street": street,
                "unit": unit,
                "city": city,
                "state": state,
                "zip": zip,
                "country": country,
                "latitude": latitude,
                "longitude": longitude,
                "phone": phone,
                "active": active,
                "created_on_or_after": created_on_or_after,
                "created_before": created_before,
                "modified_on_or_after": modified_on_or_after,
                "modified_before": modified_before,
                "exclude_accounting_changes_from_modified_date_range": (
                    exclude_accounting_changes_from_modified_date_range
                ),
                "external_data_application_guid": external_data_application_guid,
                "external_data_key": external_data_key,
                "external_data_values": external_data_values,
                "sort": sort,
                "include_total": include_total,
            },
            page_size=page_size,
        )

    async def get(self, customer_id: int) -> Customer:
        """One customer, active or not: `GET /customers/{id}`.

        Raises:
            NotFound: there is no such customer.
        """
        return await self._caller.one("customers.get", Customer, path={"customer_id": customer_id})

    async def get_many(self, ids: Iterable[int], *, concurrency: int = 8) -> Found[Customer]:
        """Customers by their ids, active or not, 50 a request: `GET /customers?ids=`.

        The first batch that fails cancels the others and raises its error.
        """
        return await self._caller.by_ids(
            "customers.list", Customer, ids, single="customers.get", concurrency=concurrency
        )

    async def create(self, customer: CustomerCreate) -> Customer:
        """Create a customer with its locations: `POST /customers`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true. The answer
        of contract portal holds the locations and contacts made with it.

        Raises:
            ConfigError: before sending, when there is no location or something the contract in use
                requires is missing.
        """
        if not customer.locations:
            raise ConfigError({"locations": "a customer needs at least one"})
        return await self._caller.one("customers.create", Customer, body=customer)

    async def update(self, customer_id: int, changes: CustomerUpdate) -> Customer:
        """Change the fields that are given and leave the others: `PATCH /customers/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such customer.
        """
        return await self._caller.one(
            "customers.update", Customer, path={"customer_id": customer_id}, body=changes
        )
