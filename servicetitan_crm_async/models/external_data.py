"""Keys and values that an application hangs on customers and locations.

Each application sees its own alone, known by a GUID that goes with every request for them.
"""

from msgspec import UNSET, UnsetType

from servicetitan_crm_async.models.enums import ExternalDataMode
from servicetitan_crm_async.models.record import Model

__all__ = ["ExternalData", "ExternalDataChange", "ExternalDataCreate", "ExternalDataUpdate"]


class ExternalData(Model, frozen=True, kw_only=True):
    """One key and its value."""

    key: str
    value: str


class ExternalDataCreate(Model, frozen=True, kw_only=True):
    """What a new customer or location carries for one application."""

    application_guid: str
    external_data: tuple[ExternalData, ...]


class ExternalDataChange(Model, frozen=True, kw_only=True):
    """One key and its new value; None empties it."""

    key: str
    value: str | None


class ExternalDataUpdate(Model, frozen=True, kw_only=True):
    """A change of what a record carries for one application.

    The service replaces everything unless `patch_mode` is `MERGE`.
    """

    application_guid: str
    external_data: tuple[ExternalDataChange, ...]
    patch_mode: ExternalDataMode | UnsetType = UNSET
