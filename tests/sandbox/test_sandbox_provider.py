"""What a booking provider does with its bookings and their contacts, and what the tenant sees of it."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_desk import Desk, a_second_later, ids, small
from test_sandbox_contracts import ADDRESS, BODIES, CONTACT, PROVIDER_BOOKINGS

from servicetitan_crm_async.sandbox import BookingState

MINE, OTHERS = (PROVIDER_BOOKINGS.format(booking_provider=provider) for provider in (8000002, 8000003))
NEW_BOOKING: Any = BODIES["crm", "POST", PROVIDER_BOOKINGS]
PER_BOOKING = [
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("POST", "/dismiss", {"callReasonId": 4}),
    ("GET", "/contacts", None),
    ("POST", "/contacts", CONTACT),
]


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small())


@pytest.fixture
def booking(desk: Desk) -> int:
    """A booking of ours with one contact, made a second ago."""
    made: int = desk.ask("POST", MINE, NEW_BOOKING)["id"]
    desk.wait(1)
    return made


def test_seeded_bookings_have_contacts(desk: Desk) -> None:
    counts = [len(desk.all(f"/bookings/{each['id']}/contacts")) for each in desk.all("/bookings")]
    assert set(counts) == {1, 2}


def test_contacts_of_seeded_bookings_follow_from_the_recipe() -> None:
    def found(seed: int, life: float) -> list[Any]:
        desk = Desk(small(seed=seed, life=life))
        desk.wait(30)
        seeded = desk.sandbox.world().tables["bookings"].rows[:6]
        return [desk.all(f"/bookings/{each.id}/contacts") for each in seeded]

    assert found(7, 0) == found(7, 20) != found(8, 0)


def test_a_booking_has_the_contacts_it_was_created_with(desk: Desk) -> None:
    contacts = [CONTACT, {"type": "Phone", "value": "5125550100", "memo": "Work"}]
    made = desk.ask("POST", MINE, {**NEW_BOOKING, "contacts": contacts})
    found = desk.all(f"{MINE}/{made['id']}/contacts")
    assert [(each["type"], each["value"], each["memo"]) for each in found] == [
        ("Email", "a@example.com", ""),
        ("Phone", "5125550100", "Work"),
    ]
    assert desk.all(f"/bookings/{made['id']}/contacts") == found
    assert {each["modifiedOn"] for each in found} == {made["modifiedOn"]}
    page = desk.get(f"/bookings/{made['id']}/contacts", page=2, pageSize=1, includeTotal=True)
    assert (page["data"], page["hasMore"], page["totalCount"]) == (found[1:], False, 2)


def test_a_booking_with_an_address_alone_has_no_contacts(desk: Desk) -> None:
    bare = {name: value for name, value in NEW_BOOKING.items() if name != "contacts"}
    made = desk.ask("POST", MINE, {**bare, "address": ADDRESS})
    assert desk.all(f"/bookings/{made['id']}/contacts") == []


def test_an_update_changes_what_was_sent_and_moves_the_stamp(desk: Desk, booking: int) -> None:
    before = desk.get(f"{MINE}/{booking}")
    sent = {"name": "Other", "start": "2026-04-01T10:00:00+02:00", "priority": "High", "externalId": "e-2"}
    after = desk.ask("PATCH", f"{MINE}/{booking}", sent)
    changed = {**sent, "start": "2026-04-01T08:00:00Z", "modifiedOn": "2026-03-01T12:00:02Z"}
    assert after == {**before, **changed}
    assert desk.get(f"/bookings/{booking}") == after
    assert ids(desk.all("/bookings", modifiedOnOrAfter="2026-03-01T12:00:02Z")) == [booking]
    assert ids(desk.all("/bookings", externalId="e-2")) == [booking]
    assert desk.drain("/export/bookings")[0][-1]["name"] == "Other"


def test_a_dismissed_booking_says_why_and_stays_dismissed(desk: Desk, booking: int) -> None:
    desk.ask("POST", f"{MINE}/{booking}/dismiss", {"callReasonId": 4, "dismissingMemo": "twice"})
    after = desk.get(f"/bookings/{booking}")
    assert (after["status"], after["dismissingReasonId"]) == ("Dismissed", 4)
    assert after["modifiedOn"] == "2026-03-01T12:00:02Z"
    desk.ask("POST", f"{MINE}/{booking}/dismiss", {"callReasonId": 4}, expect=409)
    assert desk.get(f"/bookings/{booking}") == after


def test_a_booking_is_dismissed_without_a_reason_too_unless_it_became_a_job(desk: Desk, booking: int) -> None:
    other = desk.ask("POST", MINE, NEW_BOOKING)["id"]
    desk.sandbox.world().set_state("bookings", other, BookingState.Converted)
    desk.ask("POST", f"{MINE}/{other}/dismiss", {}, expect=409)
    desk.sandbox.world().set_state("bookings", booking, BookingState.Accepted)
    desk.ask("POST", f"{MINE}/{booking}/dismiss")
    after = desk.get(f"/bookings/{booking}")
    assert (after["status"], after["dismissingReasonId"]) == ("Dismissed", None)


def test_contacts_of_a_booking_come_change_and_go_and_leave_its_stamp_alone(desk: Desk, booking: int) -> None:
    before = desk.get(f"/bookings/{booking}")
    path = f"{MINE}/{booking}/contacts"
    (first,) = desk.all(path)
    made = desk.ask("POST", path, {"type": "Phone", "value": "5125550100", "memo": None})
    assert (made["memo"], made["modifiedOn"]) == ("", "2026-03-01T12:00:02Z")
    assert desk.all(path) == [first, made]
    desk.wait(1)
    changed = desk.ask("PATCH", f"{path}/{made['id']}", {"memo": "Work"})
    assert changed == {"type": "Phone", "value": "5125550100", "memo": "Work"}
    assert desk.all(path)[1] == {**made, "memo": "Work", "modifiedOn": "2026-03-01T12:00:03Z"}
    desk.ask("DELETE", f"{path}/{first['id']}")
    assert ids(desk.all(f"/bookings/{booking}/contacts")) == [made["id"]]
    desk.ask("DELETE", f"{path}/{first['id']}", expect=404)
    assert desk.get(f"/bookings/{booking}") == before


@pytest.mark.parametrize(("method", "rest", "body"), PER_BOOKING)
def test_a_booking_of_another_provider_is_not_found(
    desk: Desk, booking: int, method: str, rest: str, body: object
) -> None:
    desk.ask(method, f"{OTHERS}/{booking}{rest}", body, expect=404)
    desk.ask(method, f"{MINE}/{booking}{rest}", body)


def test_a_contact_of_another_booking_is_not_found(desk: Desk, booking: int) -> None:
    other = desk.ask("POST", MINE, NEW_BOOKING)["id"]
    (contact,) = desk.all(f"{MINE}/{other}/contacts")
    for method, body in (("PATCH", {"memo": "m"}), ("DELETE", None)):
        desk.ask(method, f"{MINE}/{booking}/contacts/{contact['id']}", body, expect=404)


@pytest.mark.parametrize(
    ("method", "rest", "body", "fields"),
    [
        ("PATCH", "", {"start": "tomorrow", "contacts": []}, {"start", "contacts"}),
        ("PATCH", "", {"address": ADDRESS}, {"address.unit"}),
        ("POST", "/dismiss", {"callReasonId": "4"}, {"callReasonId"}),
        ("POST", "/contacts", {}, {"type", "value"}),
    ],
)
def test_a_wrong_body_is_refused_field_by_field(
    desk: Desk, booking: int, method: str, rest: str, body: object, fields: set[str]
) -> None:
    assert set(desk.ask(method, f"{MINE}/{booking}{rest}", body, expect=400)["errors"]) == fields
