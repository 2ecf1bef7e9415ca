"""The script of faults: whom it strikes, how often, and what it does to an answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sandbox_desk import Desk, small

from servicetitan_crm_async.sandbox import Fault, Mishap


@pytest.fixture
def desk() -> Desk:
    return Desk(small())


def statuses(desk: Desk, count: int, resource: str = "/customers") -> list[int]:
    return [desk.send("GET", resource).status for _ in range(count)]


def test_a_fault_strikes_so_many_times_after_so_many_requests(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.status(503, path="/customers", after=1, times=2, retry_after=7))
    assert statuses(desk, 2, "/leads") == [200, 200]
    assert statuses(desk, 5) == [200, 503, 503, 200, 200]
    assert desk.sandbox.faults.struck[0][1] == 2
    assert desk.sandbox.statistics().faults == 2


def test_a_retry_after_is_sent_as_given(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.rate_limited(retry_after=3), Fault.status(503, retry_after=0.5))
    answers = [desk.send("GET", "/leads") for _ in range(2)]
    assert [(x.status, x.headers["Retry-After"]) for x in answers] == [(429, "3"), (503, "0.5")]


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        ({"path": "/customers"}, [True, False, False]),
        ({"path": "/customers*"}, [True, True, False]),
        ({"path": "/customers/*"}, [False, True, False]),
        ({"method": "POST"}, [False, False, False]),
        ({"tenant_id": 1002}, [False, False, False]),
        ({}, [True, True, True]),
    ],
)
def test_faults_choose_their_requests(desk: Desk, when: Any, struck: list[bool]) -> None:
    desk.sandbox.faults.add(Fault.status(500, times=None, **when))
    resources = ("/customers", "/customers/100000001", "/leads")
    assert [desk.send("GET", each).status == 500 for each in resources] == struck


def test_a_fault_without_end_strikes_until_it_is_cleared(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.status(500, times=None))
    assert set(statuses(desk, 20)) == {500}
    desk.sandbox.faults.clear()
    assert statuses(desk, 1) == [200]


def test_chance_is_of_the_seed() -> None:
    def run(seed: int) -> list[int]:
        desk = Desk(small(seed=seed))
        desk.sandbox.faults.add(Fault.status(500, probability=0.3, times=None))
        return statuses(desk, 60)

    assert run(1) == run(1) != run(2)
    assert 5 < run(1).count(500) < 35


def test_the_token_service_fails_only_when_it_is_meant(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.status(500, times=None))
    assert desk.token_answer().status == 200
    desk.sandbox.faults.clear()
    desk.sandbox.faults.add(Fault.status(503, path="/connect/token"))
    assert [desk.token_answer().status for _ in range(2)] == [503, 200]


def test_a_token_can_be_refused_once_and_all_can_be_taken_back(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.refuse_token())
    assert statuses(desk, 2) == [401, 200]
    desk.sandbox.faults.add(Fault.expire_tokens(path="/leads"))
    assert statuses(desk, 2) == [200, 200]
    assert statuses(desk, 2, "/leads") == [401, 401]
    desk.headers["authorization"] = f"Bearer {desk.token()}"
    assert statuses(desk, 1, "/leads") == [200]


def test_a_write_may_be_applied_before_its_answer_fails(desk: Desk) -> None:
    lead = {"campaignId": 1, "summary": "s", "callReasonId": 1}
    before = len(desk.sandbox.records("leads"))
    desk.sandbox.faults.add(Fault.status(502, method="POST", applied=True), Fault.status(502, method="POST"))
    counts = []
    for _ in range(2):
        desk.ask("POST", "/leads", lead, expect=502)
        counts.append(len(desk.sandbox.records("leads")))
    assert counts == [before + 1, before + 1]


def test_one_record_of_an_answer_can_be_odd(desk: Desk) -> None:
    plain = desk.get("/customers")["data"]
    desk.sandbox.faults.add(
        Fault.odd("name", None),
        Fault.odd("type", "Municipal", record=2),
        Fault.odd("address.zip", 5, record=None),
    )
    named, typed, zipped = (desk.get("/customers")["data"] for _ in range(3))
    assert (named[0]["name"], named[1:]) == (None, plain[1:])
    assert [each["type"] == "Municipal" for each in typed[:4]] == [False, False, True, False]
    assert {each["address"]["zip"] for each in zipped} == {5}
    assert desk.get("/customers")["data"] == plain


def test_a_corrupt_body_is_complete_and_no_json(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.corrupt())
    answer = desk.send("GET", "/customers")
    assert (answer.status, answer.fault) == (200, None)
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(answer.body)


def test_transport_faults_ride_along_with_the_answer(desk: Desk) -> None:
    desk.sandbox.faults.add(Fault.reset(), Fault.cut(keep=10), Fault.slow(2.5))
    faults = [desk.send("GET", "/customers").fault for _ in range(4)]
    assert faults == [Mishap("reset", 0.0), Mishap("cut", 10), Mishap("slow", 2.5), None]
