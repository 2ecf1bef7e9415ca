"""Customers and leads of one tenant behind a FastAPI application.

    export WEBHOOK_SECRET=$(python -c 'import secrets; print(secrets.token_urlsafe())')
    uvicorn --factory examples.fastapi_app:create_app

Besides `WEBHOOK_SECRET` it reads the `SERVICETITAN_*` variables; `servicetitan-crm sandbox` prints some that
need no account. ServiceTitan posts its events to `/webhooks/servicetitan/<WEBHOOK_SECRET>`.
"""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import FastAPI, Query, Request
from pydantic import BaseModel

from servicetitan_crm_async import RetryPolicy, ServiceTitanCRM, Settings, Timeouts, flows, webhooks
from servicetitan_crm_async.integrations import fastapi as servicetitan
from servicetitan_crm_async.models import Address, CustomerCreate, LocationCreate

# Someone waits for the answer: better a 503 soon than a 200 after five minutes.
INTERACTIVE = Settings(
    timeouts=Timeouts(admission=5, call=20), retries=RetryPolicy(attempts=3, seconds=10, longest=2)
)


class Household(BaseModel):
    """Who moves in, and where."""

    name: str
    street: str
    city: str
    state: str
    zip: str


async def customers(
    crm: servicetitan.CRM, name: str, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> servicetitan.ModelResponse:
    """The first customers of that name."""
    found = []
    async for customer in crm.customers.list(name=name):
        found.append(customer)
        if len(found) == limit:
            break
    return servicetitan.ModelResponse(found)


async def customer(id: int, crm: servicetitan.CRM) -> servicetitan.ModelResponse:
    """One customer."""
    return servicetitan.ModelResponse(await crm.customers.get(id))


async def take_in(household: Household, crm: servicetitan.CRM) -> servicetitan.ModelResponse:
    """A customer for a household: the one there is (200), or a new one (201)."""
    home = Address(
        street=household.street,
        city=household.city,
        state=household.state,
        zip=household.zip,
        country="USA",
    )
    wanted = CustomerCreate(
        name=household.name, address=home, locations=(LocationCreate(name=household.name, address=home),)
    )
    match await flows.find_or_create_customer(crm, wanted):
        case flows.Created(record):
            return servicetitan.ModelResponse(record, status_code=201)
        case flows.Existing(record):
            return servicetitan.ModelResponse(record)
        case several:
            return servicetitan.ModelResponse(several.candidates, status_code=300)


class Inbox:
    """The events that came. In memory and for this process alone: in yours, a table with a unique key."""

    def __init__(self) -> None:
        self.events: dict[str, webhooks.Event] = {}

    async def take(self, event: webhooks.Event, request: Request) -> None:
        """Keep an event; one that is delivered again changes nothing."""
        self.events.setdefault(event.user_assigned_id, event)

    async def kinds(self) -> list[str]:
        """What came, in order."""
        return [event.type for event in self.events.values()]


def client_of_the_environment() -> ServiceTitanCRM:
    """The client of the tenant that the environment names, made at each start."""
    return ServiceTitanCRM.from_env(settings=INTERACTIVE)


def create_app(make: servicetitan.MakeClients = client_of_the_environment) -> FastAPI:
    """The application; nothing is opened before it starts."""
    app = FastAPI(title="Customers", lifespan=servicetitan.lifespan(make))
    app.add_middleware(servicetitan.StopReadsOnDisconnect)
    servicetitan.add_exception_handlers(app)
    app.get("/customers")(customers)
    app.get("/customers/{id}")(customer)
    app.post("/customers")(take_in)
    inbox = Inbox()
    app.get("/events")(inbox.kinds)
    proof = servicetitan.SecretPath(os.environ["WEBHOOK_SECRET"])
    app.include_router(servicetitan.webhook_route("/webhooks/servicetitan", inbox.take, proof=proof))
    return app
