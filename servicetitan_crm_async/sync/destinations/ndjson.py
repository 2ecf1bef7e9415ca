"""Files of one JSON record a line, and beside them a manifest that says how much of them counts.

    DIR/<tenant>/<entity>/000001.ndjson   records as sent, appended and never changed
                          manifest.json   the files that count, how many bytes of each, and the ledger
                          .index.sqlite   which version of each record was written last
    DIR/<tenant>/.lock                    held by the one program that writes to this tenant

A commit appends lines, forces them to disk and replaces the manifest in one step: that step is the
commit. What a killed program left behind, bytes past a recorded length and files not named, is cut off
before the next one. The index only saves reading everything again: it is made anew from the files where
it is missing, damaged or does not match the manifest.

A record that changed is in the files several times, once a version; **the last line wins**. An older
version is never written after a newer one, nor the same version twice.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from servicetitan_crm_async._core.clock import to_ticks
from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations.blocking import BlockingDestination
from servicetitan_crm_async.sync.destinations.protocol import Batch, Record
from servicetitan_crm_async.sync.destinations.rows import newest

LAYOUT = 1
"""The layout of manifests this version writes. Another one is refused, never half-read."""

ROLL_AT = 64 * 2**20
"""Bytes from which on a file gets no further batch: small enough to copy, large enough to be few."""

_MANIFEST = "manifest.json"
_UNFINISHED = "manifest.json.tmp"
_INDEX = ".index.sqlite"


class _File(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    records: int


class _Manifest(msgspec.Struct, frozen=True):
    files: tuple[_File, ...] = ()
    ledger: msgspec.Raw = msgspec.Raw(b"null")
    layout: int = LAYOUT

    @property
    def bytes(self) -> int:
        """The length of all files together; they only grow, so it tells one state from another."""
        return sum(file.bytes for file in self.files)


class _Layout(msgspec.Struct):
    layout: int = 0


class _Keys(msgspec.Struct):
    id: int
    modified_on: object = msgspec.field(default=None, name="modifiedOn")


class NdjsonDestination(BlockingDestination):
    """A folder of newline-delimited JSON, laid out as the head of this module says.

    One program at a time writes to a tenant; another one gets `LedgerConflict`. Several programs may
    write to different tenants of one folder, and reading (`read_ndjson`) is possible at all times.
    """

    def __init__(self, directory: Path | str, *, roll_at: int = ROLL_AT) -> None:
        super().__init__(directory)
        self._roll_at = roll_at
        self._locks: dict[int, _Lock] = {}
        self._folders: dict[tuple[int, str], _Folder] = {}

    def look(self, tenant: int) -> str:
        return f"head -n 2 {shlex.quote(str(self._path / str(tenant)))}/*/*.ndjson"

    def _open(self) -> None:
        _make_folder(self._path)

    def _close(self) -> None:
        try:
            while self._folders:
                self._folders.popitem()[1].close()
        finally:
            while self._locks:
                self._locks.popitem()[1].release()

    def _load(self, tenant: int, entity: str) -> bytes | None:
        if not (self._path / str(tenant) / entity / _MANIFEST).exists():
            return None
        return self._folder(tenant, entity).ledger

    def _commit(self, batch: Batch) -> None:
        folder = self._folder(batch.tenant, batch.entity)
        try:
            folder.commit(batch.records, batch.ledger.to_json(), self._roll_at)
        except BaseException:
            # What is on disk is no longer known, so whoever comes next reads it afresh.
            del self._folders[batch.tenant, batch.entity]
            folder.close()
            raise

    def _count(self, tenant: int, entity: str) -> int:
        if not (self._path / str(tenant) / entity).exists():
            return 0
        return self._folder(tenant, entity).index.count()

    def _folder(self, tenant: int, entity: str) -> _Folder:
        if (tenant, entity) not in self._folders:
            home = self._path / str(tenant)
            _make_folder(home)
            if tenant not in self._locks:
                self._locks[tenant] = _Lock(home / ".lock", tenant)
            self._folders[tenant, entity] = _Folder(home / entity)
        return self._folders[tenant, entity]

    def _explain(self, error: Exception) -> SyncError | None:
        if isinstance(error, sqlite3.Error):
            return SyncError(
                f"{self.location}: the index of versions failed ({error}); delete {_INDEX} there"
            )
        return super()._explain(error)


def read_ndjson(directory: Path | str, tenant: int, entity: str) -> Iterator[bytes]:
    """The current version of every record of a folder, as sent; nothing that was not committed.

    Holds the ids in memory, not the records. A sync may be writing meanwhile: what counted when this
    began is read.
    """
    home = Path(directory).expanduser() / str(tenant) / entity
    manifest = _read_manifest(home)
    last: dict[int, int] = {}
    for number, line in enumerate(_lines(home, manifest)):
        last[_keys(line).id] = number
    current = set(last.values())
    last.clear()
    return (line for number, line in enumerate(_lines(home, manifest)) if number in current)


class _Version(NamedTuple):
    id: int
    ticks: int
    digest: int
    """Of the line, so that the same version is not written a second time."""


class _Folder:
    """One entity of one tenant, taken up where the last commit left it."""

    def __init__(self, home: Path) -> None:
        _make_folder(home)
        self.home = home
        self.manifest = _read_manifest(home)
        self._tidy()
        self.index = _Index(home, self.manifest)

    @property
    def ledger(self) -> bytes | None:
        body = bytes(self.manifest.ledger)
        return None if body == b"null" else body

    def close(self) -> None:
        self.index.close()

    def commit(self, records: Sequence[Record], ledger: bytes, roll_at: int) -> None:
        fresh = newest(records)
        lines = {id_: _line(record.raw) for id_, record in fresh.items()}
        versions = {id_: _Version(id_, fresh[id_].ticks, _digest(line)) for id_, line in lines.items()}
        self.index.drop_known(versions)
        files = self.manifest.files
        if versions:
            files = self._append(b"".join(lines[id_] for id_ in versions), len(versions), roll_at)
        manifest = _Manifest(files=files, ledger=msgspec.Raw(ledger))
        _replace(self.home, msgspec.json.encode(manifest) + b"\n")
        self.manifest = manifest
        self.index.add(versions, manifest.bytes)

    def _append(self, block: bytes, records: int, roll_at: int) -> tuple[_File, ...]:
        *before, last = self.manifest.files or (_File(_name(1), 0, 0),)
        if last.bytes >= roll_at:
            before, last = [*before, last], _File(_name(len(before) + 2), 0, 0)
        with (self.home / last.name).open("r+b" if last.bytes else "wb") as file:
            file.seek(last.bytes)
            file.write(block)
            file.flush()
            os.fsync(file.fileno())
        return *before, _File(last.name, last.bytes + len(block), last.records + records)

    def _tidy(self) -> None:
        """Cut off what no commit names; refuse where something that one names is gone."""
        lengths = {file.name: file.bytes for file in self.manifest.files}
        for path in self.home.glob("*.ndjson"):
            if path.name not in lengths and path.stem.isdigit():
                path.unlink()
        (self.home / _UNFINISHED).unlink(missing_ok=True)
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


class _Index:
    """Which version of each record was written last. On disk, so that memory does not grow with them."""

    def __init__(self, home: Path, manifest: _Manifest) -> None:
        self._path = home / _INDEX
        self._connection = self._connect()
        try:
            self._catch_up(home, manifest)
        except sqlite3.DatabaseError:
            self._start_anew()
            self._catch_up(home, manifest)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def count(self) -> int:
        return int(self._connection.execute("select count(*) from versions").fetchall()[0][0])

    def drop_known(self, versions: dict[int, _Version]) -> None:
        """Leave only what is to be written: newer than what was, or equally new and different."""
        query = (
            "select versions.id, ticks, digest from json_each(?) as wanted "
            "join versions on versions.id = wanted.value"
        )
        for id_, ticks, digest in self._connection.execute(query, (msgspec.json.encode([*versions]),)):
            _, new_ticks, new_digest = versions[id_]
            if new_ticks < ticks or (new_ticks == ticks and new_digest == digest):
                del versions[id_]

    def add(self, versions: dict[int, _Version], covered: int) -> None:
        """Note what was written; `covered` is the length of the files with it."""
        connection = self._connection
        connection.execute("begin")
        connection.executemany("insert or replace into versions values (?, ?, ?)", sorted(versions.values()))
        connection.execute("update covered set bytes = ?", (covered,))
        connection.execute("commit")

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, isolation_level=None)

    def _start_anew(self) -> None:
        self._connection.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._connection = self._connect()

    def _catch_up(self, home: Path, manifest: _Manifest) -> None:
        """Read what the files have and the index has not: the last commit after a kill, or everything."""
        connection = self._connection
        # In WAL mode NORMAL keeps the index whole through a power cut; that its last commits may be
        # missing then is what this method is for.
        connection.execute("pragma journal_mode = wal").fetchall()
        connection.execute("pragma synchronous = normal").fetchall()
        connection.execute(
            "create table if not exists versions (id integer primary key, ticks integer, digest integer)"
        )
        connection.execute("create table if not exists covered (bytes integer)")
        rows = connection.execute("select bytes from covered").fetchall()
        covered = int(rows[0][0]) if rows else 0
        if rows and covered == manifest.bytes:
            return
        connection.execute("begin")
        try:
            if covered > manifest.bytes or not rows:  # of other files than these
                covered = 0
                connection.execute("delete from versions")
                connection.execute("delete from covered")
                connection.execute("insert into covered values (0)")
            lines = (_version(line) for line in _lines(home, manifest, after=covered))
            connection.executemany("insert or replace into versions values (?, ?, ?)", lines)
            connection.execute("update covered set bytes = ?", (manifest.bytes,))
            connection.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("rollback")
            raise


class _Lock:
    """A file this process has locked until it lets go or ends, however it ends."""

    def __init__(self, path: Path, tenant: int) -> None:
        self._file: BinaryIO = path.open("ab")
        try:
            _lock(self._file.fileno())
        except OSError:
            self._file.close()
            raise LedgerConflict(
                f"{path.parent}: another program is writing to tenant {tenant}; "
                "wait for it or stop it, then run again"
            ) from None

    def release(self) -> None:
        self._file.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _read_manifest(home: Path) -> _Manifest:
    path = home / _MANIFEST
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return _Manifest()
    try:
        layout = msgspec.json.decode(body, type=_Layout).layout
        if layout == LAYOUT:
            return msgspec.json.decode(body, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LedgerConflict(f"{path}: this manifest cannot be read: it is damaged") from None
    raise LedgerConflict(
        f"{path}: this manifest has layout {layout}; this version reads layout {LAYOUT}. "
        "Use the version that wrote it, or another folder."
    )


def _replace(home: Path, body: bytes) -> None:
    """Put the manifest in place: whole and for good once this returns, untouched where it raises."""
    with (home / _UNFINISHED).open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    (home / _UNFINISHED).replace(home / _MANIFEST)
    _sync_folder(home)


def _make_folder(path: Path) -> None:
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Force the names in a folder to disk, where the system can."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lines(home: Path, manifest: _Manifest, *, after: int = 0) -> Iterator[bytes]:
    """The lines that count, without their ends; `after` skips so many bytes of all files together."""
    for file in manifest.files:
        skipped = min(after, file.bytes)
        after -= skipped
        left = file.bytes - skipped
        if left == 0:
            continue
        with (home / file.name).open("rb") as lines:
            lines.seek(skipped)
            for line in lines:
                if left <= 0:
                    break
                left -= len(line)
                yield line.rstrip(b"\n")


def _line(raw: bytes) -> bytes:
    """The record on one line. JSON has line ends between its tokens alone, where a space is as good."""
    if b"\n" in raw or b"\r" in raw:
        raw = raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return raw + b"\n"


def _keys(line: bytes) -> _Keys:
    try:
        return msgspec.json.decode(line, type=_Keys)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SyncError("a line of the files is no record any more: they were changed by hand") from None


def _version(line: bytes) -> _Version:
    """What `commit` knew of a line when it was written."""
    id_, modified_on = (keys := _keys(line)).id, keys.modified_on
    ticks = 0
    if isinstance(modified_on, str):
        with suppress(ValueError):
            ticks = to_ticks(modified_on)
    return _Version(id_, ticks, _digest(line + b"\n"))


def _digest(line: bytes) -> int:
    return int.from_bytes(blake2b(line, digest_size=8).digest(), "big", signed=True)


def _name(number: int) -> str:
    return f"{number:06d}.ndjson"
