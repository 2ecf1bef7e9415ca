"""The sandbox: a ServiceTitan in a value. A request and an instant go in, an answer comes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec

from .faults import TOKEN_PATH, Fault, FaultScript
from .gate import Gate, Limits, Tenant
from .instants import http_date, text_of, ticks_of
from .messages import Answer, Mishap, Problem, Reply, Request, problem_json
from .operations import Call, Cutting, Habits
from .ordering import SortedKeys
from .recipe import Recipe
from .records import Kind, Record
from .routes import Place, find_route, place_of
from .saving import VERSION, Latency, Saved, read, write
from .statistics import Register, Statistics, Visit
from .tables import OrderBy, Scope
from .views import Contract, feed_bytes, list_bytes, stamp_text
from .world import World


class Sandbox:
    """Tenants to run against, over sockets (`serve`) or without (`answer`).

    Instants are whole ticks of 100 ns since 1970 UTC. Time is the caller's: nothing here reads a clock
    except the constructor, for the default of `born`. Nothing runs in the background; every request
    first lets happen in its tenant what was due by then.

    What is written through the API or by hand lives as long as the instance; `save` keeps the recipe.

    Args:
        seed: of all chance. Same seed, sizes and `born`: same bytes.
        tenant_id: of the first tenant; `add_tenant` makes others.
        born: all seeded stamps lie before it and life begins with it; default is now, to the second.
        customers, locations_per_customer, contacts, leads, bookings, tag_types: see `Recipe`.
        booking_providers, life, visibility_delay: likewise.
        rate_limit, token_life, token_requests_per_minute: see `Limits`.
        unstable_ties, compares_to, cutting, feed_page, feed_lag, feed_repeat: see `Habits`.
        latency, latency_jitter: seconds an answer takes, and up to how many more.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        tenant_id: int = 1001,
        born: datetime | int | None = None,
        customers: int = 200,
        locations_per_customer: float = 1.1,
        contacts: tuple[int, int] = (1, 3),
        leads: float = 0.15,
        bookings: float = 0.10,
        tag_types: int = 12,
        booking_providers: int = 3,
        life: float = 0.0,
        visibility_delay: float = 0.0,
        rate_limit: int | None = 60,
        token_life: float = 900.0,
        token_requests_per_minute: int | None = 60,
        unstable_ties: bool = False,
        compares_to: float = 0.0,
        cutting: Cutting = "bounds",
        feed_page: int = 500,
        feed_lag: float = 0.0,
        feed_repeat: float = 10.0,
        latency: float = 0.0,
        latency_jitter: float = 0.0,
    ) -> None:
        recipe = Recipe(
            tenant_id=tenant_id,
            seed=seed,
            born=_birth(born),
            customers=customers,
            locations_per_customer=locations_per_customer,
            contacts=contacts,
            leads=leads,
            bookings=bookings,
            tag_types=tag_types,
            booking_providers=booking_providers,
            life=life,
            visibility_delay=visibility_delay,
        )
        limits = Limits(
            rate_limit=rate_limit, token_life=token_life, token_requests_per_minute=token_requests_per_minute
        )
        habits = Habits(
            unstable_ties=unstable_ties,
            compares_to=compares_to,
            cutting=cutting,
            feed_page=feed_page,
            feed_lag=feed_lag,
            feed_repeat=feed_repeat,
        )
        tenants = [(_credentials(tenant_id), recipe)]
        self._set_up(Saved(VERSION, seed, limits, habits, Latency(latency, latency_jitter), tenants))

    def _set_up(self, saved: Saved) -> None:
        self.seed = saved.seed
        self.habits = saved.habits
        self.faults = FaultScript(saved.seed)
        self.now = 0
        self._latency = saved.latency
        self._gate = Gate(saved.seed, saved.limits)
        self._register = Register()
        self._worlds: dict[int, World] = {}
        self._ties = Random(f"ties/{saved.seed}")
        self._delays = Random(f"latency/{saved.seed}")
        self._first = saved.tenants[0][0].tenant_id
        for tenant, recipe in saved.tenants:
            self._take_in(tenant, recipe)
        self.now = max(self.now, saved.now)

    def __repr__(self) -> str:
        recipe = self.world().recipe
        tenants = ", ".join(map(str, self.tenants))
        return (
            f"<Sandbox seed={self.seed} tenants={tenants} born={text_of(recipe.born)} life={recipe.life:g}>"
        )

    @property
    def tenant(self) -> Tenant:
        """Credentials of the first tenant."""
        return self._gate.tenants[self._first]

    @property
    def tenants(self) -> Mapping[int, Tenant]:
        """Credentials of every tenant, by id."""
        return self._gate.tenants

    def add_tenant(
        self,
        tenant_id: int,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        app_key: str | None = None,
        customers: int | None = None,
        life: float | None = None,
        recipe: Recipe | None = None,
    ) -> Tenant:
        """One more tenant, with credentials of its own and, unless told otherwise, the same app key.

        Args:
            tenant_id: not taken yet.
            client_id, client_secret, app_key: made up where not given.
            customers, life: as in the recipe where not given.
            recipe: the rest of its sizes; by default those of the first tenant. The tenant id of a
                recipe is replaced by this one.

        Raises:
            ValueError: the sandbox has such a tenant.
        """
        if tenant_id in self._worlds:
            raise ValueError(f"tenant {tenant_id} exists")
        usual = _credentials(tenant_id)
        tenant = Tenant(
            tenant_id=tenant_id,
            client_id=client_id or usual.client_id,
            client_secret=client_secret or usual.client_secret,
            app_key=app_key or self.tenant.app_key,
        )
        like = recipe or self.world().recipe
        recipe = msgspec.structs.replace(
            like,
            tenant_id=tenant_id,
            customers=like.customers if customers is None else customers,
            life=like.life if life is None else life,
        )
        self._take_in(tenant, recipe)
        return tenant

    def world(self, tenant_id: int | None = None) -> World:
        """What a tenant holds, to look at and to change by hand."""
        return self._worlds[self._first if tenant_id is None else tenant_id]

    def advance(self, now: int) -> None:
        """Bring every tenant to an instant; the past is no error and changes nothing."""
        self.now = max(self.now, now)
        for world in self._worlds.values():
            world.advance(self.now)

    def answer(self, request: Request, now: int) -> Answer:
        """What the service answers to a request at an instant.

        An instant before the last one counts as the last one. The answer is complete and final; latency
        and transport faults are left to whoever delivers it.
        """
        self.now = now = max(self.now, now)
        place = place_of(request.path)
        resource, tenant_id = (place.resource, place.tenant_id) if place else (request.path, None)
        if place:
            self._register.arrival(request.header("ST-App-Key") or "", place.tenant_id, now)
        elif resource == TOKEN_PATH:
            self._register.token_requests += 1
        fault = self.faults.strike(request.method, resource, tenant_id)
        self._register.faults += fault is not None
        if fault is not None and fault.kind == "expire_tokens":
            self._gate.expire_tokens()
        if fault is None:
            reply = self._reply(request, place, now)
        else:
            reply = self._faulty_reply(fault, request, place, now)
        self._register.rate_limited += reply.status == 429 and place is not None
        return self._delivered(request, reply, fault, now)

    def records(
        self,
        entity: Kind,
        tenant_id: int | None = None,
        *,
        as_of: int | None = None,
        contract: Contract = "portal",
        feed: bool = False,
    ) -> dict[int, tuple[str, bytes]]:
        """All records of a kind, active or not: id to (`modifiedOn`, bytes as its list would send them).

        Contacts are as in the list over all customers or locations.

        Args:
            entity: which kind.
            tenant_id: the first tenant by default.
            as_of: the instant to look at, by default the sandbox's; the world goes on until then.
            contract: whose bytes.
            feed: bytes as the export feed sends them, and the deleted records that only it still tells of.

        Raises:
            ValueError: `as_of` is past and the world was changed by hand since it was made, so that its
                past cannot be made again.
        """
        world = self.world(tenant_id)
        as_of = max(self.now, world.now) if as_of is None else as_of
        if as_of < world.now:
            if world.written:
                raise ValueError("the past of a world that was written to is gone")
            world = World(world.recipe)
        world.advance(as_of)
        scope = Scope.EVERY if feed else Scope.LISTED
        table = world.tables[entity]
        return {
            record.id: (stamp_text(record), self._bytes(world, entity, record, contract, feed=feed))
            for record in table.records(_all(table.order(OrderBy.ID, scope)))
        }

    def twin(self) -> Sandbox:
        """Another sandbox of the same recipe, newly born: what was written and counted here is not there."""
        sandbox = Sandbox.__new__(Sandbox)
        sandbox._set_up(msgspec.structs.replace(self._saved(), now=0))  # noqa: SLF001  # of this class
        return sandbox

    def save(self, path: str | Path) -> None:
        """Write the recipe and the instant, by which `load` makes the same tenants in any process.

        What was written through the API or by hand is not in it, nor are tokens, faults and counts.
        """
        write(self._saved(), path)

    @classmethod
    def load(cls, path: str | Path) -> Sandbox:
        """A sandbox from the file that `save` wrote; advanced to any instant, it has the same bytes.

        Raises:
            ValueError: the file is of another version, or not of `save` at all.
        """
        saved = read(path)
        sandbox = cls.__new__(cls)
        sandbox._set_up(saved)  # noqa: SLF001  # of this class
        return sandbox

    def statistics(self) -> Statistics:
        """What was asked and answered so far."""
        return self._register.snapshot()

    @property
    def journal(self) -> tuple[Visit, ...]:
        """The last ten thousand requests, oldest first."""
        return tuple(self._register.journal)

    def _take_in(self, tenant: Tenant, recipe: Recipe) -> None:
        self._gate.tenants[tenant.tenant_id] = tenant
        self._worlds[tenant.tenant_id] = World(recipe)
        self.now = max(self.now, recipe.born)

    def _saved(self) -> Saved:
        tenants = [(tenant, self._worlds[tenant_id].recipe) for tenant_id, tenant in self.tenants.items()]
        return Saved(VERSION, self.seed, self._gate.limits, self.habits, self._latency, tenants, self.now)

    def _reply(self, request: Request, place: Place | None, now: int) -> Reply:
        try:
            if place is None:
                if request.path == TOKEN_PATH:
                    return self._gate.hand_out(request, now)
                raise Problem(404, "Not found.")
            self._gate.admit(request, place.tenant_id, now)
            world = self._worlds[place.tenant_id]
            world.advance(now)
            match = find_route(request.method, place)
            self._register.routes[f"{request.method} {match.template}"] += 1
            call = Call(
                world, place.contract, match.ids, request.query, request.body, now, self.habits, self._ties
            )
            return match.act(call)
        except Problem as problem:
            return problem.reply(self._trace_id())

    def _faulty_reply(self, fault: Fault, request: Request, place: Place | None, now: int) -> Reply:
        reply = self._reply(request, place, now) if fault.applied else None
        if reply is None or fault.kind in ("status", "reset"):
            return self._failure(fault)
        return reply._replace(body=fault.distort(reply.body)) if reply.status == 200 else reply

    def _failure(self, fault: Fault) -> Reply:
        if fault.kind == "reset":
            return Reply(0, b"")
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return Reply(fault.code, problem_json(fault.code, "Fault of the script.", self._trace_id()), headers)

    def _delivered(self, request: Request, reply: Reply, fault: Fault | None, now: int) -> Answer:
        mishap = None
        if fault is not None and fault.kind in ("reset", "cut", "slow"):
            mishap = Mishap(fault.kind, fault.amount)
        self._register.statuses[reply.status] += 1
        self._register.bytes_sent += len(reply.body)
        self._register.journal.append(
            Visit(now, request.method, request.path, request.query, reply.status, request.body)
        )
        headers = {"Date": http_date(now), **reply.headers}
        if reply.body:
            headers["Content-Type"] = "application/json; charset=utf-8"
        delay = self._latency.seconds
        if self._latency.jitter:
            delay += self._latency.jitter * self._delays.random()
        return Answer(reply.status, headers, reply.body, mishap, delay)

    def _trace_id(self) -> str:
        return f"{self.seed & 0xFFFFFFFF:08x}-{self._register.statuses.total():012x}"

    @staticmethod
    def _bytes(world: World, kind: Kind, record: Record, contract: Contract, *, feed: bool) -> bytes:
        return feed_bytes(world, kind, record) if feed else list_bytes(world, kind, record, contract)


def _all(keys: SortedKeys) -> list[int]:
    return keys.cut(0, len(keys))


def _birth(born: datetime | int | None) -> int:
    if born is None:
        return ticks_of(datetime.now(UTC).replace(microsecond=0))
    return born if isinstance(born, int) else ticks_of(born)


def _credentials(tenant_id: int) -> Tenant:
    return Tenant(
        tenant_id=tenant_id,
        client_id=f"cid.sandbox-{tenant_id}",
        client_secret=f"cs.sandbox-{tenant_id}",
        app_key="ak.sandbox",
    )
