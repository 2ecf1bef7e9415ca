"""The fixtures of `servicetitan_crm_async.testing`, for pytest.

Installed outside of the package too, as `pytest_servicetitan_crm_async`, which is what pytest loads at the
start of every session of everybody who has the package installed: the package itself, which takes half a
second, is imported when a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from servicetitan_crm_async import ServiceTitanCRM
    from servicetitan_crm_async.testing import ServiceTitanSandbox

__all__ = ["servicetitan_crm", "servicetitan_environ", "servicetitan_sandbox"]

_NO_TRIO = (
    "servicetitan_crm works under asyncio alone. For anyio's plugin, give the tests a fixture anyio_backend "
    "that returns 'asyncio'."
)


@pytest.fixture
def servicetitan_sandbox() -> Iterator[ServiceTitanSandbox]:
    """A ServiceTitan without customers, for one test, in a thread of its own.

    For another one define a fixture of this name; the other fixtures then use yours.
    """
    from servicetitan_crm_async.testing import ServiceTitanSandbox

    with ServiceTitanSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def servicetitan_crm(
    servicetitan_sandbox: ServiceTitanSandbox, request: pytest.FixtureRequest
) -> Iterator[ServiceTitanCRM]:
    """An open client of `servicetitan_sandbox`, for the event loop of the test, whoever made that.

    No async fixture, so it belongs to no plugin: it works with pytest-asyncio in both of its modes, with
    anyio's plugin, and with `asyncio.run` in a sync test.
    """
    if _under_trio(request):
        pytest.fail(_NO_TRIO, pytrace=False)
    with servicetitan_sandbox.opened_client() as crm:
        yield crm


@pytest.fixture
def servicetitan_environ(
    servicetitan_sandbox: ServiceTitanSandbox, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The environment points to `servicetitan_sandbox` while the test lasts, and to nothing else.

    Returns:
        The variables that were set, for another process.
    """
    import os

    for name in [name for name in os.environ if name.startswith("SERVICETITAN_")]:
        monkeypatch.delenv(name)
    for name, value in servicetitan_sandbox.environ.items():
        monkeypatch.setenv(name, value)
    return servicetitan_sandbox.environ


def _under_trio(request: pytest.FixtureRequest) -> bool:
    if request.node.get_closest_marker("trio") is not None:
        return True
    if "anyio_backend" not in request.fixturenames:
        return False
    backend: object = request.getfixturevalue("anyio_backend")
    name = backend[0] if isinstance(backend, tuple) else backend
    return name != "asyncio"
