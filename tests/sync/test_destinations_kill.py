"""A program killed while it commits: each batch is in as a whole, with its ledger, or not at all."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from destination_kit import ON_DISK, TENANT, customer, held, make, odd_record

WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from destination_kit import TENANT, batch, customer, make, odd_record

async def main(kind, folder):
    async with make(kind, Path(folder)) as destination:
        done = await destination.load(TENANT, "customers")
        run = done.runs if done else 0
        while True:
            run += 1
            # Every record changes in every batch, and one half is new: a mixture would show.
            records = [customer(id_, run) for id_ in range(600 + run * 20)]
            odd = [odd_record(f"id:{run + number}", str(run)) for number in range(50)]
            await destination.commit(batch(records, runs=run, odd=odd, cleared=[f"id:{run - 1}"]))
            print(run, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


@pytest.mark.parametrize("kind", ON_DISK)
async def test_a_kill_at_any_point_leaves_each_batch_wholly_in_or_out(kind: str, tmp_path: Path) -> None:
    dice, acknowledged = random.Random(kind), 0
    for _ in range(3):
        command = [sys.executable, "-c", WRITER, kind, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randrange(2, 5)):
                acknowledged = int(writer.stdout.readline())
            # Up to here it is certain that the next commit is under way, not how far.
            sum(range(dice.randrange(1_000_000)))
            writer.kill()
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split())])
        async with make(kind, tmp_path) as destination:
            ledger = await destination.load(TENANT, "customers")
            assert ledger is not None
            assert ledger.runs in (acknowledged, acknowledged + 1)
            expected = {id_: customer(id_, ledger.runs).raw for id_ in range(600 + ledger.runs * 20)}
            assert await destination.count(TENANT, "customers") == len(expected) == ledger.records
            assert held(destination) == expected
            odd = [odd_record(f"id:{ledger.runs + number}", str(ledger.runs)) for number in range(50)]
            assert await destination.quarantine(TENANT, "customers") == sorted(odd, key=lambda one: one.key)
            assert json.loads(expected[1])["id"] == 1
