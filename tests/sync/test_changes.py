"""Changes, batch after batch: nothing is lost from any cursor on, and nothing is held that nobody takes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import pairwise
from random import Random
from typing import ClassVar

import pytest
from churn_kit import churn
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import SandboxTransport, with_client
from virtual_time import run

from servicetitan_crm_async import (
    AuthError,
    ConfigError,
    Forbidden,
    LedgerConflict,
    NotInContract,
    ServiceTitanCRM,
    Settings,
    models,
)
from servicetitan_crm_async._core.clock import ticks_of, to_text
from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox
from servicetitan_crm_async.sync import ENTITIES, Batch, ChangeBatch, Record, changes, reading
from servicetitan_crm_async.sync.ledger import Ledger
from servicetitan_crm_async.sync.sources import Strategy
from servicetitan_crm_async.sync.streaming.cursor import Cursor, read_cursor
from servicetitan_crm_async.sync.streaming.deliveries import Deliveries
from servicetitan_crm_async.sync.streaming.handover import Handover

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)


def tenant(customers: int = 120, *, seed: int = 5, latency: float = 0.0) -> Sandbox:
    return Sandbox(
        seed=seed, customers=customers, born=BORN, latency=latency, unstable_ties=True, feed_page=20
    )


class Mirror:
    """What a consumer holds that lands by id and never puts an older version over a newer one."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Record]] = {}
        self.cursor: str | None = None

    def land(self, batch: ChangeBatch[Record]) -> None:
        held = self.rows.setdefault(batch.entity, {})
        for record in batch:
            other = held.get(record.id)
            if other is None or record.ticks >= other.ticks:
                held[record.id] = record
        self.cursor = batch.cursor

    def differences(self, sandbox: Sandbox, *, feed: bool = False) -> dict[str, list[int]]:
        """The ids that are missing or stale, by entity; a deleted contact no list shows any more."""
        found: dict[str, list[int]] = {}
        for entity in KINDS:
            held = self.rows.get(entity, {})
            listed = sandbox.records(entity, feed=feed)
            wrong = [n for n, (_, raw) in listed.items() if n not in held or held[n].raw != raw]
            if wrong:
                found[entity] = wrong
        return found


async def follow(
    crm: ServiceTitanCRM,
    mirror: Mirror,
    *entities: str,
    page_size: int = 20,
    batches_at_most: int | None = None,
    concurrency: int = 8,
    strategy: Strategy = "auto",
) -> list[ChangeBatch[Record]]:
    """Go on from where the mirror is; the batch after the last is begun, and not dealt with."""
    landed: list[ChangeBatch[Record]] = []
    async with changes(
        crm,
        *entities,
        raw=True,
        cursor=mirror.cursor,
        page_size=page_size,
        settle=SETTLE,
        concurrency=concurrency,
        strategy=strategy,
    ) as batches:
        async for batch in batches:
            if len(landed) == batches_at_most:
                break
            mirror.land(batch)
            landed.append(batch)
    return landed


def test_the_first_call_brings_everything_and_the_next_only_what_changed() -> None:
    sandbox, mirror = tenant(400), Mirror()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        await follow(crm, mirror)
        assert not mirror.differences(sandbox)
        await asyncio.sleep(60)
        number = next(iter(sandbox.records("leads")))
        sandbox.world().edit("leads", number, at=transport.now)
        await asyncio.sleep(60)
        before = sandbox.statistics().requests
        second = await follow(crm, mirror)
        assert {batch.entity: [record.id for record in batch] for batch in second if batch} == {
            "leads": [number]
        }
        assert sandbox.statistics().requests - before == len(KINDS)
        assert not mirror.differences(sandbox)

    with_client(transport, main)


def test_every_entity_ends_its_run_with_a_batch_and_the_others_hold_records() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        mirror = Mirror()
        first = await follow(crm, mirror)
        assert {batch.entity for batch in first} == set(ENTITIES)
        ends = {batch.entity: batch.guarantee for batch in first if batch.guarantee}
        assert ends == dict.fromkeys(ENTITIES, "exact")
        assert all(batch or batch.guarantee for batch in first)
        await asyncio.sleep(60)
        second = await follow(crm, mirror)
        assert sorted(batch.entity for batch in second) == sorted(ENTITIES)
        assert not any(second)
        cursors = {batch.cursor for batch in [*first, *second]}
        assert len(cursors) == len(first) + len(second)

    with_client(SandboxTransport(tenant()), main)


@pytest.mark.parametrize("seed", range(6))
def test_the_mirror_equals_the_tenant_after_changes_during_the_reading(seed: int) -> None:
    sandbox, mirror = tenant(300, seed=seed), Mirror()
    transport = SandboxTransport(sandbox, seed=seed)

    async def main(crm: ServiceTitanCRM) -> None:
        busy = asyncio.create_task(churn(transport, Random(seed), rate=40, seconds=8))
        for _ in range(3):
            await follow(crm, mirror)
            await asyncio.sleep(1)
        await busy
        await asyncio.sleep(30)
        await follow(crm, mirror)

    with_client(transport, main)
    assert sandbox.world().written > 50
    assert not mirror.differences(sandbox)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 12), min_size=1, max_size=4),
    st.sampled_from(("auto", "slices", "feed")),
    st.integers(1, 8),
)
def test_from_the_cursor_of_any_batch_nothing_is_missing(
    seed: int, stops: list[int], strategy: Strategy, concurrency: int
) -> None:
    """Invariants 1 and 2: stopped in the middle of batch k, again and again, while records change."""
    sandbox, mirror = tenant(60, seed=seed % 7), Mirror()
    transport = SandboxTransport(sandbox, seed=seed)
    # More of one instant than fill a page cannot be read for certain without an order.
    page_size = 40 if strategy == "slices" else 20

    async def some(crm: ServiceTitanCRM, stop: int | None = None) -> None:
        await follow(
            crm,
            mirror,
            batches_at_most=stop,
            concurrency=concurrency,
            strategy=strategy,
            page_size=page_size,
        )

    async def main(crm: ServiceTitanCRM) -> None:
        busy = asyncio.create_task(churn(transport, Random(seed), rate=20, seconds=8))
        for stop in stops:
            await some(crm, stop)
        await busy
        await asyncio.sleep(30)
        await some(crm)

    with_client(transport, main)
    assert not mirror.differences(sandbox, feed=strategy == "feed")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.data())
def test_from_every_cursor_on_the_rest_of_the_run_is_delivered(seed: int, data: st.DataObject) -> None:
    """Invariant 1: a cursor claims neither more nor, where a list can be sorted, less than was delivered."""
    sandbox = tenant(60, seed=seed % 7)
    transport = SandboxTransport(sandbox, seed=seed)

    async def main(crm: ServiceTitanCRM) -> None:
        whole = await follow(crm, Mirror())
        stop = data.draw(st.integers(0, len(whole) - 1))
        rest = Mirror()
        rest.cursor = whole[stop].cursor
        again = await follow(crm, rest)
        everything = {(batch.entity, record.id) for batch in whole for record in batch}
        before = {(batch.entity, record.id) for batch in whole[: stop + 1] for record in batch}
        after = [(batch.entity, record.id) for batch in again for record in batch]
        assert set(after) == everything - before
        assert len(after) == len(set(after))

    with_client(transport, main)


def test_where_only_page_numbers_are_to_be_had_an_unfinished_run_is_begun_again() -> None:
    sandbox, mirror = tenant(400), Mirror()

    async def main(crm: ServiceTitanCRM) -> None:
        await follow(crm, mirror, "leads", batches_at_most=1, page_size=10)
        assert len(mirror.rows["leads"]) < len(sandbox.records("leads"))
        await follow(crm, mirror, "leads", page_size=10)
        listed = sandbox.records("leads", contract="openapi-2.0.0")
        assert {n: row.raw for n, row in mirror.rows["leads"].items()} == {
            n: raw for n, (_, raw) in listed.items()
        }

    with_client(SandboxTransport(sandbox), main, Settings(contract="openapi-2.0.0"))


def test_records_come_as_the_models_of_their_entities_or_raw() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM) -> None:
        kinds: dict[str, set[type]] = {}
        async with changes(crm) as batches:
            async for batch in batches:
                kinds.setdefault(batch.entity, set()).update(type(record) for record in batch.records)
        assert kinds == {name: {entity.model} for name, entity in ENTITIES.items()}
        async with changes(crm, "customers") as customers:
            names = {c.id: c.name for part in [batch async for batch in customers] for c in part}
        async with changes(crm, "customers", raw=True) as rows:
            raws = {r.id: json.loads(r.raw)["name"] for part in [batch async for batch in rows] for r in part}
        assert names == raws
        assert len(names) == 120

    with_client(SandboxTransport(sandbox), main)


def test_a_batch_shows_its_records_to_no_log() -> None:
    batch = ChangeBatch(entity="leads", records=(1, 2), cursor="secret")
    assert repr(batch) == "ChangeBatch(entity='leads', guarantee='')"
    assert (len(batch), list(batch), bool(batch)) == (2, [1, 2], True)


def test_odd_records_are_delivered_with_the_reason_and_not_again() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.odd("id", None, record=3, path="/customers"))

    async def main(crm: ServiceTitanCRM) -> None:
        async with changes(crm, "customers", settle=SETTLE) as batches:
            first = [batch async for batch in batches]
        (odd,) = [odd for batch in first for odd in batch.odd]
        assert "id" in odd.reason
        assert json.loads(odd.raw)["name"]
        assert sum(map(len, first)) == 119
        async with changes(crm, "customers", settle=SETTLE, cursor=first[-1].cursor) as batches:
            assert not any([batch.records or batch.odd async for batch in batches])

    with_client(SandboxTransport(sandbox), main)


def test_a_record_that_does_not_fit_its_model_at_all_is_odd_and_costs_no_other() -> None:
    """No record that was keyed is known to be one; were there any, it would not be lost."""

    async def main() -> None:
        deliveries = Deliveries(Cursor(1001, "portal"), raw=False, overlap=timedelta(0))
        records = [Record(n, None, 0, None, raw) for n, raw in enumerate([b'{"id":0}', b"{", b'{"id":2}'])]
        commit = asyncio.create_task(deliveries.commit(Batch(1001, "leads", records, a_ledger())))
        batch = await anext(deliveries.handover)
        await commit
        assert [record.id for record in batch if isinstance(record, models.Lead)] == [0, 2]
        assert [(odd.id, odd.raw) for odd in batch.odd] == [(1, "{")]
        assert "truncated" in batch.odd[0].reason

    run(main())


class Living(Record, frozen=True, gc=False):
    """A record that is counted for as long as anyone holds it; the collector does not know of records."""

    alive: ClassVar[int] = 0

    def __post_init__(self) -> None:
        Living.alive += 1

    def __del__(self) -> None:
        Living.alive -= 1


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_no_more_is_read_than_is_taken(concurrency: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the consumer deals with a batch, `concurrency` pages wait, or two; what is in hand is unread."""
    sandbox, waiting = tenant(1000), max(2, concurrency)
    monkeypatch.setattr(reading, "Record", Living)

    async def main(crm: ServiceTitanCRM) -> None:
        before, most = Living.alive, 0
        async with changes(
            crm, "customers", raw=True, page_size=10, concurrency=concurrency, settle=SETTLE
        ) as batches:
            async for batch in batches:
                await asyncio.sleep(5)
                asked = sandbox.statistics().requests
                await asyncio.sleep(3600)
                assert sandbox.statistics().requests == asked
                assert len(batch) <= waiting * 10
                most = max(most, Living.alive - before - len(batch))
        assert (waiting - 1) * 10 < most <= waiting * 10

    with_client(SandboxTransport(sandbox), main)


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}


def test_leaving_early_stops_the_reading_and_leaves_no_task() -> None:
    sandbox = tenant(400)

    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        async with changes(crm, page_size=10) as batches:
            await anext(batches)
            assert others() > before
        assert others() == before
        asked = sandbox.statistics().requests
        await asyncio.sleep(60)
        assert sandbox.statistics().requests == asked
        with pytest.raises(ConfigError, match="are over"):
            await anext(batches)

    with_client(SandboxTransport(sandbox), main)


def test_leaving_before_anything_came_raises_nothing() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        async with changes(crm):
            pass
        async with changes(crm):
            await asyncio.sleep(0.05)
        assert others() == before

    with_client(SandboxTransport(tenant()), main)


def test_the_consumers_own_error_comes_out_bare() -> None:
    async def fails(crm: ServiceTitanCRM) -> None:
        async with changes(crm, "customers") as batches:
            async for _ in batches:
                raise ZeroDivisionError

    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        with pytest.raises(ZeroDivisionError):
            await fails(crm)
        assert others() == before

    with_client(SandboxTransport(tenant()), main)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 3))
def test_a_consumer_that_is_cancelled_at_any_moment_leaves_no_task_and_loses_nothing(
    seed: int, after: float
) -> None:
    sandbox, mirror = tenant(60), Mirror()

    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        task = asyncio.create_task(follow(crm, mirror, page_size=10))
        await asyncio.sleep(after)
        task.cancel()
        await asyncio.wait([task])
        assert others() == before
        await asyncio.sleep(30)
        await follow(crm, mirror)

    with_client(SandboxTransport(sandbox, seed=seed), main)
    assert not mirror.differences(sandbox)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.0001, 0.05))
def test_a_step_that_times_out_loses_no_batch(seed: int, patience: float) -> None:
    sandbox, mirror = tenant(60), Mirror()

    async def main(crm: ServiceTitanCRM) -> None:
        async with changes(crm, raw=True, page_size=10, settle=SETTLE) as batches:
            while True:
                try:
                    async with asyncio.timeout(patience):
                        mirror.land(await anext(batches))
                except TimeoutError:
                    continue
                except StopAsyncIteration:
                    return

    with_client(SandboxTransport(sandbox, seed=seed), main)
    assert not mirror.differences(sandbox)


def test_a_taker_cancelled_at_the_moment_of_giving_has_taken_nothing() -> None:
    async def main() -> None:
        handover = Handover[int]()
        taker = asyncio.ensure_future(anext(handover))
        await asyncio.sleep(0)
        giver = asyncio.create_task(handover.give(7))
        await asyncio.sleep(0)  # given, and the taker is about to run
        taker.cancel()
        await asyncio.wait([taker])
        assert taker.cancelled()
        assert not giver.done()
        assert await anext(handover) == 7
        await giver

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_change_follows_change(seed: int) -> None:
    """A consumer that follows for ever has what the tenant has, up to a round and what has not settled."""
    sandbox, mirror = tenant(120, seed=seed), Mirror()
    transport = SandboxTransport(sandbox, seed=seed)

    async def main(crm: ServiceTitanCRM) -> None:
        busy = asyncio.create_task(churn(transport, Random(seed), rate=10, seconds=60))
        async with changes(crm, raw=True, settle=SETTLE, every=timedelta(seconds=5)) as batches:
            try:
                async with asyncio.timeout(75):
                    async for batch in batches:
                        mirror.land(batch)
            except TimeoutError:
                pass
        assert busy.done()
        # And its cursor is as good as any.
        sandbox.world().edit("customers", next(iter(sandbox.records("customers"))), at=transport.now)
        await asyncio.sleep(10)
        await follow(crm, mirror)

    with_client(transport, main)
    assert not mirror.differences(sandbox)


@pytest.mark.parametrize("jitter", [0.0, 0.1, 0.5])
def test_rounds_begin_after_the_wait_and_its_jitter(jitter: float) -> None:
    sandbox = tenant()
    transport = SandboxTransport(sandbox, jitter=0)
    ends: list[float] = []

    async def main(crm: ServiceTitanCRM) -> None:
        loop = asyncio.get_running_loop()
        async with changes(crm, "leads", every=timedelta(minutes=10), jitter=jitter) as batches:
            async for batch in batches:
                if not batch:  # nothing changes, so this is how rounds end
                    ends.append(loop.time())
                if len(ends) == 40:
                    return

    with_client(transport, main)
    waits = [after - before for before, after in pairwise(ends)]
    assert all(600 * (1 - jitter) - 1 <= wait <= 600 * (1 + jitter) + 1 for wait in waits)
    if jitter:
        assert max(waits) - min(waits) > 600 * jitter
    else:
        assert max(waits) - min(waits) < 1


def test_an_error_ends_what_has_no_end_and_the_last_cursor_goes_on() -> None:
    sandbox, mirror = tenant(), Mirror()
    transport = SandboxTransport(sandbox)

    async def follow_for_ever(crm: ServiceTitanCRM) -> None:
        async with changes(crm, raw=True, settle=SETTLE, every=timedelta(minutes=1)) as batches:
            async for batch in batches:
                mirror.land(batch)
                if len(mirror.rows) == len(ENTITIES) and not sandbox.faults.struck:
                    sandbox.faults.add(Fault.status(403, path="/leads"))

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(Forbidden):
            await follow_for_ever(crm)
        assert [struck for _, struck in sandbox.faults.struck] == [1]
        sandbox.world().edit("leads", next(iter(sandbox.records("leads"))), at=transport.now)
        await asyncio.sleep(30)
        await follow(crm, mirror)

    with_client(transport, main)
    assert not mirror.differences(sandbox)


def test_an_entity_that_fails_leaves_the_others_to_go_on_to_their_end() -> None:
    sandbox, mirror = tenant(), Mirror()
    sandbox.faults.add(Fault.status(403, path="/leads", times=None))

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(Forbidden) as caught:
            await follow(crm, mirror)
        assert caught.value.__notes__ == ["while the changes of leads were read"]
        assert set(mirror.differences(sandbox)) == {"leads"}
        sandbox.faults.clear()
        await follow(crm, mirror)

    with_client(SandboxTransport(sandbox), main)
    assert not mirror.differences(sandbox)


def test_where_several_entities_fail_the_first_error_speaks_of_the_others() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.status(403, path="/leads", times=None))
    sandbox.faults.add(Fault.status(404, path="/bookings", times=None))

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(Forbidden) as caught:
            await follow(crm, Mirror())
        mine, other = caught.value.__notes__
        assert "leads" in mine
        assert other.startswith("bookings failed, too: NotFound: GET /")

    with_client(SandboxTransport(sandbox), main)


def test_refused_credentials_are_raised_at_once() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.status(400, path="/connect/token", times=None))

    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        async with changes(crm) as batches:
            for _ in range(2):
                with pytest.raises(AuthError):
                    await anext(batches)
        assert others() == before

    with_client(SandboxTransport(sandbox), main)


def instants(batches: Iterable[ChangeBatch[Record]]) -> list[str]:
    return sorted(record.modified_on or "" for batch in batches for record in batch)


def test_since_and_until_bound_what_is_delivered() -> None:
    sandbox = tenant(400)
    listed = sorted(text for text, _ in sandbox.records("customers").values())
    since, until = datetime.fromisoformat(listed[100]), datetime.fromisoformat(listed[300])

    async def main(crm: ServiceTitanCRM) -> None:
        async with changes(crm, "customers", raw=True, since=since, until=until) as batches:
            got = [batch async for batch in batches]
        expected = [text for text in listed if since <= datetime.fromisoformat(text) < until]
        assert instants(got) == expected
        async with changes(crm, "customers", raw=True, cursor=got[-1].cursor) as batches:
            rest = [batch async for batch in batches]
        assert instants(rest) == [text for text in listed if until <= datetime.fromisoformat(text)]

    with_client(SandboxTransport(sandbox), main)


@pytest.mark.parametrize("overlap", [timedelta(0), timedelta(days=30)])
def test_an_entity_the_cursor_does_not_speak_of_begins_at_its_since(overlap: timedelta) -> None:
    sandbox, since = tenant(), BORN - timedelta(days=500)

    async def main(crm: ServiceTitanCRM) -> None:
        async with changes(crm, "leads", raw=True, since=since) as batches:
            (*_, last) = [batch async for batch in batches]
        async with changes(crm, "leads", "customers", raw=True, cursor=last.cursor, overlap=overlap) as more:
            got = [batch async for batch in more]
        customers = [batch for batch in got if batch.entity == "customers"]
        listed = sandbox.records("customers").values()
        assert instants(customers) == sorted(
            text for text, _ in listed if datetime.fromisoformat(text) >= since
        )

    with_client(SandboxTransport(sandbox), main)


def test_an_entity_that_failed_before_its_first_answer_begins_at_since_whatever_the_overlap() -> None:
    sandbox, mirror, since = tenant(), Mirror(), BORN - timedelta(days=500)
    sandbox.faults.add(Fault.status(403, path="/customers"))

    async def fails(crm: ServiceTitanCRM) -> None:
        async with changes(
            crm, "customers", "leads", raw=True, since=since, overlap=timedelta(days=400), page_size=5
        ) as batches:
            async for batch in batches:
                mirror.land(batch)

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(Forbidden):
            await fails(crm)
        customers = [batch for batch in await follow(crm, mirror) if batch.entity == "customers"]
        listed = sandbox.records("customers").values()
        assert instants(customers) == sorted(
            text for text, _ in listed if datetime.fromisoformat(text) >= since
        )

    with_client(SandboxTransport(sandbox), main)


def test_a_cursor_remembers_the_entities_of_earlier_calls() -> None:
    sandbox, mirror = tenant(), Mirror()

    async def main(crm: ServiceTitanCRM) -> None:
        await follow(crm, mirror, "leads", "customers")
        await asyncio.sleep(30)
        await follow(crm, mirror, "leads")
        assert not any(await follow(crm, mirror, "leads", "customers"))

    with_client(SandboxTransport(sandbox), main)


def test_an_overlap_shows_again_what_changed_just_before() -> None:
    sandbox, mirror = tenant(), Mirror()

    async def main(crm: ServiceTitanCRM) -> None:
        await follow(crm, mirror, "customers")
        async with changes(crm, "customers", cursor=mirror.cursor, overlap=timedelta(days=365)) as batches:
            again = sum([len(batch) async for batch in batches])
        since = f"{BORN - timedelta(days=365):%Y-%m-%d}"
        assert again == sum(text >= since for text, _ in sandbox.records("customers").values())

    with_client(SandboxTransport(sandbox), main)


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ("since", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001
        ("cursor", {"since": BORN, "cursor": "any"}),
        ("cursor", {"cursor": "any"}),
        ("cursor", {"cursor": ""}),
        ("every", {"every": timedelta(seconds=1), "until": BORN}),
        ("every", {"every": timedelta(0)}),
        ("jitter", {"jitter": 1.5}),
        ("jitter", {"jitter": -0.5}),
        ("strategy", {"strategy": "ids"}),
        ("strategy", {"strategy": {"leads": "ids"}}),
        ("strategy", {"strategy": "guess"}),
        ("until", {"until": datetime(2026, 1, 1)}),  # noqa: DTZ001
        ("concurrency", {"concurrency": 0}),
        ("page_size", {"page_size": 5001}),
        ("settle", {"settle": timedelta(seconds=-1)}),
        ("overlap", {"overlap": timedelta(seconds=-1)}),
    ],
)
def test_a_bad_argument_fails_on_entering_before_any_request(named: str, value: dict[str, object]) -> None:
    sandbox = tenant(10)

    async def main(crm: ServiceTitanCRM) -> None:
        before = others()
        with pytest.raises(ConfigError) as caught:
            async with changes(crm, "customers", **value):  # type: ignore[call-overload]
                pytest.fail("entered")
        assert set(caught.value.problems) == {named}
        assert others() == before

    with_client(SandboxTransport(sandbox), main)
    assert sandbox.statistics().requests == 0


def test_an_entity_that_is_none_or_not_in_the_contract_fails_on_entering() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(ConfigError, match="unknown: customer;"):
            async with changes(crm, "customer"):
                pytest.fail("entered")
        with pytest.raises(NotInContract):
            async with changes(crm, "customer_contacts"):
                pytest.fail("entered")

    with_client(SandboxTransport(tenant(10)), main, Settings(contract="openapi-2.0.0"))


def a_ledger() -> Ledger:
    return Ledger(
        tenant=1001, entity="leads", contract="portal", strategy="windows", guarantee="exact", runs=1
    )


def a_cursor() -> Cursor:
    cursor = Cursor(1001, "portal", to_text(ticks_of(BORN)))
    cursor.book(a_ledger())
    return cursor


def test_a_cursor_comes_back_as_it_was() -> None:
    cursor = a_cursor()
    again = read_cursor(cursor.text(), 1001, "portal")
    assert again.text() == cursor.text()
    assert again.ledger("leads") == cursor.ledger("leads")
    assert (again.since, again.ledger("customers")) == (cursor.since, None)


def test_a_cursor_does_not_grow_with_the_number_of_runs() -> None:
    sandbox, lengths = tenant(10), []

    async def main(crm: ServiceTitanCRM) -> None:
        async with changes(crm, "leads", every=timedelta(minutes=1)) as batches:
            async for batch in batches:
                lengths.append(len(batch.cursor))
                if len(lengths) == 200:
                    return

    with_client(SandboxTransport(sandbox), main)
    assert max(lengths[10:]) - min(lengths[10:]) <= 4


@given(st.data())
def test_a_damaged_cursor_is_refused(data: st.DataObject) -> None:
    text = a_cursor().text()
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters().filter(lambda letter: letter != text[place]))
    for damaged in (text[:place], text[:place] + text[place + 1 :], text[:place] + other + text[place + 1 :]):
        with pytest.raises(ConfigError, match="damaged"):
            read_cursor(damaged, 1001, "portal")


def test_a_cursor_of_another_tenant_or_contract_is_refused() -> None:
    text = a_cursor().text()
    with pytest.raises(ConfigError, match=r"of tenant 1001, and this client of 1002"):
        read_cursor(text, 1002, "portal")
    with pytest.raises(ConfigError, match=r"of contract 'portal', and this client 'openapi-2.0.0'"):
        read_cursor(text, 1001, "openapi-2.0.0")


def test_a_cursor_of_a_newer_version_is_refused() -> None:
    body = a_cursor().text().partition(":")[2].replace('"layout":1', '"layout":2', 1)
    seal = blake2b(body.encode(), digest_size=8).hexdigest()
    with pytest.raises(LedgerConflict, match="layout 2"):
        read_cursor(f"{seal}:{body}", 1001, "portal")


def test_a_small_entity_gets_its_half_of_the_requests_beside_a_huge_one() -> None:
    sandbox = tenant(4000, latency=0.05)
    leads = len(sandbox.records("leads"))

    async def main(crm: ServiceTitanCRM) -> None:
        left = leads
        async with changes(crm, "customers", "leads", page_size=10, concurrency=4, settle=SETTLE) as batches:
            async for batch in batches:
                left -= len(batch) if batch.entity == "leads" else 0
                if not left:
                    break
        shares = Counter(visit.path.rpartition("/")[2] for visit in sandbox.journal)
        assert leads / 10 <= shares["leads"] <= 1.3 * leads / 10
        assert shares["customers"] <= 1.2 * shares["leads"]

    with_client(SandboxTransport(sandbox), main)


def test_an_entity_read_one_request_at_a_time_is_not_held_up_by_those_that_read_many_at_once() -> None:
    """Twelve workers of three entities wait beside its one, which gets the next place that comes free."""
    sandbox = tenant(4000, latency=0.05)
    names = ("customers", "customer_contacts", "locations", "leads")

    async def main(crm: ServiceTitanCRM) -> None:
        left = len(sandbox.records("leads"))
        async with changes(
            crm, *names, raw=True, strategy={"leads": "feed"}, page_size=5, concurrency=4, settle=SETTLE
        ) as batches:
            async for batch in batches:
                left -= len(batch) if batch.entity == "leads" else 0
                if not left:
                    break
        leads = sum("leads" in visit.path for visit in sandbox.journal)
        assert leads >= 30
        # In the order of arrival it would be twelve to one.
        assert len(sandbox.journal) - leads <= 5 * leads

    with_client(SandboxTransport(sandbox), main)
