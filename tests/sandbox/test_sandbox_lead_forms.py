"""Leads that come by form, and when to get back to those that are open."""

from __future__ import annotations

import pytest
from sandbox_desk import Desk, a_second_later, ids, small
from test_sandbox_contracts import ADDRESS, open_lead

FORM = {
    "name": "Ann Dvořák",
    "email": "ann@example.com",
    "phoneNumber": "(512) 555-0100",
    "address": {**ADDRESS, "unit": "B", "latitude": None},
    "summary": "No heat",
}


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small())


def test_a_form_makes_an_open_lead_that_holds_what_was_filled_in(desk: Desk) -> None:
    answer = desk.ask("POST", "/leads/form", FORM, id=17)
    assert set(answer) == {"leadId"}
    lead = desk.get(f"/leads/{answer['leadId']}")
    shown = {name: value for name, value in lead.items() if name.startswith("lead") and name != "leadUrl"}
    assert shown == {
        "leadCustomerName": "Ann Dvořák",
        "leadPhone": "(512) 555-0100",
        "leadEmail": "ann@example.com",
        "leadStreet": "1 Main St",
        "leadUnit": "B",
        "leadCity": "Austin",
        "leadState": "TX",
        "leadZip": "78701",
        "leadCountry": "USA",
    }
    assert (lead["status"], lead["summary"], lead["captureSource"]) == ("Open", "No heat", "Form")
    assert (lead["customerId"], lead["createdOn"]) == (None, "2026-03-01T12:00:01Z")


def test_a_lead_by_form_is_found_in_lists_and_in_the_feed(desk: Desk) -> None:
    made = desk.ask("POST", "/leads/form", {"name": "Ann", "phoneNumber": "5125550100"})["leadId"]
    assert made in ids(desk.all("/leads", isCaptureSourceForm=True, withoutCustomer=True))
    assert made not in ids(desk.all("/leads", isCaptureSourceForm=False))
    assert ids(desk.all("/leads", leadPhone="512-555-0100")) == [made]
    assert desk.drain("/export/leads")[0][-1]["id"] == made


@pytest.mark.parametrize(
    ("form", "query", "fields"),
    [
        ({}, {}, {"name"}),
        ({"name": "Ann", "phone": "5125550100"}, {}, {"phone"}),
        ({"name": "Ann", "address": {"street": "x"}}, {},
         {f"address.{part}" for part in ("city", "state", "zip", "country")}),
        ({"name": "Ann"}, {"id": "first"}, {"id"}),
    ],
)  # fmt: skip
def test_a_wrong_form_is_refused_field_by_field(
    desk: Desk, form: object, query: dict[str, str], fields: set[str]
) -> None:
    assert set(desk.ask("POST", "/leads/form", form, expect=400, **query)["errors"]) == fields


def test_a_follow_up_sets_the_date_moves_the_stamp_and_leaves_a_note(desk: Desk) -> None:
    lead = open_lead(desk)
    before = desk.all(f"/leads/{lead}/notes")
    sent = {"followUpDate": "2026-04-01T10:00:00+02:00", "text": "Ask for Ann", "pinToTop": True}
    answer = desk.ask("POST", f"/leads/{lead}/follow-up", sent)
    assert answer == {
        "leadId": lead,
        "followUpDate": "2026-04-01T08:00:00Z",
        "text": "Ask for Ann",
        "pinToTop": True,
    }
    after = desk.get(f"/leads/{lead}")
    assert (after["followUpDate"], after["modifiedOn"]) == ("2026-04-01T08:00:00Z", "2026-03-01T12:00:01Z")
    (note,) = [each for each in desk.all(f"/leads/{lead}/notes") if each not in before]
    assert (note["text"], note["isPinned"]) == ("Ask for Ann", True)


def test_a_follow_up_without_words_leaves_no_note(desk: Desk) -> None:
    lead = open_lead(desk)
    before = desk.all(f"/leads/{lead}/notes")
    answer = desk.ask("POST", f"/leads/{lead}/follow-up", {"followUpDate": "2026-04-01T08:00:00Z"})
    assert (answer["text"], answer["pinToTop"]) == (None, False)
    assert desk.all(f"/leads/{lead}/notes") == before


def test_only_an_open_lead_can_be_followed_up(desk: Desk) -> None:
    lead = open_lead(desk)
    desk.ask("POST", f"/leads/{lead}/dismiss", {"dismissingReasonId": 4})
    sent = {"followUpDate": "2026-04-01T08:00:00Z"}
    desk.ask("POST", f"/leads/{lead}/follow-up", sent, expect=409)
    desk.ask("POST", "/leads/5/follow-up", sent, expect=404)
    refused = desk.ask("POST", f"/leads/{open_lead(desk)}/follow-up", {"text": "x"}, expect=400)
    assert set(refused["errors"]) == {"followUpDate"}
