"""What a check found, and what all of them come to; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from servicetitan_crm_async.cli.exits import Exit

Check: TypeAlias = Literal["settings", "dns", "connection", "token", "tenant", "scope", "pace", "clock"]
"""In the order of the checks: each rests on those before it, but the clock, which every answer shows."""
Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check of one thing, as it is printed for programs."""

    event: Literal["check"] = "check"
    check: Check
    of: str
    """What was looked at: a variable, a host, an entity."""
    status: Status
    found: str
    advice: str | None = None
    """What to do about it."""
    exit_code: int = Exit.DONE
    """That of the command, if nothing weighs more."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The last line for programs."""

    event: Literal["report"] = "report"
    healthy: bool
    """Nothing failed; there may be warnings."""
    failed: int
    warnings: int
    requests: int
    """Sent to the API; that for the token is not among them."""
    exit_code: int


_BY_WEIGHT = (Exit.USAGE, Exit.REFUSED, Exit.FAILED)


def diagnosis(findings: Sequence[Finding], *, requests: int) -> Diagnosis:
    """What the findings come to. What is wrong on this side weighs most, then refused credentials."""
    statuses = [each.status for each in findings]
    codes = {each.exit_code for each in findings}
    return Diagnosis(
        healthy="failed" not in statuses,
        failed=statuses.count("failed"),
        warnings=statuses.count("warning"),
        requests=requests,
        exit_code=next((code for code in _BY_WEIGHT if code in codes), Exit.DONE),
    )


def passed(check: Check, of: str, found: str) -> Finding:
    """As it should be."""
    return Finding(check=check, of=of, status="ok", found=found)


def warned(check: Check, of: str, found: str, advice: str | None) -> Finding:
    """Not as it should be, and nothing fails for it."""
    return Finding(check=check, of=of, status="warning", found=found, advice=advice)


def failed(check: Check, of: str, found: str, advice: str | None, code: Exit = Exit.FAILED) -> Finding:
    """Something does not work, and ends what rests on it."""
    return Finding(check=check, of=of, status="failed", found=found, advice=advice, exit_code=code)


def skipped(check: Check, why: str) -> Finding:
    """There was nothing to rest on."""
    return Finding(check=check, of="", status="skipped", found=why)
