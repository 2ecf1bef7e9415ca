"""The files of one entity as its manifest tells of them; nothing in here changes them but `replace`."""

from __future__ import annotations

import os
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, repeat
from pathlib import Path
from typing import TypeVar

import msgspec

from servicetitan_crm_async._core.clock import to_ticks
from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations.protocol import OddRecord, Record

T = TypeVar("T")

LAYOUT = 1
"""The layout of manifests this version writes. Another one is refused, never half-read.

A manifest without `quarantine` is of the same layout: its quarantine is empty. An older version, which
would drop that field, does not come to write: the ledger in the manifest is of a layout it refuses.
"""

MANIFEST = "manifest.json"
UNFINISHED = "manifest.json.tmp"
QUARANTINE = "quarantine.ndjson"

_LF, _CR = b"\n\r"

_BUFFER = 256 * 1024
"""Bytes written at a time: a few hundred lines."""


class DataFile(msgspec.Struct, frozen=True):
    name: str
    bytes: int
    records: int


class Manifest(msgspec.Struct, frozen=True):
    files: tuple[DataFile, ...] = ()
    quarantine: int = 0
    """How many bytes of the quarantine count."""
    ledger: msgspec.Raw = msgspec.Raw(b"null")
    layout: int = LAYOUT

    @property
    def size(self) -> int:
        """The length of all files of records together; they only grow, so it tells one state from another."""
        return sum(file.bytes for file in self.files)

    @property
    def lengths(self) -> dict[str, int]:
        """How much of each file counts."""
        lengths = {file.name: file.bytes for file in self.files}
        return {**lengths, QUARANTINE: self.quarantine} if self.quarantine else lengths

    @property
    def committed(self) -> bytes | None:
        """The ledger as JSON, if there is one."""
        body = bytes(self.ledger)
        return None if body == b"null" else body


class _Layout(msgspec.Struct):
    layout: int = 0


class _Keys(msgspec.Struct):
    id: int
    modified_on: object = msgspec.field(default=None, name="modifiedOn")
    active: object = None


class _Line(msgspec.Struct):
    """A line of the quarantine."""

    key: str
    cleared: bool = False


_decode_keys = msgspec.json.Decoder(_Keys).decode
_decode_line = msgspec.json.Decoder(_Line).decode
_decode_odd = msgspec.json.Decoder(OddRecord).decode


def data_file_name(number: int) -> str:
    return f"{number:06d}.ndjson"


def read_manifest(home: Path) -> Manifest:
    """The manifest of a folder; an empty one where there is none.

    Raises:
        LedgerConflict: it is damaged, or of another layout.
    """
    path = home / MANIFEST
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return Manifest()
    try:
        layout = msgspec.json.decode(body, type=_Layout).layout
        if layout == LAYOUT:
            return msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise LedgerConflict(f"{path}: this manifest cannot be read: it is damaged") from None
    raise LedgerConflict(
        f"{path}: this manifest has layout {layout}; this version reads layout {LAYOUT}. "
        "Use the version that wrote it, or another folder."
    )


def replace(home: Path, manifest: Manifest) -> None:
    """Put a manifest in place: whole and for good once this returns, untouched where it raises."""
    with (home / UNFINISHED).open("wb") as file:
        file.write(msgspec.json.encode(manifest) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    (home / UNFINISHED).replace(home / MANIFEST)
    _sync_folder(home)


def append(path: Path, at: int, lines: Iterable[bytes]) -> int:
    """Write behind what counts, and force it to disk; the length that counts once a manifest says so."""
    with path.open("r+b" if at else "wb", buffering=_BUFFER) as file:
        file.seek(at)
        file.writelines(chain.from_iterable(zip(lines, repeat(b"\n"))))
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def make_folder(path: Path) -> None:
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        _sync_folder(path.parent)


def lines(home: Path, manifest: Manifest, *, after: int = 0) -> Iterator[bytes]:
    """The records that count, one a line; `after` skips so many bytes of all files together."""
    for file in manifest.files:
        skipped = min(after, file.bytes)
        after -= skipped
        yield from _counted(home / file.name, skipped, file.bytes)


def lines_at(home: Path, manifest: Manifest, places: Sequence[int]) -> Iterator[bytes]:
    """The lines that begin at these places, which ascend and are counted over all files."""
    begin = first = 0
    for file in manifest.files:
        end = begin + file.bytes
        last = bisect_left(places, end, first)
        if first < last:
            with (home / file.name).open("rb") as opened:
                for place in places[first:last]:
                    opened.seek(place - begin)
                    yield opened.readline().rstrip(b"\n")
        begin, first = end, last


def odd_lines(home: Path, manifest: Manifest) -> Iterator[tuple[str, bytes | None]]:
    """What the quarantine tells, oldest first: a key and its line, or None where the key was cleared."""
    for body in _counted(home / QUARANTINE, 0, manifest.quarantine):
        line = _from_line(_decode_line, body)
        yield line.key, None if line.cleared else body


def odd_of(line: bytes) -> OddRecord:
    return _from_line(_decode_odd, line)


def odd_line(odd: OddRecord) -> bytes:
    return msgspec.json.encode(odd)


def cleared_line(key: str) -> bytes:
    return msgspec.json.encode(_Line(key, cleared=True))


def line_of(raw: bytes) -> bytes:
    """The record on one line. JSON has line ends between its tokens alone, where a space is as good."""
    if _LF in raw or _CR in raw:
        return raw.replace(b"\n", b" ").replace(b"\r", b" ")
    return raw


def id_of(line: bytes) -> int:
    return _from_line(_decode_keys, line).id


def record_of(line: bytes) -> Record:
    """What `commit` knew of a line when it was written."""
    keys = _from_line(_decode_keys, line)
    modified_on = keys.modified_on if isinstance(keys.modified_on, str) else None
    ticks = 0
    if modified_on is not None:
        with suppress(ValueError):
            ticks = to_ticks(modified_on)
    return Record(keys.id, modified_on, ticks, keys.active if isinstance(keys.active, bool) else None, line)


def _from_line(decode: Callable[[bytes], T], line: bytes) -> T:
    try:
        return decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SyncError("a line of the files is no record any more: they were changed by hand") from None


def _counted(path: Path, start: int, end: int) -> Iterator[bytes]:
    """The lines between two places of a file, without their ends."""
    if start == end:
        return
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            if start >= end:
                break
            start += len(line)
            yield line.rstrip(b"\n")


def _sync_folder(path: Path) -> None:
    """Force the names in a folder to disk, where the system can."""
    if sys.platform != "win32":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
