"""What people write down about a customer, a location or a lead."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["CustomerNoteCreate", "LocationNoteCreate", "Note", "NoteCreate"]


class Note(Record, frozen=True, kw_only=True):
    """A note; it can be deleted, except on a lead, and not changed."""

    text: str
    is_pinned: bool
    """Kept above the others."""
    created_by_id: int
    created_on: Instant
    modified_on: Instant


class NoteCreate(Model, frozen=True, kw_only=True):
    """A new note."""

    text: str
    pin_to_top: bool | UnsetType = UNSET


class CustomerNoteCreate(NoteCreate, frozen=True, kw_only=True):
    """A new note on a customer."""

    add_to_locations: bool | UnsetType = UNSET
    """Whether the customer's active locations get the same note."""


class LocationNoteCreate(NoteCreate, frozen=True, kw_only=True):
    """A new note on a location."""

    add_to_customer: bool | UnsetType = UNSET
    """Whether the location's customer gets the same note."""
