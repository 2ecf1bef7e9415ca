"""A file that one program at a time has locked, and in it the lease of the run that has."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from servicetitan_crm_async.errors import LedgerConflict
from servicetitan_crm_async.sync.destinations.blocking import locked_out
from servicetitan_crm_async.sync.lease import Lease, granted, lost, read_lease


class LockFile:
    """Locked until it is let go or this process ends, however it ends.

    The lock decides: a lease that is in the file while nobody has it locked is that of a run that was
    killed. So it gives way at once, and only its epoch counts on.
    """

    def __init__(self, path: Path, tenant: int) -> None:
        """Lock the file, which is made if it is missing.

        Raises:
            LedgerConflict: another program, or another destination of this one, has it locked.
        """
        self._path = path
        self._file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
        self._claimed: Lease | None = None
        try:
            self._take(tenant)
            self._left = read_lease(path.read_bytes())
            """What a killed run left behind."""
            self._write(b"")
        except BaseException:
            self._file.close()
            raise

    def claim(self, lease: Lease, *, take_over: bool) -> Lease:
        """Write the lease into the file.

        Raises:
            LedgerConflict: another run claimed it through this very lock and is not known to be gone.
        """
        before = self._claimed or self._left
        lease = granted(lease, before, str(self._path.parent), take_over=take_over or self._claimed is None)
        self._write(msgspec.json.encode(lease))
        self._claimed = lease
        return lease

    def release(self, lease: Lease) -> bool:
        """Let go of everything if this is the lease that was claimed; whether it was."""
        if self._claimed is None or self._claimed.run != lease.run:
            return False
        self._write(b"")
        self.let_go()
        return True

    def check(self) -> None:
        """See that the file still names the run that claimed it, if one did.

        Raises:
            LedgerConflict: it does not: the file was deleted by hand, and another run made it anew.
        """
        if self._claimed is not None:
            held = read_lease(self._path.read_bytes()) if self._path.exists() else None
            if held is None or held.run != self._claimed.run:
                raise lost(held, str(self._path.parent))

    def let_go(self) -> None:
        """As the end of the process would: a lease stays in the file."""
        self._file.close()

    def _take(self, tenant: int) -> None:
        try:
            _lock(self._file.fileno())
        except OSError:
            held = read_lease(self._path.read_bytes())
            if held is not None:
                raise locked_out(held, str(self._path.parent)) from None
            raise LedgerConflict(
                f"{self._path.parent}: another program is writing to tenant {tenant}; "
                "wait for it or stop it, then run again"
            ) from None

    def _write(self, body: bytes) -> None:
        # In place and cut to length afterwards: others read it without a lock.
        self._file.seek(0)
        self._file.write(body)
        self._file.truncate(len(body))


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the text, as nobody may read what is locked.
        os.lseek(descriptor, 2**30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
