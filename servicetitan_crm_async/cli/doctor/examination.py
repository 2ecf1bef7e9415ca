"""The checks that need the network, from near to far; each goes as far as those before it allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from servicetitan_crm_async._core.fanout import concurrently
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.tokens import StoredToken
from servicetitan_crm_async._core.transport import Transport, WireRequest
from servicetitan_crm_async.cli.credentials.token_service import new_token, transport_of
from servicetitan_crm_async.cli.doctor import reading
from servicetitan_crm_async.cli.doctor.findings import Finding, skipped
from servicetitan_crm_async.cli.doctor.network import Door, connected, door_of, looked_up
from servicetitan_crm_async.cli.doctor.reading import Probe
from servicetitan_crm_async.cli.doctor.scopes import Scope, cheapest
from servicetitan_crm_async.client import ServiceTitanCRM, caller_of
from servicetitan_crm_async.config import Credentials, Settings
from servicetitan_crm_async.contract import operation
from servicetitan_crm_async.errors import DecodeError, ServiceTitanError

Show = Callable[[Finding], None]
_AT_ONCE = 4


class _List(msgspec.Struct):
    """What every list answers, in either contract."""

    data: list[msgspec.Raw]


class _Watch:
    """A transport that compares the service's clock with the machine's."""

    def __init__(self, carrier: Transport) -> None:
        self._carrier = carrier
        self.ahead: float | None = None
        """Seconds by which the service's clock is ahead, by its last answer; half a second more or less."""

    async def open(self) -> None:
        await self._carrier.open()

    async def close(self) -> None:
        await self._carrier.close()

    async def send(self, request: WireRequest) -> Reply:
        reply = await self._carrier.send(request)
        if reply.served_at is not None:
            # It is cut to the second, and somewhere within the time the answer took.
            served_at = reply.served_at.timestamp() + 0.5
            self.ahead = served_at - (datetime.now(UTC).timestamp() - reply.seconds / 2)
        return reply


class _Held:
    """The token that was fetched, so that the calls need no other."""

    token: StoredToken | None = None

    async def load(self, key: str) -> StoredToken | None:
        return self.token

    async def save(self, key: str, token: StoredToken | None) -> None:
        """Nothing outlives the command."""


async def examine(who: Credentials, settings: Settings, scopes: Sequence[Scope], show: Show) -> int:
    """Check, and show what was found as it comes; answers the number of requests sent to the API.

    Nothing is raised for what a check meets: that is what it finds.
    """
    api, authority = door_of(settings.host), door_of(settings.token_url)
    there = await _doors(dict.fromkeys((api, authority)), settings, show)
    watch, held = _Watch(transport_of(settings)), _Held()
    async with ServiceTitanCRM(who, settings, transport=watch, token_store=held) as crm:
        if authority in there:
            held.token = await _token(who, settings, watch, show)
        else:
            show(skipped("token", "the token service is not reached"))
        if held.token is not None and api in there:
            await _lists(crm, scopes, show)
        else:
            why = "there is no token" if held.token is None else "the API is not reached"
            show(skipped("tenant", why))
            show(skipped("scope", why))
        counts = crm.statistics()
        show(reading.pace(settings.rate, counts.requests, counts.throttled))
        show(reading.clock(watch.ahead))
        return counts.requests


async def _doors(doors: dict[Door, None], settings: Settings, show: Show) -> set[Door]:
    """Those that are open."""
    seconds = settings.timeouts.connect
    hosts = dict.fromkeys(door.host for door in doors)
    names = await concurrently(hosts, lambda host: looked_up(host, seconds=seconds), concurrency=_AT_ONCE)
    for finding in names:
        show(finding)
    resolved = {finding.of for finding in names if finding.status == "ok"}
    known = [door for door in doors if door.host in resolved]
    tried = await concurrently(known, lambda door: connected(door, seconds=seconds), concurrency=_AT_ONCE)
    for finding in tried:
        show(finding)
    return {door for door, finding in zip(known, tried, strict=True) if finding.status == "ok"}


async def _token(
    who: Credentials, settings: Settings, transport: Transport, show: Show
) -> StoredToken | None:
    now = datetime.now(UTC).timestamp()
    name = door_of(settings.token_url).name
    try:
        value, life = await new_token(who, settings, transport)
    except ServiceTitanError as error:
        show(reading.no_token(name, error))
        return None
    show(reading.token(name, life))
    return StoredToken(value, now, now + life)


async def _lists(crm: ServiceTitanCRM, scopes: Sequence[Scope], show: Show) -> None:
    async def probe(scope: Scope) -> Probe:
        row = operation(crm.settings.contract, scope.operation)
        try:
            await caller_of(crm).raw(row, cheapest(row, datetime.now(UTC)), _read_list)
        except ServiceTitanError as error:
            return Probe(scope, error)
        return Probe(scope, None)

    # Alone, as what fails the first in some ways fails them all, and then each would be tried again.
    probes = [await probe(scopes[0])]
    if not reading.fails_all(probes[0].error):
        probes += await concurrently(scopes[1:], probe, concurrency=_AT_ONCE)
    for finding in reading.answers(crm.tenant_id, crm.settings.contract, probes):
        show(finding)


def _read_list(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=_List)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise DecodeError("it is no list of records") from None
