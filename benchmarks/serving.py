"""A server in a process and on a core of its own, so that its work and memory are not the client's.

It obeys one line of JSON at a time, answers each with what it has counted since the line before, and
ends with its input.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Literal, NamedTuple

import msgspec

from benchmarks.catalogue import Catalogue, Connection, Desk
from benchmarks.machine import cores, pin
from servicetitan_crm_async.sandbox import (
    KINDS,
    TICKS_PER_SECOND,
    Sandbox,
    SandboxServer,
    serve,
    system_ticks,
    ticks_of_seconds,
)

SEED = 1
ALLOWED = 60
"""Requests a second that the service allows each tenant."""
LATENCY = 0.05
_BORN = datetime(2026, 1, 1, tzinfo=UTC)
_HOST = "127.0.0.1"
_FIRST_TENANT = 1001
_APART = TICKS_PER_SECOND // 1000
"""Between one edit and the next: people do not edit thousands of customers in one instant."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served."""

    server: Literal["catalogue", "sandbox"] = "catalogue"
    customers: int
    whole_tenant: bool = False
    """Locations, contacts, leads and bookings too."""
    rate_limit: int | None = None
    """Requests a second, enforced."""
    latency: float = 0.0
    tenants: int = 1


def far_site(
    customers: int, *, latency: float = LATENCY, whole_tenant: bool = False, tenants: int = 1
) -> Site:
    """A sandbox that is so many seconds away and enforces the service's limit."""
    return Site(
        server="sandbox",
        customers=customers,
        whole_tenant=whole_tenant,
        rate_limit=ALLOWED,
        latency=latency,
        tenants=tenants,
    )


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What is to happen before the next answer."""

    change: int = 0
    """Customers of the first tenant to edit now."""
    advance: float = 0.0
    """Seconds by which the server's clock jumps on, after that."""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What the server saw since it was last asked."""

    requests: int
    """To the API; token requests are counted apart."""
    tokens: int
    throttled: int
    """Answers with status 429."""
    span: float
    """Seconds between the first of the requests and the last."""
    cpu: float
    """Seconds of the server's process: near to the wall clock's it was the bottleneck."""


class _Greeting(msgspec.Struct, frozen=True, kw_only=True):
    environs: list[dict[str, str]]
    first_id: int
    customers: int
    records: int
    entities: int


class Server:
    """The other process, seen from this one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout
        greeting = msgspec.json.decode(self._output.readline(), type=_Greeting)
        self.environs, self.first_id = greeting.environs, greeting.first_id
        self.customers, self.records, self.entities = greeting.customers, greeting.records, greeting.entities

    @property
    def environ(self) -> dict[str, str]:
        return self.environs[0]

    def ask(self, command: Command | None = None) -> Counts:
        self._input.write(msgspec.json.encode(command or Command()).decode() + "\n")
        self._input.flush()
        return msgspec.json.decode(self._output.readline(), type=Counts)


@contextmanager
def serving(site: Site) -> Iterator[Server]:
    """A server that lives while the block lasts."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.serving", msgspec.json.encode(site).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=30)


class _Clock:
    """The system's clock, and how far it was put on."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return system_ticks() + self.ahead


class _Seen(NamedTuple):
    """Everything since the server began."""

    requests: int
    tokens: int
    throttled: int
    arrivals: Sequence[float]
    """When the latest requests came, in seconds."""


class _Counting:
    """Cuts what was seen into the times between one command and the next."""

    def __init__(self, look: Callable[[], _Seen]) -> None:
        self._look = look
        self._before, self._cpu = look(), time.process_time()

    def counts(self) -> Counts:
        seen, before = self._look(), self._before
        cpu, began_at = time.process_time(), self._cpu
        self._before, self._cpu = seen, cpu
        requests = seen.requests - before.requests
        arrivals = seen.arrivals[-requests:] if requests else (0.0,)
        return Counts(
            requests=requests,
            tokens=seen.tokens - before.tokens,
            throttled=seen.throttled - before.throttled,
            span=arrivals[-1] - arrivals[0],
            cpu=cpu - began_at,
        )


def _sandbox(site: Site) -> Sandbox:
    whole = site.whole_tenant
    sandbox = Sandbox(
        seed=SEED,
        tenant_id=_FIRST_TENANT,
        born=_BORN,
        customers=site.customers,
        locations_per_customer=1.1 if whole else 0.0,
        contacts=(1, 3) if whole else (0, 0),
        leads=0.15 if whole else 0.0,
        bookings=0.10 if whole else 0.0,
        rate_limit=site.rate_limit,
        latency=site.latency,
        # Some peers fetch a token for every request, which the service itself would refuse.
        token_requests_per_minute=None,
    )
    for number in range(1, site.tenants):
        sandbox.add_tenant(_FIRST_TENANT + number)
    # Everything is drawn once, here, so that whoever comes first does not wait for it.
    for tenant in sandbox.tenants:
        for kind in KINDS:
            sandbox.records(kind, tenant)
    # It stays, and the collector need not look at all of it again and again.
    gc.freeze()
    return sandbox


def _greet(sandbox: Sandbox, port: int) -> None:
    server, world = SandboxServer(sandbox, _HOST, port), sandbox.world()
    greeting = _Greeting(
        environs=[server.environ_of(tenant) for tenant in sandbox.tenants.values()],
        first_id=next(iter(world.tables["customers"])).id,
        customers=len(world.tables["customers"]),
        records=sum(len(world.tables[kind]) for kind in KINDS),
        entities=len(KINDS),
    )
    print(msgspec.json.encode(greeting).decode(), flush=True)


async def _obey(counting: _Counting, act: Callable[[Command], None]) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        counts = counting.counts()
        act(msgspec.json.decode(line, type=Command))
        print(msgspec.json.encode(counts).decode(), flush=True)


async def _serve_catalogue(site: Site) -> None:
    sandbox = _sandbox(site)
    desk = Desk(Catalogue(sandbox))
    listening = await asyncio.get_running_loop().create_server(lambda: Connection(desk), _HOST, 0)
    async with listening:
        _greet(sandbox, listening.sockets[0].getsockname()[1])

        def look() -> _Seen:
            return _Seen(len(desk.arrivals), desk.tokens, 0, desk.arrivals)

        await _obey(_Counting(look), _refuse)


async def _serve_sandbox(site: Site) -> None:
    sandbox, clock = _sandbox(site), _Clock()

    def look() -> _Seen:
        told = sandbox.statistics()
        arrivals = [visit.now / TICKS_PER_SECOND for visit in sandbox.journal if "/tenant/" in visit.path]
        return _Seen(told.requests, told.token_requests, told.rate_limited, arrivals)

    def act(command: Command) -> None:
        sandbox.advance(clock())
        world = sandbox.world()
        customers = list(islice(world.tables["customers"], command.change))
        for number, customer in enumerate(customers):
            world.edit("customers", customer.id, at=world.now + number * _APART)
        clock.ahead += ticks_of_seconds(command.advance)

    async with serve(sandbox, host=_HOST, clock=clock) as server:
        _greet(sandbox, server.port)
        await _obey(_Counting(look), act)


def _refuse(command: Command) -> None:
    if command != Command():
        raise ValueError("a catalogue does not change")


def main(site: Site) -> None:
    pin(cores().server)
    asyncio.run(_serve_catalogue(site) if site.server == "catalogue" else _serve_sandbox(site))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Site))
