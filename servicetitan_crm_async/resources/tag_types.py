"""Tag types: what customers and locations can be tagged with."""

from __future__ import annotations

from datetime import datetime

from servicetitan_crm_async._core.caller import ActiveText, Caller
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async.models import Active, Modification, TagType, TagTypeCreate, TagTypeUpdate
from servicetitan_crm_async.resources.resource import Exported


class TagTypes(Exported[TagType]):
    """Tag types; on the live service they belong to its settings module."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(caller, "tag_types", TagType)

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
        return self._caller.pages("tag_types.list", TagType, locals())

    async def create(self, tag_type: TagTypeCreate) -> Modification:
        """Make a tag type and answer its id: `POST /settings/v2/…/tag-types`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotInContract: openapi-2.0.0 can only list them.
        """
        return await self._caller.one("tag_types.create", Modification, body=tag_type)

    async def update(self, tag_type_id: int, changes: TagTypeUpdate) -> Modification:
        """Change the fields that are given and leave the others: `PATCH /settings/v2/…/tag-types/{id}`.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such tag type.
        """
        path = {"tag_type_id": tag_type_id}
        return await self._caller.one("tag_types.update", Modification, path=path, body=changes)
