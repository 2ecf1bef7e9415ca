"""Operations by name, for one tenant under one contract: what every resource and the sync stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeVar

import msgspec

from servicetitan_crm_async._core.calls import FilterValue, Request, encode_query, prepare
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async._core.fanout import concurrently
from servicetitan_crm_async._core.pages import Pages
from servicetitan_crm_async._core.pipeline import Answer, Pipeline
from servicetitan_crm_async.contract import MAX_IDS, ContractName, Operation, operation
from servicetitan_crm_async.errors import ConfigError, NotFound
from servicetitan_crm_async.models import Envelope, Page, Record
from servicetitan_crm_async.models.found import Found

T = TypeVar("T")
R = TypeVar("R", bound=Record)

ActiveText = Literal["True", "Any", "False"]
"""The `active` filter as plain text, beside the enum `Active`."""

PAGE_SIZE = 500
"""Records a page where a caller does not say; both contracts allow it."""


class Caller:
    """Turns an operation's name and its values into a decoded answer."""

    def __init__(self, pipeline: Callable[[], Pipeline], *, tenant: int, contract: ContractName) -> None:
        # Asked for at each call: it exists only while the client is open, and says so otherwise.
        self._pipeline = pipeline
        self.tenant = tenant
        self.contract: ContractName = contract

    def operation(self, name: str) -> Operation:
        """The row of this name in the contract in use; raises NotInContract where there is none."""
        return operation(self.contract, name)

    async def one(
        self,
        name: str,
        kind: type[T],
        *,
        path: Mapping[str, int | str] | None = None,
        body: msgspec.Struct | None = None,
    ) -> T:
        """The one record an operation answers."""
        request = self._prepare(name, path=path, body=body)
        return (await self._pipeline().call(request, decoder_for(kind))).value

    async def nothing(
        self,
        name: str,
        *,
        path: Mapping[str, int | str] | None = None,
        body: msgspec.Struct | None = None,
    ) -> None:
        """Call an operation whose answer says nothing."""
        await self._pipeline().call(self._prepare(name, path=path, body=body), _ignored)

    def pages(
        self,
        name: str,
        kind: type[T],
        *,
        path: Mapping[str, int | str] | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        page_size: int | None = None,
    ) -> Pages[T]:
        """A list. What is wrong with the values is raised here, before anything is awaited."""
        row = self.operation(name)
        size = PAGE_SIZE if page_size is None and row.paged else page_size
        first = self._prepare(name, path=path, filters={**(filters or {}), "page_size": size})
        read = decoder_for(Envelope[kind])  # type: ignore[valid-type]

        async def fetch(number: int, count: bool) -> Page[T]:
            request = _page_request(first, number, count=count) if row.paged else first
            answer = await self._pipeline().call(request, read)
            return _page_of(row, answer.value, number)

        return Pages(fetch, paged=row.paged, counted=row.counted)

    async def raw(
        self, row: Operation, filters: Mapping[str, FilterValue], read: Callable[[bytes], T]
    ) -> Answer[T]:
        """One page of a list, decoded by `read`, with the reply it came in."""
        request = prepare(row, tenant=self.tenant, filters=filters)
        return await self._pipeline().call(request, read)

    async def by_ids(
        self,
        name: str,
        kind: type[R],
        ids: Iterable[int],
        *,
        single: str,
        concurrency: int,
    ) -> Found[R]:
        """Records by their ids: in batches where the list has an `ids` filter, one by one elsewhere."""
        wanted = list(dict.fromkeys(ids))
        for number in wanted:
            if isinstance(number, bool) or number < 1:
                raise ConfigError({"ids": "must be positive ids"})
        if concurrency < 1:
            raise ConfigError({"concurrency": "must be at least 1"})
        row = self.operation(name)

        async def batch(members: list[int]) -> list[R]:
            filters = {"ids": members, **in_any_state(row)}
            pages = self.pages(name, kind, filters=filters, page_size=MAX_IDS)
            return await pages.collect()

        async def alone(members: list[int]) -> list[R]:
            try:
                return [await self.one(single, kind, path={"id": members[0]})]
            except NotFound:
                return []

        size = MAX_IDS if "ids" in row.filters else 1
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        fetched = await concurrently(batches, batch if size > 1 else alone, concurrency=concurrency)
        found = {record.id: record for records in fetched for record in records}
        return Found(
            records={number: found[number] for number in wanted if number in found},
            missing=tuple(number for number in wanted if number not in found),
        )

    def _prepare(
        self,
        name: str,
        *,
        path: Mapping[str, int | str] | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        body: msgspec.Struct | None = None,
    ) -> Request:
        return prepare(self.operation(name), tenant=self.tenant, path=path, filters=filters, body=body)


def in_any_state(row: Operation) -> dict[str, FilterValue]:
    """The filter of a list without which the merged and the deactivated would never arrive."""
    return {"active": "Any"} if "active" in row.filters else {}


def more_follows(row: Operation, envelope: Envelope[T]) -> bool:
    """Whether another page follows this one.

    Where the envelope says so, that counts. Where it does not, a list that takes page numbers goes on
    until a page is empty: a short page proves nothing, as the service may cap what it sends.
    """
    if envelope.has_more is not None:
        return envelope.has_more
    return row.paged and len(envelope.data) > 0


def _page_of(row: Operation, envelope: Envelope[T], number: int) -> Page[T]:
    return Page(
        data=envelope.data,
        page=envelope.page or number,
        page_size=envelope.page_size or len(envelope.data),
        has_more=more_follows(row, envelope),
        total_count=envelope.total_count,
    )


def _page_request(first: Request, number: int, *, count: bool) -> Request:
    pairs = {"page": str(number)}
    if count and "includeTotal=" not in first.query:
        pairs["includeTotal"] = "true"
    return first._replace(query="&".join(filter(None, (first.query, encode_query(pairs)))))


def _ignored(body: bytes) -> None:
    return None
