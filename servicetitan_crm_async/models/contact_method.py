"""How to reach a contact person: one telephone number or e-mail each."""

from uuid import UUID

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import ContactType
from servicetitan_crm_async.models.record import Instant, Model

__all__ = ["ContactMethod", "ContactMethodCreate", "ContactMethodPreference", "ContactMethodUpdate"]


class ContactMethod(Model, frozen=True, kw_only=True):
    """One way to reach a contact person."""

    id: UUID
    contact_id: UUID
    reference_id: str | None = None
    """The id it has in another system."""
    type: ContactType
    value: str
    """The number or the address, as it was entered."""
    memo: str | None = None
    created_on: Instant
    created_by: int
    """The user's id."""
    modified_on: Instant
    modified_by: int


class ContactMethodCreate(Model, frozen=True, kw_only=True):
    """A new way to reach someone, or all there is to an old one when it takes its place."""

    type: ContactType
    value: str
    reference_id: str | UnsetType = UNSET
    memo: str | UnsetType = UNSET


class ContactMethodUpdate(Model, frozen=True, kw_only=True):
    """What to change of a way to reach someone; its type cannot be changed."""

    value: str | UnsetType = UNSET
    memo: str | UnsetType | None = UNSET


class ContactMethodPreference(Model, frozen=True, kw_only=True):
    """Whether someone wants to be reached this way for one purpose."""

    name: str
    """Of the preference's type; the path of the operations that read and change it."""
    data_type: str
    value: str | None = None
    """As text, whatever the data type: `true` and `false` for `Bool`."""
