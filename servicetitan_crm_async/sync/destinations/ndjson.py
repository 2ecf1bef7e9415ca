"""Files of one JSON record a line, and beside them a manifest that says how much of them counts.

    DIR/<tenant>/<entity>/000001.ndjson       records as sent, appended and never changed
                          quarantine.ndjson   records that no row can be made of, and when they left
                          manifest.json       the files that count, how many bytes of each, the ledger
                          .index.sqlite       which version of each record was written last
    DIR/<tenant>/.lock                        held by the one program that writes to this tenant

A commit appends lines, forces them to disk and replaces the manifest in one step: that step is the
commit. What a killed program left behind, bytes past a recorded length and files not named, is cut off
before the next one. The index only saves reading everything again: it is made anew from the files where
it is missing, damaged or does not match the manifest.

A record that changed is in the files several times, once a version; **the last line wins**. An older
version is never written after a newer one, nor the same version twice. So it is in the quarantine, where
the last line of a key wins and `{"key": ..., "cleared": true}` says that it has left.
"""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.destinations.blocking import BlockingDestination
from servicetitan_crm_async.sync.destinations.lockfile import LockFile
from servicetitan_crm_async.sync.destinations.ndjson_files import (
    MANIFEST,
    QUARANTINE,
    UNFINISHED,
    DataFile,
    Manifest,
    append,
    cleared_line,
    data_file_name,
    id_of,
    line_of,
    lines,
    lines_at,
    make_folder,
    odd_line,
    odd_lines,
    odd_of,
    read_manifest,
    record_of,
    replace,
)
from servicetitan_crm_async.sync.destinations.ndjson_index import INDEX, Index, looked_up, version_of
from servicetitan_crm_async.sync.destinations.protocol import Batch, OddRecord, Record, Versions
from servicetitan_crm_async.sync.destinations.rows import checked, newest, versions_of
from servicetitan_crm_async.sync.lease import Lease

T = TypeVar("T")

ROLL_AT = 64 * 2**20
"""Bytes from which on a file gets no further batch: small enough to copy, large enough to be few."""

_WAITING = 30_000
"""Versions that wait for their indexes at most: some seven megabytes."""

_LOCK = ".lock"


class NdjsonDestination(BlockingDestination):
    """A folder of newline-delimited JSON, laid out as the head of this module says.

    One program at a time writes to a tenant; another one gets `LedgerConflict`. Several programs may
    write to different tenants of one folder, and reading (`read_ndjson`, or `read_only`) is possible at
    all times. A run that is killed gives way at once; one that lives cannot be taken over, only stopped,
    as its lock is the system's.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False, roll_at: int = ROLL_AT) -> None:
        super().__init__(path, read_only=read_only)
        self._roll_at = roll_at
        self._locks: dict[int, LockFile] = {}
        self._folders: dict[tuple[int, str], _Folder] = {}

    def look(self, tenant: int) -> str:
        return f"head -n 2 {shlex.quote(str(self._path / str(tenant)))}/*/[0-9]*.ndjson"

    def _open(self) -> None:
        if not self._read_only:
            make_folder(self._path)
        elif not self._path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), self.location)

    def _close(self) -> None:
        try:
            while self._folders:
                self._folders.popitem()[1].close()
        finally:
            while self._locks:
                self._locks.popitem()[1].let_go()

    def _claim(self, lease: Lease, take_over: bool) -> Lease:
        return self._lock(lease.tenant).claim(lease, take_over=take_over)

    def _release(self, lease: Lease) -> None:
        lock = self._locks.get(lease.tenant)
        # Without the lock nothing that is known of the files holds any more.
        if lock is not None and lock.release(lease):
            del self._locks[lease.tenant]
            for tenant, entity in [*self._folders]:
                if tenant == lease.tenant:
                    self._folders.pop((tenant, entity)).close()

    def _lease(self, tenant: int) -> bytes | None:
        with suppress(FileNotFoundError):
            return (self._path / str(tenant) / _LOCK).read_bytes()
        return None

    def _load(self, tenant: int, entity: str) -> bytes | None:
        return self._manifest(tenant, entity).committed

    def _ledgers(self) -> list[tuple[int, str, bytes | str]]:
        found: list[tuple[int, str, bytes | str]] = []
        for path in self._path.glob(f"*/*/{MANIFEST}"):
            home = path.parent
            try:
                tenant, entity = int(home.parent.name), home.name
                checked(tenant, entity)
            except ValueError:
                continue  # somebody else's folder
            if home == self._home(tenant, entity):
                ledger = read_manifest(home).committed
                if ledger is not None:
                    found.append((tenant, entity, ledger))
        return sorted(found)

    def _commit(self, batch: Batch) -> None:
        folder = self._folder(batch.tenant, batch.entity)
        try:
            self._locks[batch.tenant].check()
            folder.commit(batch, self._roll_at)
        except BaseException:
            # What is on disk is no longer known, so whoever comes next reads it afresh.
            del self._folders[batch.tenant, batch.entity]
            folder.close()
            raise
        self._bound_what_waits()

    def _bound_what_waits(self) -> None:
        """Let the index that most versions wait for have them, where too many wait in all."""
        if sum(folder.index.waiting for folder in self._folders.values()) < _WAITING:
            return
        fullest = max(self._folders, key=lambda key: self._folders[key].index.waiting)
        try:
            self._folders[fullest].index.settle()
        except BaseException:
            self._folders.pop(fullest).close()
            raise

    def _count(self, tenant: int, entity: str) -> int:
        return self._ask(tenant, entity, Index.count)

    def _quarantine(self, tenant: int, entity: str) -> list[OddRecord]:
        held: dict[str, bytes] = {}
        for key, line in odd_lines(self._home(tenant, entity), self._manifest(tenant, entity)):
            if line is None:
                held.pop(key, None)
            else:
                held[key] = line
        return [odd_of(line) for _, line in sorted(held.items())]

    def _versions(self, tenant: int, entity: str) -> Versions:
        return self._ask(tenant, entity, lambda index: versions_of(index.versions()))

    def _records(self, tenant: int, entity: str, ids: Sequence[int]) -> list[Record]:
        places = self._ask(tenant, entity, lambda index: sorted(at for _, _, at in index.known(ids)))
        found = lines_at(self._home(tenant, entity), self._manifest(tenant, entity), places)
        return sorted(map(record_of, found), key=attrgetter("id"))

    def _ask(self, tenant: int, entity: str, question: Callable[[Index], T]) -> T:
        home, manifest = self._home(tenant, entity), self._manifest(tenant, entity)
        if (tenant, entity) in self._folders:
            return question(self._folders[tenant, entity].index)
        return looked_up(home, manifest, question)

    def _manifest(self, tenant: int, entity: str) -> Manifest:
        """What counts. Where there is something and it is not to be read only, its folder is opened."""
        home = self._home(tenant, entity)
        if self._read_only or not (home / MANIFEST).exists():
            return read_manifest(home)
        return self._folder(tenant, entity).manifest

    def _home(self, tenant: int, entity: str) -> Path:
        return self._path / str(tenant) / entity

    def _folder(self, tenant: int, entity: str) -> _Folder:
        if (tenant, entity) not in self._folders:
            self._lock(tenant)
            self._folders[tenant, entity] = _Folder(self._home(tenant, entity))
        return self._folders[tenant, entity]

    def _lock(self, tenant: int) -> LockFile:
        if tenant not in self._locks:
            home = self._path / str(tenant)
            make_folder(home)
            self._locks[tenant] = LockFile(home / _LOCK, tenant)
        return self._locks[tenant]

    def _explain(self, error: Exception) -> SyncError | None:
        if isinstance(error, sqlite3.Error):
            return SyncError(f"{self.location}: the index of versions failed ({error}); delete {INDEX} there")
        return super()._explain(error)


def read_ndjson(directory: Path | str, tenant: int, entity: str) -> Iterator[bytes]:
    """The current version of every record of a folder, as sent; nothing that was not committed.

    Holds the ids in memory, not the records. A sync may be writing meanwhile: what counted when this
    began is read.
    """
    home = Path(directory).expanduser() / str(tenant) / entity
    manifest = read_manifest(home)
    last: dict[int, int] = {}
    for number, line in enumerate(lines(home, manifest)):
        last[id_of(line)] = number
    current = set(last.values())
    last.clear()
    return (line for number, line in enumerate(lines(home, manifest)) if number in current)


class _Folder:
    """One entity of one tenant, taken up where the last commit left it, to write to it."""

    def __init__(self, home: Path) -> None:
        make_folder(home)
        self.home = home
        self.manifest = read_manifest(home)
        self._tidy()
        self._odd: dict[str, int] | None = None
        """The hash of the line of each key in the quarantine, once somebody asked."""
        self.index = Index.open(home, self.manifest)

    def close(self) -> None:
        self.index.close()

    def commit(self, batch: Batch, roll_at: int) -> None:
        news = self._news(batch.records)
        lines = [line_of(record.raw) for record in news]
        places = accumulate((len(line) + 1 for line in lines), initial=self.manifest.size)
        files = self._append(lines, roll_at) if lines else self.manifest.files
        quarantine = self._set_aside(batch) if batch.cleared or batch.odd else self.manifest.quarantine
        ledger = msgspec.Raw(batch.ledger.to_json())
        manifest = Manifest(files=files, quarantine=quarantine, ledger=ledger)
        replace(self.home, manifest)
        self.manifest = manifest
        self.index.add([*map(version_of, news, places)], manifest.size)

    def _news(self, records: Iterable[Record]) -> list[Record]:
        """Of each id the newest, where it is newer than what was written, or equally new and different."""
        fresh, doubtful = newest(records), dict[int, int]()
        for id_, ticks, at in self.index.known(fresh):
            if fresh[id_].ticks < ticks:
                del fresh[id_]
            elif fresh[id_].ticks == ticks:
                doubtful[at] = id_
        places = sorted(doubtful)
        for at, line in zip(places, lines_at(self.home, self.manifest, places), strict=True):
            if line == line_of(fresh[doubtful[at]].raw):
                del fresh[doubtful[at]]
        return [*fresh.values()]

    def _append(self, lines: Sequence[bytes], roll_at: int) -> tuple[DataFile, ...]:
        *before, last = self.manifest.files or (DataFile(data_file_name(1), 0, 0),)
        if last.bytes >= roll_at:
            before, last = [*before, last], DataFile(data_file_name(len(before) + 2), 0, 0)
        length = append(self.home / last.name, last.bytes, lines)
        return *before, DataFile(last.name, length, last.records + len(lines))

    def _set_aside(self, batch: Batch) -> int:
        """Write what enters and what leaves the quarantine, unless it says so already; its new length."""
        if self._odd is None:
            self._odd = {}
            for key, line in odd_lines(self.home, self.manifest):
                self._note(key, line)
        wanted: dict[str, bytes | None] = dict.fromkeys(batch.cleared)
        wanted.update((odd.key, odd_line(odd)) for odd in batch.odd)
        news = {
            key: line
            for key, line in wanted.items()
            if self._odd.get(key) != (None if line is None else hash(line))
        }
        for key, line in news.items():
            self._note(key, line)
        lines = [cleared_line(key) if line is None else line for key, line in news.items()]
        length = self.manifest.quarantine
        return append(self.home / QUARANTINE, length, lines) if lines else length

    def _note(self, key: str, line: bytes | None) -> None:
        assert self._odd is not None
        if line is None:
            self._odd.pop(key, None)
        else:
            self._odd[key] = hash(line)

    def _tidy(self) -> None:
        """Cut off what no commit names; refuse where something that one names is gone."""
        lengths = self.manifest.lengths
        for path in self.home.glob("*.ndjson"):
            if path.name not in lengths and (path.stem.isdigit() or path.name == QUARANTINE):
                path.unlink()
        (self.home / UNFINISHED).unlink(missing_ok=True)
        for name, length in lengths.items():
            path = self.home / name
            size = path.stat().st_size if path.exists() else 0
            if size < length:
                raise SyncError(
                    f"{path}: {length - size} of {length} bytes are gone since the last sync; restore the "
                    f"file, or delete {self.home} to read everything again"
                )
            if size > length:
                os.truncate(path, length)
