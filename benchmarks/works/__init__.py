"""The pieces of work, by the letters of the issue that asked for them."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.comparing import Plan
from benchmarks.findings import Findings
from benchmarks.works import (
    by_ids,
    destinations,
    far_away,
    incremental,
    memory,
    single_calls,
    starting,
    streaming,
    tenants,
)

WORKS: dict[str, Callable[[Plan], Findings]] = {
    "A": streaming.run,
    "B": far_away.run,
    "C": single_calls.run,
    "D": by_ids.run,
    "E": destinations.run,
    "F": memory.run,
    "G": incremental.run,
    "H": starting.run,
    "I": tenants.run,
}
