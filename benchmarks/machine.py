"""The machine the figures are from, and how its cores are shared out between server and client."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

import msgspec

_SHOWN = (
    *("servicetitan-crm-async", "aiohttp", "msgspec", "anyio", "aiolimiter", "stamina", "isal", "uvloop"),
    *("duckdb", "servicepytan", "requests", "httpx", "pydantic", "dlt"),
)


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure has to be read with."""

    cpu: str
    cores: int
    system: str
    python: str
    versions: dict[str, str]
    """Of the libraries that take part; one that is not here was not installed."""
    pinned: bool
    """Whether server and client had a core each."""


class Cores(msgspec.Struct, frozen=True):
    """Which core runs what; None leaves it to the system."""

    server: int | None
    client: int | None


def cores() -> Cores:
    """A core for the server and one for the client, or none for either where there are not two."""
    free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return Cores(free[0], free[-1]) if len(free) > 1 else Cores(None, None)


def pin(core: int | None) -> None:
    """Keep this process, and what it starts from now on, on one core."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def describe() -> Machine:
    return Machine(
        cpu=_cpu(),
        cores=os.cpu_count() or 1,
        system=f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        versions={name: version for name in _SHOWN if (version := _version(name)) is not None},
        pinned=cores().client is not None,
    )


def _cpu() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or "unknown"
    found = re.search(r"^model name\s*:\s*(.+)$", told, re.MULTILINE)
    return found[1].strip() if found else "unknown"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
