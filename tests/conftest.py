"""Fixtures of the whole suite: a sandbox on a free loopback port, and a client of it."""

from __future__ import annotations

import inspect
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from unittest.mock import Mock

import aiohttp
import aioresponses.core
import pytest

from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve

if TYPE_CHECKING:
    from desk_kit import Desk
    from xdist.workermanage import WorkerController

# No test sees the keyring of whoever runs it, in this process or in one that it starts.
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"

REMARKS = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--examples",
        type=int,
        default=2000 if os.environ.get("CI") else 300,
        help="how many interleavings tests/sync/test_any_interleaving.py tries; --hypothesis-seed says which",
    )


def pytest_configure(config: pytest.Config) -> None:
    told: dict[str, int] = getattr(config, "workerinput", {})
    given = config.getoption("--hypothesis-seed")
    seed = secrets.randbits(32) if given is None else _number(given)
    config.option.interleaving_seed = told.get("interleaving_seed", seed)
    config.stash[REMARKS] = []


# Of a run in several processes, `pytest -n auto`: the seed goes to all of them, and their remarks come back.


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    node.workerinput["interleaving_seed"] = node.config.getoption("interleaving_seed")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    node.config.stash[REMARKS] += getattr(node, "workeroutput", {}).get("remarks", [])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["remarks"] = session.config.stash[REMARKS]


def _number(seed: str) -> int:
    return int(seed) if seed.isdigit() else Random(seed).getrandbits(32)


def pytest_report_header(config: pytest.Config) -> str:
    examples, seed = config.getoption("--examples"), config.getoption("interleaving_seed")
    return f"interleavings: --examples={examples} --hypothesis-seed={seed}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if remarks := config.stash[REMARKS]:
        terminalreporter.section("interleavings")
        for remark in remarks:
            terminalreporter.line(remark)


@pytest.fixture(scope="session")
def remarks(request: pytest.FixtureRequest) -> list[str]:
    """What tests found out and people may want to see, printed at the end."""
    return request.config.stash[REMARKS]


@pytest.fixture
async def server() -> AsyncIterator[SandboxServer]:
    """A small tenant that nobody disturbs."""
    async with serve(Sandbox(seed=7, customers=120)) as server:
        yield server


@pytest.fixture
async def crm(server: SandboxServer) -> AsyncIterator[ServiceTitanCRM]:
    """A client of `server`, open."""
    async with ServiceTitanCRM.from_env(server.environ) as crm:
        yield crm


@pytest.fixture
def desk(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    """Commands in this process, for a small tenant that nobody disturbs."""
    from desk_kit import at_a_desk  # they stand beside the tests of the command
    from serving_kit import served_beside

    with served_beside(Sandbox(seed=7, customers=120)) as server:
        yield at_a_desk(server, capsys, monkeypatch, tmp_path)


def _mend_aioresponses() -> None:
    """aioresponses 0.7.9 builds a ClientResponse without the `stream_writer` that aiohttp 3.14 wants.

    Turns itself off once aioresponses knows the argument, or aiohttp no longer wants it.
    """
    wanted = inspect.signature(aiohttp.ClientResponse.__init__).parameters.get("stream_writer")
    if wanted is None or "stream_writer" in inspect.getsource(aioresponses.core):
        return

    class Response(aiohttp.ClientResponse):
        def __init__(self, *args: object, **kwargs: object) -> None:
            kwargs.setdefault("stream_writer", Mock())
            super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    setattr(aioresponses.core, "ClientResponse", Response)  # noqa: B010  # it is not exported


_mend_aioresponses()
