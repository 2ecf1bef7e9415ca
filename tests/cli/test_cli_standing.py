"""The tenant behind `sync --sandbox`: in a file, a day older every time, quiet while it is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from servicetitan_crm_async.cli.mirror import standing
from servicetitan_crm_async.cli.mirror.standing import CUSTOMERS, meet, refuse_an_orphan
from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.sandbox import KINDS, TICKS_PER_SECOND, Sandbox
from servicetitan_crm_async.sync import Ledger, open_destination
from servicetitan_crm_async.sync.destinations import Batch

DAY = 86_400 * TICKS_PER_SECOND


@pytest.mark.parametrize("seed", range(1, 13))
def test_nothing_changes_around_the_start_of_a_run(seed: int, tmp_path: Path) -> None:
    """From ten seconds before to a minute after, so that a mirror made meanwhile equals the sandbox."""
    file = tmp_path / "sandbox.json"
    last = 0
    for _ in range(3):
        met = meet(file, seed=seed, customers=20)
        assert met.start >= last + (DAY if last else 0)
        last = met.start
        quiet = Sandbox.load(file)
        for kind in KINDS:
            begin, end = met.start - 10 * TICKS_PER_SECOND, met.start + 60 * TICKS_PER_SECOND
            born = max(begin, quiet.world().recipe.born)
            assert quiet.records(kind, as_of=born) == quiet.records(kind, as_of=end)


def test_the_first_run_meets_the_customers_it_was_born_with(tmp_path: Path) -> None:
    """The default seed is chosen so that nobody is added before the first run: exactly 20,000."""
    met = meet(tmp_path / "sandbox.json", seed=None, customers=None)
    assert CUSTOMERS == 20_000
    assert len(met.sandbox.world().tables["customers"].rows) == CUSTOMERS
    assert met.start == met.sandbox.world().recipe.born + 10 * TICKS_PER_SECOND


def test_the_clock_goes_on_from_the_start(tmp_path: Path) -> None:
    """At the pace of the machine's, and not by its date."""
    met = meet(tmp_path / "sandbox.json", seed=1, customers=1)
    clock = met.clock()
    first, second = clock(), clock()
    assert met.start <= first <= second < met.start + 10 * TICKS_PER_SECOND


def test_the_file_remembers_the_instant(tmp_path: Path) -> None:
    """What is loaded is where it was saved; a file of before that begins at its birth."""
    file = tmp_path / "sandbox.json"
    met = meet(file, seed=1, customers=20)
    assert Sandbox.load(file).now == met.sandbox.now == met.start
    assert met.sandbox.twin().now == met.sandbox.world().recipe.born
    saved = json.loads(file.read_text())
    del saved["now"]
    file.write_text(json.dumps(saved))
    assert Sandbox.load(file).now == met.sandbox.world().recipe.born


def test_another_seed_or_size_than_the_file_s_is_refused(tmp_path: Path) -> None:
    """The file wins where nothing is asked for; to ask for something else is an error, not a new tenant."""
    file = tmp_path / "sandbox.json"
    meet(file, seed=3, customers=20)
    assert meet(file, seed=None, customers=None).sandbox.seed == 3
    with pytest.raises(ConfigError) as caught:
        meet(file, seed=4, customers=21)
    assert list(caught.value.problems) == ["--seed", "--sandbox-customers"]


def test_a_file_that_is_none_or_cannot_be_is_told(tmp_path: Path) -> None:
    """As advice, not as a traceback."""
    file = tmp_path / "sandbox.json"
    file.write_text("{}")
    with pytest.raises(ConfigError):
        meet(file, seed=None, customers=None)
    with pytest.raises(SyncError):
        meet(file / "below", seed=None, customers=1)


async def test_a_mirror_whose_sandbox_is_gone_is_not_taken_for_a_new_one_s(tmp_path: Path) -> None:
    """Its ledger would say that the new sandbox had been read up to long after its birth."""
    destination = open_destination(f"sqlite:{tmp_path}/crm.db")
    file = tmp_path / "crm.db.sandbox.json"
    await refuse_an_orphan(destination, file)
    ledger = Ledger(
        tenant=standing.TENANT, entity="leads", contract="portal", strategy="pages", guarantee="exact"
    )
    async with destination:
        await destination.commit(Batch(standing.TENANT, "leads", (), ledger))
    with pytest.raises(ConfigError, match="is gone"):
        await refuse_an_orphan(destination, file)
    meet(file, seed=None, customers=1)
    await refuse_an_orphan(destination, file)
