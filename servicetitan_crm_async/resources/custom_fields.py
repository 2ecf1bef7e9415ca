"""Fields that a company has added to its customers and locations."""

from __future__ import annotations

from datetime import datetime

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import CustomFieldType
from servicetitan_crm_async.resources.resource import Resource


class CustomFields(Resource[CustomFieldType]):
    """The fields there are; their values are in the records. Contract portal alone."""

    def __init__(self, caller: Caller, owner: str) -> None:
        super().__init__(caller, f"{owner}.custom_fields", CustomFieldType)

    def list(
        self,
        *,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[CustomFieldType]:
        """The fields of customers or of locations: `GET /{customers or locations}/custom-fields`."""
        return self._caller.pages(f"{self._noun}.list", CustomFieldType, locals())
