"""The client's lifetime, its children, and what a thousand callers see of it."""

from __future__ import annotations

import asyncio
import gc
import ssl
from typing import Any

import anyio
import pytest
from fake_transport import API_URL, AUTH_URL, FakeTransport, client, credentials
from virtual_time import run

from servicetitan_crm_async import ConfigError, Credentials, RateLimit, ServiceTitanCRM, Settings
from servicetitan_crm_async.models import Customer
from servicetitan_crm_async.sandbox import Sandbox, SandboxServer, serve


def test_making_a_client_needs_no_running_loop() -> None:
    crm = ServiceTitanCRM(credentials(), Settings(api_url=API_URL, auth_url=AUTH_URL))
    assert repr(crm) == "<ServiceTitanCRM tenant=7 contract='portal' unopened>"
    assert crm.settings.api_url == API_URL
    pages = crm.customers.list()
    assert pages is not None


def test_each_state_has_a_message_of_its_own() -> None:
    async def main() -> None:
        crm = client(FakeTransport())
        with pytest.raises(ConfigError, match="is not open yet"):
            await crm.customers.get(1)
        with pytest.raises(ConfigError, match="is not open yet"):
            crm.statistics()
        async with crm:
            assert "open" in repr(crm)
            with pytest.raises(ConfigError, match="is open already"):
                await crm.__aenter__()
            await crm.request("GET", "/x")
        with pytest.raises(ConfigError, match="is closed"):
            await crm.request("GET", "/x")
        with pytest.raises(ConfigError, match="does not open again"):
            await crm.__aenter__()
        assert repr(crm).endswith("closed>")

    run(main())


def test_the_block_opens_and_closes_once_also_when_it_fails() -> None:
    async def main() -> None:
        transport = FakeTransport()
        with pytest.raises(ZeroDivisionError):
            async with client(transport):
                raise ZeroDivisionError
        assert (transport.opened, transport.closed) == (1, 1)

    run(main())


def test_a_child_shares_connections_and_has_credentials_of_its_own() -> None:
    async def main() -> None:
        transport = FakeTransport()
        async with client(transport) as crm:
            child = crm.for_tenant(credentials(8, "cid.8"))
            await child.request("GET", "/t/{tenant}")
            async with crm.for_tenant(credentials(9, "cid.9")) as other:
                await other.request("GET", "/t/{tenant}")
            await crm.request("GET", "/t/{tenant}")
            with pytest.raises(ConfigError, match="is closed"):
                await other.request("GET", "/x")
            assert (transport.opened, transport.closed) == (1, 0)
        assert [sent.path for sent in transport.sent] == ["/t/8", "/t/9", "/t/7"]
        assert len(transport.token_requests) == 3
        assert (transport.opened, transport.closed) == (1, 1)
        with pytest.raises(ConfigError, match="is closed"):
            await child.request("GET", "/x")

    run(main())


def test_a_child_is_open_when_its_parent_is() -> None:
    async def main() -> None:
        crm = client(FakeTransport())
        child = crm.for_tenant(credentials(8))
        grandchild = child.for_tenant(credentials(9))
        for each in (child, grandchild):
            with pytest.raises(ConfigError, match="is not open yet"):
                await each.request("GET", "/x")
        async with child:
            with pytest.raises(ConfigError, match="is not open yet"):
                await child.request("GET", "/x")
            async with crm:
                await child.request("GET", "/x")
                await grandchild.request("GET", "/x")
            with pytest.raises(ConfigError, match="is closed"):
                await child.request("GET", "/x")
            with pytest.raises(ConfigError, match="is closed"):
                await grandchild.request("GET", "/x")

    run(main())


def test_a_grandchild_ends_with_the_child_it_was_made_from() -> None:
    async def main() -> None:
        async with client(FakeTransport()) as crm:
            async with crm.for_tenant(credentials(8)) as child:
                grandchild = child.for_tenant(credentials(9))
                await grandchild.request("GET", "/x")
            with pytest.raises(ConfigError, match="is closed"):
                await grandchild.request("GET", "/x")
            await crm.request("GET", "/x")

    run(main())


@pytest.mark.parametrize(
    "beside",
    [{"proxy": "http://p"}, {"trust_env": True}, {"ssl_context": ssl.create_default_context()}],
)
def test_a_transport_takes_nothing_of_aiohttps_beside_it(beside: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="transport"):
        ServiceTitanCRM(credentials(), transport=FakeTransport(), **beside)


async def test_closing_under_cancellation_leaves_nothing_open(server: SandboxServer) -> None:
    """A warning of an unclosed session or socket would fail this test."""
    opened = asyncio.Event()

    async def worker() -> None:
        async with ServiceTitanCRM.from_env(server.environ) as crm:
            await crm.customers.list(page_size=10).collect()
            opened.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(worker())
    await opened.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with anyio.move_on_after(0.05):
        async with ServiceTitanCRM.from_env(server.environ) as crm:
            await crm.customers.list(page_size=10).collect()
            await asyncio.sleep(60)
    gc.collect()
    await asyncio.sleep(0)
    assert tasks_of_clients() == []


async def test_nothing_is_left_running_or_open_after_the_block(server: SandboxServer) -> None:
    before = tasks_of_clients()
    async with ServiceTitanCRM.from_env(server.environ) as crm:
        async with crm.customers.list(page_size=5).stream(concurrency=6) as pages:
            async for _ in pages:
                break
        session: Any = crm._transport._session  # type: ignore[attr-defined]
        connector = session.connector
    assert session.closed
    assert connector.closed
    gc.collect()
    assert tasks_of_clients() == before == []


def tasks_of_clients() -> list[str]:
    """Tasks that are neither this one nor the sandbox's own."""
    return [
        repr(task)
        for task in asyncio.all_tasks()
        if task is not asyncio.current_task() and "web_protocol" not in repr(task)
    ]


async def test_a_thousand_concurrent_callers_get_each_their_own_answer() -> None:
    async with serve(Sandbox(customers=120, rate_limit=None)) as server:
        settings = Settings(api_url=server.url, auth_url=server.token_url, rate=RateLimit(per_second=5000))
        tenant = server.sandbox.tenant
        who = Credentials(
            tenant_id=tenant.tenant_id,
            client_id=tenant.client_id,
            client_secret=tenant.client_secret,
            app_key=tenant.app_key,
        )
        ids = list(server.sandbox.records("customers"))
        async with ServiceTitanCRM(who, settings) as crm:
            wanted = [ids[number % len(ids)] for number in range(1000)]
            found = await asyncio.gather(*(crm.customers.get(number) for number in wanted))
            assert [customer.id for customer in found] == wanted
            assert crm.statistics().requests == 1000
            assert crm.statistics().token_fetches == 1
        assert server.sandbox.statistics().token_requests == 1


async def test_a_sandbox_that_enforces_sixty_a_second_answers_no_429(server: SandboxServer) -> None:
    async with ServiceTitanCRM.from_env(server.environ) as crm:
        await asyncio.gather(
            *(
                crm.request("GET", "/crm/v2/tenant/{tenant}/customers", query={"pageSize": 1})
                for _ in range(130)
            )
        )
        assert crm.statistics().throttled == 0
        assert crm.statistics().admission_seconds > 10
    assert server.sandbox.statistics().busiest_second <= 60


async def test_a_free_request_reaches_any_path_and_decodes(crm: ServiceTitanCRM) -> None:
    page = await crm.request(
        "GET", "/crm/v2/tenant/{tenant}/customers", query={"pageSize": 2}, answer=dict[str, object]
    )
    assert page["pageSize"] == 2
    body = await crm.request("GET", "/crm/v2/tenant/{tenant}/customers", query={"pageSize": 1})
    assert body.startswith(b"{")
    first: Customer = await crm.request(
        "GET", "/crm/v2/tenant/{tenant}/customers/" + str(page_ids(page)[0]), answer=Customer
    )
    assert first.id == page_ids(page)[0]


def page_ids(page: dict[str, object]) -> list[int]:
    data: Any = page["data"]
    return [record["id"] for record in data]
