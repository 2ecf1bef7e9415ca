"""What importing the package costs beyond importing aiohttp, msgspec and anyio."""

from __future__ import annotations

import subprocess
import sys

RUNS = 9
FLOOR = "import aiohttp, msgspec, anyio"
OURS = f"{FLOOR}\nimport servicetitan_crm_async"


def _milliseconds(code: str) -> float:
    """The least of several runs: what is above it is the machine's other work."""
    return min(_once(code) for _ in range(RUNS))


def _once(code: str) -> float:
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    rows = [line.removeprefix("import time:").split("|")[0] for line in told.splitlines() if "|" in line]
    return sum(int(row) for row in rows if row.strip().isdigit()) / 1000


def run() -> dict[str, float]:
    floor, ours = _milliseconds(FLOOR), _milliseconds(OURS)
    return {"ratio": ours / floor, "floor_ms": floor, "with_package_ms": ours, "extra_ms": ours - floor}
