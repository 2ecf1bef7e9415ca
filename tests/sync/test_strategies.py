"""The ways to read an entity, chosen or asked for: feeds, ids, and what a contract rules out."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from churn_kit import churn
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import SandboxTransport, differences, with_client

from servicetitan_crm_async import ConfigError, NotInContract, ServiceTitanCRM, Settings
from servicetitan_crm_async._core.clock import TICKS_PER_SECOND, to_ticks
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.sandbox import KINDS, Fault, Sandbox
from servicetitan_crm_async.sync import Batch, sync
from servicetitan_crm_async.sync.destinations import CallbackDestination, MemoryDestination
from servicetitan_crm_async.sync.sources import Strategy

BORN = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=3)


def tenant(customers: int = 120, *, seed: int = 5, feed_lag: float = 0.0, life: float = 0.0) -> Sandbox:
    return Sandbox(
        seed=seed,
        customers=customers,
        born=BORN,
        life=life,
        feed_page=20,
        feed_lag=feed_lag,
        visibility_delay=2.0 if life else 0.0,
        unstable_ties=True,
    )


def feed_differences(sandbox: Sandbox, mirror: MemoryDestination) -> dict[str, list[int]]:
    """The ids in which a mirror made by feeds differs: the deleted ones are in it, and marked."""
    found: dict[str, list[int]] = {}
    for kind in KINDS:
        held = mirror.rows(sandbox.tenant.tenant_id, kind)
        fed = sandbox.records(kind, feed=True)
        wrong = [n for n, (_, raw) in fed.items() if n not in held or held[n].raw != raw]
        wrong += [n for n in held if n not in fed]
        if wrong:
            found[kind] = wrong
    return found


def test_a_feed_brings_everything_and_then_what_changed_and_marks_the_deleted() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        first = await sync(crm, mirror, strategy="feed", settle=SETTLE)
        assert {(report.strategy, report.guarantee) for report in first.entities.values()} == {
            ("feed", "exact")
        }
        assert not feed_differences(sandbox, mirror)
        await asyncio.sleep(60)
        contact = next(iter(sandbox.records("customer_contacts")))
        sandbox.world().delete("customer_contacts", contact, at=transport.now)
        await asyncio.sleep(60)
        second = await sync(crm, mirror, strategy="feed", settle=SETTLE)
        assert not feed_differences(sandbox, mirror)
        assert mirror.rows(sandbox.tenant.tenant_id, "customer_contacts")[contact].active is False
        # A feed shows its last few seconds again, which no clock of ours could rule out.
        assert second.records <= 3 * len(KINDS)
        assert all(report.requests == 1 for report in second.entities.values())

    with_client(transport, main)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 4), st.sampled_from([0.0, 5.0]), st.booleans())
def test_feeds_lose_nothing_when_cut_short_while_records_change(
    seed: int, after: float, lag: float, recent: bool
) -> None:
    """Rows show up to two seconds after their stamp, behind tokens already used."""
    sandbox, mirror = tenant(60, seed=seed % 5, feed_lag=lag, life=30), MemoryDestination()
    transport = SandboxTransport(sandbox, seed=seed)

    async def once(crm: ServiceTitanCRM) -> None:
        report = await sync(crm, mirror, strategy="feed", settle=SETTLE, include_recent_changes=recent)
        assert not report.failed

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.sleep(after)
        try:
            async with asyncio.timeout(after):
                await once(crm)
        except TimeoutError:
            await asyncio.sleep(after)
        for _ in range(3):
            await once(crm)
            await asyncio.sleep(1)
        # Life goes on for ever: what is compared is what each feed says has settled.
        for kind in KINDS:
            ledger = await mirror.load(sandbox.tenant.tenant_id, kind)
            assert ledger is not None
            assert ledger.watermark is not None
            end = to_ticks(ledger.watermark)
            held = mirror.rows(sandbox.tenant.tenant_id, kind)
            for number, (text, raw) in sandbox.records(kind, feed=True).items():
                if to_ticks(text) < end:
                    assert held[number].raw == raw

    with_client(transport, main)


def test_a_feed_that_lags_moves_the_watermark_no_further_than_it_showed() -> None:
    sandbox, mirror = tenant(60, feed_lag=300), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.sleep(1000)
        number = next(iter(sandbox.records("leads")))
        sandbox.world().edit("leads", number, at=transport.now)
        await asyncio.sleep(100)
        first = await sync(crm, mirror, entities=["leads"], strategy="feed", settle=SETTLE)
        assert first.entities["leads"].until is not None
        assert to_ticks(first.entities["leads"].until) < transport.now - 300 * TICKS_PER_SECOND
        await asyncio.sleep(400)
        await sync(crm, mirror, entities=["leads"], strategy="feed", settle=SETTLE)
        held = mirror.rows(sandbox.tenant.tenant_id, "leads")
        assert held[number].raw == sandbox.records("leads", feed=True)[number][1]

    with_client(transport, main)


def test_a_feed_that_repeats_its_token_is_an_error() -> None:
    class Stuck(SandboxTransport):
        async def send(self, request: WireRequest) -> Reply:
            reply = await super().send(request)
            body = re.sub(
                rb'"hasMore":\w+,"continueFrom":"[^"]*"', b'"hasMore":true,"continueFrom":"x"', reply.body
            )
            return reply._replace(body=body)

    sandbox = tenant()

    async def main(crm: ServiceTitanCRM) -> None:
        sandbox.faults.add(Fault.slow(0.1, path="/export/leads"))
        report = await sync(crm, MemoryDestination(), entities=["leads"], strategy="feed")
        assert "a token it gave before" in str(report.entities["leads"].error)
        assert report.entities["leads"].guarantee == "none"
        assert report.entities["leads"].requests <= 3

    class Patient(Stuck):
        """Takes any token, and shows the beginning again."""

        async def send(self, request: WireRequest) -> Reply:
            return await super().send(request._replace(url=request.url.replace("from=x", "from=2000-01-01")))

    with_client(Patient(sandbox), main)


def test_a_token_that_is_no_longer_taken_begins_the_run_again() -> None:
    sandbox, mirror = tenant(200), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        sandbox.faults.add(Fault.status(403, path="/export/customers", after=3))
        first = await sync(crm, mirror, entities=["customers"], strategy="feed", settle=SETTLE)
        assert first.failed
        ledger = await mirror.load(sandbox.tenant.tenant_id, "customers")
        assert ledger is not None
        assert ledger.token
        sandbox.faults.add(Fault.status(400, path="/export/customers"))
        second = await sync(crm, mirror, entities=["customers"], strategy="feed", settle=SETTLE)
        assert not second.failed
        assert second.records >= 200

    with_client(transport, main)
    assert not [*feed_differences(sandbox, mirror).get("customers", [])]


def test_feed_and_windows_follow_each_other_without_a_gap() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        changes = asyncio.create_task(
            churn(transport, Random(3), rate=20, seconds=20, kinds=("customers", "locations", "tag_types"))
        )
        strategies: tuple[Strategy, ...] = ("windows", "feed", "windows", "feed", "auto")
        for strategy in strategies:
            await sync(
                crm,
                mirror,
                entities=["customers", "locations", "tag_types"],
                strategy=strategy,
                settle=SETTLE,
                page_size=20,
            )
            await asyncio.sleep(2)
        await changes
        await asyncio.sleep(30)
        await sync(crm, mirror, entities=["customers", "locations", "tag_types"], settle=SETTLE)

    with_client(transport, main)
    assert not differences(sandbox, mirror, "customers", "locations", "tag_types")


def test_a_feed_cut_short_is_not_taken_up_by_windows_but_begun_again() -> None:
    sandbox, mirror = tenant(200), MemoryDestination()

    async def main(crm: ServiceTitanCRM) -> None:
        sandbox.faults.add(Fault.status(403, path="/export/customers", after=3))
        await sync(crm, mirror, entities=["customers"], strategy="feed", settle=SETTLE)
        report = await sync(crm, mirror, entities=["customers"], strategy="windows", settle=SETTLE)
        assert report.entities["customers"].since is None

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


def test_known_ids_are_fetched_anew_fifty_a_request_and_the_watermark_stays() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    transport = SandboxTransport(sandbox)

    async def main(crm: ServiceTitanCRM) -> None:
        first = await sync(crm, mirror, entities=["customers"], settle=SETTLE)
        await asyncio.sleep(60)
        changed = next(iter(sandbox.records("customers")))
        sandbox.world().edit("customers", changed, at=transport.now)
        report = (await sync(crm, mirror, entities=["customers"], strategy="ids")).entities["customers"]
        assert (report.records, report.requests) == (120, 3)
        assert (report.strategy, report.until, report.missing) == ("ids", None, ())
        assert not differences(sandbox, mirror, "customers")
        ledger = await mirror.load(sandbox.tenant.tenant_id, "customers")
        assert ledger is not None
        assert (ledger.watermark, ledger.runs) == (first.entities["customers"].until, 1)

    with_client(transport, main)


def test_ids_that_are_not_there_any_more_are_named() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(crm: ServiceTitanCRM) -> None:
        known = next(iter(sandbox.records("leads")))
        report = await sync(crm, mirror, entities=["leads"], strategy="ids", ids=[known, 999_999_999])
        assert report.entities["leads"].missing == (999_999_999,)
        assert [*mirror.rows(sandbox.tenant.tenant_id, "leads")] == [known]
        # Never synced is still never synced: the first run reads everything.
        assert (await sync(crm, mirror, entities=["leads"])).entities["leads"].since is None

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "leads")


def test_slices_can_be_asked_for_where_windows_would_do() -> None:
    sandbox, mirror = tenant(), MemoryDestination()

    async def main(crm: ServiceTitanCRM) -> None:
        report = await sync(
            crm, mirror, strategy={"customers": "slices", "locations": "pages"}, page_size=20, settle=SETTLE
        )
        assert report.entities["customers"].strategy == "slices"
        assert (report.entities["locations"].strategy, report.entities["locations"].guarantee) == (
            "pages",
            "verified",
        )
        assert report.entities["bookings"].strategy == "windows"

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror)


def test_overlap_reads_a_stretch_again() -> None:
    sandbox, mirror = tenant(life=2), MemoryDestination()

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.sleep(600)
        first = (await sync(crm, mirror, entities=["customers"], settle=SETTLE)).entities["customers"]
        again = await sync(crm, mirror, entities=["customers"], settle=SETTLE, overlap=timedelta(minutes=5))
        second = again.entities["customers"]
        assert first.until is not None
        assert second.since is not None
        assert to_ticks(second.since) == to_ticks(first.until) - 300 * TICKS_PER_SECOND
        assert second.records > 100

    with_client(SandboxTransport(sandbox), main)


def test_until_ends_a_run_early_and_the_next_one_goes_on_there() -> None:
    sandbox, mirror = tenant(), MemoryDestination()
    middle = BORN - timedelta(days=700)

    async def main(crm: ServiceTitanCRM) -> None:
        first = await sync(crm, mirror, entities=["customers"], until=middle, settle=SETTLE)
        older = [
            number
            for number, (text, _) in sandbox.records("customers").items()
            if datetime.fromisoformat(text) < middle
        ]
        assert sorted(mirror.rows(sandbox.tenant.tenant_id, "customers")) == sorted(older)
        second = await sync(crm, mirror, entities=["customers"], settle=SETTLE)
        assert second.entities["customers"].since == first.entities["customers"].until
        assert first.records + second.records == 120

    with_client(SandboxTransport(sandbox), main)
    assert not differences(sandbox, mirror, "customers")


async def take_nothing(batch: Batch) -> None:
    return None


@pytest.mark.parametrize(
    ("named", "contract", "value"),
    [
        ("strategy", "portal", {"strategy": "fast"}),
        ("strategy", "portal", {"strategy": {"customer": "feed"}}),
        ("strategy", "portal", {"strategy": "windows"}),  # contacts do not sort
        ("strategy", "openapi-2.0.0", {"strategy": {"customers": "windows"}}),
        ("strategy", "openapi-2.0.0", {"strategy": {"leads": "slices"}}),
        ("strategy", "portal", {"strategy": "ids", "entities": ["customer_contacts"]}),
        ("ids", "portal", {"ids": [1]}),
        ("ids", "portal", {"ids": [1], "strategy": "ids"}),
        ("overlap", "portal", {"overlap": timedelta(seconds=-1)}),
        ("until", "portal", {"until": datetime(2026, 1, 1)}),  # noqa: DTZ001
    ],
)
def test_what_cannot_be_is_refused_before_any_request(
    named: str, contract: str, value: dict[str, object]
) -> None:
    sandbox = tenant(5)

    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(ConfigError) as caught:
            await sync(crm, MemoryDestination(), **value)  # type: ignore[arg-type]
        assert set(caught.value.problems) == {named}

    with_client(SandboxTransport(sandbox), main, Settings(contract=contract))  # type: ignore[arg-type]
    assert sandbox.statistics().requests == 0


def test_a_contract_without_feeds_says_what_to_use_instead() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        with pytest.raises(NotInContract, match=r"customers\.list with modifiedOnOrAfter"):
            await sync(crm, MemoryDestination(), entities=["customers"], strategy="feed")

    with_client(SandboxTransport(tenant(5)), main, Settings(contract="openapi-2.0.0"))


def test_a_destination_that_cannot_be_looked_into_needs_the_ids_named() -> None:
    async def main(crm: ServiceTitanCRM) -> None:
        destination = CallbackDestination(take_nothing)
        report = await sync(crm, destination, entities=["customers"], strategy="ids")
        assert "name them" in str(report.entities["customers"].error)

    with_client(SandboxTransport(tenant(5)), main)
