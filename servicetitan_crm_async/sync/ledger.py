"""What is done and what is left of one entity of one tenant; pure, and it serialises.

A destination stores the ledger in the same transaction as the records it speaks of, so after a kill
anywhere the next run takes up exactly what is missing.
"""

from __future__ import annotations

import msgspec

from servicetitan_crm_async.errors import LedgerConflict

LAYOUT = 2
"""The layout this version writes. An older one is brought up to it, a newer one refused, never half-read."""

HISTORY = 20
"""How many finished runs a ledger remembers: it is written with every commit, so it must stay small."""


class OpenWindow(msgspec.Struct, frozen=True):
    """A part `[cursor, before)` of the run that is not read to its end; instants are ticks of 100 ns.

    `seen` are the ids already landed that sit on the cursor or, where the service was not asked more finely,
    up to a second past it, so that they are not landed twice.
    """

    cursor: int
    before: int
    seen: tuple[int, ...] = ()


class FinishedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run that came to its end."""

    since: str | None
    until: str | None
    """The watermark it left behind."""
    ended: str
    """When, by this machine's clock."""
    strategy: str
    guarantee: str
    records: int
    requests: int
    # None in what an older version wrote.
    retries: int | None = None
    throttled: int | None = None
    """Answers with status 429."""
    seconds: float | None = None
    """From its beginning to the commit that ended it, in which the entities of a sync take turns."""


class LastError(msgspec.Struct, frozen=True):
    """Why the last run did not come to its end."""

    at: str
    """By this machine's clock."""
    text: str


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Progress of one (tenant, entity); instants are the service's text with seven fractional digits.

    `watermark` is where the next run begins: the `until` of the last run that finished. `since` and
    `until` bound the run under way, `windows` and `token` are what is left of it; all of these are empty
    between runs.
    """

    layout: int = LAYOUT
    version: str = ""
    """Of the package that wrote it."""
    tenant: int
    entity: str
    contract: str
    strategy: str
    guarantee: str
    watermark: str | None = None
    origin: str | None = None
    """From where on the mirror has everything up to the watermark; None is the beginning."""
    since: str | None = None
    until: str | None = None
    windows: tuple[OpenWindow, ...] = ()
    token: str | None = None
    """Where a feed goes on, in the service's own words."""
    records: int = 0
    """Records landed since the destination was made."""
    runs: int = 0
    """Runs that finished."""
    history: tuple[FinishedRun, ...] = ()
    """The last of them, oldest first."""
    error: LastError | None = None

    def to_json(self) -> bytes:
        return msgspec.json.encode(self)


class _Layout(msgspec.Struct):
    layout: int = 0


def read_ledger(body: bytes | str) -> Ledger:
    """The ledger a destination stored, in the layout of this version.

    Raises:
        LedgerConflict: its layout is not one this version can read.
    """
    try:
        layout = msgspec.json.decode(body, type=_Layout).layout
        if 1 <= layout <= LAYOUT:
            # Layout 2 added fields to layout 1, each of which may be empty.
            return msgspec.structs.replace(msgspec.json.decode(body, type=Ledger), layout=LAYOUT)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LedgerConflict("the ledger of this destination cannot be read: it is damaged") from None
    raise LedgerConflict(
        f"the ledger of this destination has layout {layout}; this version reads layouts up to {LAYOUT}. "
        "Use the version that wrote it, or another destination."
    )
