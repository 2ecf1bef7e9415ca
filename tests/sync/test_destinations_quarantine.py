"""Records that no row can be made of: they are kept and cleared in the commits that say so."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import pytest
from destination_kit import KINDS, ON_DISK, TENANT, batch, customer, ledger, make, odd_record, running
from hypothesis import given, settings
from hypothesis import strategies as st

from servicetitan_crm_async.errors import LedgerConflict, SyncError
from servicetitan_crm_async.sync.destinations import NdjsonDestination, OddRecord

keys = st.sampled_from(["id:1", "id:2", "id:10", "raw:ab", "Zoë", "\U0001f9f0", "it's; \"", "", "a\n"])
odd_records = st.builds(
    OddRecord,
    key=keys,
    id=st.none() | st.integers(-(2**63), 2**63 - 1),
    reason=st.sampled_from(["data[0].id: expected int", "", "modifiedOn is missing"]),
    since=st.none() | st.integers(-(2**63), 2**63 - 1),
    before=st.none() | st.integers(0, 2**62),
    seen=st.just("2024-03-01T12:00:00.0000000Z"),
    raw=st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
_tenants = count(10_000_000)


@pytest.mark.parametrize("kind", KINDS)
async def test_odd_records_land_with_the_batch_and_come_back_in_the_order_of_their_keys(
    kind: str, tmp_path: Path
) -> None:
    async with make(kind, tmp_path) as destination:
        assert await destination.quarantine(TENANT, "customers") == []
        second, first = odd_record("id:7", id=7), odd_record("id:12", id=None, since=None, before=None)
        await destination.commit(batch([customer(1)], odd=[second, first]))
        assert await destination.quarantine(TENANT, "customers") == [first, second]
        assert await destination.quarantine(TENANT, "leads") == []
        assert await destination.quarantine(7, "customers") == []
        assert await destination.count(TENANT, "customers") == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_that_comes_again_is_replaced_and_a_cleared_one_leaves(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as destination:
        await destination.commit(batch([], odd=[odd_record("id:1"), odd_record("id:2"), odd_record("id:3")]))
        changed, again = odd_record("id:1", "other", raw="{}"), odd_record("id:2", "odd again")
        await destination.commit(batch([], odd=[changed, again], cleared=["id:2", "id:3", "id:9"]))
        assert await destination.quarantine(TENANT, "customers") == [changed, again]
        twice = [odd_record("id:1"), odd_record("id:1", "the last counts")]
        await destination.commit(batch([], odd=twice, cleared=["id:2"]))
        assert await destination.quarantine(TENANT, "customers") == twice[1:]


@settings(max_examples=25, deadline=None)
@given(commits=st.lists(st.tuples(st.lists(odd_records, max_size=5), st.frozensets(keys)), max_size=5))
@pytest.mark.parametrize("kind", KINDS)
async def test_any_commits_leave_what_was_said_last_of_each_key(
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[tuple[list[OddRecord], frozenset[str]]],
) -> None:
    expected: dict[str, OddRecord] = {}
    folder = tmp_path_factory.getbasetemp() / "quarantine"
    tenant = next(_tenants)
    async with make(kind, folder) as destination:
        for odd, cleared in commits:
            for _ in range(2):  # a repeated batch changes nothing
                await destination.commit(batch([], tenant=tenant, odd=odd, cleared=cleared))
            expected = {key: one for key, one in expected.items() if key not in cleared}
            expected.update((one.key, one) for one in odd)
            assert await destination.quarantine(tenant, "customers") == [
                one for _, one in sorted(expected.items())
            ]
        if kind == "memory":
            return
    async with make(kind, folder) as destination:
        found = await destination.quarantine(tenant, "customers")
        assert found == [one for _, one in sorted(expected.items())]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_a_refused_commit_leaves_the_quarantine_as_it_was(kind: str, tmp_path: Path) -> None:
    async with make(kind, tmp_path) as first, make(kind, tmp_path) as second:
        await first.commit(batch([], odd=[odd_record("id:1")], runs=1))
        with running() as mine, running() as other:
            await first.claim(mine)
            await second.claim(other, take_over=True)
            with pytest.raises(LedgerConflict):
                await first.commit(batch([], odd=[odd_record("id:2")], cleared=["id:1"], runs=2))
        assert await second.quarantine(TENANT, "customers") == [odd_record("id:1")]
        assert await second.load(TENANT, "customers") == ledger(runs=1)


@pytest.mark.parametrize("kind", ON_DISK)
async def test_five_thousand_odd_records_land_and_leave(kind: str, tmp_path: Path) -> None:
    odd = [odd_record(f"id:{number:05d}", id=number) for number in range(5_000)]
    async with make(kind, tmp_path) as destination:
        await destination.commit(batch([customer(1)], odd=odd))
        assert await destination.quarantine(TENANT, "customers") == odd
        await destination.commit(batch([], cleared=[one.key for one in odd[1:]]))
        assert await destination.quarantine(TENANT, "customers") == odd[:1]


async def test_the_quarantine_of_ndjson_is_a_file_whose_last_lines_win(tmp_path: Path) -> None:
    home = tmp_path / str(TENANT) / "customers"
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
        assert not (home / "quarantine.ndjson").exists()
        for _ in range(2):  # what it says already is not said again
            await destination.commit(batch([], odd=[odd_record("id:1"), odd_record("id:2")]))
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([], odd=[odd_record("id:2")], cleared=["id:1", "id:9"]))
    said = [json.loads(line) for line in (home / "quarantine.ndjson").read_bytes().splitlines()]
    assert [(line["key"], line.get("cleared")) for line in said] == [
        ("id:1", None),
        ("id:2", None),
        ("id:1", True),
    ]
    assert json.loads(said[0]["raw"])["name"] == "Zoë"
    manifest = json.loads((home / "manifest.json").read_bytes())
    assert manifest["quarantine"] == (home / "quarantine.ndjson").stat().st_size
    assert manifest["layout"] == 1


async def test_what_a_killed_commit_left_in_the_quarantine_is_cut_off(tmp_path: Path) -> None:
    home = tmp_path / str(TENANT) / "customers"
    home.mkdir(parents=True)
    (home / "quarantine.ndjson").write_bytes(b'{"key":"id:0"}\n')  # of a first commit that never ended
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([customer(1)]))
        assert not (home / "quarantine.ndjson").exists()
        await destination.commit(batch([], odd=[odd_record("id:1")]))
    good = (home / "quarantine.ndjson").read_bytes()
    with (home / "quarantine.ndjson").open("ab") as file:
        file.write(b'{"key":"id:1","cleared":true}\n{"key":"id:')
    async with NdjsonDestination(tmp_path, read_only=True) as reader:
        assert await reader.quarantine(TENANT, "customers") == [odd_record("id:1")]
    async with NdjsonDestination(tmp_path) as destination:
        assert await destination.quarantine(TENANT, "customers") == [odd_record("id:1")]
        assert (home / "quarantine.ndjson").read_bytes() == good


async def test_a_commit_of_ndjson_that_failed_half_way_leaves_the_quarantine_as_it_was(
    tmp_path: Path,
) -> None:
    unfinished = tmp_path / str(TENANT) / "customers" / "manifest.json.tmp"
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([], odd=[odd_record("id:1")]))
        unfinished.mkdir()  # the lines are written, the manifest cannot be
        with pytest.raises(SyncError, match="a folder is needed where a file is"):
            await destination.commit(batch([], odd=[odd_record("id:2")], cleared=["id:1"]))
        unfinished.rmdir()
        assert await destination.quarantine(TENANT, "customers") == [odd_record("id:1")]
        await destination.commit(batch([], odd=[odd_record("id:2")], cleared=["id:1"]))
        assert await destination.quarantine(TENANT, "customers") == [odd_record("id:2")]


async def test_a_quarantine_shorter_than_its_manifest_says_is_an_error(tmp_path: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([], odd=[odd_record("id:1")]))
    (tmp_path / str(TENANT) / "customers" / "quarantine.ndjson").unlink()
    async with NdjsonDestination(tmp_path) as destination:
        with pytest.raises(SyncError, match=r"quarantine\.ndjson: \d+ of \d+ bytes are gone"):
            await destination.quarantine(TENANT, "customers")


async def test_a_line_of_the_quarantine_changed_by_hand_is_told(tmp_path: Path) -> None:
    async with NdjsonDestination(tmp_path) as destination:
        await destination.commit(batch([], odd=[odd_record("id:1")]))
        path = tmp_path / str(TENANT) / "customers" / "quarantine.ndjson"
        path.write_bytes(path.read_bytes().replace(b'"reason"', b'"no_such"'))
        with pytest.raises(SyncError, match="changed by hand"):
            await destination.quarantine(TENANT, "customers")
