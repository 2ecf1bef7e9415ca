"""The file by which a sandbox outlives its process: what it is made of, not what it holds."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .gate import Limits, Tenant
from .operations import Habits
from .recipe import Recipe

VERSION = 1
"""Of the file. It has to change with anything that changes the bytes a recipe leads to."""


class Latency(msgspec.Struct, frozen=True):
    """Seconds an answer takes, and up to how many more."""

    seconds: float = 0.0
    jitter: float = 0.0


class Saved(msgspec.Struct, frozen=True):
    """The file of `Sandbox.save`."""

    version: int
    seed: int
    limits: Limits
    habits: Habits
    latency: Latency
    tenants: list[tuple[Tenant, Recipe]]
    now: int = 0
    """Where its time stood; a file without it begins at the birth of its tenants."""


def write(saved: Saved, path: str | Path) -> None:
    """Write the file, for people to read too; whole or not at all, whenever the process dies."""
    unfinished = Path(f"{path}.new")
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(saved)) + b"\n")
    unfinished.replace(path)


def read(path: str | Path) -> Saved:
    """Read the file.

    Raises:
        ValueError: it is of another version, or no such file at all.
    """
    saved = msgspec.json.decode(Path(path).read_bytes(), type=Saved)
    if saved.version != VERSION:
        raise ValueError(f"{path}: version {saved.version}, expected {VERSION}")
    return saved
