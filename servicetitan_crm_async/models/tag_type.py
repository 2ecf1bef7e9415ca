"""The tags a company has to put on its records."""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import TagImportance
from servicetitan_crm_async.models.record import Instant, Model, Record

__all__ = ["Modification", "TagType", "TagTypeCreate", "TagTypeUpdate"]


class TagType(Record, frozen=True, kw_only=True):
    """A kind of tag; customers, locations and leads carry its id among their `tag_type_ids`."""

    name: str
    color: str
    code: str | None = None
    importance: TagImportance | None = None
    is_conversion_opportunity: bool | None = None
    allow_to_use_on_timesheet_activity: bool | None = None
    is_visible_on_dispatch_board: bool | None = None
    active: bool
    created_on: Instant | None = None
    """openapi-2.0.0 says of tag types neither this nor when they were modified."""
    modified_on: Instant | None = None


class TagTypeCreate(Model, frozen=True, kw_only=True):
    """A new kind of tag."""

    name: str
    color: str
    """Six hexadecimal digits after a `#`."""
    code: str | UnsetType = UNSET
    """A short mark, of at most 20 characters."""
    importance: TagImportance | UnsetType = UNSET
    is_conversion_opportunity: bool | UnsetType = UNSET
    allow_to_use_on_timesheet_activity: bool | UnsetType = UNSET
    is_visible_on_dispatch_board: bool | UnsetType = UNSET


class TagTypeUpdate(Model, frozen=True, kw_only=True):
    """What to change of a kind of tag; what is left out stays."""

    name: str | UnsetType = UNSET
    color: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    importance: TagImportance | UnsetType | None = UNSET
    is_conversion_opportunity: bool | UnsetType = UNSET
    allow_to_use_on_timesheet_activity: bool | UnsetType = UNSET
    is_visible_on_dispatch_board: bool | UnsetType = UNSET


class Modification(Record, frozen=True, kw_only=True):
    """The id of what was created or changed, which is all that is answered."""
