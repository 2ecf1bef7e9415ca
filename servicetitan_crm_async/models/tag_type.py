"""The tags a company has to put on its records."""

from servicetitan_crm_async.models.enums import TagImportance
from servicetitan_crm_async.models.record import Instant, Record

__all__ = ["TagType"]


class TagType(Record, frozen=True, kw_only=True):
    """A kind of tag; customers, locations and leads carry its id among their `tag_type_ids`."""

    name: str
    color: str
    active: bool
    created_on: Instant | None = None
    """openapi-2.0.0 says of tag types neither this nor when they were modified."""
    modified_on: Instant | None = None
    code: str | None = None
    importance: TagImportance | None = None
    is_conversion_opportunity: bool | None = None
    allow_to_use_on_timesheet_activity: bool | None = None
    is_visible_on_dispatch_board: bool | None = None
