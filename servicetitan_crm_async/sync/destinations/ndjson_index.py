"""Which version of each record was written last, beside the files, so that they need not be read again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import msgspec

from servicetitan_crm_async.sync.destinations.ndjson_files import Manifest, lines, record_of
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.destinations.sqlite_reading import read_quietly

T = TypeVar("T")

INDEX = ".index.sqlite"
_LAYOUT = 2
"""In the `user_version` of the file; one of another layout is made anew."""
_VERSIONS = "create table versions (id integer primary key, ticks integer, digest integer, active integer)"


class Version(NamedTuple):
    id: int
    ticks: int
    digest: int
    """Of the line, so that the same version is not written a second time."""
    active: bool | None

    @classmethod
    def of(cls, record: Record, line: bytes) -> Self:
        return cls(record.id, record.ticks, digest(line), record.active)


class Index:
    """On disk, so that memory does not grow with the records.

    It is made anew from the files where it is missing, damaged, of another layout or of other files.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls, home: Path, manifest: Manifest) -> Self:
        """The index of a folder, brought up to what its files have."""
        path = home / INDEX
        try:
            return cls._opened(path, manifest)
        except sqlite3.DatabaseError:
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            return cls._opened(path, manifest)

    @classmethod
    def _opened(cls, path: Path, manifest: Manifest) -> Self:
        connection = sqlite3.connect(path, isolation_level=None)
        index = cls(connection)
        try:
            # In WAL mode NORMAL keeps the index whole through a power cut; that its last commits may be
            # missing then is what catching up is for.
            connection.execute("pragma journal_mode = wal").fetchall()
            connection.execute("pragma synchronous = normal").fetchall()
            index.catch_up(path.parent, manifest)
        except BaseException:
            connection.close()
            raise
        return index

    def close(self) -> None:
        self._connection.close()

    def covered(self) -> int | None:
        """The length of the files this speaks of; None where it is of another layout."""
        if self._connection.execute("pragma user_version").fetchone() != (_LAYOUT,):
            return None
        return int(self._connection.execute("select bytes from covered").fetchone()[0])

    def count(self) -> int:
        return int(self._connection.execute("select count(*) from versions").fetchone()[0])

    def versions(self) -> Iterator[tuple[int, int, object]]:
        """Id, ticks and `active` of every record; read them to the end."""
        with closing(self._connection.execute("select id, ticks, active from versions")) as rows:
            yield from rows

    def drop_known(self, versions: dict[int, Version]) -> None:
        """Leave only what is to be written: newer than what was, or equally new and different."""
        query = (
            "select versions.id, ticks, digest from json_each(?) as wanted "
            "join versions on versions.id = wanted.value"
        )
        for id_, ticks, known in self._connection.execute(query, (msgspec.json.encode([*versions]),)):
            new = versions[id_]
            if new.ticks < ticks or (new.ticks == ticks and new.digest == known):
                del versions[id_]

    def add(self, versions: dict[int, Version], covered: int) -> None:
        """Note what was written; `covered` is the length of the files with it."""
        self._write(iter(sorted(versions.values())), covered)

    def catch_up(self, home: Path, manifest: Manifest) -> None:
        """Read what the files have and this has not: the last commit after a kill, or everything."""
        covered = self.covered()
        if covered == manifest.size:
            return
        anew = covered is None or covered > manifest.size
        added = lines(home, manifest, after=0 if anew else covered or 0)
        self._write((Version.of(record_of(line), line + b"\n") for line in added), manifest.size, anew=anew)

    def _write(self, versions: Iterator[Version], covered: int, *, anew: bool = False) -> None:
        connection = self._connection
        connection.execute("begin")
        try:
            if anew:
                for table in ("versions", "covered"):
                    connection.execute(f"drop table if exists {table}")
                connection.execute(_VERSIONS)
                connection.execute("create table covered (bytes integer)")
                connection.execute("insert into covered values (0)")
                connection.execute(f"pragma user_version = {_LAYOUT}")
            connection.executemany("insert or replace into versions values (?, ?, ?, ?)", versions)
            connection.execute("update covered set bytes = ?", (covered,))
            connection.execute("commit")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("rollback")
            raise


def looked_up(home: Path, manifest: Manifest, ask: Callable[[Index], T]) -> T:
    """What the index of a folder says where it fits the manifest, else one made of the files for this once.

    Writes nothing that stays.
    """

    def at_once(connection: sqlite3.Connection) -> T:
        index = Index(connection)
        if index.covered() != manifest.size:
            raise _DoesNotFit
        return ask(index)

    with suppress(_DoesNotFit, sqlite3.Error):
        return read_quietly(home / INDEX, at_once)
    # Without a name SQLite puts it on disk where it grows, for as long as it is open.
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        index = Index(connection)
        index.catch_up(home, manifest)
        return ask(index)


def digest(line: bytes) -> int:
    return int.from_bytes(blake2b(line, digest_size=8).digest(), "big", signed=True)


class _DoesNotFit(Exception):
    """The index speaks of other files than the manifest."""
