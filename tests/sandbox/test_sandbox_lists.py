"""Lists: paging, windows, sort, filters, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox_desk import BORN_TICKS, LISTS, SECOND, Desk, ids, small

from servicetitan_crm_async.sandbox import Kind, parse_instant, text_of
from servicetitan_crm_async.sandbox.operations import Cutting

BOUNDED = {"modifiedOnOrAfter": "2000-01-01T00:00:00Z"}


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk(small(customers=120))


def ticks(record: dict[str, str], field: str = "modifiedOn") -> int:
    found = parse_instant(record[field])
    assert found is not None
    return found


@pytest.mark.parametrize("kind", LISTS)
def test_pages_hold_every_record_once_and_as_the_sandbox_says_it_sends_them(desk: Desk, kind: Kind) -> None:
    query = {"active": "Any"} if kind in ("customers", "locations", "tag_types") else BOUNDED
    expected = desk.sandbox.records(kind)
    found = desk.all(LISTS[kind], **query)
    assert ids(found) == sorted(expected)
    assert {record["id"]: record["modifiedOn"] for record in found} == {
        key: stamp for key, (stamp, _) in expected.items()
    }
    answer = desk.send("GET", LISTS[kind], pageSize=5000, **query)
    assert b",".join(each for _, each in expected.values()) in answer.body


def test_a_page_past_the_end_is_empty_and_has_no_more(desk: Desk) -> None:
    page = desk.get("/customers", page=999)
    assert page == {"page": 999, "pageSize": 50, "hasMore": False, "totalCount": None, "data": []}


def test_the_total_counts_what_the_filters_leave(desk: Desk) -> None:
    everything = desk.get("/customers", active="Any", includeTotal=True)["totalCount"]
    active = desk.get("/customers", includeTotal="True")["totalCount"]
    inactive = desk.get("/customers", active="False", includeTotal=True)["totalCount"]
    assert everything == 120 == active + inactive
    assert active > inactive > 0


def test_only_active_records_are_listed_unless_asked_otherwise(desk: Desk) -> None:
    for resource in ("/customers", "/locations", "/tag-types"):
        assert {record["active"] for record in desk.all(resource)} == {True}
        assert {record["active"] for record in desk.all(resource, active="false")} == {False}


def test_a_page_of_exactly_the_last_records_has_no_more(desk: Desk) -> None:
    assert desk.get("/customers", active="Any", pageSize=60, page=2)["hasMore"] is False
    assert desk.get("/customers", active="Any", pageSize=59, page=2)["hasMore"] is True


@pytest.mark.parametrize("field", ["modified", "created"])
def test_a_window_is_closed_below_and_open_above_at_single_ticks(desk: Desk, field: str) -> None:
    world = desk.sandbox.world()
    record = world.tables["customers"].rows[40]
    at = getattr(record, field)

    def within(low: int, high: int) -> bool:
        window = {f"{field}OnOrAfter": text_of(low), f"{field}Before": text_of(high)}
        return record.id in ids(desk.get("/customers", active="Any", pageSize=500, **window)["data"])

    assert within(at, at + 1)
    assert not within(at + 1, at + SECOND)
    assert not within(at - SECOND, at)
    assert within(at - SECOND, at + 1)


@settings(deadline=None, max_examples=60)
@given(
    order=st.sampled_from(["Id", "ModifiedOn", "CreatedOn"]),
    descending=st.booleans(),
    modified=st.tuples(st.integers(0, 1830), st.integers(0, 1830)),
    created=st.none() | st.tuples(st.integers(0, 1830), st.integers(0, 1830)),
    size=st.integers(1, 50),
)
def test_windows_and_sorts_agree_with_the_plain_definition(
    order: str, descending: bool, modified: tuple[int, int], created: tuple[int, int] | None, size: int
) -> None:
    desk = Desk(SHARED)

    def instant(days: int) -> int:
        return BORN_TICKS - days * 86_400 * SECOND

    windows = {"modified": sorted(map(instant, modified))}
    if created is not None:
        windows["created"] = sorted(map(instant, created))
    query: dict[str, str] = {}
    for field, (low, high) in windows.items():
        query |= {f"{field}OnOrAfter": text_of(low), f"{field}Before": text_of(high)}
    found = desk.all(
        "/customers", active="Any", sort=f"{'-' if descending else '+'}{order}", pageSize=size, **query
    )
    keys = {
        "Id": lambda record: (0, record.id),
        "ModifiedOn": lambda record: (record.modified, record.id),
        "CreatedOn": lambda record: (record.created, record.id),
    }
    expected = [
        record
        for record in SHARED.world().tables["customers"]
        if all(low <= getattr(record, field) < high for field, (low, high) in windows.items())
    ]
    assert ids(found) == [each.id for each in sorted(expected, key=keys[order], reverse=descending)]


SHARED = small(customers=90)


@pytest.mark.parametrize("sort", ["+ModifiedOn", " ModifiedOn", "ModifiedOn", "+modifiedon"])
def test_the_plus_of_a_sort_may_arrive_as_the_space_it_means(desk: Desk, sort: str) -> None:
    stamps = [ticks(record) for record in desk.all("/leads", sort=sort)]
    assert stamps == sorted(stamps)


def test_ties_come_in_another_order_in_every_answer_when_asked_for() -> None:
    sandbox = small(unstable_ties=True)
    world = sandbox.world()
    tied = [record.id for record in world.tables["customers"].rows[10:40]]
    world.restamp("customers", tied, at=BORN_TICKS - SECOND)
    desk = Desk(sandbox)
    answers = [
        ids(desk.get("/customers", active="Any", sort="+ModifiedOn", pageSize=500)["data"]) for _ in range(4)
    ]
    assert len({tuple(answer) for answer in answers}) > 1
    assert all(sorted(answer[-30:]) == sorted(tied) for answer in answers)
    for sort in ("+ModifiedOn", "-ModifiedOn"):
        pages = desk.all("/customers", active="Any", sort=sort, pageSize=7)
        stamps = [ticks(record) for record in pages]
        assert all((a <= b) if sort[0] == "+" else (a >= b) for a, b in pairwise(stamps))
    by_id = desk.all("/customers", active="Any", sort="+Id")
    assert ids(by_id) == sorted(ids(by_id))


def test_many_records_on_one_instant_are_one_window() -> None:
    sandbox = small()
    tied = [record.id for record in sandbox.world().tables["customers"].rows[:25]]
    sandbox.world().restamp("customers", tied, at=BORN_TICKS - 5)
    window = {"modifiedOnOrAfter": text_of(BORN_TICKS - 5), "modifiedBefore": text_of(BORN_TICKS - 4)}
    assert ids(Desk(sandbox).all("/customers", active="Any", sort="+Id", **window)) == tied


@settings(deadline=None, max_examples=80)
@given(
    unit=st.sampled_from([1, 10, 10_000, SECOND]),
    cutting=st.sampled_from(["bounds", "records"]),
    resource=st.sampled_from(["/customers", "/customers/contacts"]),
    offsets=st.lists(st.integers(-SECOND, SECOND), min_size=5, max_size=30),
    low=st.integers(-SECOND, SECOND),
    high=st.integers(-SECOND, SECOND),
)
def test_instants_are_compared_as_coarsely_as_asked_for(
    unit: int, cutting: Cutting, resource: str, offsets: list[int], low: int, high: int
) -> None:
    """By definition: what is cut is cut down to the unit, and only then compared."""
    sandbox = small(customers=40, compares_to=unit / SECOND, cutting=cutting)
    kind: Kind = "customers" if resource == "/customers" else "customer_contacts"
    rows = sandbox.world().tables[kind].rows
    for record, offset in zip(rows, offsets, strict=False):
        sandbox.world().restamp(kind, [record.id], BORN_TICKS - 9 * SECOND + offset)
    since, before = (BORN_TICKS - 9 * SECOND + bound for bound in sorted((low, high)))

    def cut(instant: int, what: Cutting) -> int:
        return instant - instant % unit if what == cutting else instant

    window = {"modifiedOnOrAfter": text_of(since), "modifiedBefore": text_of(before)}
    found = Desk(sandbox).all(resource, active="Any", **window)
    assert ids(found) == [
        record.id
        for record in rows
        if cut(since, "bounds") <= cut(record.modified, "records") < cut(before, "bounds")
    ]


def test_what_compares_equal_comes_in_any_order_where_ties_do() -> None:
    def stamps(*, unstable: bool) -> list[int]:
        sandbox = small(compares_to=0.001, unstable_ties=unstable)
        for place, record in enumerate(sandbox.world().tables["customers"].rows):
            sandbox.world().restamp("customers", [record.id], BORN_TICKS - SECOND + place * 1_003)
        return [ticks(record) for record in Desk(sandbox).all("/customers", active="Any", sort="+ModifiedOn")]

    assert stamps(unstable=False) == sorted(stamps(unstable=False))
    found = stamps(unstable=True)
    assert found != sorted(found)
    assert [each // 10_000 for each in found] == sorted(each // 10_000 for each in found)


def test_ids_pick_records_and_unknown_ones_are_no_error(desk: Desk) -> None:
    wanted = [record.id for record in desk.sandbox.world().tables["customers"].rows[5:9]]
    found = desk.get(
        "/customers", active="Any", ids=",".join(map(str, [*reversed(wanted), 1, 2])), includeTotal=True
    )
    assert ids(found["data"]) == wanted
    assert found["totalCount"] == len(wanted)


def test_names_and_addresses_are_found_by_any_part_in_any_case(desk: Desk) -> None:
    records = desk.all("/customers")
    sample = records[3]
    assert sample["id"] in ids(desk.all("/customers", name=sample["name"][1:5].upper()))
    for field in ("street", "city", "state", "zip", "country"):
        found = desk.all("/customers", **{field: sample["address"][field].lower()})
        assert sample["id"] in ids(found)
        assert all(sample["address"][field].lower() in record["address"][field].lower() for record in found)
    point = {name: sample["address"][name] for name in ("latitude", "longitude")}
    assert ids(desk.all("/customers", **point)) == [sample["id"]]


def test_a_phone_is_found_by_its_digits_alone_and_only_whole(desk: Desk) -> None:
    contact = next(
        each for each in desk.all("/customers/contacts", **BOUNDED) if each["type"] == "MobilePhone"
    )
    value = contact["value"]
    spelt = f"({value[:3]}) {value[3:6]}-{value[6:]}"
    assert contact["customerId"] in ids(desk.all("/customers", active="Any", phone=spelt))
    assert desk.all("/customers", active="Any", phone=value[:6]) == []


def test_leads_are_found_by_status_customer_and_the_lack_of_one() -> None:
    desk = Desk(small(customers=400))
    leads = desk.all("/leads")
    assert {lead["status"] for lead in leads} == {"Open", "Dismissed", "Converted"}
    for status in ("Open", "Dismissed", "Converted"):
        assert ids(desk.all("/leads", status=status)) == ids([x for x in leads if x["status"] == status])
    without = desk.all("/leads", withoutCustomer=True)
    assert 0 < len(without) < len(leads)
    assert all(lead["customerId"] is None or lead["locationId"] is None for lead in without)
    assert len(without) + len(desk.all("/leads", withoutCustomer=False)) == len(leads)
    stranger = next(lead for lead in leads if lead["leadPhone"])
    assert stranger["id"] in ids(desk.all("/leads", leadPhone=stranger["leadPhone"]))
    assert stranger["id"] in ids(desk.all("/leads", leadCustomerName=stranger["leadCustomerName"].upper()))
    known = next(lead for lead in leads if lead["customerId"])
    assert known["id"] in ids(desk.all("/leads", customerId=known["customerId"]))
    customer = desk.get(f"/customers/{known['customerId']}")
    assert known["id"] in ids(desk.all("/leads", customerCity=customer["address"]["city"]))
    assert desk.all("/leads", customerCreatedOnOrAfter=text_of(BORN_TICKS)) == []
    assert desk.get("/leads", genPermUrl=True, pageSize=1)["data"][0]["leadUrl"].startswith("https://")


def test_leads_are_told_apart_by_prospect_source_and_stamps_of_their_customer() -> None:
    desk = Desk(small(customers=400))
    leads = desk.all("/leads")
    prospects = ids(desk.all("/leads", isProspect=True))
    assert prospects == ids([x for x in leads if not x["customerId"] or x["status"] != "Converted"])
    assert len(prospects) + len(desk.all("/leads", isProspect=False)) == len(leads)
    forms = ids(desk.all("/leads", isCaptureSourceForm=True))
    assert forms == ids([x for x in leads if x["captureSource"] == "Form"])
    customers = {x["id"]: x for x in desk.all("/customers", active="Any")}
    since = "2025-06-01T00:00:00Z"
    assert ids(desk.all("/leads", customerModifiedOnOrAfter=since)) == ids(
        [x for x in leads if x["customerId"] and customers[x["customerId"]]["modifiedOn"] >= since]
    )


def test_external_data_are_looked_up_by_key_and_values_together(desk: Desk) -> None:
    sample = next(x for x in desk.all("/customers") if x["externalData"])
    (pair,) = sample["externalData"]
    found = desk.all("/customers", externalDataKey=pair["key"], externalDataValues=f"none,{pair['value']}")
    assert ids(found) == [sample["id"]]
    assert set(desk.refusal("/customers", externalDataKey="erp-id")) == {"externalDataValues"}
    assert set(desk.refusal("/customers", externalDataValues="x")) == {"externalDataKey"}


def test_ids_and_providers_narrow_each_other(desk: Desk) -> None:
    bookings = desk.all("/bookings")
    wanted = ",".join(map(str, ids(bookings)[:6]))
    provider = bookings[0]["bookingProviderId"]
    found = desk.all(f"/booking-provider/{provider}/bookings", ids=wanted)
    assert ids(found) == ids([x for x in bookings[:6] if x["bookingProviderId"] == provider])


def test_bookings_belong_to_providers_and_are_found_by_external_id(desk: Desk) -> None:
    bookings = desk.all("/bookings")
    providers = sorted({booking["bookingProviderId"] for booking in bookings})
    assert len(providers) > 1
    split = [desk.all(f"/booking-provider/{provider}/bookings") for provider in providers]
    assert sorted(each for part in split for each in ids(part)) == ids(bookings)
    one = bookings[0]
    assert ids(desk.all("/bookings", externalId=one["externalId"])) == [one["id"]]
    assert desk.get(f"/booking-provider/{one['bookingProviderId']}/bookings/{one['id']}") == one
    other = next(provider for provider in providers if provider != one["bookingProviderId"])
    desk.get(f"/booking-provider/{other}/bookings/{one['id']}", expect=404)
    desk.get("/booking-provider/5/bookings", expect=404)


def test_contacts_of_one_owner_are_those_of_the_list_over_all(desk: Desk) -> None:
    everyone = desk.all("/customers/contacts", **BOUNDED)
    owner = everyone[0]["customerId"]
    of_one = desk.all(f"/customers/{owner}/contacts")
    assert [{**each, "customerId": owner} for each in of_one] == [
        x for x in everyone if x["customerId"] == owner
    ]
    assert desk.all("/customers/contacts", customerIds=owner) == [
        x for x in everyone if x["customerId"] == owner
    ]


def test_contacts_lists_do_not_sort(desk: Desk) -> None:
    assert desk.all("/customers/contacts", sort="-ModifiedOn", **BOUNDED) == desk.all(
        "/customers/contacts", **BOUNDED
    )


@pytest.mark.parametrize(
    ("resource", "enough"),
    [
        ("/customers/contacts", {"customerIds", "modifiedBefore", "modifiedOnOrAfter"}),
        (
            "/locations/contacts",
            {"locationIds", "modifiedBefore", "modifiedOnOrAfter", "createdBefore", "createdOnOrAfter"},
        ),
    ],
)
def test_contacts_over_all_need_owners_or_a_bound(desk: Desk, resource: str, enough: set[str]) -> None:
    assert desk.refusal(resource)
    for name in ("modifiedBefore", "modifiedOnOrAfter", "createdBefore", "createdOnOrAfter"):
        desk.get(resource, expect=200 if name in enough else 400, **{name: "2025-01-01T00:00:00Z"})


@pytest.mark.parametrize(
    ("resource", "query"),
    [
        ("/customers", {"page": "0"}),
        ("/customers", {"page": "x"}),
        ("/customers", {"pageSize": "0"}),
        ("/customers", {"pageSize": "5001"}),
        ("/customers", {"includeTotal": "yes"}),
        ("/customers", {"ids": "1,two"}),
        ("/customers", {"ids": ",".join(map(str, range(51)))}),
        ("/customers", {"sort": "+Name"}),
        ("/customers", {"active": "Maybe"}),
        ("/customers", {"modifiedOnOrAfter": "yesterday"}),
        ("/customers", {"modifiedOnOrAfter": "2025-01-01T00:00:00"}),
        ("/customers", {"createdBefore": "2025-13-01T00:00:00Z"}),
        ("/customers", {"modifiedBefore": "2025-01-01T00:00:00.12345678Z"}),
        ("/customers", {"latitude": "north"}),
        ("/locations", {"customerId": "x"}),
        ("/leads", {"status": "Lost"}),
        ("/leads", {"withoutCustomer": "0"}),
    ],
)
def test_a_malformed_value_is_refused_by_name(desk: Desk, resource: str, query: dict[str, str]) -> None:
    assert set(desk.refusal(resource, **query)) == set(query)


def test_what_an_operation_does_not_document_is_ignored(desk: Desk) -> None:
    assert desk.get("/leads", active="nonsense", name="x", foo="bar") == desk.get("/leads")
