"""Where a sync lands what it reads. `open_destination("duckdb:crm.duckdb")` makes one from a text."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.destinations.duckdb import DuckDBDestination
from servicetitan_crm_async.sync.destinations.memory import CallbackDestination, MemoryDestination
from servicetitan_crm_async.sync.destinations.ndjson import NdjsonDestination, read_ndjson
from servicetitan_crm_async.sync.destinations.protocol import (
    Batch,
    Destination,
    Mirror,
    OddRecord,
    Record,
    Versions,
)
from servicetitan_crm_async.sync.destinations.sqlite import SqliteDestination

__all__ = [
    "Batch",
    "CallbackDestination",
    "Destination",
    "DuckDBDestination",
    "MemoryDestination",
    "Mirror",
    "NdjsonDestination",
    "OddRecord",
    "Record",
    "SqliteDestination",
    "Versions",
    "open_destination",
    "read_ndjson",
]


class _Kind(Protocol):
    def __call__(self, path: Path | str, *, read_only: bool) -> Mirror: ...


_KINDS: dict[str, _Kind] = {
    "duckdb": DuckDBDestination,
    "ndjson": NdjsonDestination,
    "sqlite": SqliteDestination,
}


def open_destination(url: str, *, read_only: bool = False) -> Mirror:
    """The destination a text names: `duckdb:PATH`, `ndjson:DIR`, `sqlite:PATH` or `memory:`.

    Nothing is opened or created before `async with`. With `read_only` nothing is created or changed
    then either, no lock that a sync needs is taken, and entering raises `SyncError` where there is
    nothing to read. A DuckDB file that a sync has open cannot be read meanwhile: `LedgerConflict` names
    who has it.

    Raises:
        ConfigError: it names none of these, one whose extra is not installed, or a memory to be read
            only, which could hold nothing.
    """
    kind, _, path = url.partition(":")
    if url == "memory:":
        if read_only:
            raise ConfigError("destination: memory: is empty at first, so there is nothing to read in it")
        return MemoryDestination()
    if kind in _KINDS and path and not path.startswith("//"):
        return _KINDS[kind](path, read_only=read_only)
    raise ConfigError("destination: write duckdb:PATH, ndjson:DIR, sqlite:PATH or memory:")
