"""Both contracts: every answer against the published schema, and each difference between the two."""

from __future__ import annotations

import msgspec
import pytest
from published_schema import FOLDER, answer_schema, breaches, document, named_schema
from sandbox_desk import BORN_TICKS, SECOND, Desk, small

from servicetitan_crm_async.sandbox import Fault
from servicetitan_crm_async.sandbox.operations import Route
from servicetitan_crm_async.sandbox.records import AnyKind
from servicetitan_crm_async.sandbox.routes import ROUTES

published = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the published contracts are not beside the repository"
)

ADDRESS = {"street": "1 Main St", "city": "Austin", "state": "TX", "zip": "78701", "country": "USA"}
PATCHED_ADDRESS = {**ADDRESS, "unit": "", "latitude": 1.5, "longitude": 2.5}
CONTACT = {"type": "Email", "value": "a@example.com"}
LOCATION = {"name": "Home", "address": ADDRESS, "contacts": [CONTACT]}
GUID = "0c5a1a52-6f0e-4d58-9d0a-3f2b7c1e8d94"
PROVIDER_BOOKINGS = "/booking-provider/{booking_provider}/bookings"
WAYS = "/contacts/{contactId}/contact-methods"
BODIES: dict[tuple[str, str, str], object] = {
    ("crm", "POST", "/customers"): {
        "name": "New",
        "address": ADDRESS,
        "locations": [LOCATION],
        "contacts": [{**CONTACT, "type": "Phone", "value": "5125550100"}],
        "customFields": [{"typeId": 9001, "value": "1"}],
        "externalData": {"applicationGuid": GUID, "externalData": [{"key": "k", "value": "v"}]},
    },
    ("crm", "PATCH", "/customers/{id}"): {"name": "Changed", "address": PATCHED_ADDRESS, "active": False},
    ("crm", "POST", "/customers/{id}/contacts"): CONTACT,
    ("crm", "POST", "/locations"): {**LOCATION, "customerId": 100000001},
    ("crm", "PATCH", "/locations/{id}"): {"name": "Changed", "taxZoneId": 3},
    ("crm", "POST", "/locations/{id}/contacts"): CONTACT,
    ("crm", "POST", "/leads"): {
        "campaignId": 1,
        "summary": "s",
        "callReasonId": 2,
        "leadPhone": "5125550100",
    },
    ("crm", "PATCH", "/leads/{id}"): {"summary": "changed"},
    ("crm", "POST", "/leads/{id}/dismiss"): {"dismissingReasonId": 4},
    ("crm", "POST", PROVIDER_BOOKINGS): {
        "source": "Web",
        "name": "B",
        "summary": "s",
        "isFirstTimeClient": True,
        "externalId": "e",
        "contacts": [CONTACT],
    },
    ("crm", "PATCH", "/customers/{id}/contacts/{contactId}"): {
        "memo": "Work",
        "preferences": {
            "jobRemindersEnabled": False,
            "marketingUpdatesEnabled": True,
            "invoiceStatementNotification": False,
        },
    },
    ("crm", "PATCH", "/locations/{id}/contacts/{contactId}"): {"type": "Fax"},
    ("crm", "POST", "/customers/{id}/notes"): {"text": "n", "pinToTop": True, "addToLocations": True},
    ("crm", "POST", "/locations/{id}/notes"): {"text": "n", "addToCustomer": None},
    ("crm", "POST", "/leads/{id}/notes"): {"text": "n"},
    ("crm", "PUT", "/tags"): {"customerIds": [100000001], "tagTypeIds": [700000001]},
    ("crm", "DELETE", "/tags"): {"customerIds": [100000001], "tagTypeIds": [700000001]},
    ("crm", "POST", "/booking-provider-tags"): {"tagName": "New", "description": "d"},
    ("crm", "PATCH", "/booking-provider-tags/{id}"): {"description": "changed"},
    ("settings", "POST", "/tag-types"): {"name": "New", "color": "#00fF00"},
    ("settings", "PATCH", "/tag-types/{id}"): {"importance": None},
    ("crm", "PATCH", PROVIDER_BOOKINGS + "/{id}"): {
        "name": "Changed",
        "start": "2026-04-01T08:00:00Z",
        "address": {**ADDRESS, "unit": ""},
    },
    ("crm", "POST", PROVIDER_BOOKINGS + "/{id}/dismiss"): {"callReasonId": 4, "dismissingMemo": "m"},
    ("crm", "POST", PROVIDER_BOOKINGS + "/{id}/contacts"): CONTACT,
    ("crm", "PATCH", PROVIDER_BOOKINGS + "/{id}/contacts/{contactId}"): {"value": "b@example.com"},
    ("crm", "POST", "/leads/{id}/follow-up"): {
        "followUpDate": "2026-04-01T08:00:00Z",
        "text": "Call back",
        "pinToTop": True,
    },
    ("crm", "POST", "/leads/form"): {"name": "Ann", "email": "a@example.com", "address": ADDRESS},
    ("crm", "POST", "/contacts"): {"name": "Ann", "title": "Owner", "referenceId": "r-1"},
    ("crm", "PUT", "/contacts/{id}"): {"name": "Ann", "isArchived": True},
    ("crm", "PATCH", "/contacts/{id}"): {"title": None, "isArchived": False},
    ("crm", "POST", WAYS): {**CONTACT, "referenceId": "r-2"},
    ("crm", "PUT", WAYS + "/{contactMethodId}"): CONTACT,
    ("crm", "PATCH", WAYS + "/{contactMethodId}"): {"memo": "m"},
    ("crm", "PATCH", WAYS + "/{contactMethodId}/preferences/{preferenceName}"): {"value": "true"},
    ("openapi", "POST", "/customers"): {
        "name": "New",
        "type": "Commercial",
        "locations": [{"address": ADDRESS}],
    },
    ("openapi", "PATCH", "/customers/{id}"): {"name": "Changed", "doNotMail": True},
    ("openapi", "POST", "/customers/{id}/contacts"): CONTACT,
    ("openapi", "POST", "/locations"): {"address": ADDRESS},
    ("openapi", "PATCH", "/locations/{id}"): {"name": "Changed", "zoneId": 3},
    ("openapi", "POST", "/leads"): {"summary": "s"},
    ("openapi", "POST", "/bookings"): {"name": "B", "summary": "s", "start": "2026-04-01T08:00:00Z"},
}
CONTACTS: dict[str, AnyKind] = {
    "customers": "customer_contacts",
    "locations": "location_contacts",
    "bookings": "booking_contacts",
}
FIRST_OF = {
    "customers": 100000001,
    "locations": 300000001,
    "leads": 500000001,
    "bookings": 600000001,
    "tag-types": 700000001,
    "booking-provider-tags": 8000001,
}


def open_lead(desk: Desk) -> int:
    return next(each.id for each in desk.sandbox.world().tables["leads"] if each.state == 0)


def resource_of(desk: Desk, template: str) -> str:
    """The path of a route, with ids for which the operation can be carried out."""
    world = desk.sandbox.world()
    person = next(iter(world.people.persons))
    new_booking = PROVIDER_BOOKINGS.format(booking_provider=FIRST_OF["booking-provider-tags"])
    booking = Desk(desk.sandbox).ask("POST", new_booking, BODIES["crm", "POST", PROVIDER_BOOKINGS])
    noun = template.partition("/{id}")[0].rpartition("/")[2]
    subject = {**FIRST_OF, "leads": open_lead(desk), "bookings": booking["id"]}.get(noun, 0)
    contacts = world.tables[CONTACTS[noun]].children(subject) if noun in CONTACTS else []
    notes = world.tables["notes"].children(FIRST_OF[noun]) if noun in FIRST_OF else []
    return template.format(
        id=subject or person,
        booking_provider=booking["bookingProviderId"],
        contactId=contacts[0].id if contacts else person,
        contactMethodId=next(each.id for each in world.people.ways.values() if each.person == person),
        preferenceName="JobReminders",
        relationshipId=FIRST_OF["customers"],
        relatedEntityId=FIRST_OF["customers"],
        typeSlug="customer",
        noteId=notes[0].id if notes else 0,
        tagTypeId=FIRST_OF["tag-types"],
        preferredTechnicianId=555,
    )


@published
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.area} {route.method} {route.template}")
def test_every_answer_has_the_published_shape(route: Route) -> None:
    desk = Desk(small(life=5), openapi=route.area == "openapi")
    desk.now = BORN_TICKS + 60 * SECOND
    desk.sandbox.advance(desk.now)
    resource = resource_of(desk, route.template)
    query = {
        "pageSize": 400,
        "includeTotal": "true",
        "active": "Any",
        "modifiedOnOrAfter": "2000-01-01T00:00:00Z",
    }
    body = BODIES.get((route.area, route.method, route.template))
    found = desk.ask(route.method, resource, body, **(query if route.method == "GET" else {}))
    schema = answer_schema(route.area, route.method, route.template)
    if schema is None:
        assert found is None
    else:
        assert list(breaches(route.area, found, schema))[:5] == []


@published
def test_every_route_is_published_under_its_path_and_method() -> None:
    for route in ROUTES:
        path = route.template if route.area == "openapi" else f"/tenant/{{tenant}}{route.template}"
        assert route.method.lower() in document(route.area)["paths"][path], route


@published
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 429, 503])
def test_every_problem_has_the_published_shape(status: int) -> None:
    desk = Desk(small())
    desk.sandbox.faults.add(Fault.status(status))
    answer = desk.send("GET", "/customers")
    assert answer.status == status
    problem = msgspec.json.decode(answer.body)
    assert list(breaches("crm", problem, named_schema("crm", "ApiErrorResponse"))) == []
    assert problem["status"] == status


def test_each_contract_has_its_own_largest_page() -> None:
    sandbox = small()
    portal, openapi = Desk(sandbox), Desk(sandbox, openapi=True)
    portal.get("/customers", pageSize=5000)
    portal.get("/customers", pageSize=5001, expect=400)
    openapi.get("/customers", pageSize=500)
    openapi.get("/customers", pageSize=501, expect=400)


def test_openapi_envelopes_say_less() -> None:
    desk = Desk(small(), openapi=True)
    envelopes = {
        resource: set(desk.get(resource)) for resource in ("/customers", "/locations", "/leads", "/bookings")
    }
    assert envelopes == {
        "/customers": {"page", "pageSize", "hasMore", "totalCount", "data"},
        "/locations": {"page", "pageSize", "hasMore", "data"},
        "/leads": {"data"},
        "/bookings": {"data"},
    }
    assert set(desk.get("/tagtypes")) == set(desk.get("/customers/100000001/contacts")) == {"data"}


def test_openapi_lists_ignore_the_upper_bound_and_the_order_they_do_not_have() -> None:
    desk = Desk(small(), openapi=True)
    for resource in ("/locations", "/leads", "/bookings"):
        plain = desk.get(resource, pageSize=500)
        assert plain == desk.get(
            resource, pageSize=500, modifiedBefore="2001-01-01T00:00:00Z", sort="-ModifiedOn"
        )
        assert len(desk.get(resource, pageSize=500, modifiedOnOrAfter="2025-06-01T00:00:00Z")["data"]) < len(
            plain["data"]
        )
    assert desk.get("/customers", modifiedBefore="2001-01-01T00:00:00Z")["data"] == []


def test_openapi_lists_hold_inactive_records_for_they_cannot_be_asked_for() -> None:
    desk = Desk(small(), openapi=True)
    assert {record["active"] for record in desk.get("/customers", pageSize=500)["data"]} == {True, False}


def test_openapi_bookings_are_pending_until_they_are_converted_or_dismissed() -> None:
    sandbox = small(customers=300)
    states = {each["id"]: each["status"] for each in Desk(sandbox).all("/bookings", pageSize=500)}
    other = {
        each["id"]: each["status"]
        for each in Desk(sandbox, openapi=True).get("/bookings", pageSize=500)["data"]
    }
    assert set(states.values()) == {"New", "Accepted", "Converted", "Dismissed"}
    assert other == {
        key: {"New": "Pending", "Accepted": "Pending"}.get(state, state) for key, state in states.items()
    }


def test_a_lead_is_dismissed_by_post_with_a_reason_here_and_by_put_without_a_body_there() -> None:
    sandbox = small()
    portal, openapi = Desk(sandbox), Desk(sandbox, openapi=True)
    path = f"/leads/{open_lead(portal)}/dismiss"
    portal.ask("PUT", path, expect=405)
    openapi.ask("POST", path, expect=405)
    assert portal.ask("POST", path, {}, expect=400)["errors"] == {"dismissingReasonId": ["is required."]}
    openapi.ask("PUT", path)
    assert portal.ask("POST", path, {"dismissingReasonId": 4}, expect=409)["status"] == 409


def test_what_one_contract_lacks_is_not_found_there() -> None:
    sandbox = small()
    portal, openapi = Desk(sandbox), Desk(sandbox, openapi=True)
    portal.ask("POST", "/bookings", {}, expect=405)
    portal.get("/tagtypes", expect=404)
    openapi.get("/tag-types", expect=404)
    openapi.get("/customers/contacts", modifiedOnOrAfter="2000-01-01T00:00:00Z", expect=400)
    openapi.get("/export/customers", expect=404)


def test_the_two_views_show_one_world() -> None:
    sandbox = small()
    portal, openapi = Desk(sandbox), Desk(sandbox, openapi=True)
    made = openapi.ask("POST", "/customers", BODIES["openapi", "POST", "/customers"])
    seen = portal.get(f"/customers/{made['id']}")
    assert {name: seen[name] for name in made if name in seen} == {
        name: made[name] for name in made if name in seen
    }
    assert set(made) - set(seen) == {"memberships", "contacts", "hasActiveMembership"}
    contact = portal.ask("POST", f"/customers/{made['id']}/contacts", CONTACT)
    assert [each["id"] for each in openapi.get(f"/customers/{made['id']}")["contacts"]] == [contact["id"]]


@pytest.mark.parametrize(
    ("openapi", "resource", "missing"),
    [
        (False, "/customers", {"name", "address", "locations"}),
        (True, "/customers", {"name", "type", "locations"}),
        (False, "/locations", {"customerId", "name", "address"}),
        (True, "/locations", {"address"}),
        (False, "/leads", {"campaignId", "summary"}),
        (True, "/leads", {"summary"}),
        (
            False,
            "/booking-provider/8000001/bookings",
            {"source", "name", "summary", "isFirstTimeClient", "externalId"},
        ),
        (True, "/bookings", {"name", "summary", "start"}),
    ],
)
def test_each_contract_requires_its_own_fields(openapi: bool, resource: str, missing: set[str]) -> None:
    desk = Desk(small(), openapi=openapi)
    assert set(desk.ask("POST", resource, {}, expect=400)["errors"]) == missing
