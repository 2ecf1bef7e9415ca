"""What the rest of the sandbox stands on: instants, sorted keys, tables, independence, speed."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sandbox_desk import BORN_TICKS, SECOND, Desk, small

import servicetitan_crm_async.sandbox as package
from servicetitan_crm_async.sandbox import datetime_of, parse_instant, text_of, ticks_of
from servicetitan_crm_async.sandbox.ordering import SortedKeys
from servicetitan_crm_async.sandbox.tables import OrderBy, Scope

MODULES = sorted(Path(str(package.__file__)).parent.glob("*.py"))


@given(st.integers(0, 4_000_000_000 * SECOND))
def test_an_instant_survives_its_text(ticks: int) -> None:
    assert parse_instant(text_of(ticks)) == ticks


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2021-07-19T20:35:38.2876004Z", "2021-07-19T20:35:38.2876004Z"),
        ("2021-07-19T20:35:38.2800000Z", "2021-07-19T20:35:38.28Z"),
        ("2021-07-19T22:35:38+02:00", "2021-07-19T20:35:38Z"),
        ("2021-07-19t20:35z", "2021-07-19T20:35:00Z"),
    ],
)
def test_instants_are_written_the_way_the_service_writes_them(text: str, same: str) -> None:
    assert text_of(parse_instant(text) or 0) == same


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year > 1970))
def test_datetimes_are_exact_and_never_rounded_up(moment: datetime) -> None:
    assert datetime_of(ticks_of(moment)) == moment == datetime_of(ticks_of(moment) + 9)
    assert datetime_of(ticks_of(moment) + 10) == moment + timedelta(microseconds=1)


@pytest.mark.parametrize(("text", "found"), [
    ("0001-01-01T00:00:00Z", True), ("0001-01-01T00:00:00+00:01", False),
    ("9999-12-31T23:59:59.9999999Z", True), ("9999-12-31T23:59:59-00:01", False),
])  # fmt: skip
def test_what_lies_outside_the_calendar_is_no_instant(text: str, found: bool) -> None:
    ticks = parse_instant(text)
    assert (ticks is not None) == found
    assert ticks is None or text_of(ticks) == text


def test_a_naive_datetime_is_no_instant() -> None:
    with pytest.raises(ValueError, match="time zone"):
        ticks_of(datetime.fromisoformat("2026-01-01"))


class SortedKeysMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.keys = SortedKeys(load=3)
        self.model: set[int] = set()

    @rule(key=st.integers(0, 60))
    def toggle(self, key: int) -> None:
        if key in self.model:
            self.keys.remove(key)
            self.model.remove(key)
        else:
            self.keys.add(key)
            self.model.add(key)

    @rule(key=st.integers(0, 60))
    def remove_what_may_not_be_there(self, key: int) -> None:
        if key not in self.model:
            with pytest.raises(KeyError):
                self.keys.remove(key)

    @rule(key=st.integers(-1, 61))
    def rank(self, key: int) -> None:
        assert self.keys.rank(key) == sum(each < key for each in self.model)

    @rule(start=st.integers(0, 20), length=st.integers(0, 20))
    def cut(self, start: int, length: int) -> None:
        assert self.keys.cut(start, start + length) == sorted(self.model)[start : start + length]

    @invariant()
    def counts(self) -> None:
        assert len(self.keys) == len(self.model)


TestSortedKeys = SortedKeysMachine.TestCase
TestSortedKeys.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"customers": -1},
        {"contacts": (2, 1)},
        {"tag_types": 17},
        {"booking_providers": 0},
        {"visibility_delay": -0.1},
    ],
)
def test_a_recipe_that_makes_no_world_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"cannot|contacts|at most"):
        small(**wrong)


def test_orders_that_were_kept_up_to_date_are_those_that_would_be_built() -> None:
    followed, fresh = small(life=100), small(life=100)
    for table in followed.world().tables.values():
        for by in OrderBy:
            for scope in Scope:
                table.order(by, scope)
    at = BORN_TICKS + 20 * SECOND
    for sandbox in (followed, fresh):
        sandbox.advance(at)
    for kind, table in followed.world().tables.items():
        for by in OrderBy:
            for scope in Scope:
                kept, built = table.order(by, scope), fresh.world().tables[kind].order(by, scope)
                assert kept.cut(0, len(kept)) == built.cut(0, len(built))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_sandbox_imports_nothing_of_the_sdk(module: Path) -> None:
    allowed = {*sys.stdlib_module_names, "aiohttp", "msgspec"}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert node.level == 1 or (node.module or "").split(".")[0] in allowed
        elif isinstance(node, ast.Import):
            assert all(name.name.split(".")[0] in allowed for name in node.names)


def test_each_module_imports_alone() -> None:
    script = (
        "import sys, importlib\n"
        "for name in sys.argv[1:]:\n"
        "    for known in [each for each in sys.modules if each.startswith('servicetitan_crm_async')]:\n"
        "        del sys.modules[known]\n"
        "    importlib.import_module(name)\n"
    )
    names = [f"{package.__name__}.{module.stem}" for module in MODULES if module.stem != "__init__"]
    subprocess.run([sys.executable, "-c", script, *names], check=True)


def test_a_large_page_is_joined_from_bytes_that_are_already_there() -> None:
    sandbox = small(customers=6000, contacts=(0, 0), leads=0, bookings=0)
    desk = Desk(sandbox)
    desk.get("/customers", active="Any", pageSize=5000)
    start = time.perf_counter()
    desk.send("GET", "/customers", active="Any", pageSize=5000, sort="+ModifiedOn")
    assert time.perf_counter() - start < 0.1
