"""Contacts with a GUID: persons, the ways to reach them, their preferences and whom they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sandbox_desk import BORN_TICKS, SECOND, Desk, a_second_later, small

from servicetitan_crm_async.sandbox import Sandbox, parse_instant, text_of

NOBODY = "00000000-0000-4000-8000-000000000000"
PHONE = {"type": "Phone", "value": "5125550100"}
SORTS = {"Id": "id", "CreatedOn": "createdOn", "ModifiedOn": "modifiedOn"}


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small())


@pytest.fixture
def ann(desk: Desk) -> str:
    """A contact that was made just now."""
    made: str = desk.ask("POST", "/contacts", {"name": "Ann Dvořák", "referenceId": "R-1"})["id"]
    return made


def guids(desk: Desk, resource: str, **query: object) -> list[str]:
    return [each["id"] for each in desk.all(resource, **query)]


def test_a_tenant_has_contacts_of_its_own_each_of_which_belongs_to_somebody(desk: Desk) -> None:
    contacts, methods = desk.all("/contacts"), desk.all("/contacts/contact-methods")
    assert len(contacts) == 24
    assert {each["contactId"] for each in methods} == {each["id"] for each in contacts}
    assert {each["isArchived"] for each in contacts} == {True, False}
    related = [each for one in contacts for each in desk.all(f"/contacts/{one['id']}/relationships")]
    assert {each["typeSlug"] for each in related} == {"customer", "location", "booking"}
    for each in related:
        assert each["typeName"] == each["typeSlug"].capitalize()
        desk.get(f"/{each['typeSlug']}s/{each['relatedEntityId']}")
    assert all(each["createdOn"] <= each["modifiedOn"] < text_of(BORN_TICKS) for each in contacts)


def test_a_tenant_without_customers_has_no_contacts() -> None:
    assert Desk(small(customers=0)).all("/contacts") == []


def test_a_created_contact_is_listed_and_says_what_was_sent(desk: Desk) -> None:
    made = desk.ask("POST", "/contacts", {"name": "Ann", "title": "Owner"})
    assert made["createdOn"] == made["modifiedOn"] == "2026-03-01T12:00:01Z"
    assert (made["name"], made["title"], made["referenceId"], made["isArchived"]) == (
        "Ann", "Owner", None, False,
    )  # fmt: skip
    assert desk.get(f"/contacts/{made['id']}") == made
    assert desk.all("/contacts", modifiedOnOrAfter="2026-03-01T12:00:01Z") == [made]
    assert desk.all(f"/contacts/{made['id']}/contact-methods") == []
    assert desk.all(f"/contacts/{made['id']}/relationships") == []


def test_a_replaced_contact_keeps_nothing_and_an_updated_one_keeps_what_was_not_sent(
    desk: Desk, ann: str
) -> None:
    updated = desk.ask("PATCH", f"/contacts/{ann}", {"title": "Owner", "isArchived": True})
    assert (updated["name"], updated["title"], updated["isArchived"]) == ("Ann Dvořák", "Owner", True)
    assert updated["modifiedOn"] == "2026-03-01T12:00:01.0000001Z"
    replaced = desk.ask("PUT", f"/contacts/{ann}", {"title": "Tenant", "isArchived": False})
    assert (replaced["name"], replaced["title"], replaced["referenceId"]) == (None, "Tenant", None)
    assert replaced["modifiedOn"] == "2026-03-01T12:00:01.0000002Z"
    assert desk.get(f"/contacts/{ann}") == replaced


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "DVOŘÁK"}, True),
        ({"name": "Bob"}, False),
        ({"referenceId": "r-1"}, True),
        ({"referenceId": "R"}, False),
        ({"title": "owner"}, False),
        ({"isArchived": "false"}, True),
        ({"isArchived": "true"}, False),
        ({"createdOnOrAfter": "2026-03-01T12:00:01Z"}, True),
        ({"createdBefore": "2026-03-01T12:00:01Z"}, False),
        ({"modifiedBefore": "2026-03-01T12:00:01.0000001Z"}, True),
        ({"name": "ann", "isArchived": "True"}, False),
    ],
)
def test_contacts_are_found_by_each_filter(desk: Desk, ann: str, query: dict[str, str], found: bool) -> None:
    assert (ann in guids(desk, "/contacts", **query)) == found


@pytest.mark.parametrize("resource", ["/contacts", "/contacts/contact-methods"])
@pytest.mark.parametrize("sort", SORTS)
def test_pages_hold_every_contact_once_in_the_order_asked_for(desk: Desk, resource: str, sort: str) -> None:
    everything = desk.get(resource, pageSize=5000, includeTotal=True)
    found = desk.all(resource, pageSize=7, sort=f"-{sort}")
    assert len(found) == everything["totalCount"] == len({each["id"] for each in found})
    values = [
        each["id"] if sort == "Id" else parse_instant(each[SORTS[sort]]) or 0 for each in reversed(found)
    ]
    assert values == sorted(values)


def test_a_filter_that_cannot_be_read_is_refused(desk: Desk) -> None:
    assert set(desk.refusal("/contacts", isArchived="perhaps")) == {"isArchived"}
    assert set(desk.refusal("/contacts", sort="Name")) == {"sort"}
    assert set(desk.refusal("/contacts/contact-methods", contactId="5")) == {"contactId"}


def test_windows_are_compared_as_coarsely_as_those_of_other_lists() -> None:
    desk = Desk(small(compares_to=1.0, cutting="records"))
    desk.now = BORN_TICKS + SECOND // 2
    made = desk.ask("POST", "/contacts", {})["id"]
    assert made not in guids(desk, "/contacts", modifiedOnOrAfter=text_of(BORN_TICKS + 1))
    assert made in guids(desk, "/contacts", modifiedOnOrAfter=text_of(BORN_TICKS))


def test_contacts_with_one_stamp_come_in_changing_order_where_ties_are_unstable() -> None:
    desk = Desk(small(unstable_ties=True))
    made = {desk.ask("POST", "/contacts", {})["id"] for _ in range(20)}
    query = {"sort": "ModifiedOn", "modifiedOnOrAfter": text_of(BORN_TICKS)}
    orders = [guids(desk, "/contacts", **query) for _ in range(3)]
    assert all(set(order) == made for order in orders)
    assert not orders[0] == orders[1] == orders[2]


def test_a_contact_goes_with_its_methods_and_relationships(desk: Desk) -> None:
    first = guids(desk, "/contacts/relationships/100000001")[0]
    desk.ask("DELETE", f"/contacts/{first}")
    desk.get(f"/contacts/{first}", expect=404)
    assert first not in guids(desk, "/contacts")
    assert desk.all("/contacts/contact-methods", contactId=first) == []
    assert desk.all("/contacts/relationships/100000001") == []
    desk.ask("DELETE", f"/contacts/{first}", expect=404)


def test_a_method_is_created_read_changed_and_deleted(desk: Desk, ann: str) -> None:
    path = f"/contacts/{ann}/contact-methods"
    made = desk.ask("POST", path, {**PHONE, "memo": "Work", "referenceId": "M-1"})
    assert (made["contactId"], made["value"], made["memo"]) == (ann, "5125550100", "Work")
    assert desk.get(f"{path}/{made['id']}") == made
    desk.wait(1)
    changed = desk.ask("PATCH", f"{path}/{made['id']}", {"value": "5125550101"})
    assert changed == {**made, "value": "5125550101", "modifiedOn": "2026-03-01T12:00:02Z"}
    replaced = desk.ask("PUT", f"{path}/{made['id']}", {"type": "Email", "value": "a@example.com"})
    assert (replaced["type"], replaced["memo"], replaced["referenceId"]) == ("Email", None, None)
    assert replaced["createdOn"] == made["createdOn"]
    assert desk.all(path) == [replaced]
    desk.ask("DELETE", f"{path}/{made['id']}")
    desk.get(f"{path}/{made['id']}", expect=404)
    assert desk.all(path) == []


def test_a_method_that_is_put_under_a_new_guid_is_made_with_it(desk: Desk, ann: str) -> None:
    path = f"/contacts/{ann}/contact-methods/{NOBODY}"
    assert desk.ask("PUT", path, PHONE)["id"] == NOBODY
    assert desk.get(path)["createdOn"] == "2026-03-01T12:00:01Z"
    other = desk.ask("POST", "/contacts", {})["id"]
    desk.ask("PUT", f"/contacts/{other}/contact-methods/{NOBODY}", PHONE, expect=404)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"type": "phone"}, True),
        ({"type": "Email"}, False),
        ({"value": "5550100"}, True),
        ({"value": "5550199"}, False),
        ({"referenceId": "M-1"}, True),
        ({"referenceId": "M"}, False),
        ({"createdBefore": "2026-03-01T12:00:01Z"}, False),
        ({"modifiedOnOrAfter": "2026-03-01T12:00:01Z"}, True),
    ],
)
def test_methods_are_found_by_each_filter(desk: Desk, ann: str, query: dict[str, str], found: bool) -> None:
    path = f"/contacts/{ann}/contact-methods"
    made = desk.ask("POST", path, {**PHONE, "referenceId": "M-1"})["id"]
    assert guids(desk, path, **query) == ([made] if found else [])
    searched = guids(desk, "/contacts/contact-methods", contactId=ann.upper(), **query)
    assert searched == ([made] if found else [])
    assert (made in guids(desk, "/contacts/contact-methods", **query)) == found


def test_a_method_belongs_to_one_contact_only(desk: Desk, ann: str) -> None:
    made = desk.ask("POST", f"/contacts/{ann}/contact-methods", PHONE)["id"]
    other = desk.ask("POST", "/contacts", {})["id"]
    for method, body in (("GET", None), ("PATCH", {"memo": "m"}), ("DELETE", None)):
        desk.ask(method, f"/contacts/{other}/contact-methods/{made}", body, expect=404)


def test_a_preference_is_unsaid_until_somebody_sets_it(desk: Desk, ann: str) -> None:
    types = desk.get("/contacts/preferences")
    assert {each["dataType"] for each in types} == {"Bool"}
    method = desk.ask("POST", f"/contacts/{ann}/contact-methods", PHONE)
    path = f"/contacts/{ann}/contact-methods/{method['id']}"
    unsaid = [{"name": each["name"], "dataType": "Bool", "value": None} for each in types]
    assert desk.get(f"{path}/preferences") == unsaid
    said = desk.ask("PATCH", f"{path}/preferences/{types[1]['name']}", {"value": "True"})
    assert said == {**unsaid[1], "value": "true"}
    assert desk.get(f"{path}/preferences/{types[1]['name'].upper()}") == said
    assert desk.get(f"{path}/preferences") == [unsaid[0], said, unsaid[2]]
    assert desk.get(path) == method


def test_preferences_are_true_or_false_and_known_by_name(desk: Desk, ann: str) -> None:
    method = desk.ask("POST", f"/contacts/{ann}/contact-methods", PHONE)["id"]
    path = f"/contacts/{ann}/contact-methods/{method}/preferences"
    for wrong in ("perhaps", True, None):
        refused = desk.ask("PATCH", f"{path}/JobReminders", {"value": wrong}, expect=400)
        assert set(refused["errors"]) == {"value"}
    desk.ask("PATCH", f"{path}/Birthdays", {"value": "true"}, expect=404)
    desk.get(f"{path}/Birthdays", expect=404)


def test_a_relationship_makes_a_contact_belong_to_a_customer_location_or_booking(
    desk: Desk, ann: str
) -> None:
    path = f"/contacts/{ann}/relationships"
    for entity, slug in ((100000050, "customer"), (300000050, "location"), (600000001, "booking")):
        for _ in range(2):
            desk.ask("POST", f"{path}/{entity}/{slug}")
        assert ann in guids(desk, f"/contacts/relationships/{entity}")
    assert {each["typeName"] for each in desk.all(path)} == {"Customer", "Location", "Booking"}
    (booking,) = desk.all(path, typeSlug="booking")
    assert set(booking) == {"id", "relatedEntityId", "typeName", "typeSlug", "createdOn", "createdBy"}
    assert len(desk.all(path)) == 3
    assert desk.all(path, typeName="Booking") == desk.all(path, relatedEntityId=600000001) == [booking]
    assert desk.all(path, createdBefore="2026-03-01T12:00:01Z") == []
    desk.ask("DELETE", f"{path}/600000001/booking")
    assert ann not in guids(desk, "/contacts/relationships/600000001")
    desk.ask("DELETE", f"{path}/600000001/booking", expect=409)


def test_contacts_of_an_entity_are_filtered_like_all_contacts(desk: Desk, ann: str) -> None:
    desk.ask("POST", f"/contacts/{ann}/relationships/100000001/customer")
    path = "/contacts/relationships/100000001"
    assert len(guids(desk, path)) == 2
    assert guids(desk, path, name="dvořák") == [ann]
    assert desk.get(path, pageSize=1, includeTotal=True)["totalCount"] == 2
    assert guids(desk, "/contacts/relationships/100000055") == []
    desk.get("/contacts/relationships/5", expect=404)


def test_what_a_relationship_names_has_to_be_there(desk: Desk, ann: str) -> None:
    desk.ask("POST", f"/contacts/{ann}/relationships/5/customer", expect=404)
    desk.ask("POST", f"/contacts/{ann}/relationships/100000001/location", expect=404)
    desk.ask("POST", f"/contacts/{ann}/relationships/100000001/neighbour", expect=404)
    desk.ask("POST", f"/contacts/{NOBODY}/relationships/100000001/customer", expect=409)
    desk.get(f"/contacts/{NOBODY}/relationships", expect=409)


@pytest.mark.parametrize(
    ("method", "resource", "body"),
    [
        ("GET", "/contacts/{id}", None),
        ("PUT", "/contacts/{id}", {"isArchived": False}),
        ("PATCH", "/contacts/{id}", {"isArchived": False}),
        ("DELETE", "/contacts/{id}", None),
        ("GET", "/contacts/{id}/contact-methods", None),
        ("POST", "/contacts/{id}/contact-methods", PHONE),
        ("PUT", "/contacts/{id}/contact-methods/{id}", PHONE),
        ("GET", "/contacts/{id}/contact-methods/{id}/preferences", None),
    ],
)
def test_an_unknown_contact_is_not_found_and_what_is_no_guid_is_refused(
    desk: Desk, method: str, resource: str, body: object
) -> None:
    desk.ask(method, resource.format(id=NOBODY), body, expect=404)
    desk.ask(method, resource.format(id="5"), body, expect=400)


@pytest.mark.parametrize(
    ("method", "resource", "body", "fields"),
    [
        ("POST", "/contacts", {"name": 5, "isArchived": True}, {"name", "isArchived"}),
        ("PUT", "/contacts/{id}", {}, {"isArchived"}),
        ("PATCH", "/contacts/{id}", {"name": "x"}, {"isArchived"}),
        ("POST", "/contacts/{id}/contact-methods", {}, {"type", "value"}),
        ("PUT", f"/contacts/{{id}}/contact-methods/{NOBODY}", {**PHONE, "type": "Pager"}, {"type"}),
    ],
)
def test_a_wrong_body_is_refused_field_by_field(
    desk: Desk, ann: str, method: str, resource: str, body: object, fields: set[str]
) -> None:
    assert set(desk.ask(method, resource.format(id=ann), body, expect=400)["errors"]) == fields


def everything(sandbox: Sandbox) -> list[Any]:
    desk = Desk(sandbox)
    contacts, methods = desk.all("/contacts"), desk.all("/contacts/contact-methods")
    related = [desk.all(f"/contacts/{each['id']}/relationships") for each in contacts]
    chosen = [
        desk.get(f"/contacts/{each['contactId']}/contact-methods/{each['id']}/preferences")
        for each in methods
    ]
    return [contacts, methods, related, chosen]


def test_contacts_follow_from_the_recipe_whatever_life_does_meanwhile(tmp_path: Path) -> None:
    sandbox = small(life=20)
    sandbox.save(tmp_path / "sandbox.json")
    sandbox.advance(BORN_TICKS + 30 * SECOND)
    found = everything(sandbox)
    assert found == everything(small()) == everything(Sandbox.load(tmp_path / "sandbox.json"))
    assert found[0] != everything(small(seed=8))[0]


def test_a_world_with_a_written_contact_has_no_past(desk: Desk) -> None:
    desk.ask("POST", "/contacts", {})
    desk.sandbox.advance(desk.now + SECOND)
    with pytest.raises(ValueError, match="past"):
        desk.sandbox.records("customers", as_of=BORN_TICKS)
