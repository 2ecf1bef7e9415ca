"""The usual ways of keeping a copy up to date, written as their users write them, and what they keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.models import Customer
from servicetitan_crm_async.sandbox import Sandbox

BEFORE_ALL = datetime(1998, 1, 1, tzinfo=UTC)


class Copy:
    """Customers by id; a newer version is never overwritten by an older one."""

    def __init__(self) -> None:
        self.held: dict[int, Customer] = {}

    def take(self, customer: Customer) -> None:
        other = self.held.get(customer.id)
        if other is None or modified(other) <= modified(customer):
            self.held[customer.id] = customer


def modified(customer: Customer) -> datetime:
    assert customer.modified_on is not None
    return customer.modified_on


Way = Callable[[ServiceTitanCRM, Copy, datetime | None, datetime, int], Awaitable[datetime]]
"""One pass: client, copy, watermark of the pass before, what its clock says, page size; the watermark."""


async def numbers_over_a_closed_window(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """Who is changed leaves the window, and all behind slip one place forward, past the reader."""
    window = crm.customers.list(
        modified_on_or_after=since, modified_before=now, active="Any", page_size=page_size
    )
    async for customer in window:
        copy.take(customer)
    return now


async def sixteen_pages_at_once(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """Who enters pushes a record from a page not read yet onto one that was."""
    changed = crm.customers.list(modified_on_or_after=since, active="Any", page_size=page_size)
    for customer in await changed.collect(concurrency=16):
        copy.take(customer)
    return now


async def from_the_largest_seen(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """Page 1 was read before the change that the last page shows, and older changes on it are passed over."""
    largest = since or BEFORE_ALL
    async for customer in crm.customers.list(modified_on_or_after=since, active="Any", page_size=page_size):
        copy.take(customer)
        largest = max(largest, modified(customer))
    return largest


async def from_its_own_clock(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """Right as long as the clock is: the list is open above, and who enters it only moves others back.

    A minute fast, and a minute of changes is passed over.
    """
    async for customer in crm.customers.list(modified_on_or_after=since, active="Any", page_size=page_size):
        copy.take(customer)
    return now


async def active_by_default(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """The merged and the deactivated are in no answer, so the copy never hears of it."""
    async for customer in crm.customers.list(modified_on_or_after=since, page_size=page_size):
        copy.take(customer)
    return now


async def seeking_by_microseconds(
    crm: ServiceTitanCRM, copy: Copy, since: datetime | None, now: datetime, page_size: int
) -> datetime:
    """Its cursor cannot stand on an instant of 100 ns, and cannot stay on one that fills a page."""
    cursor = since or BEFORE_ALL
    while True:
        rest = crm.customers.list(
            modified_on_or_after=cursor,
            modified_before=now,
            active="Any",
            sort="+ModifiedOn",
            page_size=page_size,
        )
        page = await anext(rest.pages())
        for customer in page:
            copy.take(customer)
        if not page.has_more:
            return now
        cursor = max(modified(page.data[-1]), cursor + timedelta(microseconds=1))


def lost(sandbox: Sandbox, copy: Copy, since: datetime | None) -> list[int]:
    """The customers, of those the passes were to read, that a copy lacks or shows as they were."""
    decode = decoder_for(Customer)
    current = [decode(raw) for _, raw in sandbox.records("customers").values()]
    return [
        customer.id
        for customer in current
        if (since is None or modified(customer) >= since) and copy.held.get(customer.id) != customer
    ]
