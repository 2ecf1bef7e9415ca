"""The fixtures, in sessions of pytest as users have them: each plugin for async tests, both, and none."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

PLUGIN = "pytest_servicetitan_crm_async"
ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")
THREE_LINES = """
{mark}
async def test_three_lines(servicetitan_sandbox, servicetitan_crm):
    servicetitan_sandbox.add_lead(summary="No hot water")
    assert [lead.summary async for lead in servicetitan_crm.leads.list()] == ["No hot water"]
"""
ONE_LOOP_FOR_ALL = """
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", [1, 2])
async def test_one_loop_for_the_module(number, servicetitan_sandbox, servicetitan_crm):
    customer = servicetitan_sandbox.add_customer()
    assert await servicetitan_crm.customers.list().collect() == [customer]
"""
BACKENDS = """
@pytest.fixture(params=[("asyncio", {"debug": True}), "trio"])
def anyio_backend(request):
    return request.param
"""


@pytest.fixture
def session(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A session with the plugins that are named and no others, where warnings are errors."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester


def run(session: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    session.makepyfile("import pytest\n" + text)
    options = ["-c", "/dev/null", "--rootdir", str(session.path), "-W", "error", "-p", PLUGIN]
    return session.runpytest_subprocess(*options, *arguments)


def test_with_pytest_asyncio_in_auto_mode(session: pytest.Pytester) -> None:
    text = THREE_LINES.format(mark="") + ONE_LOOP_FOR_ALL
    run(session, text, *ASYNCIO, "--asyncio-mode=auto").assert_outcomes(passed=3)


def test_with_pytest_asyncio_in_strict_mode(session: pytest.Pytester) -> None:
    text = THREE_LINES.format(mark="@pytest.mark.asyncio") + ONE_LOOP_FOR_ALL
    run(session, text, *ASYNCIO, "--asyncio-mode=strict").assert_outcomes(passed=3)


def test_with_the_plugin_of_anyio_where_trio_is_refused_in_words(session: pytest.Pytester) -> None:
    found = run(session, BACKENDS + THREE_LINES.format(mark="@pytest.mark.anyio"), "-p", "anyio")
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["*servicetitan_crm works under asyncio alone*"])


def test_with_both_plugins_at_once(session: pytest.Pytester) -> None:
    text = BACKENDS + THREE_LINES.format(mark="@pytest.mark.anyio") + ONE_LOOP_FOR_ALL
    run(session, text, *ASYNCIO, "-p", "anyio").assert_outcomes(passed=3, errors=1)


WITHOUT_ANY = """
import asyncio, os, sys, unittest
from pathlib import Path
from servicetitan_crm_async import ServiceTitanCRM
from servicetitan_crm_async.models import Customer
from servicetitan_crm_async.sandbox import Sandbox
from servicetitan_crm_async.testing import ServiceTitanSandbox


def test_a_sync_test_runs_a_loop_itself(servicetitan_sandbox, servicetitan_crm):
    customer = servicetitan_sandbox.add_customer()
    assert asyncio.run(servicetitan_crm.customers.get(customer.id)) == customer


def test_the_environment_points_to_the_sandbox(servicetitan_sandbox, servicetitan_environ):
    assert "SERVICETITAN_CONTRACT" not in os.environ
    assert {name: os.environ[name] for name in servicetitan_environ} == servicetitan_sandbox.environ
    customer = servicetitan_sandbox.add_customer()

    async def main():
        async with ServiceTitanCRM.from_env() as crm:
            return await crm.customers.list().collect()

    assert asyncio.run(main()) == [customer]


def test_and_is_as_it_was_afterwards():
    assert os.environ["SERVICETITAN_CONTRACT"] == "openapi-2.0.0"
    assert "SERVICETITAN_API_URL" not in os.environ


class TestAnotherSandbox:
    @pytest.fixture
    def servicetitan_sandbox(self):
        with ServiceTitanSandbox(Sandbox(customers=7)) as sandbox:
            yield sandbox

    def test_the_other_fixtures_use_it(self, servicetitan_crm):
        assert servicetitan_crm.tenant_id == 1001
        assert len(asyncio.run(servicetitan_crm.customers.list(active="Any").collect())) == 7
"""


def test_without_a_plugin_for_async_tests(session: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICETITAN_CONTRACT", "openapi-2.0.0")
    monkeypatch.delenv("SERVICETITAN_API_URL", raising=False)
    run(session, WITHOUT_ANY).assert_outcomes(passed=4)


def test_who_uses_no_fixture_imports_nothing_of_the_package(session: pytest.Pytester) -> None:
    text = """
import sys
def test_nothing():
    assert "pytest_servicetitan_crm_async" in sys.modules
    assert not {"servicetitan_crm_async", "aiohttp", "msgspec", "anyio"} & sys.modules.keys()
"""
    run(session, text).assert_outcomes(passed=1)


def test_the_kit_needs_no_pytest() -> None:
    code = """
import sys
sys.modules["pytest"] = None
from servicetitan_crm_async.testing import ServiceTitanSandbox
with ServiceTitanSandbox() as sandbox:
    assert sandbox.add_customer().active
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
