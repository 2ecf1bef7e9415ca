"""What a client tells of its work while it is at it, for metrics, traces and progress bars.

    class Slow(Hooks):
        def on_response(self, event: ResponseEvent) -> None:
            if event.seconds > 5:
                print(event.call.operation, event.status, event.seconds)

    async with ServiceTitanCRM.from_env(hooks=[Slow()]) as crm:
        ...

Nothing here holds a token, a header, a body or the value of a filter that may be a person's name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

__all__ = [
    "BatchEvent",
    "CallEvent",
    "CallInfo",
    "EndEvent",
    "Hooks",
    "PageEvent",
    "RequestEvent",
    "ResponseEvent",
    "RetryEvent",
]

logger = logging.getLogger("servicetitan_crm_async")


class CallInfo(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One call, which may take several requests. Each is equal to itself alone, and may be a key."""

    tenant_id: int
    method: str
    path: str
    """Without its query."""
    query: str
    """Its filters; the values of those that may say something of a person are left out."""
    url: str
    """Of the API, without the path."""
    operation: str | None
    """Its name, such as `customers.get`; None for what `ServiceTitanCRM.request` calls."""
    template: str | None
    """Its path with the placeholders: `/crm/v2/tenant/{tenant}/customers/{id}`; None as for `operation`."""


class CallEvent(msgspec.Struct, frozen=True):
    """A call begins; it has neither a token nor a place under the rate limit yet."""

    call: CallInfo


class RequestEvent(msgspec.Struct, frozen=True):
    """A request leaves."""

    call: CallInfo
    attempt: int
    """Counted from 1."""


class ResponseEvent(msgspec.Struct, frozen=True):
    """What came of a request: an answer, or what happened in its place."""

    call: CallInfo
    attempt: int
    seconds: float
    """Since the request left."""
    status: int | None
    """None where no answer came."""
    size: int
    """Bytes of the body, after decompression."""
    error: str | None
    """Where no answer came: the kind of failure, such as `TransportFailure` or `CancelledError`."""


class RetryEvent(msgspec.Struct, frozen=True):
    """An attempt failed, and another will be made."""

    call: CallInfo
    attempt: int
    """The one that failed."""
    error: str
    """The kind of failure, such as `RateLimited`."""
    seconds: float
    """To wait before the next one."""


class EndEvent(msgspec.Struct, frozen=True):
    """A call is over."""

    call: CallInfo
    attempts: int
    seconds: float
    """Since it began, all waiting included."""
    status: int | None
    """Of the last answer."""
    error: str | None
    """The kind of failure; None where the call succeeded."""


class PageEvent(msgspec.Struct, frozen=True):
    """A page of a list or a feed was read."""

    tenant_id: int
    operation: str
    records: int
    has_more: bool
    total_count: int | None


class BatchEvent(msgspec.Struct, frozen=True):
    """Records of a sync landed in the destination, and the ledger with them."""

    tenant_id: int
    entity: str
    records: int
    seconds: float
    """That the destination took."""


class Hooks:
    """Override what you want to know; everything else is passed over.

    The methods are called from the running loop, in the task that makes the call, so keep them short and
    start nothing that blocks. What one of them raises is logged, and the call goes on. Events of one call
    come in order: call, then for each attempt request, response and maybe retry, then end.
    """

    def on_call(self, event: CallEvent) -> None:
        """A call begins."""

    def on_request(self, event: RequestEvent) -> None:
        """A request leaves."""

    def on_response(self, event: ResponseEvent) -> None:
        """An answer came, or a failure in its place."""

    def on_retry(self, event: RetryEvent) -> None:
        """Another attempt will be made."""

    def on_end(self, event: EndEvent) -> None:
        """A call is over, whatever came of it."""

    def on_page(self, event: PageEvent) -> None:
        """A page was read."""

    def on_batch(self, event: BatchEvent) -> None:
        """Records of a sync landed."""


def tell(hooks: Sequence[Hooks], what: Callable[[Hooks], None]) -> None:
    """Call all hooks; one that fails harms neither the call nor the others."""
    for hook in hooks:
        try:
            what(hook)
        except Exception as error:
            logger.warning("a hook of %s failed (%s)", type(hook).__name__, type(error).__name__)
