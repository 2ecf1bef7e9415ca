"""Where a sync lands what it reads. `open_destination("duckdb:crm.duckdb")` makes one from a text."""

from __future__ import annotations

from collections.abc import Callable

from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.sync.destinations.duckdb import DuckDBDestination
from servicetitan_crm_async.sync.destinations.memory import CallbackDestination, MemoryDestination
from servicetitan_crm_async.sync.destinations.ndjson import NdjsonDestination, read_ndjson
from servicetitan_crm_async.sync.destinations.protocol import Batch, Destination, Record
from servicetitan_crm_async.sync.destinations.sqlite import SqliteDestination

__all__ = [
    "Batch",
    "CallbackDestination",
    "Destination",
    "DuckDBDestination",
    "MemoryDestination",
    "NdjsonDestination",
    "Record",
    "SqliteDestination",
    "open_destination",
    "read_ndjson",
]

_KINDS: dict[str, Callable[[str], Destination]] = {
    "duckdb": DuckDBDestination,
    "ndjson": NdjsonDestination,
    "sqlite": SqliteDestination,
}


def open_destination(url: str) -> Destination:
    """The destination a text names: `duckdb:PATH`, `ndjson:DIR`, `sqlite:PATH` or `memory:`.

    Nothing is opened or created before `async with`.

    Raises:
        ConfigError: it names none of these, or one whose extra is not installed.
    """
    kind, _, path = url.partition(":")
    if url == "memory:":
        return MemoryDestination()
    if kind in _KINDS and path and not path.startswith("//"):
        return _KINDS[kind](path)
    raise ConfigError("destination: write duckdb:PATH, ndjson:DIR, sqlite:PATH or memory:")
