"""Writes are real: they show in lists, feeds and the other contract, and move what the service moves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from sandbox_desk import BORN_TICKS, SECOND, Desk, ids, small
from test_sandbox_contracts import ADDRESS, BODIES, CONTACT, GUID, LOCATION, open_lead

from servicetitan_crm_async.sandbox import LeadState, Request, text_of

NEW_CUSTOMER: Any = BODIES["crm", "POST", "/customers"]
NEW_BOOKING: Any = BODIES["crm", "POST", "/booking-provider/{booking_provider}/bookings"]


@pytest.fixture
def desk() -> Desk:
    desk = Desk(small())
    desk.wait(1)
    return desk


def test_a_created_customer_comes_with_locations_and_contacts_and_shows_everywhere(desk: Desk) -> None:
    made = desk.ask("POST", "/customers", NEW_CUSTOMER)
    assert made["createdOn"] == made["modifiedOn"] == "2026-03-01T12:00:01Z"
    (location,) = made["locations"]
    assert location["customerId"] == made["id"]
    assert [contact["value"] for contact in location["contacts"]] == ["a@example.com"]
    assert sorted(contact["value"] for contact in made["contacts"]) == ["5125550100", "a@example.com"]
    assert isinstance(made["address"]["latitude"], float)
    listed = desk.all("/customers", modifiedOnOrAfter="2026-03-01T12:00:01Z")
    assert listed == [{name: value for name, value in made.items() if name not in ("locations", "contacts")}]
    assert ids(desk.all("/locations", customerId=made["id"])) == [location["id"]]
    assert len(desk.all(f"/customers/{made['id']}/contacts")) == 2
    assert ids(desk.all("/customers", phone="(512) 555-0100")) == [made["id"]]
    assert ids(desk.all("/customers", externalDataKey="k", externalDataValues="u,v")) == [made["id"]]
    assert ids(desk.all("/customers", externalDataApplicationGuid=GUID.upper())) == [made["id"]]
    assert desk.drain("/export/customers")[0][-1]["id"] == made["id"]


def test_an_update_changes_what_was_sent_and_moves_the_stamp(desk: Desk) -> None:
    before = desk.get("/customers/100000001")
    after = desk.ask("PATCH", "/customers/100000001", {"name": "Other", "doNotMail": True})
    changed = {name for name in before if before[name] != after[name]}
    assert {"name", "modifiedOn"} <= changed <= {"name", "modifiedOn", "doNotMail"}
    assert after["modifiedOn"] == "2026-03-01T12:00:01Z"
    assert desk.get("/customers/100000001") == after


def test_two_updates_at_one_instant_have_different_stamps(desk: Desk) -> None:
    stamps = [desk.ask("PATCH", "/customers/100000001", {"name": name})["modifiedOn"] for name in "ab"]
    assert stamps == ["2026-03-01T12:00:01Z", "2026-03-01T12:00:01.0000001Z"]


def test_custom_fields_are_replaced_and_external_data_is_merged_where_told_to(desk: Desk) -> None:
    made = desk.ask("POST", "/customers", NEW_CUSTOMER)
    path = f"/customers/{made['id']}"
    after = desk.ask("PATCH", path, {"customFields": [{"typeId": 9002, "value": "2"}]})
    assert [(each["typeId"], each["value"]) for each in after["customFields"]] == [(9002, "2")]
    patch = {"applicationGuid": GUID, "patchMode": "Merge", "externalData": [{"key": "l", "value": "w"}]}
    after = desk.ask("PATCH", path, {"externalData": patch})
    assert after["externalData"] == [{"key": "k", "value": "v"}, {"key": "l", "value": "w"}]
    patch = {"applicationGuid": GUID, "patchMode": "Merge", "externalData": [{"key": "k", "value": None}]}
    assert desk.ask("PATCH", path, {"externalData": patch})["externalData"] == [{"key": "l", "value": "w"}]


def test_a_deactivated_customer_leaves_the_default_list(desk: Desk) -> None:
    desk.ask("PATCH", "/customers/100000001", {"active": False})
    assert 100000001 not in ids(desk.all("/customers"))
    assert 100000001 in ids(desk.all("/customers", active="Any"))
    desk.ask("PATCH", "/customers/100000001", {"active": True})
    assert 100000001 in ids(desk.all("/customers"))


def test_a_new_contact_leaves_the_stamp_of_its_customer_alone(desk: Desk) -> None:
    before = desk.get("/customers/100000001")
    contact = desk.ask("POST", "/customers/100000001/contacts", CONTACT)
    assert desk.get("/customers/100000001") == before
    recent = desk.all("/customers/contacts", modifiedOnOrAfter="2026-03-01T12:00:01Z")
    assert recent == [{**contact, "customerId": 100000001}]


def test_contacts_of_a_new_location_are_copied_to_its_customer_as_records_of_their_own(desk: Desk) -> None:
    made = desk.ask("POST", "/locations", {**LOCATION, "customerId": 100000001})
    (copy,) = desk.all("/customers/contacts", modifiedOnOrAfter="2026-03-01T12:00:01Z")
    (original,) = desk.all(f"/locations/{made['id']}/contacts")
    assert copy["value"] == original["value"]
    assert copy["id"] != original["id"]


def test_a_location_needs_a_known_customer_and_can_move_to_another(desk: Desk) -> None:
    desk.ask("POST", "/locations", {**LOCATION, "customerId": 5}, expect=409)
    assert desk.sandbox.world().home_of(100000001) == 300000001
    moved = desk.ask("PATCH", "/locations/300000001", {"customerId": 100000002})
    assert moved["customerId"] == 100000002
    assert desk.sandbox.world().home_of(100000002) == 300000001
    desk.ask("PATCH", "/locations/300000001", {"customerId": 5}, expect=409)
    assert 300000001 in ids(desk.all("/locations", customerId=100000002, active="Any"))


def test_a_lead_needs_a_call_reason_or_a_follow_up(desk: Desk) -> None:
    lead = {"campaignId": 1, "summary": "s"}
    assert "callReasonId" in desk.ask("POST", "/leads", lead, expect=400)["errors"]
    made = desk.ask("POST", "/leads", {**lead, "followUpDate": "2026-03-02T08:00:00+02:00"})
    assert made["followUpDate"] == "2026-03-02T06:00:00Z"
    assert made["status"] == "Open"
    assert desk.ask("POST", "/leads", {**lead, "callReasonId": 1, "customerId": 5}, expect=400)[
        "errors"
    ].keys() == {"customerId"}


def test_a_lead_made_from_a_booking_dismisses_the_booking(desk: Desk) -> None:
    body = {"campaignId": 1, "summary": "s", "callReasonId": 1, "bookingId": 600000001}
    assert desk.ask("POST", "/leads", body)["bookingId"] == 600000001
    assert desk.get("/bookings/600000001")["status"] == "Dismissed"


def test_a_dismissed_lead_stays_dismissed(desk: Desk) -> None:
    lead = open_lead(desk)
    desk.ask("POST", f"/leads/{lead}/dismiss", {"dismissingReasonId": 4})
    after = desk.get(f"/leads/{lead}")
    assert (after["status"], after["dismissingReasonId"]) == ("Dismissed", 4)
    desk.ask("POST", f"/leads/{lead}/dismiss", {"dismissingReasonId": 4}, expect=409)


def test_a_booking_needs_an_address_or_a_way_to_reach_somebody(desk: Desk) -> None:
    path = "/booking-provider/8000002/bookings"
    made = desk.ask("POST", path, NEW_BOOKING)
    assert (made["bookingProviderId"], made["status"]) == (8000002, "New")
    assert made["id"] in ids(desk.all(path))
    bare = {name: value for name, value in NEW_BOOKING.items() if name != "contacts"}
    desk.ask("POST", path, bare, expect=400)
    desk.ask("POST", path, {**bare, "address": ADDRESS})
    desk.ask("POST", "/booking-provider/1/bookings", NEW_BOOKING, expect=404)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{", {"$"}),
        (b"[]", {"$"}),
        (b'{"name": 5}', {"name"}),
        (b'{"nickname": "x"}', {"nickname"}),
        (b'{"type": "Municipal"}', {"type"}),
        (b'{"name": null}', {"name"}),
        (b'{"address": {"street": "x"}}', {f"address.{x}" for x in
         ("unit", "city", "state", "zip", "country", "latitude", "longitude")}),
        (b'{"customFields": [{"typeId": true, "value": "x"}]}', {"customFields[0].typeId"}),
    ],
)  # fmt: skip
def test_a_wrong_body_is_refused_field_by_field(desk: Desk, body: bytes, fields: set[str]) -> None:
    request = Request("PATCH", desk.path("/customers/100000001"), {}, desk.headers, body)
    answer = desk.sandbox.answer(request, desk.now)
    assert answer.status == 400
    assert set(msgspec.json.decode(answer.body)["errors"]) == fields


def test_a_world_can_be_changed_by_hand_at_any_instant() -> None:
    desk = Desk(small())
    world = desk.sandbox.world()
    at = BORN_TICKS + 3 * SECOND + 1
    made = world.create("leads", {"summary": "by hand"}, owner=100000003, at=at)
    world.set_state("leads", made.id, LeadState.Converted, at=at + 1)
    world.merge("customers", 100000004, into=100000005, at=at)
    world.set_active("locations", 300000002, active=False, at=at)
    lead = desk.get(f"/leads/{made.id}")
    assert (lead["summary"], lead["status"], lead["customerId"]) == ("by hand", "Converted", 100000003)
    assert lead["modifiedOn"] == text_of(at + 1)
    merged = desk.get("/customers/100000004")
    assert (merged["active"], merged["mergedToId"], merged["modifiedOn"]) == (False, 100000005, text_of(at))
    assert desk.get("/locations/300000002")["active"] is False
    with pytest.raises(KeyError):
        world.edit("leads", 1)


def test_a_record_can_be_made_with_a_past(desk: Desk) -> None:
    world = desk.sandbox.world()
    made = world.create("customers", at=BORN_TICKS - SECOND, modified=BORN_TICKS - 1, active=False)
    customer = desk.get(f"/customers/{made.id}")
    assert (customer["createdOn"], customer["active"]) == (text_of(BORN_TICKS - SECOND), False)
    assert customer["modifiedOn"] == text_of(BORN_TICKS - 1)
    assert made.id in ids(desk.all("/customers", active="False"))
    assert made.id not in ids(desk.all("/customers"))


def test_an_odd_record_can_be_written_by_hand() -> None:
    desk = Desk(small())
    desk.sandbox.world().edit("customers", 100000001, {"name": None, "type": "Municipal"})
    odd = desk.get("/customers/100000001")
    assert (odd["name"], odd["type"]) == (None, "Municipal")
    assert 100000001 not in ids(desk.all("/customers", active="Any", name="a"))
