"""Customers and leads of one tenant behind an aiohttp application.

    export WEBHOOK_SECRET=$(python -c 'import secrets; print(secrets.token_urlsafe())')
    python -m examples.aiohttp_app 8080

Besides `WEBHOOK_SECRET` it reads the `SERVICETITAN_*` variables; `servicetitan-crm sandbox` prints some that
need no account. ServiceTitan posts its events to `/webhooks/servicetitan/<WEBHOOK_SECRET>`.
"""

from __future__ import annotations

import os
import sys

import msgspec
from aiohttp import web

from servicetitan_crm_async import RetryPolicy, ServiceTitanCRM, Settings, Timeouts, flows, webhooks
from servicetitan_crm_async.integrations import aiohttp as servicetitan
from servicetitan_crm_async.models import Address, CustomerCreate, LocationCreate

# Someone waits for the answer: better a 503 soon than a 200 after five minutes.
INTERACTIVE = Settings(
    timeouts=Timeouts(admission=5, call=20), retries=RetryPolicy(attempts=3, seconds=10, longest=2)
)
ID = r"{id:[1-9]\d{0,17}}"


class Household(msgspec.Struct):
    """Who moves in, and where."""

    name: str
    street: str
    city: str
    state: str
    zip: str


async def customers(request: web.Request) -> web.Response:
    """The first customers of that name."""
    found = []
    async with servicetitan.client(request) as crm:
        async for customer in crm.customers.list(name=request.query.get("name", "")):
            found.append(customer)
            if len(found) == 20:
                break
    return servicetitan.model_response(found)


async def customer(request: web.Request) -> web.Response:
    """One customer."""
    async with servicetitan.client(request) as crm:
        return servicetitan.model_response(await crm.customers.get(int(request.match_info["id"])))


async def take_in(request: web.Request) -> web.Response:
    """A customer for a household: the one there is (200), or a new one (201)."""
    try:
        household = msgspec.json.decode(await request.read(), type=Household)
    except msgspec.DecodeError:
        raise web.HTTPUnprocessableEntity(text="name, street, city, state and zip, as JSON") from None
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
    async with servicetitan.client(request) as crm:
        match await flows.find_or_create_customer(crm, wanted):
            case flows.Created(record):
                return servicetitan.model_response(record, status=201)
            case flows.Existing(record):
                return servicetitan.model_response(record)
            case several:
                return servicetitan.model_response(several.candidates, status=300)


class Inbox:
    """The events that came. In memory and for this process alone: in yours, a table with a unique key."""

    def __init__(self) -> None:
        self.events: dict[str, webhooks.Event] = {}

    async def take(self, event: webhooks.Event, request: web.Request) -> None:
        """Keep an event; one that is delivered again changes nothing."""
        self.events.setdefault(event.user_assigned_id, event)

    async def kinds(self, request: web.Request) -> web.Response:
        """What came, in order."""
        return web.json_response([event.type for event in self.events.values()])


def client_of_the_environment() -> ServiceTitanCRM:
    """The client of the tenant that the environment names, made at each start."""
    return ServiceTitanCRM.from_env(settings=INTERACTIVE)


def create_app(make: servicetitan.MakeClients = client_of_the_environment) -> web.Application:
    """The application; nothing is opened before it starts."""
    app = web.Application(middlewares=servicetitan.MIDDLEWARES)
    app.cleanup_ctx.append(servicetitan.cleanup_ctx(make))
    inbox = Inbox()
    proof = servicetitan.SecretPath(os.environ["WEBHOOK_SECRET"])
    app.add_routes(
        [
            web.get("/customers", customers),
            web.get(f"/customers/{ID}", customer),
            web.post("/customers", take_in),
            web.get("/events", inbox.kinds),
            servicetitan.webhook_route("/webhooks/servicetitan", inbox.take, proof=proof),
        ]
    )
    return app


if __name__ == "__main__":
    web.run_app(
        create_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]) if len(sys.argv) > 1 else 8080,
        # Reads whose caller has gone are cancelled; the middleware lets writes run to their end.
        handler_cancellation=True,
    )
