"""Where a reader of changes stands: the ledgers of all its entities as one text; pure."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

from servicetitan_crm_async.errors import ConfigError, LedgerConflict
from servicetitan_crm_async.sync.ledger import Ledger, read_ledger

LAYOUT = 1
"""The layout this version writes; a newer one is refused, never half-read."""


class _Layout(msgspec.Struct):
    layout: int = 0


class _Document(msgspec.Struct, frozen=True, kw_only=True):
    layout: int = LAYOUT
    tenant: int
    contract: str
    since: str | None
    ledgers: dict[str, msgspec.Raw]


class Cursor:
    """What was delivered so far; booked batch by batch, in the order in which they are delivered.

    Entities of earlier calls that this one does not ask for stay in it as they were.
    """

    def __init__(self, tenant: int, contract: str, since: str | None = None) -> None:
        """Begin at `since`, the service's text of an instant, or at the beginning of everything."""
        self.tenant, self.contract, self.since = tenant, contract, since
        self._ledgers: dict[str, Ledger] = {}
        self._bodies: dict[str, msgspec.Raw] = {}

    def ledger(self, entity: str) -> Ledger | None:
        """What is known of an entity; None where its first run has not begun."""
        return self._ledgers.get(entity)

    def book(self, ledger: Ledger) -> None:
        """Take note of a ledger whose records are delivered next."""
        if ledger.until is None and not ledger.runs:
            return  # nothing was read: whoever goes on from here begins this entity at `since`
        slim = msgspec.structs.replace(ledger, history=(), error=None)
        self._ledgers[ledger.entity] = slim
        self._bodies[ledger.entity] = msgspec.Raw(slim.to_json())

    def text(self) -> str:
        """What a consumer stores."""
        document = _Document(
            tenant=self.tenant, contract=self.contract, since=self.since, ledgers=self._bodies
        )
        body = msgspec.json.encode(document)
        return f"{_seal(body)}:{body.decode()}"


def read_cursor(text: str, tenant: int, contract: str) -> Cursor:
    """The cursor that a consumer stored.

    Raises:
        ConfigError: it is none, was changed or cut, or it is of another tenant or contract.
        LedgerConflict: a newer version of this package wrote it.
    """
    seal, _, rest = text.partition(":")
    body = rest.encode("utf-8", "replace")
    if seal != _seal(body):
        raise ConfigError({"cursor": "it is damaged, or is no cursor at all"})
    layout = msgspec.json.decode(body, type=_Layout).layout
    if layout != LAYOUT:
        raise LedgerConflict(
            f"the cursor has layout {layout}; this version reads layout {LAYOUT}. "
            "Use the version that wrote it, or begin anew."
        )
    document = msgspec.json.decode(body, type=_Document)
    if document.tenant != tenant:
        raise ConfigError({"cursor": f"it is of tenant {document.tenant}, and this client of {tenant}"})
    if document.contract != contract:
        raise ConfigError(
            {"cursor": f"it is of contract {document.contract!r}, and this client {contract!r}"}
        )
    cursor = Cursor(tenant, contract, document.since)
    for raw in document.ledgers.values():
        cursor.book(read_ledger(bytes(raw)))
    return cursor


def _seal(body: bytes) -> str:
    """Tells a text that was cut or edited, which would lose records in silence."""
    return blake2b(body, digest_size=8).hexdigest()
