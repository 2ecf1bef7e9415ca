"""Who works on a tenant's mirror: one run at a time, and a run that is gone gives way.

A lease names the run that holds it. A run that ends gives its lease back; one that was killed cannot,
so a lease counts as stale once its process is known to be gone, or once it has shown no sign of life for
a while. Clocks of machines differ: one that runs ahead may take a live lease for stale. That costs the
run it is taken from, which stops at its next commit, and never data.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec

from servicetitan_crm_async._core.clock import ticks_in, ticks_of, to_text, to_ticks
from servicetitan_crm_async.errors import LedgerConflict

RENEW_EVERY = timedelta(minutes=1)
"""How often a run shows that it lives."""

STALE_AFTER = timedelta(minutes=5)
"""How long after its last sign of life a run counts as gone, where nothing better is known."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right of one run to write to one tenant's mirror; instants are text by the holder's clock."""

    tenant: int
    run: str
    """Tells this run from every other one."""
    host: str
    process: int
    since: str
    renewed: str
    """The last sign of life."""
    epoch: int = 1
    """Grows with every run that takes the mirror over."""
    beats: int = 0
    """How often it showed that it lives; 0 is a run that begins."""


_running: set[str] = set()
"""The runs of this process that hold a lease."""


def this_process() -> tuple[str, int]:
    """The names of this machine and this process."""
    return socket.gethostname(), os.getpid()


def new_lease(tenant: int, now: datetime) -> Lease:
    """A lease to ask for, for a run that begins."""
    host, process = this_process()
    at = to_text(ticks_of(now))
    lease = Lease(tenant=tenant, run=uuid4().hex, host=host, process=process, since=at, renewed=at)
    _running.add(lease.run)
    return lease


def renewed(lease: Lease, now: datetime) -> Lease:
    """The same lease with a sign of life."""
    return msgspec.structs.replace(lease, renewed=to_text(ticks_of(now)), beats=lease.beats + 1)


def forget(lease: Lease) -> None:
    """The run of this lease is over in this process."""
    _running.discard(lease.run)


def granted(wanted: Lease, held: Lease | None, location: str, *, take_over: bool) -> Lease:
    """The lease to store: the wanted one, later in epoch than the one held.

    A run that has begun can only renew what it holds. Where nobody holds it any more, another run has been
    here and is done: whoever slept through that, and read before, would write what is older.

    Raises:
        LedgerConflict: another run holds it and is not known to be gone, or took it from this one.
    """
    if held is not None and held.run == wanted.run:
        return msgspec.structs.replace(wanted, epoch=held.epoch)
    if wanted.beats:
        raise lost(held, location)
    if held is None:
        return wanted
    if not take_over and not _gone(held, wanted):
        raise conflict(held, location)
    return msgspec.structs.replace(wanted, epoch=held.epoch + 1)


def conflict(held: Lease, location: str) -> LedgerConflict:
    """The error for whoever finds a lease held by another run."""
    return LedgerConflict(
        f"{location}: another sync of tenant {held.tenant} is at work there: host {held.host}, process "
        f"{held.process}, since {held.since}, last sign of life {held.renewed}. Wait for it or stop it; "
        f"{STALE_AFTER.total_seconds() / 60:g} minutes after its last sign of life it counts as gone, and "
        "take_over (--take-over) does not wait for that",
        host=held.host,
        process=held.process,
        since=held.since,
    )


def lost(held: Lease | None, location: str) -> LedgerConflict:
    """The error for a run whose lease another one has taken."""
    if held is None:
        return LedgerConflict(f"{location}: this run no longer holds its lease; run again")
    return LedgerConflict(
        f"{location}: another sync of tenant {held.tenant} took this one's place: host {held.host}, process "
        f"{held.process}, since {held.since}. What was committed before stays",
        host=held.host,
        process=held.process,
        since=held.since,
    )


def read_lease(body: bytes | str) -> Lease | None:
    """The lease that was stored; None where it cannot be read, as after a cut."""
    try:
        return msgspec.json.decode(body, type=Lease)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _gone(held: Lease, wanted: Lease) -> bool:
    if held.host == wanted.host:
        if held.process == wanted.process:
            return held.run not in _running  # this very process number, before a restart
        if not _alive(held.process):
            return True
    silence = to_ticks(wanted.renewed) - to_ticks(held.renewed)
    return silence > ticks_in(STALE_AFTER)


def _alive(process: int) -> bool:
    if sys.platform == "win32":
        return True  # no way to ask without harm: signal 0 is Ctrl-C there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
