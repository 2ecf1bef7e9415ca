"""The findings on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from servicetitan_crm_async.cli.doctor.findings import Check, Diagnosis, Finding, Status

_TITLES: dict[Check, str] = {
    "settings": "Settings",
    "dns": "Names of hosts",
    "connection": "Connections",
    "token": "Token",
    "tenant": "Tenant",
    "scope": "Scopes",
    "pace": "Pace",
    "clock": "Clock",
}
_STYLES: dict[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}
_WIDTH = max(map(len, _STYLES)) + 2


class FindingsScreen:
    """Prints each finding as it comes, under the title of its check."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: Finding | None = None

    def show(self, finding: Finding) -> None:
        """Print a finding, and what to do about it unless that was just said."""
        last, self._last = self._last, finding
        if last is None or last.check != finding.check:
            self._console.print(Text(_TITLES[finding.check], "bold"))
        line = Text.assemble(
            (f"  {finding.status:<{_WIDTH}}", _STYLES[finding.status]),
            f"{finding.of}: {finding.found}" if finding.of else finding.found,
        )
        self._console.print(line, soft_wrap=True)
        if finding.advice and (last is None or last.advice != finding.advice):
            self._console.print(Padding(Text(finding.advice, "yellow"), (0, 0, 0, 2 + _WIDTH)))

    def conclude(self, diagnosis: Diagnosis) -> None:
        """Print what it comes to."""
        warnings = "" if not diagnosis.warnings else f", {_count(diagnosis.warnings, 'warning')}"
        verdict = (
            ("Healthy", "bold green")
            if diagnosis.healthy
            else (f"{_count(diagnosis.failed, 'check')} failed", "bold red")
        )
        rest = f"{warnings}. {_count(diagnosis.requests, 'request')} to the API."
        self._console.print()
        self._console.print(Text.assemble(verdict, rest), highlight=False)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
