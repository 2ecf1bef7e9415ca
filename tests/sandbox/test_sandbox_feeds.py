"""Export feeds: complete, resumable, with what the lists do not show."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_desk import BORN_TICKS, FEEDS, SECOND, Desk, ids, small

from servicetitan_crm_async.sandbox import Kind, parse_instant, text_of


@pytest.mark.parametrize("kind", FEEDS)
def test_a_feed_holds_every_record_in_the_order_of_its_last_change(kind: Kind) -> None:
    desk = Desk(small(feed_page=17))
    found, _ = desk.drain(FEEDS[kind])
    assert sorted(ids(found)) == sorted(desk.sandbox.records(kind))
    stamps = [parse_instant(record["modifiedOn"]) or 0 for record in found]
    assert stamps == sorted(stamps)
    expected = desk.sandbox.records(kind, feed=True)
    assert {record["id"]: record for record in found} == {
        key: msgspec.json.decode(each) for key, (_, each) in expected.items()
    }


def test_a_drained_feed_polls_with_the_same_token() -> None:
    desk = Desk(small())
    _, token = desk.drain("/export/customers")
    for _ in range(2):
        assert desk.get("/export/customers", **{"from": token}) == {
            "hasMore": False,
            "continueFrom": token,
            "data": [],
        }
    changed = desk.sandbox.world().edit("customers", 100000001, {"name": "new name"})
    assert ids(desk.drain("/export/customers", token)[0]) == [changed.id]


@settings(deadline=None, max_examples=20)
@given(polls=st.lists(st.integers(1, 5), min_size=1, max_size=6), page=st.integers(1, 50))
def test_whoever_polls_a_feed_ends_with_what_the_sandbox_holds(polls: list[int], page: int) -> None:
    desk = Desk(small(customers=20, life=20, feed_page=page))
    mirror: dict[int, str] = {}
    token: str | None = None
    for seconds in polls:
        desk.wait(seconds)
        found, token = desk.drain("/export/customers", token)
        mirror |= {record["id"]: record["modifiedOn"] for record in found}
    expected = desk.sandbox.records("customers", as_of=desk.now)
    assert mirror == {key: stamp for key, (stamp, _) in expected.items()}


@pytest.mark.parametrize("start", ["2026-01-01", "2026-01-01T00:00:00Z"])
def test_a_feed_starts_at_a_date(start: str) -> None:
    desk = Desk(small())
    found, _ = desk.drain("/export/customers", start)
    everything, _ = desk.drain("/export/customers")
    assert found == [record for record in everything if record["modifiedOn"] >= "2026-01-01"]
    assert 0 < len(found) < len(everything)


@pytest.mark.parametrize("start", ["yesterday", "2026-02-30", "Zm9vOjE=", "%%%"])
def test_what_is_neither_a_date_nor_a_token_is_refused(start: str) -> None:
    assert set(Desk(small()).refusal("/export/leads", **{"from": start})) == {"from"}


def test_a_token_of_one_feed_is_none_of_another() -> None:
    desk = Desk(small())
    _, token = desk.drain("/export/customers")
    desk.get("/export/leads", expect=400, **{"from": token})


def test_a_deleted_record_is_told_of_by_the_feed_alone() -> None:
    desk = Desk(small())
    contact = desk.all("/customers/contacts", modifiedOnOrAfter="2000-01-01T00:00:00Z")[0]
    desk.sandbox.world().delete("customer_contacts", contact["id"])
    listed = desk.all("/customers/contacts", modifiedOnOrAfter="2000-01-01T00:00:00Z")
    assert contact["id"] not in ids(listed)
    assert contact["id"] not in desk.sandbox.records("customer_contacts")
    last = desk.drain("/export/customers/contacts")[0][-1]
    assert (last["id"], last["active"], last["customerId"]) == (contact["id"], False, contact["customerId"])


def test_a_lagging_feed_gives_recent_changes_sooner_on_request_and_repeats_them() -> None:
    desk = Desk(small(feed_lag=60.0, feed_repeat=10.0))
    record = desk.sandbox.world().edit("customers", 100000001, {"name": "x"}, at=BORN_TICKS + SECOND)
    desk.wait(5)
    _, token = desk.drain("/export/customers")
    assert ids(desk.drain("/export/customers", token)[0]) == []
    recent, repeating = desk.drain("/export/customers", token, includeRecentChanges=True)
    assert ids(recent) == [record.id]
    assert ids(desk.drain("/export/customers", repeating, includeRecentChanges=True)[0]) == [record.id]
    desk.wait(57)
    assert ids(desk.drain("/export/customers", token)[0]) == [record.id]


def test_a_feed_from_the_future_is_empty_until_then() -> None:
    desk = Desk(small())
    answer = desk.get("/export/customers", **{"from": text_of(BORN_TICKS + 10 * SECOND)})
    assert answer["data"] == []
    desk.wait(20)
    record = desk.sandbox.world().edit("customers", 100000002, {"name": "x"}, at=desk.now)
    assert ids(desk.drain("/export/customers", answer["continueFrom"])[0]) == [record.id]
