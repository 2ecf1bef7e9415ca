"""The same recipe gives the same tenant: in another instance, another process, another order of steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_desk import BORN_TICKS, SECOND, Desk, small

from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox


def everything(sandbox: Sandbox) -> dict[str, dict[int, tuple[str, bytes]]]:
    return {kind: sandbox.records(kind) for kind in KINDS}


def test_two_sandboxes_of_one_recipe_hold_the_same_bytes() -> None:
    assert everything(small(life=20)) == everything(small(life=20))


@pytest.mark.parametrize("change", [{"seed": 8}, {"tenant_id": 1002}])
def test_another_seed_or_tenant_holds_other_records(change: dict[str, Any]) -> None:
    assert everything(small()) != everything(small(**change))


def test_a_saved_sandbox_is_the_same_at_any_instant_after_loading(tmp_path: Path) -> None:
    sandbox = small(life=20, visibility_delay=2.0)
    sandbox.add_tenant(1002)
    sandbox.save(tmp_path / "sandbox.json")
    loaded = Sandbox.load(tmp_path / "sandbox.json")
    for seconds in (0, 3, 60):
        at = BORN_TICKS + seconds * SECOND
        for tenant_id in (1001, 1002):
            assert sandbox.records("customers", tenant_id, as_of=at) == loaded.records(
                "customers", tenant_id, as_of=at
            )
    assert loaded.tenants == sandbox.tenants


def test_a_saved_sandbox_is_the_same_in_another_process(tmp_path: Path) -> None:
    sandbox = small(life=20)
    sandbox.save(tmp_path / "sandbox.json")
    at = BORN_TICKS + 30 * SECOND
    script = (
        "import sys, hashlib\n"
        "from servicetitan_crm_async.sandbox import KINDS, Sandbox\n"
        "sandbox = Sandbox.load(sys.argv[1])\n"
        "seen = [sandbox.records(kind, as_of=int(sys.argv[2])) for kind in KINDS]\n"
        "print(hashlib.sha256(repr(seen).encode()).hexdigest())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "sandbox.json"), str(at)]
    digests = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    small().save(tmp_path / "sandbox.json")
    saved = json.loads((tmp_path / "sandbox.json").read_text())
    (tmp_path / "sandbox.json").write_text(json.dumps({**saved, "version": 99}))
    with pytest.raises(ValueError, match="version 99"):
        Sandbox.load(tmp_path / "sandbox.json")


@settings(deadline=None, max_examples=25)
@given(steps=st.lists(st.integers(0, 20 * SECOND), max_size=8), delay=st.sampled_from([0.0, 0.5, 3.0]))
def test_one_long_step_is_the_same_as_many_short_ones(steps: list[int], delay: float) -> None:
    at_once, stepwise = (small(customers=20, life=30, visibility_delay=delay) for _ in range(2))
    at = BORN_TICKS
    for step in steps:
        at += step
        stepwise.advance(at)
    at_once.advance(at)
    assert everything(at_once) == everything(stepwise)


@settings(deadline=None, max_examples=15)
@given(asked=st.lists(st.integers(0, 10), max_size=5))
def test_looking_changes_nothing(asked: list[int]) -> None:
    looked_at, left_alone = small(customers=20, life=30), small(customers=20, life=30)
    desk = Desk(looked_at)
    for seconds in sorted(asked):
        desk.now = BORN_TICKS + seconds * SECOND
        desk.all("/customers", active="Any", sort="-ModifiedOn")
        desk.get("/leads", status="Open")
    at = BORN_TICKS + 11 * SECOND
    assert looked_at.records("customers", as_of=at) == left_alone.records("customers", as_of=at)


def test_writing_does_not_change_the_course_of_life() -> None:
    written, left_alone = small(life=30), small(life=30)
    desk = Desk(written)
    for seconds in range(5):
        desk.now = BORN_TICKS + seconds * SECOND
        desk.ask("POST", "/leads", {"campaignId": 1, "summary": "new", "callReasonId": 3})
    at = BORN_TICKS + 20 * SECOND
    made = left_alone.records("leads", as_of=at)
    assert made.items() <= written.records("leads", as_of=at).items()
    assert written.records("customers", as_of=at) == left_alone.records("customers", as_of=at)


def test_life_keeps_its_pace_and_stamps_its_changes_when_they_were_due() -> None:
    sandbox = small(life=10)
    before = sandbox.records("customers")
    at = BORN_TICKS + 100 * SECOND
    assert sandbox.world().advance(at) == 1000
    changed = {key: value for key, value in sandbox.records("customers").items() if before.get(key) != value}
    stamps = [stamp for stamp, _ in changed.values()]
    assert len(stamps) == len(set(stamps)) > 50
    assert all("2026-03-01T12:00:00" <= stamp < "2026-03-01T12:01:41" for stamp in stamps)


def test_a_change_is_seen_late_but_never_later_than_the_delay() -> None:
    sandbox = small(life=50, visibility_delay=2.0)
    at = BORN_TICKS + 10 * SECOND
    then = sandbox.records("customers", as_of=at)
    later = sandbox.records("customers", as_of=at + 5 * SECOND)
    came_late = [
        stamp
        for key, (stamp, _) in later.items()
        if stamp <= "2026-03-01T12:00:10Z" and then.get(key, ("", b""))[0] != stamp
    ]
    assert len(came_late) > 10
    assert min(came_late) > "2026-03-01T12:00:08"


def test_the_past_can_be_asked_for_until_somebody_writes() -> None:
    sandbox = small(life=10)
    then = sandbox.records("customers", as_of=BORN_TICKS + 5 * SECOND)
    sandbox.advance(BORN_TICKS + 50 * SECOND)
    assert sandbox.records("customers", as_of=BORN_TICKS + 5 * SECOND) == then != sandbox.records("customers")
    sandbox.world().edit("customers", min(then), {"name": "changed"})
    with pytest.raises(ValueError, match="past"):
        sandbox.records("customers", as_of=BORN_TICKS + 5 * SECOND)


def test_a_twin_starts_over() -> None:
    sandbox = small(life=10)
    sandbox.faults.add(Fault.status(500))
    sandbox.advance(BORN_TICKS + 50 * SECOND)
    twin = sandbox.twin()
    assert twin.records("customers") == small(life=10).records("customers")
    assert not twin.faults.struck


def test_seeded_stamps_lie_before_birth_and_some_are_shared_by_many() -> None:
    sandbox = small(customers=2000)
    stamps = [record.modified for record in sandbox.world().tables["customers"]]
    assert max(stamps) < BORN_TICKS
    assert max(map(stamps.count, set(stamps))) >= 10
    assert all(record.created <= record.modified for record in sandbox.world().tables["customers"])


def test_kinds_can_be_left_out() -> None:
    sandbox = small(locations_per_customer=0, contacts=(0, 0), leads=0, bookings=0, tag_types=0, life=20)
    sandbox.advance(BORN_TICKS + 20 * SECOND)
    assert {kind for kind in KINDS if sandbox.records(kind)} == {"customers"}
