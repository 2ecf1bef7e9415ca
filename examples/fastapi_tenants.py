"""Leads of many tenants behind a FastAPI application, each tenant with credentials of its own.

    export TENANTS=tenants.json APP_KEY=ak1.…
    uvicorn --factory examples.fastapi_tenants:create_app

The file holds an object by tenant id: `{"1001": {"client_id": "cid.…", "client_secret": "cs1.…"}}`. In an
application of yours that is a table or a vault, and who may see a tenant is checked before its route is run.
"""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import msgspec
from fastapi import FastAPI

from servicetitan_crm_async import Credentials, RetryPolicy, ServiceTitanCRM, Settings, Timeouts
from servicetitan_crm_async.integrations import fastapi as servicetitan


class Entry(msgspec.Struct):
    """The file's part on one tenant."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Entry({self.client_id!r})"


async def credentials_of(tenant_id: int) -> Credentials | None:
    """The credentials of a tenant, read when its client is opened; a file that changed needs no restart."""
    text = await anyio.to_thread.run_sync(Path(os.environ["TENANTS"]).read_bytes)
    entry = msgspec.json.decode(text, type=dict[int, Entry]).get(tenant_id)
    if entry is None:
        return None
    return Credentials(
        tenant_id=tenant_id,
        client_id=entry.client_id,
        client_secret=entry.client_secret,
        app_key=os.environ["APP_KEY"],
    )


def tenants() -> servicetitan.Tenants:
    """Clients on the same connections, opened when a tenant is first asked for."""
    settings = Settings(
        api_url=os.environ.get("SERVICETITAN_API_URL"),
        auth_url=os.environ.get("SERVICETITAN_AUTH_URL"),
        timeouts=Timeouts(admission=5, call=20),
        retries=RetryPolicy(attempts=3, seconds=10, longest=2),
    )
    return servicetitan.Tenants(
        credentials_of, make=lambda credentials: ServiceTitanCRM(credentials, settings), limit=200
    )


async def open_leads(tenant_id: int, crm: servicetitan.TenantCRM) -> dict[str, int]:
    """How many leads of a tenant are open, by priority."""
    count: dict[str, int] = {}
    async for lead in crm.leads.list(status="Open"):
        count[lead.priority] = count.get(lead.priority, 0) + 1
    return count


def create_app() -> FastAPI:
    """The application; nothing is opened before it starts."""
    app = FastAPI(title="Open leads", lifespan=servicetitan.lifespan(tenants))
    app.add_middleware(servicetitan.StopReadsOnDisconnect)
    servicetitan.add_exception_handlers(app)
    app.get("/tenants/{tenant_id}/open-leads")(open_leads)
    return app
