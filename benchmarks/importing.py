"""What importing the package costs beyond importing aiohttp, msgspec and anyio."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys

RUNS = 9
FLOOR = ("aiohttp", "msgspec", "anyio")
PACKAGE = "servicetitan_crm_async"
# `import time: self | cumulative | name`; a name that is not indented was asked for by the program itself.
_ROW = re.compile(r"^import time:\s*\d+ \|\s*(\d+) \| (\S+)$", re.MULTILINE)


def _once() -> tuple[float, float]:
    """Milliseconds for the floor and, with that loaded, for the package."""
    code = "\n".join(f"import {name}" for name in (*FLOOR, PACKAGE))
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    took = {name: int(microseconds) / 1000 for microseconds, name in _ROW.findall(told)}
    return sum(took.get(name, 0.0) for name in FLOOR), took[PACKAGE]


def run() -> dict[str, float]:
    runs = [_once() for _ in range(RUNS)]
    floor, package = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"ratio": (floor + package) / floor, "floor_ms": floor, "package_ms": package}
