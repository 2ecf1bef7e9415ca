"""Test your own integration against a ServiceTitan of your own: records, faults, a clock.

As fixtures of pytest, which are there once the package is installed:

    async def test_open_leads_are_called_back(servicetitan_sandbox, servicetitan_crm):
        servicetitan_sandbox.add_lead(summary="No hot water")
        assert await call_back(servicetitan_crm) == ["No hot water"]

or as a plain context manager: `with ServiceTitanSandbox() as sandbox:`.
"""

from __future__ import annotations

from servicetitan_crm_async.testing.clock import SandboxClock
from servicetitan_crm_async.testing.sent import SentRequest
from servicetitan_crm_async.testing.service import ServiceTitanSandbox

__all__ = ["SandboxClock", "SentRequest", "ServiceTitanSandbox"]
