"""The half that destinations on disk share: their work blocks, so it runs in a thread of its own.

`anyio.to_thread` would leave the thread behind when the caller's task is cancelled in asyncio's own way
(`asyncio.timeout`, `task.cancel()`), since its shield covers anyio's scopes alone; the next piece of work
would then meet the one before on the same connection. So each destination owns one thread, which does one
piece after the other, and a cancelled caller leaves only when its piece has ended.
"""

from __future__ import annotations

import asyncio
import errno
import shlex
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import anyio

from servicetitan_crm_async.errors import LedgerConflict, ServiceTitanError, SyncError
from servicetitan_crm_async.sync.destinations.protocol import Batch, OddRecord, Record, Versions
from servicetitan_crm_async.sync.destinations.rows import (
    checked,
    checked_batch,
    checked_tenant,
    stored_ledger,
)
from servicetitan_crm_async.sync.lease import Lease, read_lease
from servicetitan_crm_async.sync.ledger import Ledger

T = TypeVar("T")


class BlockingDestination(ABC):
    """A destination at a path; subclasses say what opening, loading, committing and looking are.

    The underscored methods run in the destination's thread, never two at once. One opened with
    `read_only` finds what is there or raises `SyncError`, creates and changes nothing, waits for nobody
    and keeps nobody waiting.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self._path = Path(path).expanduser()
        self._read_only = read_only
        self._thread: ThreadPoolExecutor | None = None

    @property
    def location(self) -> str:
        return str(self._path)

    @abstractmethod
    def look(self, tenant: int) -> str: ...

    @abstractmethod
    def _open(self) -> None:
        """Open, and create what is missing unless this is to be read only."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of everything `_open` and later work took, also where that stopped half-way."""

    @abstractmethod
    def _claim(self, lease: Lease, take_over: bool) -> Lease: ...

    @abstractmethod
    def _release(self, lease: Lease) -> None: ...

    @abstractmethod
    def _lease(self, tenant: int) -> bytes | str | None: ...

    @abstractmethod
    def _load(self, tenant: int, entity: str) -> bytes | str | None: ...

    @abstractmethod
    def _ledgers(self) -> list[tuple[int, str, bytes | str]]:
        """Tenant, entity and ledger, in this order."""

    @abstractmethod
    def _commit(self, batch: Batch) -> None: ...

    @abstractmethod
    def _count(self, tenant: int, entity: str) -> int: ...

    @abstractmethod
    def _quarantine(self, tenant: int, entity: str) -> list[OddRecord]: ...

    @abstractmethod
    def _versions(self, tenant: int, entity: str) -> Versions: ...

    @abstractmethod
    def _records(self, tenant: int, entity: str, ids: Sequence[int]) -> list[Record]:
        """The records of these ids, of which there is at least one, each once and in order."""

    def _steady(self, look: Callable[[], T]) -> T:
        """What a look gives; where the ground may move under it, subclasses look again."""
        return look()

    def _explain(self, error: Exception) -> SyncError | None:
        """What a person can do about an error of the storage; None for an error of another kind."""
        if not isinstance(error, OSError):
            return None
        where = error.filename if isinstance(error.filename, str) else self.location
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return SyncError(
                f"{where}: the disk is full; make room and run again, what was committed before stays"
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            what = "read" if self._read_only else "write"
            return SyncError(
                f"{where}: this user may not {what} there; change its rights or use another place"
            )
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            return SyncError(f"{where}: a folder is needed where a file is, or the other way round")
        return SyncError(f"{where}: {error.strerror or type(error).__name__}")

    async def __aenter__(self) -> Self:
        if self._thread is not None:
            raise SyncError(f"{self.location} is open already: enter a destination once at a time")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=type(self).__name__)
        try:
            await self._run(self._begin)
        except BaseException:
            await self._shut()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._shut()
        except SyncError:
            if error is None:
                raise

    async def claim(self, lease: Lease, *, take_over: bool = False) -> Lease:
        """As the protocol says. A caller cancelled meanwhile may hold the lease: `release` gives it back."""
        checked_tenant(lease.tenant)
        self._refuse_to_write()
        return await self._run(lambda: self._claim(lease, take_over))

    async def release(self, lease: Lease) -> None:
        """As the protocol says; repeating it changes nothing."""
        if not self._read_only:
            await self._run(lambda: self._release(lease))

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        checked(tenant, entity)
        body = await self._look(lambda: self._load(tenant, entity))
        return None if body is None else stored_ledger(body, tenant, entity)

    async def commit(self, batch: Batch) -> None:
        checked_batch(batch)
        self._refuse_to_write()
        await self._run(lambda: self._commit(batch))

    async def count(self, tenant: int, entity: str) -> int:
        checked(tenant, entity)
        return await self._look(lambda: self._count(tenant, entity))

    async def quarantine(self, tenant: int, entity: str) -> Sequence[OddRecord]:
        checked(tenant, entity)
        return await self._look(lambda: self._quarantine(tenant, entity))

    async def ledgers(self) -> Sequence[Ledger]:
        found = await self._look(self._ledgers)
        return [stored_ledger(body, tenant, entity) for tenant, entity, body in found]

    async def lease(self, tenant: int) -> Lease | None:
        """The lease that is held; that of a run that was killed stays until the next one claims it."""
        checked_tenant(tenant)
        body = await self._look(lambda: self._lease(tenant))
        return None if body is None else read_lease(body)

    async def versions(self, tenant: int, entity: str) -> Versions:
        checked(tenant, entity)
        return await self._look(lambda: self._versions(tenant, entity))

    async def records(self, tenant: int, entity: str, ids: Iterable[int]) -> Sequence[Record]:
        checked(tenant, entity)
        # Nothing outside 64 bits is held anywhere.
        wanted = sorted({number for number in ids if -(2**63) <= number < 2**63})
        return await self._look(lambda: self._records(tenant, entity, wanted)) if wanted else []

    def _begin(self) -> None:
        if self._read_only and not self._path.exists():
            raise SyncError(f"{self.location}: there is nothing to read; sync to it first, or name a mirror")
        self._open()

    def _refuse_to_write(self) -> None:
        if self._read_only:
            raise SyncError(f"{self.location} is open to be read only: open it without read_only to sync")

    async def _look(self, look: Callable[[], T]) -> T:
        return await self._run(lambda: self._steady(look))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._thread is None:
            raise SyncError(f"{self.location} is not open: use a destination inside `async with`")
        return await _ended(self._thread.submit(self._explaining, work))

    def _explaining(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except ServiceTitanError:
            raise
        except Exception as error:
            explained = self._explain(error)
            if explained is None:
                raise
            raise explained from None

    async def _shut(self) -> None:
        thread = self._thread
        if thread is None:
            return
        try:
            await self._run(self._close)
        finally:
            self._thread = None
            thread.shutdown()


async def _ended(job: Future[T]) -> T:
    """What the job gives. A caller cancelled meanwhile waits for its end, unless it has not begun."""
    done = asyncio.wrap_future(job)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not done.done():
            try:
                await asyncio.wait((done,))
            except asyncio.CancelledError as error:
                cancelled = error
                job.cancel()
    if cancelled is None:
        return done.result()
    if not done.cancelled():
        done.exception()  # looked at, or asyncio would complain that nobody did
    raise cancelled


def locked_out(held: Lease, location: str) -> LedgerConflict:
    """The error for whoever meets a lock of the system that the run of this lease holds."""
    return LedgerConflict(
        f"{location}: another sync of tenant {held.tenant} is at work there: host {held.host}, process "
        f"{held.process}, since {held.since}. Wait for it or stop it: its lock ends with that process, and "
        "take_over (--take-over) cannot break it",
        host=held.host,
        process=held.process,
        since=held.since,
    )


def count_in_a_shell(module: str, connect: str, tenant: int, path: str) -> str:
    """A shell command that prints each entity of a tenant with how many records are held and up to when."""
    code = (
        f"import json, sys, {module}; run = {connect}.execute; "  # noqa: S608  # names and numbers of ours
        f'mine = " where tenant_id = {tenant}"; '
        'held = lambda table: run("select count(*) from " + table + mine).fetchone()[0]; '
        '[print(table, held(table), json.loads(ledger)["watermark"]) '
        'for table, ledger in run("select entity, ledger from sync_ledger" + mine).fetchall()]'
    )
    return f"{_python()} -c {shlex.quote(code)} {shlex.quote(path)}"


def _python() -> str:
    """How to call this Python in a shell: by name where that finds this one."""
    found = shutil.which("python")
    same = found is not None and Path(found).parent == Path(sys.executable).parent
    return "python" if same else shlex.quote(sys.executable)
