"""Tags of customers and locations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from servicetitan_crm_async._core.caller import Caller
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import Model, Tagged
from servicetitan_crm_async.resources.resource import Resource

A = TypeVar("A", bound=Tagged)


class _BulkTags(Model, frozen=True, kw_only=True):
    customer_ids: tuple[int, ...]
    tag_type_ids: tuple[int, ...]


class Tags:
    """Tags of many customers at once. Contract portal alone."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def add(self, customer_ids: Iterable[int], tag_type_ids: Iterable[int]) -> None:
        """Put every one of the tags on every one of the customers: `PUT /tags`.

        Sent again where its fate is unknown: a tag that is there already stays.

        Raises:
            ConfigError: before sending, when there are no customers or no tags.
            InvalidRequest, Conflict: a customer or a tag type does not exist; nothing was changed.
        """
        await self._send("tags.add", customer_ids, tag_type_ids)

    async def remove(self, customer_ids: Iterable[int], tag_type_ids: Iterable[int]) -> None:
        """Take every one of the tags off every one of the customers: `DELETE /tags`.

        Sent again where its fate is unknown: a tag that is not there does no harm.

        Raises:
            ConfigError: before sending, when there are no customers or no tags.
            InvalidRequest, Conflict: a customer or a tag type does not exist; nothing was changed.
        """
        await self._send("tags.remove", customer_ids, tag_type_ids)

    async def _send(self, name: str, customer_ids: Iterable[int], tag_type_ids: Iterable[int]) -> None:
        body = _BulkTags(customer_ids=tuple(customer_ids), tag_type_ids=tuple(tag_type_ids))
        empty = {
            field: "must hold an id"
            for field, ids in (("customer_ids", body.customer_ids), ("tag_type_ids", body.tag_type_ids))
            if not ids
        }
        if empty:
            raise ConfigError(empty)
        await self._caller.nothing(name, body=body)


class RecordTags(Resource[A]):
    """Tags of one customer or location at a time, whose id is `owner_id`. Contract portal alone."""

    def __init__(self, caller: Caller, owner: str, kind: type[A]) -> None:
        super().__init__(caller, f"{owner}.tags", kind)

    async def add(self, owner_id: int, tag_type_id: int) -> A:
        """Put a tag on: `POST /{customers or locations}/{id}/tags/{tagTypeId}`; answers all there are now.

        Never sent twice: when the answer is lost, `TransportFailure.maybe_applied` is true.

        Raises:
            NotFound: there is no such record or tag type.
        """
        path = {"owner_id": owner_id, "tag_type_id": tag_type_id}
        return await self._caller.one(f"{self._noun}.add", self._kind, path=path)

    async def remove(self, owner_id: int, tag_type_id: int) -> None:
        """Take a tag off: `DELETE /{customers or locations}/{id}/tags/{tagTypeId}`.

        Raises:
            NotFound: there is no such record or tag type.
        """
        path = {"owner_id": owner_id, "tag_type_id": tag_type_id}
        await self._caller.nothing(f"{self._noun}.remove", path=path)
