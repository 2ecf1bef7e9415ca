"""What importing costs: the package, beyond aiohttp, msgspec and anyio, which it needs anyway."""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.job import Job, Watch

FLOOR = ("aiohttp", "msgspec", "anyio")
PACKAGE = "servicetitan_crm_async"
# `import time: self | cumulative | name`; a name that is not indented was asked for by the program itself.
_ROW = re.compile(r"^import time:\s*\d+ \|\s*(\d+) \| (\S+)$", re.MULTILINE)


def package(job: Job, watch: Watch) -> int:
    """Notes milliseconds for the floor and, with that loaded, for the package."""
    code = "\n".join(f"import {name}" for name in (*FLOOR, PACKAGE))
    command = [sys.executable, "-X", "importtime", "-c", code]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    took = {name: int(microseconds) / 1000 for microseconds, name in _ROW.findall(told)}
    watch.note("floor_ms", sum(took.get(name, 0.0) for name in FLOOR))
    watch.note("package_ms", took[PACKAGE])
    return job.records
