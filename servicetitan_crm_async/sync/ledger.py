"""What is done and what is left of one entity of one tenant; pure, and it serialises.

A destination stores the ledger in the same transaction as the records it speaks of, so after a kill
anywhere the next run takes up exactly what is missing.
"""

from __future__ import annotations

import msgspec

from servicetitan_crm_async.errors import LedgerConflict

LAYOUT = 1
"""The layout this version writes. A newer one is refused, never half-read."""


class OpenWindow(msgspec.Struct, frozen=True):
    """A part `[cursor, before)` of the run that is not read to its end; instants are ticks of 100 ns.

    `seen` are the ids already landed that sit exactly on the cursor, so that they are not landed twice.
    """

    cursor: int
    before: int
    seen: tuple[int, ...] = ()


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of one (tenant, entity); instants are the service's text with seven fractional digits.

    `watermark` is where the next run begins: the `until` of the last run that finished. `since` and
    `until` bound the run under way, `windows` what is left of it; all three are empty between runs.
    """

    layout: int = LAYOUT
    tenant: int
    entity: str
    contract: str
    strategy: str
    guarantee: str
    watermark: str | None = None
    since: str | None = None
    until: str | None = None
    windows: tuple[OpenWindow, ...] = ()
    records: int = 0
    """Records landed since the destination was made."""
    runs: int = 0
    """Runs that finished."""

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)


class _Layout(msgspec.Struct):
    layout: int = 0


def read_ledger(body: bytes | str) -> Ledger:
    """The ledger a destination stored.

    Raises:
        LedgerConflict: its layout is not one this version can read.
    """
    try:
        layout = msgspec.json.decode(body, type=_Layout).layout
        if layout == LAYOUT:
            return msgspec.json.decode(body, type=Ledger)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LedgerConflict("the ledger of this destination cannot be read: it is damaged") from None
    raise LedgerConflict(
        f"the ledger of this destination has layout {layout}; this version reads layout {LAYOUT}. "
        "Use the version that wrote it, or another destination."
    )
