"""What a contender is told, and the watch it is measured by."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import msgspec

UNLIMITED = 1_000_000.0
"""Requests a second where the server sets no limit: so many that the client's own never waits."""

IDS_A_REQUEST = 50
"""As many as a list takes."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work, the same for every contender of a case."""

    environ: dict[str, str]
    """The variables that point a client at the server."""
    records: int
    """How many there are to get; whoever brings another number has failed."""
    page_size: int = 500
    """0 leaves it to the contender."""
    concurrency: int = 8
    first_id: int = 0
    """Of customers whose ids follow each other."""
    per_second: float = UNLIMITED
    destination: str = ""
    """Where a sync lands: a text for `open_destination`, or only its first word for one that starts anew."""
    tenants: list[dict[str, str]] = []
    """The variables of every tenant, where there are several."""

    @property
    def url(self) -> str:
        return self.environ["SERVICETITAN_API_URL"]

    @property
    def path(self) -> str:
        """Of the customers of the first tenant."""
        return f"/crm/v2/tenant/{self.environ['SERVICETITAN_TENANT_ID']}/customers"

    @property
    def ids(self) -> range:
        return range(self.first_id, self.first_id + self.records)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one contender took."""

    records: int
    wall: float
    """Seconds."""
    cpu: float
    """Seconds of the client's process, its threads and its children."""
    idle_mib: float
    """Resident when the work began."""
    peak_mib: float
    figures: dict[str, float]
    """What the contender noted itself."""


class Watch:
    """Runs from the moment it is made, or from when a contender has its preparations behind it."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.restart()

    def restart(self) -> None:
        """Leave out what was done so far."""
        self._idle = _resident_mib("VmRSS")
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()

    def note(self, name: str, value: float) -> None:
        self.figures[name] = value

    def seconds(self) -> float:
        """How long it has been running."""
        return time.perf_counter() - self._wall

    def stop(self, records: int) -> Measured:
        wall, cpu = self.seconds(), _cpu_seconds() - self._cpu
        # The kernel counts pages core by core and adds up now and then: its peak can be a few pages short.
        peak = max(self._idle, _resident_mib("VmHWM"))
        return Measured(
            records=records, wall=wall, cpu=cpu, idle_mib=self._idle, peak_mib=peak, figures=self.figures
        )


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident_mib(row: str) -> float:
    # What getrusage tells of a process that was just started begins with the peak of the one that
    # started it; this is the process's own.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return int(told[row].split()[0]) / 1024
