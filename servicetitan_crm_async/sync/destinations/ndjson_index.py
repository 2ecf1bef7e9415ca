"""Which version of each record was written last, beside the files, so that they need not be read again.

Versions wait in memory and go into the index by the thousand: each one alone would rewrite a page of it,
more than the record itself. What waits is lost with the program, and then the index is of fewer bytes
than the manifest counts. Whoever comes next reads the rest from the files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from operator import itemgetter
from pathlib import Path
from typing import Self, TypeAlias, TypeVar

import msgspec

from servicetitan_crm_async.errors import SyncError
from servicetitan_crm_async.sync.destinations.ndjson_files import Manifest, lines, record_of
from servicetitan_crm_async.sync.destinations.protocol import Record
from servicetitan_crm_async.sync.destinations.sqlite_reading import read_quietly

T = TypeVar("T")

INDEX = ".index.sqlite"
_LAYOUT = 3
"""In the `user_version` of the file; one of another layout is made anew."""
_VERSIONS = "create table versions (id integer primary key, ticks integer, place integer, inactive integer)"
_KNOWN = """
select versions.id, ticks, place from json_each(?) as wanted join versions on versions.id = wanted.value"""


Version: TypeAlias = tuple[int, int, int, int]
"""A row of the index: id, ticks, where its line begins, counted over all files, and 1 where it is inactive.

No named tuple, and 0 rather than False: it would take twice as long to make, and to hand to SQLite.
"""


_ID = itemgetter(0)


def version_of(record: Record, place: int) -> Version:
    return record.id, record.ticks, place, 1 if record.active is False else 0


class Index:
    """On disk, so that memory does not grow with the records.

    It is made anew from the files where it is missing, damaged, of another layout or of other files.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: dict[int, Version] = {}
        self._length = 0
        """Of the files with what waits."""

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
        # What cannot be written now, the next one reads from the files.
        with closing(self._connection), suppress(sqlite3.Error):
            self.settle()

    def covered(self) -> int | None:
        """The length of the files that the index on disk speaks of; None where it is of another layout."""
        if self._connection.execute("pragma user_version").fetchone() != (_LAYOUT,):
            return None
        return int(self._connection.execute("select bytes from covered").fetchone()[0])

    def count(self) -> int:
        self.settle()
        return int(self._connection.execute("select count(*) from versions").fetchone()[0])

    def versions(self) -> Iterator[tuple[int, int, object]]:
        """Id, ticks and `active` of every record; read them to the end."""
        self.settle()
        with closing(self._connection.execute("select id, ticks, not inactive from versions")) as rows:
            yield from rows

    def known(self, ids: Collection[int]) -> Iterator[tuple[int, int, int]]:
        """Id, ticks and place of those of these records that were written; ids may leave `ids` meanwhile."""
        waiting = set(ids)
        others = waiting.difference(self._waiting)
        for id_ in waiting - others:
            yield self._waiting[id_][:3]
        yield from self._connection.execute(_KNOWN, (msgspec.json.encode(sorted(others)),))

    def add(self, versions: Sequence[Version], covered: int) -> None:
        """Note what was written; `covered` is the length of the files with it."""
        self._waiting.update(zip(map(_ID, versions), versions, strict=True))
        self._length = covered

    def catch_up(self, home: Path, manifest: Manifest) -> None:
        """Read what the files have and this has not: the last commits after a kill, or everything."""
        covered = self.covered()
        if covered == manifest.size:
            return
        anew = covered is None or covered > manifest.size
        begin = 0 if anew else covered or 0
        self._write(_read(home, manifest, begin), manifest.size, anew=anew)

    @property
    def waiting(self) -> int:
        """How many versions are in memory alone."""
        return len(self._waiting)

    def settle(self) -> None:
        """Write what waits, in the order of the table: neighbours share a page."""
        if self._waiting:
            self._write(map(self._waiting.__getitem__, sorted(self._waiting)), self._length)
            self._waiting.clear()

    def _write(self, versions: Iterable[Version], covered: int, *, anew: bool = False) -> None:
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

    def from_there() -> T:
        with _passing() as copy:
            read_quietly(home / INDEX, lambda connection: connection.backup(copy))
            return caught_up(copy)

    def caught_up(connection: sqlite3.Connection) -> T:
        index = Index(connection)
        index.catch_up(home, manifest)
        return ask(index)

    with suppress(_DoesNotFit, sqlite3.Error):
        return read_quietly(home / INDEX, at_once)
    # Beside a sync, and after one that was killed, only the last lines are not in it.
    with suppress(SyncError, sqlite3.Error):
        return from_there()
    with _passing() as connection:
        return caught_up(connection)


def _passing() -> closing[sqlite3.Connection]:
    """A database without a name, which SQLite puts on disk where it grows, for as long as it is open."""
    return closing(sqlite3.connect("", isolation_level=None))


def _read(home: Path, manifest: Manifest, begin: int) -> Iterator[Version]:
    """The versions in the lines from this place on."""
    for line in lines(home, manifest, after=begin):
        yield version_of(record_of(line), begin)
        begin += len(line) + 1


class _DoesNotFit(Exception):
    """The index speaks of other files than the manifest."""
