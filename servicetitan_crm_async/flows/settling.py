"""From the records that may be meant to the one that is, and from a lost answer to what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from servicetitan_crm_async.errors import ApiError, DecodeError, ServiceTitanError, TransportFailure
from servicetitan_crm_async.flows.matching import Fit
from servicetitan_crm_async.flows.outcomes import Created, Existing
from servicetitan_crm_async.models import Customer, Location
from servicetitan_crm_async.models.found import Found

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R", Customer, Location)


async def follow_merges(
    records: Iterable[R], get_many: Callable[[Iterable[int]], Awaitable[Found[R]]]
) -> dict[int, R]:
    """By the id of each record the one it was merged into in the end, or the record itself."""
    given = {record.id: record for record in records}
    known: dict[int, R | None] = {**given}
    while ahead := {into for each in known.values() if (into := _next(each)) is not None} - known.keys():
        found = await get_many(ahead)
        known |= {number: found.records.get(number) for number in ahead}
    return {number: _end(record, known) for number, record in given.items()}


def settle(fits: Mapping[int, Fit], survivors: Mapping[int, R]) -> R | tuple[R, ...] | None:
    """The one that is meant, several that may be, or None; `fits` says how well each record fits.

    A merged record lends its fit to the one it was merged into. An active record goes before any that
    is not, and a better fit before a worse one. What is doubtful at best is for the caller to decide,
    even where there is only one.
    """
    best: dict[int, Fit] = {}
    for number, fit in fits.items():
        end = survivors[number].id
        best[end] = max(fit, best.get(end, Fit.NOT))
    fitting = [record for record in _once(survivors.values()) if best[record.id] > Fit.NOT]
    running = [record for record in fitting if record.active] or fitting
    top = max((best[record.id] for record in running), default=Fit.NOT)
    if top <= Fit.DOUBTFUL:
        return tuple(fitting) or None
    chosen = [record for record in running if best[record.id] == top]
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


async def find_or_create(
    find: Callable[[], Awaitable[Existing[T] | A | None]], create: Callable[[], Awaitable[T]]
) -> Created[T] | Existing[T] | A:
    """What is found, or else what is created; a lost answer is looked for once more.

    Raises:
        ServiceTitanError: the one that `create` met, where nothing shows that it has taken effect.
    """
    if (found := await find()) is not None:
        return found
    try:
        return Created(await create())
    except (TransportFailure, ApiError, DecodeError) as error:
        # An answer that cannot be read is one to a request that was carried out.
        if not isinstance(error, DecodeError) and not error.maybe_applied:
            raise
        lost = error
    try:
        found = await find()
    except ServiceTitanError as error:
        raise lost from error
    if found is None:
        raise lost
    return Created(found.record) if isinstance(found, Existing) else found


def _once(records: Iterable[R]) -> Iterable[R]:
    return {record.id: record for record in records}.values()


def _next(record: R | None) -> int | None:
    return None if record is None or record.active else record.merged_to_id


def _end(record: R, known: Mapping[int, R | None]) -> R:
    passed = {record.id}
    while (into := _next(record)) is not None and into not in passed and (after := known[into]) is not None:
        passed.add(into)
        record = after
    return record
