"""Notes: on customers, locations and leads, with copies where they are asked for, and a life of their own."""

from __future__ import annotations

import pytest
from sandbox_desk import BORN_TICKS, SECOND, Desk, a_second_later, ids, small

from servicetitan_crm_async.sandbox import parse_instant, text_of

CUSTOMER, LOCATION, LEAD = 100000001, 300000001, 500000001
OWNERS = {"customers": CUSTOMER, "locations": LOCATION, "leads": LEAD}


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small(locations_per_customer=2))


def ticks(text: str) -> int:
    return parse_instant(text) or 0


def notes_on(desk: Desk, noun: str, owner: int, **query: object) -> list[str]:
    return [note["text"] for note in desk.all(f"/{noun}/{owner}/notes", **query)]


@pytest.mark.parametrize("noun", OWNERS)
def test_a_seeded_tenant_has_notes_older_than_itself_and_no_older_than_what_they_are_on(
    desk: Desk, noun: str
) -> None:
    owner = desk.get(f"/{noun}/{OWNERS[noun]}")
    notes = desk.all(f"/{noun}/{OWNERS[noun]}/notes")
    assert 1 <= len(notes) <= 3
    assert ids(notes) == sorted(ids(notes))
    for note in notes:
        assert ticks(owner["createdOn"]) <= ticks(note["createdOn"]) <= ticks(note["modifiedOn"]) < BORN_TICKS
    assert notes == Desk(small(locations_per_customer=2)).all(f"/{noun}/{OWNERS[noun]}/notes")


@pytest.mark.parametrize("noun", OWNERS)
def test_a_note_is_on_what_it_was_written_on_and_leaves_its_stamp_alone(desk: Desk, noun: str) -> None:
    path = f"/{noun}/{OWNERS[noun]}"
    before, others = desk.get(path), notes_on(desk, noun, OWNERS[noun] + 1)
    made = desk.ask("POST", f"{path}/notes", {"text": "Rang twice", "pinToTop": True})
    assert {name: made[name] for name in ("text", "isPinned", "createdById")} == {
        "text": "Rang twice",
        "isPinned": True,
        "createdById": 599,
    }
    assert made["createdOn"] == made["modifiedOn"] == "2026-03-01T12:00:01Z"
    assert desk.all(f"{path}/notes")[-1] == made
    assert desk.get(path) == before
    assert notes_on(desk, noun, OWNERS[noun] + 1) == others
    assert desk.ask("POST", f"{path}/notes", {"text": ""})["isPinned"] is False


def test_a_customers_note_goes_to_its_active_locations_on_request(desk: Desk) -> None:
    closed = LOCATION + 1
    desk.ask("PATCH", f"/locations/{closed}", {"active": False})
    unasked = {"text": "Only here", "addToLocations": False}
    desk.ask("POST", f"/customers/{CUSTOMER}/notes", unasked)
    desk.ask("POST", f"/customers/{CUSTOMER}/notes", {"text": "Everywhere", "addToLocations": True})
    assert notes_on(desk, "customers", CUSTOMER)[-2:] == ["Only here", "Everywhere"]
    assert notes_on(desk, "locations", LOCATION)[-1] == "Everywhere"
    assert notes_on(desk, "locations", closed) == []


def test_a_locations_note_goes_to_its_customer_on_request_and_is_deleted_apart(desk: Desk) -> None:
    path = f"/locations/{LOCATION}/notes"
    made = desk.ask("POST", path, {"text": "Dog", "pinToTop": True, "addToCustomer": True})
    copy = desk.all(f"/customers/{CUSTOMER}/notes")[-1]
    assert (copy["text"], copy["isPinned"]) == ("Dog", True)
    assert copy["id"] != made["id"]
    desk.ask("DELETE", f"{path}/{made['id']}")
    assert made["id"] not in ids(desk.all(path))
    assert copy in desk.all(f"/customers/{CUSTOMER}/notes")
    desk.ask("DELETE", f"{path}/{made['id']}", expect=404)


def test_a_note_of_somebody_else_is_not_found(desk: Desk) -> None:
    (note, *_) = desk.all(f"/customers/{CUSTOMER}/notes")
    for path in (f"/customers/{CUSTOMER + 1}", f"/locations/{LOCATION}", "/customers/5"):
        desk.ask("DELETE", f"{path}/notes/{note['id']}", expect=404)
    desk.ask("DELETE", f"/leads/{LEAD}/notes/{note['id']}", expect=404)
    assert note in desk.all(f"/customers/{CUSTOMER}/notes")


@pytest.mark.parametrize("field", ["created", "modified"])
def test_notes_are_paged_counted_and_cut_by_windows_closed_below(desk: Desk, field: str) -> None:
    path = f"/leads/{LEAD}/notes"
    old = len(desk.all(path))
    for second in range(3):
        desk.wait(1)
        desk.ask("POST", path, {"text": str(second)})
    first = BORN_TICKS + 2 * SECOND
    window = {f"{field}OnOrAfter": text_of(first), f"{field}Before": text_of(first + 2 * SECOND)}
    assert notes_on(desk, "leads", LEAD, **window) == ["0", "1"]
    page = desk.get(path, page=1, pageSize=1, includeTotal=True, **window)
    assert (page["totalCount"], page["hasMore"]) == (2, True)
    assert desk.get(path, includeTotal=True)["totalCount"] == old + 3
    assert set(desk.refusal(path, **{f"{field}Before": "noon"})) == {f"{field}Before"}


@pytest.mark.parametrize(
    ("noun", "body", "fields"),
    [
        ("customers", {}, {"text"}),
        ("customers", {"text": None}, {"text"}),
        ("customers", {"text": "x", "addToCustomer": True}, {"addToCustomer"}),
        ("locations", {"text": "x", "addToLocations": True, "pinToTop": 1}, {"addToLocations", "pinToTop"}),
        ("leads", {"text": 5, "addToCustomer": True}, {"text", "addToCustomer"}),
    ],
)
def test_a_wrong_note_is_refused_field_by_field(
    desk: Desk, noun: str, body: dict[str, object], fields: set[str]
) -> None:
    path = f"/{noun}/{OWNERS[noun]}/notes"
    assert set(desk.ask("POST", path, body, expect=400)["errors"]) == fields
    desk.ask("POST", f"/{noun}/5/notes", {"text": "x"}, expect=404)
    desk.get(f"/{noun}/5/notes", expect=404)
