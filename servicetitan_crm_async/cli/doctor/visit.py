"""All checks in their order, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence

from servicetitan_crm_async.cli.doctor.examination import Show, examine
from servicetitan_crm_async.cli.doctor.findings import Diagnosis, Finding, diagnosis
from servicetitan_crm_async.cli.doctor.scopes import scopes_of
from servicetitan_crm_async.cli.doctor.settings import examine_settings
from servicetitan_crm_async.cli.interrupts import run_until_stopped
from servicetitan_crm_async.contract import ContractName


def visit(
    tenant: int | None, contract: ContractName | None, entities: Sequence[str] | None, show: Show
) -> Diagnosis:
    """Check everything and show each finding as it comes.

    Where a setting is wrong nothing is sent.

    Raises:
        ConfigError: a name of an entity that is none, before anything is shown.
        Stopped: a signal came.
    """
    findings: list[Finding] = []

    def note(finding: Finding) -> None:
        findings.append(finding)
        show(finding)

    settled, ready = examine_settings(tenant, contract)
    scopes = [] if ready is None else scopes_of(ready[1].contract, entities)
    for finding in settled:
        note(finding)
    requests = 0
    if ready is not None:
        who, settings = ready
        requests = run_until_stopped(lambda: examine(who, settings, scopes, note))
    return diagnosis(findings, requests=requests)
