"""A look into a SQLite file that leaves no trace, whoever else may be writing to it.

A file in WAL mode that nobody has open lies there without its log. Opened to be read only, SQLite would
make an empty log beside it, leave it there, and refuse where it may not. So such a file is read as one
that does not change, without locks, and what was read counts only if it did not change. Where a log is
there, its locks are there too, and SQLite reads beside whoever writes.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")


def read_quietly(path: Path, look: Callable[[sqlite3.Connection], T], *, patience: float = 10.0) -> T:
    """What `look` finds, all of it as of one moment; it may be called again after it has failed or ended.

    Raises:
        sqlite3.Error: what SQLite says; `OperationalError` where there is no such file.
    """
    while True:
        before = _state(path)
        mode = "mode=ro" if before.in_use else "mode=ro&immutable=1"
        address = f"{path.absolute().as_uri()}?{mode}"
        try:
            with closing(sqlite3.connect(address, patience, isolation_level=None, uri=True)) as connection:
                connection.execute("begin")
                found = look(connection)
        except sqlite3.Error:
            if before.in_use or _state(path) == before:
                raise
            continue
        if before.in_use or _state(path) == before:
            return found


class _State(NamedTuple):
    in_use: bool
    """Whether there is a log or a journal, so that the file alone does not say everything."""
    changed: tuple[int, ...]


def _state(path: Path) -> _State:
    logs = (path.with_name(f"{path.name}-{suffix}") for suffix in ("wal", "journal"))
    in_use = any(log.exists() for log in logs)
    if not path.exists():
        return _State(in_use, ())
    now = path.stat()
    return _State(in_use, (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns))
