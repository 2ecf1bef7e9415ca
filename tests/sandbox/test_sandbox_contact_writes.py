"""Contacts of customers and locations change and go, and the export feeds tell of it."""

from __future__ import annotations

import pytest
from sandbox_desk import BORN_TICKS, SECOND, Desk, a_second_later, ids, small

from servicetitan_crm_async.sandbox import text_of

PREFERENCES = {
    "jobRemindersEnabled": False,
    "marketingUpdatesEnabled": True,
    "invoiceStatementNotification": False,
}
OWNERS = {"customers": 100000001, "locations": 300000001}


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small())


@pytest.mark.parametrize("noun", OWNERS)
def test_an_updated_contact_keeps_what_was_not_sent_and_moves_its_stamp_alone(desk: Desk, noun: str) -> None:
    owner = f"/{noun}/{OWNERS[noun]}"
    before, parent = desk.all(f"{owner}/contacts")[0], desk.get(owner)
    changes = {"memo": "Back door", "preferences": PREFERENCES}
    after = desk.ask("PATCH", f"{owner}/contacts/{before['id']}", changes)
    assert after == {**before, **changes, "modifiedOn": "2026-03-01T12:00:01Z"}
    assert desk.all(f"{owner}/contacts")[0] == after
    changed = desk.all(f"/{noun}/contacts", modifiedOnOrAfter="2026-03-01T12:00:01Z")
    assert changed == [{**after, f"{noun[:-1]}Id": OWNERS[noun]}]
    assert desk.drain(f"/export/{noun}/contacts")[0][-1] == {**changed[0], "active": True}
    assert desk.get(owner) == parent


@pytest.mark.parametrize("seeded", [True, False])
def test_phone_settings_follow_the_type_and_the_number(desk: Desk, seeded: bool) -> None:
    path = "/customers/100000001/contacts"
    made = (
        desk.all(path)[0] if seeded else desk.ask("POST", path, {"type": "Email", "value": "a@example.com"})
    )
    changes = {"type": "MobilePhone", "value": "5125550199"}
    after = desk.ask("PATCH", f"{path}/{made['id']}", changes)
    assert after["phoneSettings"] == {"phoneNumber": "5125550199", "doNotText": False}
    assert ids(desk.all("/customers", phone="512-555-0199", active="Any")) == [100000001]
    after = desk.ask("PATCH", f"{path}/{made['id']}", {"type": "Phone"})
    assert after["phoneSettings"] == {"phoneNumber": "5125550199", "doNotText": True}


def test_a_contact_and_its_phone_settings_agree_when_life_changes_it_after_a_write() -> None:
    desk = a_second_later(small(customers=4, life=20))
    written = desk.all("/customers/contacts", modifiedOnOrAfter=text_of(0))
    for number, contact in enumerate(written):
        change = {"memo": "x"} if number % 2 else {"type": "Phone"}
        desk.ask("PATCH", f"/customers/{contact['customerId']}/contacts/{contact['id']}", change)
    desk.wait(60)
    changed = desk.all("/customers/contacts", modifiedOnOrAfter=text_of(BORN_TICKS + 5 * SECOND))
    assert set(ids(changed)) & set(ids(written))
    for contact in changed:
        shown = "" if contact["type"] == "Email" else contact["value"]
        assert contact["phoneSettings"]["phoneNumber"] == shown


@pytest.mark.parametrize("noun", OWNERS)
def test_a_deleted_contact_is_told_of_by_the_feed_alone(desk: Desk, noun: str) -> None:
    owner = f"/{noun}/{OWNERS[noun]}"
    parent = desk.get(owner)
    gone = desk.ask("POST", f"{owner}/contacts", {"type": "Fax", "value": "5125550111"})
    path = f"{owner}/contacts/{gone['id']}"
    desk.wait(1)
    assert desk.ask("DELETE", path) is None
    assert gone["id"] not in ids(desk.all(f"{owner}/contacts"))
    assert gone["id"] not in ids(desk.all(f"/{noun}/contacts", **{f"{noun[:-1]}Ids": OWNERS[noun]}))
    told = desk.drain(f"/export/{noun}/contacts")[0][-1]
    assert told == {
        **gone,
        "modifiedOn": "2026-03-01T12:00:02Z",
        f"{noun[:-1]}Id": OWNERS[noun],
        "active": False,
    }
    assert desk.get(owner) == parent
    desk.ask("DELETE", path, expect=404)
    desk.ask("PATCH", path, {"memo": "x"}, expect=404)


def test_a_contact_is_found_at_its_owner_only() -> None:
    sandbox = small()
    desk, openapi = Desk(sandbox), Desk(sandbox, openapi=True)
    contact = desk.all("/customers/100000001/contacts")[0]["id"]
    for method in ("PATCH", "DELETE"):
        desk.ask(method, f"/customers/100000002/contacts/{contact}", {}, expect=404)
        desk.ask(method, f"/locations/300000001/contacts/{contact}", {}, expect=404)
        openapi.ask(method, f"/customers/100000001/contacts/{contact}", {}, expect=404)
    desk.ask("DELETE", f"/customers/100000001/contacts/{contact}")
    assert contact not in ids(openapi.get("/customers/100000001")["contacts"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"type": "Pager"}, {"type"}),
        ({"memo": None, "value": 5}, {"memo", "value"}),
        ({"preferences": {"jobRemindersEnabled": "yes"}}, {f"preferences.{name}" for name in PREFERENCES}),
        ({"phoneSettings": {}}, {"phoneSettings"}),
    ],
)
@pytest.mark.parametrize("noun", OWNERS)
def test_a_wrong_change_of_a_contact_is_refused_field_by_field(
    desk: Desk, noun: str, body: dict[str, object], fields: set[str]
) -> None:
    path = f"/{noun}/{OWNERS[noun]}/contacts"
    before = desk.all(path)
    assert set(desk.ask("PATCH", f"{path}/{before[0]['id']}", body, expect=400)["errors"]) == fields
    assert desk.all(path) == before


@pytest.mark.parametrize("noun", OWNERS)
def test_contacts_of_all_are_cut_by_when_they_were_created(desk: Desk, noun: str) -> None:
    contact = {"type": "Phone", "value": "5125550100"}
    made = desk.ask("POST", f"/{noun}/{OWNERS[noun]}/contacts", contact)
    at, whose = BORN_TICKS + SECOND, {f"{noun[:-1]}Ids": OWNERS[noun]}
    since = desk.all(f"/{noun}/contacts", createdOnOrAfter=text_of(at), **whose)
    assert ids(since) == [made["id"]]
    before = desk.all(f"/{noun}/contacts", createdBefore=text_of(at), **whose)
    assert made["id"] not in ids(before) != []
