"""Customers: who pays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from servicetitan_crm_async._core.caller import ActiveText, Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    Active,
    Customer,
    CustomerCreate,
    CustomerNoteCreate,
    CustomerTags,
    CustomerUpdate,
)
from servicetitan_crm_async.resources.external_data import check_external_data
from servicetitan_crm_async.resources.noted import NotedAndTagged
from servicetitan_crm_async.resources.owned_contacts import CustomerContacts


class Customers(NotedAndTagged[Customer, CustomerNoteCreate, CustomerTags]):
    """Customers and what belongs to them; lists are of active ones unless `active` says otherwise."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "customers", Customer, CustomerTags)
        self._contacts = CustomerContacts(caller)

    @property
    def contacts(self) -> CustomerContacts:
        """Contacts of one customer, or of all."""
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
            ConfigError: at once, for a value no filter can have, and for an external data key without
                values or values without a key.
        """
        pages = self._caller.pages("customers.list", Customer, locals())
        check_external_data(external_data_key, external_data_values)
        return pages

    async def get(self, customer_id: int) -> Customer:
        """One customer, active or not: `GET /customers/{id}`.

        Raises:
            NotFound: there is no such customer.
        """
        return await self._caller.one("customers.get", Customer, path={"customer_id": customer_id})

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
