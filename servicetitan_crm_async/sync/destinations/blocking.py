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
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import anyio

from servicetitan_crm_async.errors import ServiceTitanError, SyncError
from servicetitan_crm_async.sync.destinations.protocol import Batch
from servicetitan_crm_async.sync.destinations.rows import checked, checked_batch, stored_ledger
from servicetitan_crm_async.sync.ledger import Ledger

T = TypeVar("T")


class BlockingDestination(ABC):
    """A destination at a path; subclasses say what opening, loading, committing and counting are.

    The underscored methods run in the destination's thread, never two at once.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path).expanduser()
        self._thread: ThreadPoolExecutor | None = None

    @property
    def location(self) -> str:
        return str(self._path)

    @abstractmethod
    def look(self, tenant: int) -> str: ...

    @abstractmethod
    def _open(self) -> None:
        """Open, and create what is missing."""

    @abstractmethod
    def _close(self) -> None:
        """Let go of everything `_open` and later work took, also where that stopped half-way."""

    @abstractmethod
    def _load(self, tenant: int, entity: str) -> bytes | str | None: ...

    @abstractmethod
    def _commit(self, batch: Batch) -> None: ...

    @abstractmethod
    def _count(self, tenant: int, entity: str) -> int: ...

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
            return SyncError(
                f"{where}: this user may not write there; change its rights or use another place"
            )
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR):
            return SyncError(f"{where}: a folder is needed where a file is, or the other way round")
        return SyncError(f"{where}: {error.strerror or type(error).__name__}")

    async def __aenter__(self) -> Self:
        if self._thread is not None:
            raise SyncError(f"{self.location} is open already: enter a destination once at a time")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=type(self).__name__)
        try:
            await self._run(self._open)
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

    async def load(self, tenant: int, entity: str) -> Ledger | None:
        checked(tenant, entity)
        body = await self._run(lambda: self._load(tenant, entity))
        return None if body is None else stored_ledger(body, tenant, entity)

    async def commit(self, batch: Batch) -> None:
        checked_batch(batch)
        await self._run(lambda: self._commit(batch))

    async def count(self, tenant: int, entity: str) -> int:
        checked(tenant, entity)
        return await self._run(lambda: self._count(tenant, entity))

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
