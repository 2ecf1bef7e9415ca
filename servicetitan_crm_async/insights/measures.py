"""Figures out of facts: each is one query, and its definition is here alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from servicetitan_crm_async.insights.facts import Facts
from servicetitan_crm_async.insights.figures import Count, Gap, Growth, Leads, Timeline, Unit

_DAYS_BY_DAY: Final = 92
_DAYS_BY_WEEK: Final = 2 * 366
_YEARS: Final = 5
"""More periods than so many years have make bars too thin to tell apart."""

_AGES = (
    ("under a day", 1.0),
    ("1 to 7 days", 7.0),
    ("7 to 30 days", 30.0),
    ("30 to 90 days", 90.0),
    ("90 days to a year", 365.0),
    ("over a year", float("inf")),
)
_REACHED_BY = {
    "a telephone number": "kind in ('Phone', 'MobilePhone')",
    "an e-mail address": "kind = 'Email'",
}


def totals(facts: Facts, entity: str) -> tuple[int, int, str | None]:
    """How many records are held, how many of them are not active, and the instant of the last change."""
    ((held, inactive, last),) = facts.rows(
        f"select count(*), count(*) filter (not active), strftime(max(modified), '%Y-%m-%dT%H:%M:%SZ') "  # noqa: S608
        f"from {entity}"
    )
    return int(held), int(inactive), None if last is None else str(last)


def timeline(facts: Facts, entities: Sequence[str], now: datetime) -> Timeline | None:
    """Records by when they were created and by when they were last changed, in periods that suit their span.

    Goes back five years at most; what lies before, in the future or has no date is counted apart.
    """
    today = now.astimezone(UTC).date()
    since = today.replace(year=today.year - _YEARS, day=1)
    first = min(
        (found for entity in entities if (found := _first(facts, entity, since, now)) is not None),
        default=None,
    )
    if first is None:
        return None
    unit: Unit = "month"
    if (today - first).days <= _DAYS_BY_DAY:
        unit = "day"
    elif (today - first).days <= _DAYS_BY_WEEK:
        unit = "week"
    starts = _starts(first, today, unit)
    return Timeline(
        unit=unit,
        starts=starts,
        entities=tuple(_growth(facts, entity, starts, unit, now) for entity in entities),
    )


def _first(facts: Facts, entity: str, since: date, now: datetime) -> date | None:
    """The first day of the timeline that something was created or changed on."""
    ((found,),) = facts.rows(
        "select min(day) from (select unnest([created, modified]) as day "  # noqa: S608
        f"from {entity}) where day >= ? and day <= ?",
        (since, _naive(now)),
    )
    return None if found is None else found.date()


def _starts(first: date, last: date, unit: Unit) -> tuple[date, ...]:
    starts = [_start(first, unit)]
    while True:
        day = starts[-1]
        after = _start(day + timedelta(days=31), unit) if unit == "month" else day + _LENGTHS[unit]
        if after > last:
            return tuple(starts)
        starts.append(after)


_LENGTHS = {"day": timedelta(days=1), "week": timedelta(days=7)}


def _start(day: date, unit: Unit) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


def _growth(facts: Facts, entity: str, starts: tuple[date, ...], unit: Unit, now: datetime) -> Growth:
    counts: dict[str, tuple[int, ...]] = {}
    elsewhere: dict[str, int] = {}
    for column in ("created", "modified"):
        found = dict(
            facts.rows(
                f"select date_trunc('{unit}', {column})::date, count(*) from {entity} "  # noqa: S608
                f"where {column} >= ? and {column} <= ? group by all",
                (starts[0], _naive(now)),
            )
        )
        counts[column] = tuple(int(found.get(start, 0)) for start in starts)
        ((held,),) = facts.rows(f"select count(*) from {entity}")  # noqa: S608
        elsewhere[column] = int(held) - sum(counts[column])
    return Growth(
        entity=entity,
        created=counts["created"],
        modified=counts["modified"],
        created_elsewhere=elsewhere["created"],
        modified_elsewhere=elsewhere["modified"],
    )


def leads(facts: Facts, now: datetime) -> Leads:
    """By status, and how long the open ones have been waiting."""
    edges = [days for _, days in _AGES[:-1]]
    found = dict(
        facts.rows(
            "select len([edge for edge in ?::double[] if edge <= days]), count(*) "  # noqa: S608
            f"from ({_OPEN}) group by all",
            (edges, _naive(now)),
        )
    )
    ((median, oldest),) = facts.rows(
        f"select median(days), max(days) from ({_OPEN})",  # noqa: S608
        (_naive(now),),
    )
    return Leads(
        by_status=_by_status(facts, "leads"),
        open_by_age=tuple(Count(name, int(found.get(place, 0))) for place, (name, _) in enumerate(_AGES)),
        median_days=median,
        oldest_days=oldest,
    )


_OPEN = """
select greatest(0, epoch(?::timestamp - created)) / 86400 as days
from leads where active and status = 'Open' and created is not null"""


def bookings(facts: Facts) -> tuple[Count, ...]:
    """By status, the most frequent first."""
    return _by_status(facts, "bookings")


def _by_status(facts: Facts, entity: str) -> tuple[Count, ...]:
    return tuple(
        Count(str(name), int(number))
        for name, number in facts.rows(
            "select coalesce(status, 'not said'), count(*) "  # noqa: S608
            f"from {entity} where active group by 1 order by 2 desc, 1"
        )
    )


def gaps(facts: Facts, mirrored: Collection[str]) -> tuple[Gap, ...]:
    """What active customers and locations lack, as far as the mirror has what would tell."""
    found: list[Gap] = []
    for entity, contacts in (("customers", "customer_contacts"), ("locations", "location_contacts")):
        if entity not in mirrored:
            continue
        conditions = {"coordinates": "latitude is null or longitude is null"}
        if contacts in mirrored:
            reached = {
                what: f"id not in (select owner from {contacts} "  # noqa: S608
                f"where owner is not null and active and {kind} and trim(value) <> '')"
                for what, kind in _REACHED_BY.items()
            }
            conditions = {**reached, **conditions}
        ((total,),) = facts.rows(f"select count(*) from {entity} where active")  # noqa: S608
        for lacking, condition in conditions.items():
            ((number,),) = facts.rows(
                f"select count(*) from {entity} where active and ({condition})"  # noqa: S608
            )
            found.append(Gap(entity=entity, lacking=lacking, number=int(number), total=int(total)))
    return tuple(found)


def _naive(now: datetime) -> datetime:
    """As facts have instants: in UTC, and without saying so."""
    return now.astimezone(UTC).replace(tzinfo=None)
