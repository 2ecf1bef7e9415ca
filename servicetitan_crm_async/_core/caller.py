"""Operations by name, for one tenant under one contract: what every resource and the sync stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Literal, TypeAlias, TypeVar

import msgspec

from servicetitan_crm_async._core.calls import FilterValue, PathValue, Request, prepare
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async._core.fanout import concurrently
from servicetitan_crm_async._core.feed import Feed
from servicetitan_crm_async._core.pages import Fetches, Pages
from servicetitan_crm_async._core.pipeline import Answer, Pipeline
from servicetitan_crm_async._core.raw_records import frame_of, raw_envelope
from servicetitan_crm_async.config import CallOptions
from servicetitan_crm_async.contract import MAX_IDS, MAX_PAGE_SIZE, ContractName, Operation, operation
from servicetitan_crm_async.errors import ConfigError, NotFound
from servicetitan_crm_async.hooks import Hooks, PageEvent, tell
from servicetitan_crm_async.models import Envelope, FeedPage, Page, Record
from servicetitan_crm_async.models.found import Found
from servicetitan_crm_async.models.raw_record import PageBody

T = TypeVar("T")
V = TypeVar("V")
R = TypeVar("R", bound=Record)

Path: TypeAlias = Mapping[str, PathValue]
"""What stands in a path, by Python names."""

ActiveText = Literal["True", "Any", "False"]
"""The `active` filter as plain text, beside the enum `Active`."""

PAGE_SIZE = 500
"""Records a page where a caller does not say, and may not want the whole list; both contracts allow it."""


class Caller:
    """Turns an operation's name and its values into a decoded answer."""

    def __init__(
        self,
        pipeline: Callable[[], Pipeline],
        *,
        tenant: int,
        contract: ContractName,
        options: CallOptions,
    ) -> None:
        # Asked for at each call: it exists only while the client is open, and says so otherwise.
        self._pipeline = pipeline
        self.tenant = tenant
        self.contract: ContractName = contract
        self.options = options

    def having(self, options: CallOptions) -> Caller:
        """The same, with other options for its calls."""
        return Caller(self._pipeline, tenant=self.tenant, contract=self.contract, options=options)

    def in_bulk(self) -> Caller:
        """The same, whose calls let through what somebody waits for."""
        return self.having(replace(self.options, priority="bulk"))

    def call(self, request: Request, read: Callable[[bytes], V]) -> Awaitable[Answer[V]]:
        """Any request, through the pipeline of the client."""
        return self._pipeline().call(request, read, self.options)

    def tell(self, what: Callable[[Hooks], None]) -> None:
        """Tell the client's hooks."""
        tell(self._pipeline().hooks, what)

    def tell_page(self, operation: str, records: int, has_more: bool, total_count: int | None) -> None:
        """Tell the client's hooks of a page that was read."""
        if hooks := self._pipeline().hooks:
            event = PageEvent(self.tenant, operation, records, has_more, total_count)
            tell(hooks, lambda hook: hook.on_page(event))

    def operation(self, name: str) -> Operation:
        """The row of this name in the contract in use; raises NotInContract where there is none."""
        return operation(self.contract, name)

    async def one(
        self,
        name: str,
        kind: type[T],
        *,
        path: Path | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        body: msgspec.Struct | None = None,
    ) -> T:
        """The one value an operation answers."""
        return (await self._ask(name, decoder_for(kind), path=path, filters=filters, body=body)).value

    async def one_or_none(self, name: str, kind: type[T], *, path: Path | None = None) -> T | None:
        """The one value an operation answers, where null and an empty body are answers too."""
        read = decoder_for(kind)
        answer = await self._ask(name, lambda body: None if body in (b"", b"null") else read(body), path=path)
        return answer.value

    async def nothing(
        self, name: str, *, path: Path | None = None, body: msgspec.Struct | None = None
    ) -> None:
        """Call an operation whose answer says nothing."""
        await self._ask(name, _ignored, path=path, body=body)

    def pages(
        self,
        name: str,
        kind: type[T],
        given: Mapping[str, FilterValue],
        *,
        path: Path | None = None,
    ) -> Pages[T]:
        """A list. What is wrong with the values is raised here, before anything is awaited.

        `given` are the arguments of the calling method, as `locals()` has them on its first line, so that
        a filter has its name in one place. Each is a filter, but `self` and what is in the path.
        """
        row = self.operation(name)
        filters = _filters(given, path)
        sized = filters.get("page_size") is not None
        first = prepare(row, tenant=self.tenant, path=path, filters=filters)

        async def ask(
            read: Callable[[bytes], Envelope[V]], number: int, count: bool, whole: bool
        ) -> Answer[Envelope[V]]:
            request = first
            if row.paged:
                size = None if sized else MAX_PAGE_SIZE[row.contract] if whole else PAGE_SIZE
                request = _page_request(first, number, size, count=count)
            return await self.call(request, read)

        async def fetch_body(number: int, count: bool, whole: bool) -> PageBody:
            answer = await ask(frame_of, number, count, whole)
            frame = answer.value
            return PageBody(
                json=answer.reply.body,
                page=number,
                page_size=frame.page_size or len(frame.data),
                has_more=more_follows(row, frame),
                total_count=frame.total_count,
            )

        def told(envelope: Envelope[V], number: int) -> Page[V]:
            page = _page_of(row, envelope, number)
            self.tell_page(row.name, len(page.data), page.has_more, page.total_count)
            return page

        def fetches(read: Callable[[bytes], Envelope[V]]) -> Fetches[V]:
            async def fetch(number: int, count: bool, whole: bool) -> Page[V]:
                return told((await ask(read, number, count, whole)).value, number)

            return Fetches(
                fetch,
                fetch_body,
                lambda body: told(read(body.json), body.page),
                lambda: fetches(raw_envelope),
            )

        typed = decoder_for(Envelope[kind])  # type: ignore[valid-type]
        return Pages(fetches(typed), paged=row.paged, counted=row.counted)

    def feed(self, name: str, kind: type[T], given: Mapping[str, FilterValue]) -> Feed[T]:
        """An export feed; `given` as for `pages`, with `from_` for what the first request begins at."""
        row = self.operation(name)
        filters = _filters(given, None)
        first = prepare(row, tenant=self.tenant, filters=filters)

        def fetching(read: Callable[[bytes], Envelope[V]]) -> Callable[[str | None], Awaitable[FeedPage[V]]]:
            async def fetch(token: str | None) -> FeedPage[V]:
                request = first
                if token is not None:
                    request = prepare(row, tenant=self.tenant, filters={**filters, "from_": token})
                envelope = (await self.call(request, read)).value
                has_more = bool(envelope.has_more)
                self.tell_page(name, len(envelope.data), has_more, None)
                return FeedPage(
                    data=envelope.data, has_more=has_more, continue_from=envelope.continue_from or ""
                )

            return fetch

        typed = decoder_for(Envelope[kind])  # type: ignore[valid-type]
        return Feed(name, fetching(typed), fetching(raw_envelope))

    async def raw(
        self, row: Operation, filters: Mapping[str, FilterValue], read: Callable[[bytes], T]
    ) -> Answer[T]:
        """One page of a list, decoded by `read`, with the reply it came in."""
        request = prepare(row, tenant=self.tenant, filters=filters)
        return await self.call(request, read)

    async def by_ids(
        self,
        noun: str,
        kind: type[R],
        ids: Iterable[int],
        *,
        concurrency: int,
        path: Path | None = None,
    ) -> Found[R]:
        """Records by their ids: in batches where the list has an `ids` filter, one by one elsewhere."""
        found: dict[int, R | None] = dict.fromkeys(ids)
        if bool in set(map(type, found)) or min(found, default=1) < 1:
            raise ConfigError({"ids": "must be positive ids"})
        if concurrency < 1:
            raise ConfigError({"concurrency": "must be at least 1"})
        row = self.operation(f"{noun}.list")

        def take(records: Iterable[R]) -> None:
            # As they come, while others are waited for, and not all of them at the end.
            found.update((record.id, record) for record in records if record.id in found)

        async def batch(members: list[int]) -> None:
            given = {"ids": members, "page_size": MAX_IDS, **in_any_state(row)}
            async for page in self.pages(row.name, kind, given, path=path).pages():
                take(page)

        async def alone(members: list[int]) -> None:
            with suppress(NotFound):
                take([await self.one(f"{noun}.get", kind, path={**(path or {}), "id": members[0]})])

        size = MAX_IDS if "ids" in row.filters else 1
        wanted = list(found)
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        await concurrently(batches, batch if size > 1 else alone, concurrency=concurrency)
        return Found(
            records={number: record for number, record in found.items() if record is not None},
            missing=tuple(number for number, record in found.items() if record is None),
        )

    def _ask(
        self,
        name: str,
        read: Callable[[bytes], V],
        *,
        path: Path | None = None,
        filters: Mapping[str, FilterValue] | None = None,
        body: msgspec.Struct | None = None,
    ) -> Awaitable[Answer[V]]:
        request = prepare(self.operation(name), tenant=self.tenant, path=path, filters=filters, body=body)
        return self.call(request, read)


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


def _filters(given: Mapping[str, FilterValue], path: Path | None) -> dict[str, FilterValue]:
    return {name: value for name, value in given.items() if name != "self" and name not in (path or {})}


def _page_of(row: Operation, envelope: Envelope[T], number: int) -> Page[T]:
    return Page(
        data=envelope.data,
        page=envelope.page or number,
        page_size=envelope.page_size or len(envelope.data),
        has_more=more_follows(row, envelope),
        total_count=envelope.total_count,
    )


def _page_request(first: Request, number: int, size: int | None, *, count: bool) -> Request:
    # Digits need no quoting, which would be a part of what a page costs that is left unread.
    query = f"{first.query}&page={number}" if first.query else f"page={number}"
    if size is not None:
        query = f"{query}&pageSize={size}"
    if count and "includeTotal=" not in first.query:
        query = f"{query}&includeTotal=true"
    return first._replace(query=query)


def _ignored(body: bytes) -> None:
    return None
