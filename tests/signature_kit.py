"""The client's methods by the names of their rows: what they take, and the methods themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.cli.nouns.signatures import Fields, Signature, signature_of

__all__ = ["Fields", "Signature", "method_of", "signature_of"]


def method_of(crm: ServiceTitanCRM, name: str) -> Callable[..., Any]:
    """The method itself; a booking provider is any."""
    found: Any = crm
    for part in name.split("."):
        found = getattr(found, part)
        if part == "booking_provider":
            found = found(1)
    return found  # type: ignore[no-any-return]
