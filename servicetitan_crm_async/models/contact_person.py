"""People and offices one can talk to, known by a GUID and related to any number of records.

These are apart from the telephone numbers and e-mails that customers, locations and bookings carry
themselves (`Contact`).
"""

from uuid import UUID

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import RelatedKind
from servicetitan_crm_async.models.record import Instant, Model

__all__ = [
    "ContactPerson",
    "ContactPersonCreate",
    "ContactPersonReplace",
    "ContactPersonUpdate",
    "ContactPreferenceType",
    "ContactRelationship",
]


class ContactPerson(Model, frozen=True, kw_only=True):
    """Someone to talk to; how to reach them are contact methods, about what are relationships."""

    id: UUID
    reference_id: str | None = None
    """The id it has in another system."""
    name: str | None = None
    title: str | None = None
    is_archived: bool
    created_on: Instant
    created_by: int
    """The user's id."""
    modified_on: Instant
    modified_by: int


class ContactPersonCreate(Model, frozen=True, kw_only=True):
    """Someone new to talk to."""

    name: str | UnsetType = UNSET
    title: str | UnsetType = UNSET
    reference_id: str | UnsetType = UNSET


class ContactPersonReplace(Model, frozen=True, kw_only=True):
    """All that is to be known of someone: what is None is emptied."""

    is_archived: bool
    name: str | None = None
    title: str | None = None
    reference_id: str | None = None


class ContactPersonUpdate(Model, frozen=True, kw_only=True):
    """What to change of someone; whether they are archived has to be said each time."""

    is_archived: bool
    name: str | UnsetType | None = UNSET
    title: str | UnsetType | None = UNSET
    reference_id: str | UnsetType | None = UNSET


class ContactRelationship(Model, frozen=True, kw_only=True):
    """That someone has to do with a customer, a location or a booking."""

    id: UUID
    related_entity_id: int
    """The id of that customer, location or booking."""
    type_name: str
    """What it is, as people read it: `Customer`."""
    type_slug: RelatedKind
    created_on: Instant
    created_by: int


class ContactPreferenceType(Model, frozen=True, kw_only=True):
    """A preference that contact methods can have."""

    id: UUID
    name: str
    description: str | None = None
    data_type: str
    """`Bool`; the service has no other yet."""
