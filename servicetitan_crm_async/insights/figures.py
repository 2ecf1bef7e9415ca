"""The figures of a report: values alone, so that whatever draws or prints them needs no database."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

import msgspec

Unit = Literal["day", "week", "month"]


class Count(msgspec.Struct, frozen=True):
    """How many there are of something."""

    name: str
    number: int


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How far the mirror of one entity has come; instants are text, in UTC."""

    entity: str
    held: int
    inactive: int
    """Of those held: merged, deactivated or deleted."""
    watermark: str | None
    """Up to when the mirror is complete."""
    age_seconds: float | None
    """Since the watermark."""
    last_run: str | None
    """When the last run ended that came to its end, by the machine's clock."""
    last_modified: str | None
    """When a record was last changed at the service, of those held."""
    guarantee: str
    quarantined: int
    error: str | None
    """Why the last run did not come to its end."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """One entity over time: a number for each of the periods of `Timeline`."""

    entity: str
    created: tuple[int, ...]
    modified: tuple[int, ...]
    """By the last change of each record; the ones before it are not known."""
    created_elsewhere: int
    """Before the first period, in the future, or without a date."""
    modified_elsewhere: int


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Periods of the same kind, the last of which is under way."""

    unit: Unit
    starts: tuple[date, ...]
    entities: tuple[Growth, ...]


class Leads(msgspec.Struct, frozen=True, kw_only=True):
    """Leads that were not deleted."""

    by_status: tuple[Count, ...]
    """The most frequent first."""
    open_by_age: tuple[Count, ...]
    """Since they were created, the youngest first."""
    median_days: float | None
    """Of the age of the open ones."""
    oldest_days: float | None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Something that active records of an entity lack."""

    entity: str
    lacking: str
    number: int
    total: int
    """The active records of the entity."""


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """Active records that share something which as a rule only duplicates do."""

    entity: str
    shared: str
    groups: int
    records: int
    """In all groups together."""
    first: tuple[tuple[int, ...], ...]
    """The ids of the largest groups, of each the first few."""
    sizes: tuple[int, ...]
    """How many records each of these groups has."""


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the map whose locations lie close together, and how dense they are in it."""

    name: str
    """The city that most of its addresses name."""
    number: int
    south: float
    west: float
    north: float
    east: float
    cell_degrees: tuple[float, float]
    """Height and width of a cell; they are about square on the ground."""
    cells: tuple[tuple[int, int, int], ...]
    """Row from the south, column from the west, and how many locations are in it."""


class Atlas(msgspec.Struct, frozen=True, kw_only=True):
    """Where active locations lie, and why some are not on the map."""

    areas: tuple[Area, ...]
    """The largest first; the cells of all but the first few are left out."""
    shown: int
    missing: int
    """Without coordinates."""
    at_zero: int
    """At 0, 0, where nobody lives."""
    out_of_range: int
    swapped: int
    """Latitude and longitude seem to be exchanged."""


class SyncRun(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of all entities that went on at the same time: one sync, as far as the ledgers remember it."""

    ended: str
    entities: int
    records: int
    requests: int
    seconds: float | None
    """None of these where they were written by a version that did not count them."""
    retries: int | None
    throttled: int | None

    @property
    def pace(self) -> float | None:
        """Records a second."""
        return self.records / self.seconds if self.seconds else None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a report says of one tenant."""

    location: str
    tenant: int
    as_of: datetime
    """The instant that ages are counted to."""
    freshness: tuple[Freshness, ...]
    timeline: Timeline | None
    """None where no record has a date."""
    leads: Leads | None
    """None, here and below, where the mirror has not got the entity."""
    bookings: tuple[Count, ...] | None
    atlas: Atlas | None
    gaps: tuple[Gap, ...]
    likenesses: tuple[Likeness, ...]
    not_mirrored: tuple[str, ...]
    """Entities the mirror could have and has not."""
    history: tuple[SyncRun, ...]
    """The oldest first."""
