"""What `--help` says: every command has an example, and every example does what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from inspect import signature

import pytest
from cyclopts import App
from desk_kit import Desk

from servicetitan_crm_async._core.calls import wire_name
from servicetitan_crm_async.cli.app import app
from servicetitan_crm_async.cli.nouns.examples import example
from servicetitan_crm_async.cli.nouns.manual import manual
from servicetitan_crm_async.cli.nouns.offered import Verb, verbs
from servicetitan_crm_async.contract import OPERATIONS

_EXAMPLE = re.compile(r"`(servicetitan-crm [^`]*[^`\s])`")


def commands(at: App, *words: str) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command there is, and every noun."""
    yield words, at
    for name in at:
        if not name.startswith("-"):
            yield from commands(at[name], *words, name)


def _help(command: App) -> str:
    default = command.default_command
    return command.help or (default.__doc__ if default is not None else "") or ""


COMMANDS = dict(commands(app))
WRITES = [each for each in verbs() if each.kind == "write"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_help_of_each_command_shows_an_example_that_it_takes(words: tuple[str, ...]) -> None:
    """Whole, to be copied: it begins with the command itself, and its words are understood."""
    examples = _EXAMPLE.findall(_help(COMMANDS[words]))
    assert any(shlex.split(each)[1 : len(words) + 1] == list(words) for each in examples)
    for each in examples:
        given = shlex.split(re.split(r"\s(?:[|<]|>>?)\s", each)[0])[1:]
        if given[-1] == "--help":
            continue
        run, _, _ = app.parse_args(given, exit_on_error=False, print_error=False)
        asked = max((known for known in COMMANDS if tuple(given[: len(known)]) == known), key=len)
        assert run is COMMANDS[asked].default_command


def test_every_operation_of_the_client_is_a_command() -> None:
    """So is what is added to the route table with a method of its name."""
    assert {each.name for each in verbs()} == {row.name for row in OPERATIONS}
    assert {each.words for each in verbs()} <= COMMANDS.keys()


@pytest.mark.parametrize("each", WRITES, ids=lambda each: each.name)
def test_every_example_of_a_change_would_be_sent(each: Verb, desk: Desk) -> None:
    """Checked by the model, the contract and the method, to the row's own path; and nothing is sent."""
    done = desk(*shlex.split(example(each))[1:], "--dry-run")
    assert done.code == 0, done.err
    request = done.report
    assert request["method"] == each.row.method
    assert re.fullmatch(re.sub(r"\{\w+\}", "[^/?]+", each.row.path), request["path"].partition("?")[0])
    assert ("body" in request) == (each.row.body is not None)
    assert not desk.sandbox.journal


@pytest.mark.parametrize("each", verbs(), ids=lambda each: each.name)
def test_a_command_offers_what_its_method_takes(each: Verb) -> None:
    """Every argument of the method has its place, and no other has."""
    taken = {*each.place, *each.filters, *each.options} | ({"body"} if each.body is not None else set())
    method = each.signature
    body = {name for name, kind in method.positional.items() if kind is each.body}
    paging = method.names & {"page_size", "include_total"}
    assert taken - {"body"} | body | paging == method.names | method.above.keys()
    run = COMMANDS[each.words].default_command
    assert run is not None
    offered = set(signature(run).parameters)
    assert offered >= {*each.options, "tenant", "contract"}
    assert ("where" in offered) == bool(each.filters)
    assert ("data" in offered) == (each.row.body is not None)
    assert ("dry_run" in offered) == (each.kind == "write")


@pytest.mark.parametrize("each", verbs(), ids=lambda each: each.name)
def test_the_help_of_a_list_names_every_filter(each: Verb) -> None:
    """With what it takes."""
    told = manual(each)
    lines = [line.partition(": ") for line in told.splitlines() if line.startswith("- ")]
    assert [name.removeprefix("- ") for name, _, _ in lines] == [name.rstrip("_") for name in each.filters]
    assert all(what for _, _, what in lines)
    known = {wire for row in each.rows.values() for wire in row.filters}
    assert {wire_name(name) for name in each.filters} <= known


def test_the_help_of_a_body_marks_what_is_required() -> None:
    """As a tree, so that what is inside a container stands inside it."""
    create = next(each for each in verbs() if each.name == "customers.create")
    assert "`name*, locations[]* {name*, address* {street*, city*, state*, zip*, country*, unit," in manual(
        create
    )


def test_starting_up_loads_no_sandbox_and_no_database() -> None:
    """Nor what the commands of the nouns work with."""
    code = (
        "import sys; from servicetitan_crm_async.cli import main; main(['--help'])\n"
        "names = {'aiohttp.web', 'duckdb', 'keyring', 'matplotlib', 'servicetitan_crm_async.sandbox',\n"
        "         'servicetitan_crm_async.cli.nouns.calling', 'servicetitan_crm_async.cli.nouns.records'}\n"
        "raise SystemExit(', '.join(names & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in ("customers", "tag-types", "request", "--debug"))
