"""Tokens, app keys, tenants and the rate limit, under a clock moved by hand."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_desk import SECOND, Desk, small

from servicetitan_crm_async.sandbox import Request, Sandbox


def test_right_credentials_get_a_bearer_token_for_fifteen_minutes() -> None:
    answer = Desk(small()).token_answer()
    assert answer.status == 200
    token = msgspec.json.decode(answer.body)
    assert token["token_type"] == "Bearer"
    assert token["expires_in"] == 900


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_wrong_credentials_get_an_oauth_error(form: dict[str, str], error: str) -> None:
    answer = Desk(small()).token_answer(**form)
    assert answer.status == 400
    assert msgspec.json.decode(answer.body) == {"error": error}


def test_a_token_serves_its_whole_life_whatever_is_fetched_meanwhile_and_not_a_tick_longer() -> None:
    desk = Desk(small(token_life=30.0))
    fetched = desk.now
    desk.wait(20)
    desk.token()
    desk.now = fetched + 30 * SECOND - 1
    desk.get("/customers")
    desk.now += 1
    desk.get("/customers", expect=401)


def test_token_requests_are_throttled_by_the_minute() -> None:
    desk = Desk(small(token_requests_per_minute=3))
    desk.wait(10)
    assert [desk.token_answer().status for _ in range(3)] == [200, 200, 429]
    assert desk.token_answer().headers["Retry-After"] == "50"
    desk.wait(50)
    assert desk.token_answer().status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": "Bearer made-up"}, 401),
        ({"st-app-key": ""}, 401),
        ({"st-app-key": "unknown"}, 401),
        ({}, 200),
    ],
)
def test_a_request_needs_a_token_and_an_app_key(headers: dict[str, str], status: int) -> None:
    desk = Desk(small())
    desk.headers = {**desk.headers, **headers}
    desk.get("/customers", expect=status)


def test_a_token_of_another_tenant_is_forbidden() -> None:
    sandbox = small()
    other = Desk(sandbox, tenant=sandbox.add_tenant(1002))
    other.get("/customers")
    other.tenant = sandbox.tenant
    other.get("/customers", expect=403)


def test_the_sixty_first_request_of_a_second_is_turned_away_and_told_when_to_come_again() -> None:
    desk = Desk(small(rate_limit=60))
    assert all(desk.send("GET", "/customers").status == 200 for _ in range(60))
    desk.wait(0.999)
    refused = desk.send("GET", "/customers")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    desk.wait(0.001)
    assert desk.send("GET", "/customers").status == 200
    statistics = desk.sandbox.statistics()
    assert statistics.rate_limited == 1
    assert statistics.busiest_second == 61


def test_tenants_that_share_an_app_key_have_a_budget_each() -> None:
    sandbox = small(rate_limit=2)
    first, second = Desk(sandbox), Desk(sandbox, tenant=sandbox.add_tenant(1002))
    assert [desk.send("GET", "/leads").status for desk in (first, first, second, second)] == [200] * 4
    assert [desk.send("GET", "/leads").status for desk in (first, second)] == [429] * 2


@settings(deadline=None, max_examples=50)
@given(gaps=st.lists(st.integers(0, SECOND // 2), max_size=60), rate=st.integers(1, 6))
def test_no_second_lets_more_through_than_the_rate_and_none_is_refused_below_it(
    gaps: list[int], rate: int
) -> None:
    desk = Desk(GATED)
    desk.sandbox = small(customers=1, rate_limit=rate)
    desk.headers["authorization"] = f"Bearer {desk.token()}"
    passed: list[int] = []
    for gap in gaps:
        desk.now += gap
        recent = [at for at in passed if at > desk.now - SECOND]
        status = desk.send("GET", "/tag-types").status
        assert status == (429 if len(recent) >= rate else 200)
        if status == 200:
            passed.append(desk.now)


GATED = small(customers=1)


def test_every_answer_has_a_date_floored_to_its_second() -> None:
    desk = Desk(small())
    desk.wait(0.9)
    for resource in ("/customers", "/nowhere"):
        assert desk.send("GET", resource).headers["Date"] == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_time_that_seems_to_go_back_stands_still() -> None:
    desk = Desk(small())
    desk.wait(5)
    desk.get("/customers")
    desk.now -= 5 * SECOND
    assert desk.send("GET", "/customers").headers["Date"] == "Sun, 01 Mar 2026 12:00:05 GMT"


def test_unknown_paths_and_methods_are_problems_too() -> None:
    desk = Desk(small())
    assert desk.get("/nowhere", expect=404)["title"] == "Not found."
    desk.get("/customers/{id}", expect=404)
    desk.get("/customers/1", expect=404)
    desk.get("/customers/abc", expect=400)
    refused = desk.send("DELETE", "/customers")
    assert (refused.status, refused.headers["Allow"]) == (405, "GET, POST")
    assert desk.sandbox.answer(Request("GET", "/"), desk.now).status == 404


def test_statistics_and_journal_tell_what_was_asked() -> None:
    desk = Desk(small())
    desk.get("/customers")
    desk.get("/customers/1", expect=404)
    statistics = desk.sandbox.statistics()
    assert statistics.requests == 2
    assert statistics.token_requests == 1
    assert statistics.routes == {"GET /customers": 1, "GET /customers/{id}": 1}
    assert statistics.statuses == {200: 2, 404: 1}
    desk.send("POST", "/customers", {"name": "No address"})
    assert [visit.status for visit in desk.sandbox.journal] == [200, 200, 404, 400]
    assert [visit.body for visit in desk.sandbox.journal][1:] == [b"", b"", b'{"name":"No address"}']


def test_latency_is_drawn_from_the_seed() -> None:
    delays = [
        [desk.send("GET", "/leads").delay for _ in range(5)] for desk in (Desk(lagging()), Desk(lagging()))
    ]
    assert delays[0] == delays[1]
    assert len(set(delays[0])) == 5
    assert all(0.1 <= delay <= 0.3 for delay in delays[0])


def lagging() -> Sandbox:
    return small(latency=0.1, latency_jitter=0.2)


def test_tenants_of_one_sandbox_have_sizes_and_records_of_their_own() -> None:
    sandbox = small()
    other = Desk(sandbox, tenant=sandbox.add_tenant(1002, customers=5, app_key="ak.other"))
    assert len(other.all("/customers", active="Any")) == 5
    assert other.get("/customers/100000001") != Desk(sandbox).get("/customers/100000001")
    with pytest.raises(ValueError, match="1002 exists"):
        sandbox.add_tenant(1002)
    assert "seed=7 tenants=1001, 1002" in repr(sandbox)
