"""What a tenant has set up: custom fields, booking providers, and the technicians its locations prefer."""

from __future__ import annotations

import pytest
from sandbox_desk import BORN_TICKS, Desk, a_second_later, ids, small
from test_sandbox_contracts import BODIES, PROVIDER_BOOKINGS

from servicetitan_crm_async.sandbox import parse_instant, text_of

FIELDS = ["/customers/custom-fields", "/locations/custom-fields"]


@pytest.fixture
def desk() -> Desk:
    return a_second_later(small())


@pytest.mark.parametrize("resource", FIELDS)
def test_records_carry_custom_fields_of_the_types_that_are_listed(desk: Desk, resource: str) -> None:
    names = {field["id"]: field["name"] for field in desk.all(resource)}
    carried = [
        field
        for record in desk.all(resource.removesuffix("/custom-fields"), active="Any")
        for field in record["customFields"]
    ]
    assert len({field["typeId"] for field in carried}) > 1
    assert all(names[field["typeId"]] == field["name"] for field in carried)


@pytest.mark.parametrize("resource", FIELDS)
def test_only_a_dropdown_has_options(desk: Desk, resource: str) -> None:
    found = {field["dataType"]: field["dataTypeOptions"] for field in desk.all(resource)}
    assert found == {"Text": [], "Numeric": [], "Dropdown": ["Gas", "Oil", "Electric"]}
    (dropdown,) = (field for field in desk.all(resource) if field["dataType"] == "Dropdown")
    body = {"customFields": [{"typeId": dropdown["id"], "value": "Oil"}]}
    after = desk.ask("PATCH", "/customers/100000001", body)["customFields"][-1]
    assert after == {"typeId": dropdown["id"], "name": dropdown["name"], "value": "Oil"}


@pytest.mark.parametrize("resource", [*FIELDS, "/booking-provider-tags"])
@pytest.mark.parametrize("field", ["created", "modified"])
def test_settings_are_sorted_cut_by_windows_and_counted(desk: Desk, resource: str, field: str) -> None:
    def ticks(record: dict[str, str]) -> int:
        return parse_instant(record[f"{field}On"]) or 0

    name = f"{field.capitalize()}On"
    ordered = desk.all(resource, sort=f"+{name}")
    assert ordered == sorted(ordered, key=lambda each: (ticks(each), each["id"]))
    assert desk.all(resource, sort=f"-{name}") == ordered[::-1]
    first, last = ticks(ordered[0]), ticks(ordered[-1])
    assert first < last < BORN_TICKS
    window = {f"{field}OnOrAfter": text_of(first), f"{field}Before": text_of(last)}
    within = [each for each in ordered if first <= ticks(each) < last]
    page = desk.get(resource, sort=f"+{name}", pageSize=1, includeTotal=True, **window)
    assert (page["totalCount"], page["data"], page["hasMore"]) == (
        len(within),
        within[:1],
        len(within) > 1,
    )
    assert set(desk.refusal(resource, sort="+Name")) == {"sort"}


def test_a_booking_provider_tag_for_each_provider(desk: Desk) -> None:
    tags = desk.all("/booking-provider-tags")
    assert ids(tags) == list(desk.sandbox.world().providers) == [8000001, 8000002, 8000003]
    assert {tag["id"] for tag in tags} >= {booking["bookingProviderId"] for booking in desk.all("/bookings")}
    assert desk.get("/booking-provider-tags/8000002") == tags[1]
    assert [tag["type"] for tag in tags] == ["V1Api", "V2Api", "V2Api"]
    assert ids(desk.all("/booking-provider-tags", ids="8000003,8000001,7")) == [8000001, 8000003]
    assert ids(desk.all("/booking-provider-tags", name=tags[1]["tagName"].upper())) == [8000002]
    desk.get("/booking-provider-tags/5", expect=404)


def test_many_providers_have_names_of_their_own() -> None:
    tags = Desk(small(booking_providers=12)).all("/booking-provider-tags")
    assert len({tag["tagName"] for tag in tags}) == 12


def test_a_created_tag_opens_bookings_of_its_own_at_once(desk: Desk) -> None:
    body = {"tagName": "Kiosk", "description": "In the lobby"}
    made = desk.ask("POST", "/booking-provider-tags", body)
    assert made == {
        "id": made["id"],
        **body,
        "type": "V2Api",
        "createdOn": "2026-03-01T12:00:01Z",
        "modifiedOn": "2026-03-01T12:00:01Z",
    }
    assert desk.get(f"/booking-provider-tags/{made['id']}") == {**made, "active": True}
    path = PROVIDER_BOOKINGS.format(booking_provider=made["id"])
    assert desk.all(path) == []
    booking = desk.ask("POST", path, BODIES["crm", "POST", PROVIDER_BOOKINGS])
    assert booking["bookingProviderId"] == made["id"]
    assert ids(desk.all(path)) == [booking["id"]]


def test_an_updated_tag_keeps_what_was_not_sent(desk: Desk) -> None:
    before = desk.get("/booking-provider-tags/8000001")
    after = desk.ask("PATCH", "/booking-provider-tags/8000001", {"description": "d"})
    assert {**after, "active": True} == {
        **before,
        "description": "d",
        "modifiedOn": "2026-03-01T12:00:01Z",
    }
    assert desk.get("/booking-provider-tags/8000001") == {**after, "active": True}
    desk.ask("PATCH", "/booking-provider-tags/5", {}, expect=404)


def test_the_name_of_a_tag_is_its_own(desk: Desk) -> None:
    first, second = (tag["tagName"] for tag in desk.all("/booking-provider-tags")[:2])
    taken = {"tagName": first.upper(), "description": "d"}
    desk.ask("POST", "/booking-provider-tags", taken, expect=409)
    path = "/booking-provider-tags/8000002"
    assert set(desk.ask("PATCH", path, {"tagName": first}, expect=400)["errors"]) == {"tagName"}
    assert desk.ask("PATCH", path, {"tagName": second})["tagName"] == second


@pytest.mark.parametrize(
    ("method", "body", "fields"),
    [
        ("POST", {}, {"tagName", "description"}),
        ("POST", {"tagName": 5, "description": None, "type": "V1Api"}, {"tagName", "description", "type"}),
        ("PATCH", {"tagName": None, "active": False}, {"tagName", "active"}),
    ],
)
def test_a_wrong_tag_is_refused_field_by_field(
    desk: Desk, method: str, body: dict[str, object], fields: set[str]
) -> None:
    path = "/booking-provider-tags" + ("/8000001" if method == "PATCH" else "")
    assert set(desk.ask(method, path, body, expect=400)["errors"]) == fields


def test_some_locations_prefer_a_technician_and_always_the_same() -> None:
    desk, again = Desk(small()), Desk(small())
    paths = [f"/locations/{each}/preferredtechnician" for each in desk.sandbox.records("locations")]
    found = [desk.get(path) for path in paths]
    assert found == [again.get(path) for path in paths]
    assert 0 < sum(technician is not None for technician in found) < len(paths) // 2


def test_a_location_prefers_whom_it_was_told_to(desk: Desk) -> None:
    before = desk.get("/locations/300000001")
    path = "/locations/300000001/preferredtechnician"
    for technician in (77, 78):
        assert desk.ask("POST", f"{path}/{technician}") is None
        assert desk.get(path) == technician
    assert desk.get("/locations/300000001") == before
    desk.ask("POST", f"{path}/anybody", expect=400)
    desk.ask("POST", "/locations/5/preferredtechnician/77", expect=404)
    desk.get("/locations/5/preferredtechnician", expect=404)
