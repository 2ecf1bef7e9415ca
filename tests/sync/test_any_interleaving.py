"""The mirror equals the source after any interleaving of changes, faults, deaths and runs.

Hypothesis goes through `--examples` of them, in rounds of at most two thousand, each with a seed of its
own. What it tried is printed at the end; a round that fails says how to have just this round again.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from time import perf_counter
from typing import ClassVar, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from interleaving_kit import Interleavings
from naive_kit import (
    Copy,
    Way,
    from_its_own_clock,
    from_the_largest_seen,
    lost,
    numbers_over_a_closed_window,
)
from process_kit import TALLY
from stepped_loop import the_same_every_time
from steps_kit import COMMIT_FATES, Options, Setup, Trouble

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND
from servicetitan_crm_async.sandbox import Kind, datetime_of
from servicetitan_crm_async.sync.destinations import MemoryDestination

ROUND = 2000
SECONDS_EACH = 0.5
"""More than an example takes on a machine that has other things to do."""
STEPS = 16
"""Of each example."""
NAIVE_EXAMPLES = 500
TO_BE_MET = (
    "changes during a run",
    "faults met",
    "odd records that landed later",
    "cancellations",
    "deaths between commits",
    *(f"commits: {fate} it took effect" for fate in COMMIT_FATES),
    "commits with several windows open",
    "pages of one instant",
    "runs that found one cut short",
    "runs that met another",
    "windows: exact",
    "slices: exact",
    "pages: verified",
    "feed: exact",
)


class Round(NamedTuple):
    seed: int
    examples: int


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "round_" not in metafunc.fixturenames:
        return
    first = int(metafunc.config.getoption("interleaving_seed") or 0)
    examples = int(metafunc.config.getoption("--examples") or 0)
    rounds = [
        Round(first + number, min(ROUND, examples - start))
        for number, start in enumerate(range(0, examples, ROUND))
    ]
    metafunc.parametrize(
        "round_",
        [pytest.param(each, marks=pytest.mark.timeout(60 + SECONDS_EACH * each.examples)) for each in rounds],
        ids=lambda each: f"seed-{each.seed}",
    )


@pytest.fixture(autouse=True)
def _in_silence_and_order() -> Iterator[None]:
    """Thousands of warnings about retries would be kept for a report that nobody reads."""
    logging.disable(logging.CRITICAL)
    with the_same_every_time():
        yield
    logging.disable(logging.NOTSET)


def tried(examples: int, *phases: Phase) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        phases=phases,
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def test_the_mirror_equals_the_source_after_any_interleaving(round_: Round, remarks: list[str]) -> None:
    before, began_at = TALLY.copy(), perf_counter()
    try:
        run_state_machine_as_test(
            seed(round_.seed)(Interleavings),
            settings=tried(round_.examples, Phase.generate, Phase.shrink),
        )
    except BaseException as error:
        error.add_note(
            "this round again: python -m pytest tests/sync/test_any_interleaving.py -k mirror_equals "
            f"--examples={round_.examples} --hypothesis-seed={round_.seed}"
        )
        raise
    finally:
        met = TALLY - before
        counts = ", ".join(f"{count} {what}" for what, count in sorted(met.items()))
        remarks.append(
            f"seed {round_.seed}: {round_.examples} examples in {perf_counter() - began_at:.0f} s: {counts}"
        )
    if round_.examples >= ROUND:
        # A proof that never met a tie, a death at a commit or a run taken up would prove little.
        assert [what for what in TO_BE_MET if not met[what]] == []


class Naive(Interleavings):
    """The same machine with another way to keep a copy in place of the sync.

    It is given what it counts on: every change is seen at once, and the machine's clock is right unless
    that is what it fails by.
    """

    known = ("customers",)
    way: ClassVar[Way]
    skew: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()
        self._copy = Copy()
        self._watermark: datetime | None = None

    def prepared(self, setup: Setup) -> Setup:
        return setup._replace(contract="portal", settle=0.0, skew=self.skew, compares_to=0.0)

    def can_bear(self, trouble: Trouble) -> bool:
        return not trouble.what.startswith("odd")

    async def read(self, crm: ServiceTitanCRM, mirror: MemoryDestination, options: Options) -> None:
        now = datetime_of(self.tenant.now + round(self.skew * TICKS_PER_SECOND))
        self._watermark = await type(self).way(crm, self._copy, self._watermark, now, options.page_size)

    def unlike(self, kind: Kind) -> list[int]:
        return lost(self.tenant.sandbox, self._copy, None)


def naive(way: Way, skew: float = 0.0) -> type[Naive]:
    return type(way.__name__, (Naive,), {"way": staticmethod(way), "skew": skew})


@pytest.mark.parametrize(
    ("way", "skew"),
    [(numbers_over_a_closed_window, 0.0), (from_the_largest_seen, 0.0), (from_its_own_clock, 60.0)],
)
def test_the_naive_ways_fail_on_the_same_machine(way: Way, skew: float) -> None:
    with pytest.raises(AssertionError, match="the mirror is not as the service"):
        run_state_machine_as_test(
            seed(1)(naive(way, skew)),
            settings=tried(NAIVE_EXAMPLES, Phase.generate),
        )


def test_a_way_that_is_slow_and_right_passes_on_the_same_machine() -> None:
    """The machine finds what is lost, and finds fault with nothing else."""
    run_state_machine_as_test(
        seed(1)(naive(from_its_own_clock)),
        settings=tried(NAIVE_EXAMPLES, Phase.generate),
    )


def journals(seed_: int, examples: int) -> str:
    """A digest of all requests of some examples, the instants and answers' statuses included."""
    digest = blake2b()

    class Recorded(Interleavings):
        def teardown(self) -> None:
            super().teardown()
            if hasattr(self, "tenant"):
                digest.update(repr(self.tenant.sandbox.journal).encode())

    run_state_machine_as_test(seed(seed_)(Recorded), settings=tried(examples, Phase.generate))
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_requests() -> None:
    """In any process: neither the order of hashes nor the place of objects in memory has a say."""
    code = (
        "from stepped_loop import the_same_every_time; from test_any_interleaving import journals\n"
        "with the_same_every_time(): print(journals(7, 40))"
    )
    elsewhere = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hashes, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        ).stdout.strip()
        for hashes in ("1", "2")
    ]
    assert elsewhere == [journals(7, 40)] * 2
