"""Contact persons, how to reach them, and what they have to do with. Contract portal alone.

The telephone numbers and e-mails that customers, locations and bookings carry themselves are those
records' own `contacts`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from servicetitan_crm_async._core.caller import Caller, Path
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import (
    ContactMethod,
    ContactMethodCreate,
    ContactMethodPreference,
    ContactMethodUpdate,
    ContactPerson,
    ContactPersonCreate,
    ContactPersonReplace,
    ContactPersonUpdate,
    ContactPreferenceType,
    ContactRelationship,
    ContactType,
    Model,
    RelatedKind,
)


class _PreferenceValue(Model, frozen=True, kw_only=True):
    value: str


class MethodPreferences:
    """For which purposes someone wants to be reached by one contact method."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(
        self, contact_id: UUID | str, contact_method_id: UUID | str
    ) -> tuple[ContactMethodPreference, ...]:
        """The preferences: `GET /contacts/{contactId}/contact-methods/{contactMethodId}/preferences`.

        Raises:
            NotFound: there is no such contact method.
        """
        path = {"contact_id": contact_id, "contact_method_id": contact_method_id}
        kind = tuple[ContactMethodPreference, ...]
        return await self._caller.one("contacts.methods.preferences.list", kind, path=path)

    async def get(
        self, contact_id: UUID | str, contact_method_id: UUID | str, preference_name: str
    ) -> ContactMethodPreference:
        """One preference by its name: `GET …/preferences/{preferenceName}`.

        Raises:
            NotFound: there is no such contact method or preference.
        """
        path = _preference(contact_id, contact_method_id, preference_name)
        return await self._caller.one("contacts.methods.preferences.get", ContactMethodPreference, path=path)

    async def update(
        self, contact_id: UUID | str, contact_method_id: UUID | str, preference_name: str, value: str
    ) -> ContactMethodPreference:
        """Set a preference: `PATCH …/preferences/{preferenceName}`; `value` is text, such as `"true"`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such contact method or preference.
        """
        path, body = (
            _preference(contact_id, contact_method_id, preference_name),
            _PreferenceValue(value=value),
        )
        return await self._caller.one(
            "contacts.methods.preferences.update", ContactMethodPreference, path=path, body=body
        )


def _preference(contact_id: UUID | str, contact_method_id: UUID | str, preference_name: str) -> Path:
    return {
        "contact_id": contact_id,
        "contact_method_id": contact_method_id,
        "preference_name": preference_name,
    }


class ContactMethods:
    """How to reach contact persons: telephone numbers and e-mails."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._preferences = MethodPreferences(caller)

    @property
    def preferences(self) -> MethodPreferences:
        """For which purposes someone wants to be reached by a contact method."""
        return self._preferences

    def list(
        self,
        contact_id: UUID | str,
        *,
        reference_id: str | None = None,
        type: ContactType | str | None = None,
        value: str | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[ContactMethod]:
        """The contact methods of one person: `GET /contacts/{contactId}/contact-methods`.

        Raises:
            NotFound: when iterated, there is no such person.
        """
        return self._caller.pages(
            "contacts.methods.list", ContactMethod, locals(), path={"contact_id": contact_id}
        )

    def search(
        self,
        *,
        contact_id: UUID | str | None = None,
        reference_id: str | None = None,
        type: ContactType | str | None = None,
        value: str | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[ContactMethod]:
        """Contact methods of anyone that match every filter given: `GET /contacts/contact-methods`."""
        return self._caller.pages("contacts.methods.search", ContactMethod, locals())

    async def get(self, contact_id: UUID | str, contact_method_id: UUID | str) -> ContactMethod:
        """One contact method: `GET /contacts/{contactId}/contact-methods/{contactMethodId}`.

        Raises:
            NotFound: there is no such contact method.
        """
        path = {"contact_id": contact_id, "contact_method_id": contact_method_id}
        return await self._caller.one("contacts.methods.get", ContactMethod, path=path)

    async def create(self, contact_id: UUID | str, method: ContactMethodCreate) -> ContactMethod:
        """Add a contact method: `POST /contacts/{contactId}/contact-methods`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such person.
        """
        path = {"contact_id": contact_id}
        return await self._caller.one("contacts.methods.create", ContactMethod, path=path, body=method)

    async def replace(
        self, contact_id: UUID | str, contact_method_id: UUID | str, method: ContactMethodCreate
    ) -> ContactMethod:
        """Put one in place of another, or make it: `PUT …/contact-methods/{contactMethodId}`.

        Sent again where its fate is unknown: twice leaves what once does.
        """
        path = {"contact_id": contact_id, "contact_method_id": contact_method_id}
        return await self._caller.one("contacts.methods.replace", ContactMethod, path=path, body=method)

    async def update(
        self, contact_id: UUID | str, contact_method_id: UUID | str, changes: ContactMethodUpdate
    ) -> ContactMethod:
        """Change the fields that are given and leave the others: `PATCH …/contact-methods/{contactMethodId}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such contact method.
        """
        path = {"contact_id": contact_id, "contact_method_id": contact_method_id}
        return await self._caller.one("contacts.methods.update", ContactMethod, path=path, body=changes)

    async def delete(self, contact_id: UUID | str, contact_method_id: UUID | str) -> None:
        """Take a contact method away: `DELETE /contacts/{contactId}/contact-methods/{contactMethodId}`.

        Raises:
            NotFound: there is no such contact method, or no longer. Sent again after a lost answer, it
                can say so of one that this very call has deleted.
        """
        path = {"contact_id": contact_id, "contact_method_id": contact_method_id}
        await self._caller.nothing("contacts.methods.delete", path=path)


class ContactRelationships:
    """Which customers, locations and bookings a contact person has to do with."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        contact_id: UUID | str,
        *,
        related_entity_id: int | None = None,
        type_slug: RelatedKind | str | None = None,
        type_name: str | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[ContactRelationship]:
        """The relationships of one person: `GET /contacts/{contactId}/relationships`.

        Raises:
            NotFound: when iterated, there is no such person.
        """
        return self._caller.pages(
            "contacts.relationships.list", ContactRelationship, locals(), path={"contact_id": contact_id}
        )

    async def create(
        self, contact_id: UUID | str, related_entity_id: int, type_slug: RelatedKind | str
    ) -> None:
        """Relate a person to a record: `POST …/relationships/{relatedEntityId}/{typeSlug}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such person or record.
            Conflict: the service does not let them be related.
        """
        path = _relationship(contact_id, related_entity_id, type_slug)
        await self._caller.nothing("contacts.relationships.create", path=path)

    async def delete(
        self, contact_id: UUID | str, related_entity_id: int, type_slug: RelatedKind | str
    ) -> None:
        """Part them again: `DELETE …/relationships/{relatedEntityId}/{typeSlug}`.

        Raises:
            NotFound: they are not related, or no longer. Sent again after a lost answer, it can say so of
                a relationship that this very call has ended.
        """
        path = _relationship(contact_id, related_entity_id, type_slug)
        await self._caller.nothing("contacts.relationships.delete", path=path)


def _relationship(contact_id: UUID | str, related_entity_id: int, type_slug: RelatedKind | str) -> Path:
    return {"contact_id": contact_id, "related_entity_id": related_entity_id, "type_slug": type_slug}


class ContactPreferences:
    """Which preferences contact methods can have."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(self) -> tuple[ContactPreferenceType, ...]:
        """All of them: `GET /contacts/preferences`."""
        return await self._caller.one("contacts.preferences.list", tuple[ContactPreferenceType, ...])


class Contacts:
    """Contact persons, known by a GUID."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._methods, self._relationships = ContactMethods(caller), ContactRelationships(caller)
        self._preferences = ContactPreferences(caller)

    @property
    def methods(self) -> ContactMethods:
        """How to reach them."""
        return self._methods

    @property
    def relationships(self) -> ContactRelationships:
        """What they have to do with."""
        return self._relationships

    @property
    def preferences(self) -> ContactPreferences:
        """Which preferences contact methods can have."""
        return self._preferences

    def list(
        self,
        *,
        name: str | None = None,
        title: str | None = None,
        reference_id: str | None = None,
        is_archived: bool | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[ContactPerson]:
        """Contact persons that match every filter given: `GET /contacts`.

        `sort` is `+` or `-` and one of Id, ModifiedOn, CreatedOn; `include_total` fills the pages'
        `total_count`.

        Raises:
            ConfigError: at once, for a value no filter can have.
        """
        return self._caller.pages("contacts.list", ContactPerson, locals())

    def list_by_relationship(
        self,
        relationship_id: int,
        *,
        name: str | None = None,
        title: str | None = None,
        reference_id: str | None = None,
        is_archived: bool | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[ContactPerson]:
        """Those related to one customer, location or booking: `GET /contacts/relationships/{relationshipId}`.

        Raises:
            NotFound: when iterated, nobody and nothing has that id.
        """
        return self._caller.pages(
            "contacts.list_by_relationship",
            ContactPerson,
            locals(),
            path={"relationship_id": relationship_id},
        )

    async def get(self, contact_id: UUID | str) -> ContactPerson:
        """One contact person: `GET /contacts/{id}`.

        Raises:
            NotFound: there is no such person.
        """
        return await self._caller.one("contacts.get", ContactPerson, path={"contact_id": contact_id})

    async def create(self, contact: ContactPersonCreate) -> ContactPerson:
        """Enter a contact person: `POST /contacts`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.
        """
        return await self._caller.one("contacts.create", ContactPerson, body=contact)

    async def replace(self, contact_id: UUID | str, contact: ContactPersonReplace) -> ContactPerson:
        """Put all of it anew: `PUT /contacts/{id}`.

        Sent again where its fate is unknown: twice leaves what once does.
        """
        path = {"contact_id": contact_id}
        return await self._caller.one("contacts.replace", ContactPerson, path=path, body=contact)

    async def update(self, contact_id: UUID | str, changes: ContactPersonUpdate) -> ContactPerson:
        """Change the fields that are given and leave the others: `PATCH /contacts/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such person.
        """
        path = {"contact_id": contact_id}
        return await self._caller.one("contacts.update", ContactPerson, path=path, body=changes)

    async def delete(self, contact_id: UUID | str) -> None:
        """Delete a contact person: `DELETE /contacts/{id}`.

        Raises:
            NotFound: there is no such person, or no longer. Sent again after a lost answer, it can say so
                of someone that this very call has deleted.
        """
        await self._caller.nothing("contacts.delete", path={"contact_id": contact_id})
