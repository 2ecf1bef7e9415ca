"""The tenant behind `sync --sandbox`: it outlives the command, and a day passes for it between two runs.

It lives in a file beside the destination, which holds its recipe and the instant its time stood at. Each
start takes that instant plus one day and writes it down at once, so that a run that is killed moves on
too. From there its clock goes on at the pace of the machine's, over all rounds of `--every`, and after
each of them its instant is written down. An audit meets it as it was left.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from servicetitan_crm_async.errors import ConfigError, SyncError
from servicetitan_crm_async.sandbox import TICKS_PER_SECOND, Sandbox, World, serve
from servicetitan_crm_async.sync import ENTITIES, Destination

TENANT = 1001
CUSTOMERS = 20_000
LIFE = 0.01
"""Changes a second, some 860 a day."""
SEED = 6
"""Of the default tenant. Its first change comes 94 s after its birth, so its first run meets exactly the
customers it was born with."""

_DAY = 86_400 * TICKS_PER_SECOND
# A run reads what had been changed by its start less the settling time. A change after that is the next
# run's, and until then the mirror differs from the sandbox, as it would from the live service. To show
# that they are equal, a run begins where nothing changes for so long before it and after it.
_QUIET_BEFORE, _QUIET_AFTER = 10 * TICKS_PER_SECOND, 60 * TICKS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Standing:
    """The tenant at the start of a run."""

    sandbox: Sandbox
    file: Path
    start: int
    """What its clock shows, in ticks."""

    def clock(self) -> Callable[[], int]:
        """A clock that begins at `start`, now."""
        began_at = time.monotonic_ns()
        return lambda: self.start + (time.monotonic_ns() - began_at) // 100

    @asynccontextmanager
    async def served(self) -> AsyncIterator[dict[str, str]]:
        """Let it answer while the block lasts; gives the variables that lead to it."""
        async with serve(self.sandbox, clock=self.clock()) as server:
            yield server.environ

    def remember(self) -> None:
        """Write down the instant it has come to, so that the next start is later.

        Raises:
            SyncError: the file cannot be written.
        """
        with _telling(self.file):
            self.sandbox.save(self.file)


def file_beside(destination: Destination) -> Path:
    """The file of the sandbox that a destination mirrors."""
    return Path(f"{destination.location}.sandbox.json")


async def refuse_an_orphan(destination: Destination, file: Path) -> None:
    """Make sure that a destination whose sandbox has no file was not synced from one before.

    A new one would be born later than the ledger says the old one was read, and nothing of it would come.

    Raises:
        ConfigError: it has been.
    """
    if _both_or_neither(file, Path(destination.location)):
        return
    async with destination:
        for entity in ENTITIES:
            if await destination.load(TENANT, entity) is not None:
                raise ConfigError(
                    {
                        "--to": f"{destination.location} mirrors a sandbox whose file {file} is gone; name "
                        "another destination, or remove this one"
                    }
                )


def _both_or_neither(file: Path, mirror: Path) -> bool:
    # A file whose mirror is gone does no harm: everything is read again.
    return file.exists() or not mirror.exists()


def meet(file: Path, *, seed: int | None, customers: int | None) -> Standing:
    """The tenant of the file, a day later than last time; or a new one, where there is no such file.

    Raises:
        ConfigError: the file is of another seed or size than asked for, or none of ours.
        SyncError: the file cannot be written.
    """
    with _telling(file):
        known = file.exists()
        sandbox = _known(file, seed, customers) if known else _new(seed, customers)
        standing = _at(sandbox, file, sandbox.now + (_DAY if known else 0))
        file.parent.mkdir(parents=True, exist_ok=True)
        sandbox.save(file)
    return standing


def meet_again(file: Path) -> Standing:
    """The tenant of the file as the last run left it, to compare with: no day passes, nothing is written.

    Raises:
        ConfigError: there is no such file, or it is none of ours.
        SyncError: it cannot be read.
    """
    if not file.exists():
        raise ConfigError(
            {"--sandbox": f"has no file {file}; servicetitan-crm sync --sandbox makes one and mirrors it"}
        )
    with _telling(file):
        sandbox = _known(file, None, None)
    return _at(sandbox, file, sandbox.now)


def clock_of(file: Path) -> int | None:
    """What the clock of the file's tenant showed last, in ticks; None where there is no such tenant."""
    try:
        return Sandbox.load(file).now
    except (OSError, ValueError, msgspec.DecodeError):
        return None


def _at(sandbox: Sandbox, file: Path, earliest: int) -> Standing:
    start = _quiet(sandbox.world(), earliest)
    sandbox.advance(start)
    return Standing(sandbox, file, start)


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SyncError(f"{file}: {error.strerror or type(error).__name__}") from None


def _new(seed: int | None, customers: int | None) -> Sandbox:
    if customers is not None and customers < 0:
        raise ConfigError({"--sandbox-customers": "must be at least 0"})
    return Sandbox(
        seed=SEED if seed is None else seed,
        tenant_id=TENANT,
        customers=CUSTOMERS if customers is None else customers,
        life=LIFE,
    )


def _known(file: Path, seed: int | None, customers: int | None) -> Sandbox:
    try:
        sandbox = Sandbox.load(file)
    except (ValueError, msgspec.DecodeError):
        raise ConfigError(
            {"--sandbox": f"{file} is not the file of a sandbox of this version; name another destination"}
        ) from None
    born_with = sandbox.world().recipe.customers
    problems = {}
    if seed not in (None, sandbox.seed):
        problems["--seed"] = f"is {sandbox.seed} in {file}; name another destination for another seed"
    if customers not in (None, born_with):
        problems["--sandbox-customers"] = f"is {born_with} in {file}; name another destination"
    if problems:
        raise ConfigError(problems)
    return sandbox


def _quiet(world: World, earliest: int) -> int:
    """The first instant, at or after `earliest` and a little, with no change around it."""
    start = earliest + _QUIET_BEFORE
    while True:
        world.advance(start - _QUIET_BEFORE)
        change = world.next_change
        if change is None or change > start + _QUIET_AFTER:
            return start
        start = change + _QUIET_BEFORE
