"""Tag types: what customers and locations can be tagged with."""

from __future__ import annotations

from datetime import datetime

from servicetitan_crm_async._core.caller import ActiveText, Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import Active, TagType


class TagTypes:
    """Tag types; on the live service they belong to its settings module."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        active: Active | ActiveText | None = None,
        created_on_or_after: datetime | None = None,
        created_before: datetime | None = None,
        modified_on_or_after: datetime | None = None,
        modified_before: datetime | None = None,
        sort: str | None = None,
        include_total: bool | None = None,
        page_size: int | None = None,
    ) -> Pages[TagType]:
        """Tag types, active ones unless `active` says otherwise: `GET /settings/v2/…/tag-types`.

        Contract openapi-2.0.0 answers them all at once, `GET /tagtypes`, and knows no filter.

        Raises:
            NotInContract: at once, for a filter the contract in use does not know.
        """
        return self._caller.pages(
            "tag_types.list",
            TagType,
            filters={
                "active": active,
                "created_on_or_after": created_on_or_after,
                "created_before": created_before,
                "modified_on_or_after": modified_on_or_after,
                "modified_before": modified_before,
                "sort": sort,
                "include_total": include_total,
            },
            page_size=page_size,
        )
