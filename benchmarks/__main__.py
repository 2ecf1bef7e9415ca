"""`python -m benchmarks [NAME ...]`: one line of JSON about the machine, then one of figures each."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable

from benchmarks import importing, memory, rate, sync_memory

BENCHMARKS: dict[str, Callable[[], dict[str, float]]] = {
    "importing": importing.run,
    "rate": rate.run,
    "memory": memory.run,
    "sync_memory": sync_memory.run,
}
SHOWN = ("servicetitan-crm-async", "aiohttp", "msgspec", "anyio", "aiolimiter", "stamina")


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    versions = {name: importlib.metadata.version(name) for name in SHOWN}
    print(json.dumps({"python": platform.python_version(), "machine": platform.platform(), **versions}))
    for name in names or BENCHMARKS:
        figures = {key: round(value, 3) for key, value in BENCHMARKS[name]().items()}
        print(json.dumps({"benchmark": name, **figures}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
