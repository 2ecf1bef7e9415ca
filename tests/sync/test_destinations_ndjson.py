"""The files of `NdjsonDestination`: what a kill may leave behind, and what is made of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import pytest
from destination_kit import TENANT, batch, customer, ledger, raw_customer

from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations import NdjsonDestination, Record, read_ndjson


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the entity all these tests write."""
    return tmp_path / str(TENANT) / "customers"


def current(directory: Path) -> list[bytes]:
    return sorted(read_ndjson(directory, TENANT, "customers"))


async def test_a_record_is_a_line_as_sent(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1), customer(2)]))
    assert (home / "000001.ndjson").read_bytes() == customer(1).raw + b"\n" + customer(2).raw + b"\n"


async def test_a_record_with_line_ends_stays_one_line(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([raw_customer(b'{\r\n"id": 1,\n"balance": 1.10\n}')]))
    assert (home / "000001.ndjson").read_bytes() == b'{  "id": 1, "balance": 1.10 }\n'


async def test_the_last_line_of_an_id_wins_and_no_version_comes_twice(tmp_path: Path, home: Path) -> None:
    landed = [customer(1, 1), customer(1, 3), customer(1, 2), customer(1, 3), customer(1, 3, name="other")]
    async with NdjsonDestination(tmp_path) as destination:
        for record in landed:
            await destination.commit(batch([record]))
    lines = (home / "000001.ndjson").read_bytes().splitlines()
    assert lines == [landed[0].raw, landed[1].raw, landed[4].raw]
    assert current(tmp_path) == [landed[4].raw]


async def test_a_full_file_is_followed_by_another(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path, roll_at=700) as destination:
        for id_ in range(6):
            await destination.commit(batch([customer(id_)]))
    names = [path.name for path in sorted(home.glob("*.ndjson"))]
    manifest = json.loads((home / "manifest.json").read_bytes())
    assert names == ["000001.ndjson", "000002.ndjson", "000003.ndjson"]
    assert [file["name"] for file in manifest["files"]] == names
    assert [file["bytes"] for file in manifest["files"]] == [(home / name).stat().st_size for name in names]
    assert [file["records"] for file in manifest["files"]] == [2, 2, 2]
    assert manifest["ledger"]["entity"] == "customers"
    assert current(tmp_path) == sorted(customer(id_).raw for id_ in range(6))
    async with NdjsonDestination(tmp_path) as destination:
        assert await destination.records(TENANT, "customers", [5, 0, 3]) == [
            customer(id_) for id_ in (0, 3, 5)
        ]


@pytest.mark.parametrize("others", [[], [30_000], [20_000, 20_000]])
async def test_a_version_is_known_in_the_index_and_while_it_waits_to_get_there(
    tmp_path: Path, home: Path, others: list[int]
) -> None:
    """However many others came since: an older one and the same one are not written, any other one is."""
    bare, first = (Record(number, None, 0, None, b'{"id":%d}' % number) for number in count(10)), range(4)
    landed = [customer(0, 1), customer(1, 2), customer(2, 2), customer(3, 2, name="other")]
    async with (
        NdjsonDestination(tmp_path) as destination,
        NdjsonDestination(tmp_path, read_only=True) as mirror,
    ):
        await destination.commit(batch(customer(id_, 1) for id_ in first))
        for many in others:
            await destination.commit(batch(islice(bare, many)))
        await destination.commit(batch([customer(0, 0), *landed]))
        await destination.commit(batch([customer(1, 1), customer(2, 2), customer(3, 2, name="other")]))
        written = (home / "000001.ndjson").read_bytes().splitlines()
        assert written[:4] == [customer(id_, 1).raw for id_ in first]
        assert written[4 + sum(others) :] == [record.raw for record in landed[1:]]
        for each in (mirror, destination):
            assert await each.count(TENANT, "customers") == 4 + sum(others)
            assert await each.records(TENANT, "customers", first) == landed


async def test_what_a_killed_commit_left_is_cut_off(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)], runs=1))
    good = (home / "000001.ndjson").read_bytes()
    with (home / "000001.ndjson").open("ab") as file:
        file.write(customer(2).raw + b'\n{"id": 3, "na')
    (home / "000002.ndjson").write_bytes(b'{"id": 4}\n')
    (home / "manifest.json.tmp").write_bytes(b'{"files": [')
    (home / "notes.ndjson").write_bytes(b"mine")
    assert current(tmp_path) == [customer(1).raw]  # a reader need not wait for the next sync

    async with NdjsonDestination(tmp_path) as destination:
        assert await destination.load(TENANT, "customers") == ledger(records=1, runs=1)
        assert (home / "000001.ndjson").read_bytes() == good
        await destination.commit(batch([customer(5)]))
    assert sorted(path.name for path in home.iterdir()) == [
        ".index.sqlite",
        "000001.ndjson",
        "manifest.json",
        "notes.ndjson",
    ]
    assert current(tmp_path) == [customer(1).raw, customer(5).raw]


async def test_files_of_a_first_commit_that_never_ended_do_not_count(tmp_path: Path, home: Path) -> None:
    home.mkdir(parents=True)
    (home / "000001.ndjson").write_bytes(customer(9).raw + b"\n")
    async with NdjsonDestination(tmp_path) as destination:
        assert await destination.load(TENANT, "customers") is None
        await destination.commit(batch([customer(1)]))
    assert current(tmp_path) == [customer(1).raw]


@pytest.mark.parametrize("damage", ["missing", "behind", "ahead", "garbage", "older"])
async def test_an_index_that_does_not_match_is_made_anew(tmp_path: Path, home: Path, damage: str) -> None:
    index = home / ".index.sqlite"
    async with NdjsonDestination(tmp_path, roll_at=2_000) as destination:
        await destination.commit(batch([customer(id_, 5) for id_ in range(10)]))
    early = index.read_bytes()
    async with NdjsonDestination(tmp_path, roll_at=2_000) as destination:
        await destination.commit(batch([customer(id_, 7) for id_ in range(8, 20)]))
    if damage == "missing":
        index.unlink()
    elif damage == "behind":
        index.write_bytes(early)
    elif damage == "garbage":
        index.write_bytes(b"no database " * 1_000)
    elif damage == "older":
        with closing(sqlite3.connect(index)) as file:
            file.executescript("pragma user_version = 0; alter table versions drop column inactive")
    else:
        for name in ("manifest.json", "000001.ndjson", "000002.ndjson"):
            (home / name).unlink(missing_ok=True)

    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(id_, 6) for id_ in range(20)]))
        assert await destination.count(TENANT, "customers") == 20
    expected = [6] * 20 if damage == "ahead" else [6] * 8 + [7] * 12
    assert current(tmp_path) == sorted(customer(id_, version).raw for id_, version in enumerate(expected))


async def test_a_file_shorter_than_its_manifest_says_is_an_error(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
    (home / "000001.ndjson").write_bytes(b"")
    async with NdjsonDestination(tmp_path) as destination:
        with pytest.raises(SyncError, match="are gone since the last sync; restore the file, or delete"):
            await destination.load(TENANT, "customers")


@pytest.mark.parametrize(
    ("body", "why"),
    [(b'{"layout":2}', "has layout 2"), (b"{", "damaged"), (b'{"layout":1,"files":3}', "damaged")],
)
async def test_a_manifest_of_another_layout_is_refused(
    tmp_path: Path, home: Path, body: bytes, why: str
) -> None:
    home.mkdir(parents=True)
    (home / "manifest.json").write_bytes(body)
    async with NdjsonDestination(tmp_path) as destination:
        with pytest.raises(LedgerConflict, match=why):
            await destination.load(TENANT, "customers")
        with pytest.raises(LedgerConflict, match=why):
            await destination.commit(batch([customer(1)]))
    assert (home / "manifest.json").read_bytes() == body


async def test_a_folder_copied_to_another_tenant_is_refused(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
    (tmp_path / str(TENANT)).rename(tmp_path / "7")
    async with NdjsonDestination(tmp_path) as destination:
        with pytest.raises(LedgerConflict, match=f"that of customers of tenant {TENANT}"):
            await destination.load(7, "customers")


async def test_one_program_at_a_time_writes_to_a_tenant(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from servicetitan_crm_async.sync.destinations.lockfile import LockFile;"
        "lock = LockFile(Path(sys.argv[1]), 1); print('held', flush=True); sys.stdin.read()"
    )
    (tmp_path / str(TENANT)).mkdir()
    command = [sys.executable, "-c", code, str(tmp_path / str(TENANT) / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        async with NdjsonDestination(tmp_path) as destination:
            with pytest.raises(LedgerConflict, match=f"another program is writing to tenant {TENANT}"):
                await destination.commit(batch([customer(1)]))
            await destination.commit(batch([customer(1)], tenant=7))
            other.kill()
            other.wait()
            await destination.commit(batch([customer(1)]))
    assert current(tmp_path) == [customer(1).raw]


async def test_a_commit_that_failed_half_way_is_taken_up_afresh(tmp_path: Path, home: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)], runs=1))
        (home / "manifest.json.tmp").mkdir()  # the lines are written, the manifest cannot be
        with pytest.raises(SyncError, match=r"manifest\.json\.tmp: a folder is needed where a file is"):
            await destination.commit(batch([customer(2)], runs=2))
        (home / "manifest.json.tmp").rmdir()
        assert await destination.load(TENANT, "customers") == ledger(records=1, runs=1)
        assert await destination.count(TENANT, "customers") == 1
        await destination.commit(batch([customer(3)], runs=2))
    assert current(tmp_path) == [customer(1).raw, customer(3).raw]


async def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SyncError, match="file"):
        await NdjsonDestination(tmp_path / "file").__aenter__()
