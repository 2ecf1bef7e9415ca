"""What Hypothesis chooses: a tenant, its changes, the faults of the service, the options of the runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, get_args

from hypothesis import strategies as st

from servicetitan_crm_async.contract import ContractName
from servicetitan_crm_async.sandbox import Fault
from servicetitan_crm_async.sandbox.operations import Cutting
from servicetitan_crm_async.sync.sources import Strategy

TOKEN_PATH = "/connect/token"
Act = Literal["create", "edit", "merge", "deactivate", "activate", "gather"]
Since = Literal["where the last run ended", "the beginning", "a minute ago"]
CommitFate = Literal["dies before", "dies after", "fails before", "fails after"]
COMMIT_FATES: tuple[CommitFate, ...] = get_args(CommitFate)


class Change(NamedTuple):
    """One thing that happens in the tenant; numbers are taken modulo what there is."""

    act: Act
    kind: int
    place: int
    other: int
    late: float
    """By how much of the settling time its stamp lies behind the moment from which it can be seen."""
    tied: bool
    """It carries the stamp of the change before."""


class Turn(NamedTuple):
    """So many requests are answered, and before the next one is, things change."""

    requests: int
    changes: list[Change]


class Trouble(NamedTuple):
    """A fault of the service: how many requests get through before it, and how many it strikes."""

    what: str
    after: int
    times: int | None
    """None strikes one request in three, for ever."""

    def fault(self) -> Fault:
        return _FAULTS[self.what](
            path=TOKEN_PATH if self.what.startswith("token service") else "*",
            after=self.after,
            times=self.times,
            probability=1.0 if self.times else 1 / 3,
        )


class Options(NamedTuple):
    """What one run is called with."""

    page_size: int
    workers: int
    since: Since
    until: bool
    """Only what changed before half a minute ago is read."""
    strategy: Strategy
    """Where the contract does not allow it, the best it does."""
    alone: bool
    """Only the first of the kinds is synced."""
    overlap: float
    recent: bool
    """Feeds are asked for changes that are not settled."""
    take_over: bool


class Setup(NamedTuple):
    """The tenant, and what is the same for all runs against it."""

    seed: int
    customers: int
    contract: ContractName
    kinds: tuple[int, ...]
    settle: float
    """Seconds after which a change can be seen at the latest; some can be seen only then."""
    skew: float
    """Seconds by which the clock of the machine is fast."""
    jitter: float
    """Most seconds of each way between machine and service."""
    gathered: int
    """How many records of each kind carry almost the same stamp from the beginning."""
    apart: int
    """By how many ticks these stamps differ."""
    compares_to: float
    """Seconds to which the service cuts instants before it compares them."""
    cutting: Cutting
    feed_lag: float
    """Seconds by which the feeds stay behind unless asked for recent changes."""
    options: tuple[Options, ...]
    """Of the runs, one after the other and again from the first."""


_FAULTS: dict[str, Callable[..., Fault]] = {
    "500": partial(Fault.status, 500),
    "503": partial(Fault.status, 503),
    "408": partial(Fault.status, 408),
    "403": partial(Fault.status, 403),
    "429": partial(Fault.rate_limited, retry_after=2),
    "429, back in 45 s": partial(Fault.rate_limited, retry_after=45),
    "503, back in 150 s": partial(Fault.status, 503, retry_after=150),
    "reset": Fault.reset,
    "cut": Fault.cut,
    "corrupt": Fault.corrupt,
    "odd id": partial(Fault.odd, "id", None),
    "odd instant": partial(Fault.odd, "modifiedOn", "yesterday", record=1),
    "slow": partial(Fault.slow, 7),
    "stuck": partial(Fault.slow, 200),
    "token refused": Fault.refuse_token,
    "token expired": Fault.expire_tokens,
    "token service: 500": partial(Fault.status, 500),
    "token service: 429": partial(Fault.rate_limited, retry_after=5),
    "token service: 400": partial(Fault.status, 400),
}

CHANGES = st.builds(
    Change,
    act=st.sampled_from(("edit", "edit", "edit", "create", "merge", "deactivate", "activate", "gather")),
    kind=st.integers(0, 1),
    place=st.integers(0, 40),
    other=st.integers(0, 40),
    late=st.sampled_from((0.0, 0.0, 0.5, 1.0)),
    tied=st.booleans(),
)
TURNS = st.builds(Turn, requests=st.integers(0, 2), changes=st.lists(CHANGES, max_size=2))
TROUBLES = st.builds(
    Trouble,
    what=st.sampled_from(sorted(_FAULTS)),
    after=st.integers(0, 8),
    times=st.sampled_from((1, 2, 5, None)),
)
OPTIONS = st.builds(
    Options,
    page_size=st.integers(2, 6),
    workers=st.integers(1, 4),
    since=st.sampled_from((*get_args(Since)[:1] * 4, *get_args(Since)[1:])),
    until=st.sampled_from((False, False, False, True)),
    strategy=st.sampled_from(("auto", "auto", "slices", "pages", "feed", "feed", "ids")),
    alone=st.sampled_from((False, False, True)),
    overlap=st.sampled_from((0.0, 0.0, 30.0)),
    recent=st.booleans(),
    take_over=st.booleans(),
)
SETUPS = st.builds(
    Setup,
    seed=st.integers(0, 7),
    customers=st.sampled_from((5, 12, 20)),
    contract=st.sampled_from(("portal", "portal", "portal", "openapi-2.0.0")),
    kinds=st.lists(st.integers(0, 6), min_size=1, max_size=2).map(tuple),
    settle=st.sampled_from((0.0, 3.0, 120.0)),
    skew=st.sampled_from((0.0, 60.0, -60.0, 86_400.0)),
    jitter=st.sampled_from((0.0, 0.05, 0.4, 3.0)),
    gathered=st.sampled_from((0, 3, 9, 20)),
    apart=st.sampled_from((0, 0, 1, 7, 1_003, 40_009)),
    compares_to=st.sampled_from((0.0, 0.0, 1e-6, 1e-3, 1.0)),
    cutting=st.sampled_from(("bounds", "records")),
    feed_lag=st.sampled_from((0.0, 0.0, 5.0, 60.0)),
    options=st.lists(OPTIONS, min_size=1, max_size=3).map(tuple),
)
