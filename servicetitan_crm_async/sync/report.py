"""What a sync did, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from servicetitan_crm_async.errors import ServiceTitanError

__all__ = ["EntityReport", "Progress", "SyncReport"]


class Counts(NamedTuple):
    """What an entity has come to at a moment of a sync."""

    records: int
    requests: int
    retries: int
    throttled: int
    at: float
    """By the loop's clock, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityReport:
    """One entity of one sync; instants are the service's text."""

    records: int
    """Landed in this sync."""
    requests: int
    retries: int
    odd: int
    """Set aside in this sync, because they have no usable id or instant."""
    recovered: int
    """Set aside before, and no more: landed now, or gone from the service."""
    quarantined: int
    """Set aside and not landed by the end of this sync; the next one tries again."""
    missing: tuple[int, ...]
    """Asked for by id, and not known to the service any more."""
    strategy: str
    guarantee: str
    """`exact`: nothing was lost, whatever changed meanwhile. `verified`: read by page number while, as the
    service said afterwards, nothing changed. `best-effort`: something did, and the contract allows no
    better way. `none`: it failed."""
    since: str | None
    """None: from the beginning."""
    until: str | None
    """Where the next sync begins; None where this one did not get that far."""
    error: str | None = None
    """Why this entity failed; what it landed before is kept, and the next sync goes on from there."""
    failure: ServiceTitanError | None = None
    """The same as an error, for those who decide by its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """One sync."""

    tenant: int
    entities: Mapping[str, EntityReport]
    seconds: float
    location: str
    """Where the data is."""

    @property
    def records(self) -> int:
        return sum(entity.records for entity in self.entities.values())

    @property
    def requests(self) -> int:
        return sum(entity.requests for entity in self.entities.values())

    @property
    def failed(self) -> tuple[str, ...]:
        """The entities that failed."""
        return tuple(name for name, entity in self.entities.items() if entity.error is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one entity has come; handed out after every page and at its end."""

    entity: str
    at: datetime
    records: int
    requests: int
    retries: int
    done: bool
    error: str | None = None
