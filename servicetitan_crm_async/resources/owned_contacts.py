"""Telephone numbers and e-mails that customers, locations and bookings carry themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Generic, TypeVar

from servicetitan_crm_async._core.caller import Caller, Path
from servicetitan_crm_async._core.feed import Feed
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import (
    Contact,
    ContactCreate,
    ContactUpdate,
    CustomerContact,
    LocationContact,
)
from servicetitan_crm_async.resources.resource import Exported, Resource

A = TypeVar("A")
C = TypeVar("C", CustomerContact, LocationContact)


class BookingContacts(Resource[Contact]):
    """Contacts of one booking at a time."""

    def __init__(self, caller: Caller, owner: str, above: Path | None = None) -> None:
        super().__init__(caller, f"{owner}.contacts", Contact, above)

    def list(
        self, owner_id: int, *, include_total: bool | None = None, page_size: int | None = None
    ) -> Pages[Contact]:
        """The contacts of a customer, location or booking: `GET /{noun}/{id}/contacts`.

        Contract portal alone takes `include_total` and `page_size`; openapi-2.0.0 answers those of a
        customer all at once and has no others.

        Raises:
            NotFound: when iterated, the record they would be on does not exist.
        """
        return self._caller.pages(f"{self._noun}.list", Contact, locals(), path=self._path(owner_id))

    def _path(self, owner_id: int) -> Path:
        return {**self._above, "owner_id": owner_id}


class EditableContacts(BookingContacts, Generic[A]):
    """Contacts of one booking at a time, which its provider may change. A change answers an `A`."""

    def __init__(self, caller: Caller, owner: str, changed: type[A], above: Path | None = None) -> None:
        super().__init__(caller, owner, above)
        self._changed = changed

    async def create(self, owner_id: int, contact: ContactCreate) -> Contact:
        """Add a contact to a customer, location or booking: `POST /{noun}/{id}/contacts`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: the record it would be on does not exist.
        """
        path = self._path(owner_id)
        return await self._caller.one(f"{self._noun}.create", Contact, path=path, body=contact)

    async def update(self, owner_id: int, contact_id: int, changes: ContactUpdate) -> A:
        """Change the fields that are given and leave the others: `PATCH /{noun}/{id}/contacts/{contactId}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such contact.
        """
        path = {**self._path(owner_id), "contact_id": contact_id}
        return await self._caller.one(f"{self._noun}.update", self._changed, path=path, body=changes)

    async def delete(self, owner_id: int, contact_id: int) -> None:
        """Take a contact away: `DELETE /{noun}/{id}/contacts/{contactId}`.

        Raises:
            NotFound: there is no such contact, or no longer. Sent again after a lost answer, it can say
                so of a contact that this very call has deleted.
        """
        path = {**self._path(owner_id), "contact_id": contact_id}
        await self._caller.nothing(f"{self._noun}.delete", path=path)


class _ContactsOf(EditableContacts[Contact], Generic[C]):
    """Contacts of one record, and of all: they do not move `modified_on` of the record they are on."""

    def __init__(self, caller: Caller, owner: str, kind: type[C]) -> None:
        super().__init__(caller, owner, Contact)
        self._of_all: Exported[C] = Exported(caller, self._noun, kind)

    def export(
        self, *, from_: datetime | str | None = None, include_recent_changes: bool | None = None
    ) -> Feed[C]:
        """The export feed of the contacts of all records: `GET /export/{noun}/contacts`.

        What its arguments mean and what it raises is said of every feed at `crm.customers.export`.
        """
        return self._of_all.export(from_=from_, include_recent_changes=include_recent_changes)


class CustomerContacts(_ContactsOf[CustomerContact]):
    """Contacts of one customer, or of all. They do not move the customer's `modified_on`."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "customers", CustomerContact)

    def list_all(
        self,
        *,
        customer_ids: Iterable[int] | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[CustomerContact]:
        """Contacts of all customers, or of up to 50 of them: `GET /customers/contacts`.

        Raises:
            ConfigError: at once, when neither `customer_ids` nor an instant of modification is given.
            NotInContract: at once, in openapi-2.0.0, which has no such list.
        """
        pages = self._caller.pages("customers.contacts.list_all", CustomerContact, locals())
        if customer_ids is None and not (modified_on_or_after or modified_before):
            raise ConfigError({"customer_ids": "is required, or an instant of modification"})
        return pages


class LocationContacts(_ContactsOf[LocationContact]):
    """Contacts of one location, or of all. They do not move the location's `modified_on`."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "locations", LocationContact)

    def list_all(
        self,
        *,
        location_ids: Iterable[int] | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[LocationContact]:
        """Contacts of all locations, or of up to 50 of them: `GET /locations/contacts`.

        Raises:
            ConfigError: at once, when neither `location_ids` nor an instant is given.
            NotInContract: at once, in openapi-2.0.0, which has no such list.
        """
        pages = self._caller.pages("locations.contacts.list_all", LocationContact, locals())
        instants = (created_on_or_after, created_before, modified_on_or_after, modified_before)
        if location_ids is None and not any(instants):
            raise ConfigError({"location_ids": "is required, or an instant of creation or modification"})
        return pages
