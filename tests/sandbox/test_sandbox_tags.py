"""Tags of customers and locations, one by one and in bulk, and the tag types of the settings."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox_desk import Desk, ids, small

VIP, WARRANTY, RETIRED, NONE_SUCH = 700000001, 700000004, 700000006, 5
OWNERS = {"customers": 100000001, "locations": 300000001}


@pytest.fixture
def desk() -> Desk:
    desk = Desk(small())
    for noun, owner in OWNERS.items():
        desk.ask("PATCH", f"/{noun}/{owner}", {"tagTypeIds": [VIP]})
    desk.wait(1)
    return desk


def tags_of(desk: Desk, noun: str = "customers", owner: int = OWNERS["customers"]) -> list[int]:
    tags: list[int] = desk.get(f"/{noun}/{owner}")["tagTypeIds"]
    return tags


@pytest.mark.parametrize("noun", OWNERS)
def test_a_tag_is_added_shown_and_removed_and_each_moves_the_stamp(desk: Desk, noun: str) -> None:
    path = f"/{noun}/{OWNERS[noun]}"
    answer = desk.ask("POST", f"{path}/tags/{WARRANTY}")
    assert answer == {f"{noun[:-1]}Id": OWNERS[noun], "tagTypeIds": [VIP, WARRANTY]}
    added = desk.get(path)
    assert (added["tagTypeIds"], added["modifiedOn"]) == ([VIP, WARRANTY], "2026-03-01T12:00:01Z")
    assert desk.drain(f"/export/{noun}")[0][-1] == added
    desk.wait(1)
    assert desk.ask("DELETE", f"{path}/tags/{VIP}") is None
    removed = desk.get(path)
    assert (removed["tagTypeIds"], removed["modifiedOn"]) == ([WARRANTY], "2026-03-01T12:00:02Z")


@pytest.mark.parametrize("noun", OWNERS)
def test_to_add_what_is_there_or_remove_what_is_not_changes_nothing(desk: Desk, noun: str) -> None:
    path = f"/{noun}/{OWNERS[noun]}"
    before = desk.get(path)
    assert desk.ask("POST", f"{path}/tags/{VIP}")["tagTypeIds"] == [VIP]
    desk.ask("DELETE", f"{path}/tags/{WARRANTY}")
    assert desk.get(path) == before


@pytest.mark.parametrize("noun", OWNERS)
def test_tags_of_unknown_records_or_types_are_not_found_and_inactive_types_not_given(
    desk: Desk, noun: str
) -> None:
    path = f"/{noun}/{OWNERS[noun]}/tags"
    for method in ("POST", "DELETE"):
        desk.ask(method, f"{path}/{NONE_SUCH}", expect=404)
        desk.ask(method, f"/{noun}/5/tags/{VIP}", expect=404)
        desk.ask(method, f"{path}/vip", expect=400)
    desk.ask("POST", f"{path}/{RETIRED}", expect=409)
    desk.ask("DELETE", f"{path}/{RETIRED}")


def test_tags_are_added_to_many_customers_and_removed_again(desk: Desk) -> None:
    others = [OWNERS["customers"] + number for number in (1, 2)]
    body = {"customerIds": [OWNERS["customers"], *others], "tagTypeIds": [VIP, WARRANTY]}
    assert desk.ask("PUT", "/tags", body) is None
    assert tags_of(desk) == [VIP, WARRANTY]
    for other in others:
        assert {VIP, WARRANTY} <= set(tags_of(desk, owner=other))
    desk.ask("DELETE", "/tags", body)
    assert tags_of(desk) == []
    for other in others:
        assert not {VIP, WARRANTY} & set(tags_of(desk, owner=other))


def test_tags_of_many_customers_are_written_for_all_or_for_none(desk: Desk) -> None:
    customer = OWNERS["customers"]
    refused: list[tuple[int, Any, set[str]]] = [
        (400, {"customerIds": [customer, 5], "tagTypeIds": [WARRANTY]}, {"customerIds"}),
        (400, {"customerIds": [customer], "tagTypeIds": [WARRANTY, 5]}, {"tagTypeIds"}),
        (400, {"customerIds": [str(customer)]}, {"customerIds", "tagTypeIds"}),
        (409, {"customerIds": [customer], "tagTypeIds": [WARRANTY, RETIRED]}, set()),
    ]
    for status, body, fields in refused:
        assert set(desk.ask("PUT", "/tags", body, expect=status)["errors"]) == fields
        assert tags_of(desk) == [VIP]
    desk.ask("DELETE", "/tags", {"customerIds": [customer, 5], "tagTypeIds": [VIP]}, expect=400)
    desk.ask("DELETE", "/tags", {"customerIds": [customer], "tagTypeIds": [RETIRED]})
    assert tags_of(desk) == [VIP]


def test_a_created_tag_type_is_listed_exported_and_given(desk: Desk) -> None:
    made = desk.ask("POST", "/tag-types", {"name": "Solar Roof", "color": "#FFB300", "importance": "High"})
    assert set(made) == {"id"}
    listed = desk.all("/tag-types")[-1]
    assert listed == {
        "id": made["id"],
        "name": "Solar Roof",
        "color": "#FFB300",
        "code": "SR",
        "importance": "High",
        "isConversionOpportunity": False,
        "allowToUseOnTimesheetActivity": False,
        "isVisibleOnDispatchBoard": False,
        "active": True,
        "createdOn": "2026-03-01T12:00:01Z",
        "modifiedOn": "2026-03-01T12:00:01Z",
    }
    assert desk.drain("/export/tag-types")[0][-1] == listed
    desk.ask("POST", f"/customers/{OWNERS['customers']}/tags/{made['id']}")
    assert tags_of(desk) == [VIP, made["id"]]


@pytest.mark.parametrize(
    ("given", "code"),
    [({"code": "own"}, "own"), ({"code": None}, "GARDEN"), ({}, "GARDEN")],
)
def test_a_tag_type_without_a_code_gets_one_from_its_name(
    desk: Desk, given: dict[str, object], code: str
) -> None:
    made = desk.ask("POST", "/tag-types", {"name": "garden", "color": "#000000", **given})
    assert next(each["code"] for each in desk.all("/tag-types") if each["id"] == made["id"]) == code


def test_an_updated_tag_type_keeps_what_was_not_sent(desk: Desk) -> None:
    before = desk.all("/tag-types")[0]
    changes = {"name": "Gold", "isVisibleOnDispatchBoard": not before["isVisibleOnDispatchBoard"]}
    assert desk.ask("PATCH", f"/tag-types/{VIP}", changes) == {"id": VIP}
    after = desk.all("/tag-types")[0]
    assert after == {**before, **changes, "modifiedOn": "2026-03-01T12:00:01Z"}
    assert ids(desk.drain("/export/tag-types")[0])[-1] == VIP
    desk.ask("PATCH", f"/tag-types/{VIP}", {"importance": None})
    assert desk.all("/tag-types")[0]["importance"] is None
    desk.ask("PATCH", "/tag-types/5", {}, expect=404)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "color"}),
        ({"name": "x", "color": "red"}, {"color"}),
        ({"name": "x", "color": "#12345G"}, {"color"}),
        ({"name": "x", "color": "#123456\n"}, {"color"}),
        ({"name": "x", "color": "#123456", "code": "x" * 21}, {"code"}),
        ({"name": "x", "color": "#123456", "importance": "Low"}, {"importance"}),
        ({"name": "x", "color": "#123456", "active": False}, {"active"}),
    ],
)
def test_a_wrong_tag_type_is_refused_field_by_field(
    desk: Desk, body: dict[str, object], fields: set[str]
) -> None:
    assert set(desk.ask("POST", "/tag-types", body, expect=400)["errors"]) == fields
    refused = desk.ask("PATCH", f"/tag-types/{VIP}", {**body, "code": None}, expect=400)["errors"]
    assert set(refused) == (fields if body else set()) | {"code"}
