"""What is posted to a webhook becomes a typed event, and what is no event says so without quoting it."""

from __future__ import annotations

import json
import logging
import pickle
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from servicetitan_crm_async import DecodeError, webhooks
from servicetitan_crm_async.models import Address

LEAD = {
    "id": 71,
    "status": "Open",
    "priority": "Urgent",
    "campaignId": 300,
    "createdById": 501,
    "createdOn": "2026-02-03T04:05:06.1234567Z",
    "modifiedOn": "2026-02-03T04:05:07Z",
    "tagTypeIds": [1, 2],
    "customerName": "Ann O'Brien",
    "phone": "5550107788",
    "address": {"street": "1 Elm St", "city": "Salem", "state": "MA", "zip": "01970", "country": "USA"},
}
BOOKING = {
    "id": 72,
    "source": "Web",
    "createdOn": "2026-02-03T04:05:06Z",
    "name": "Ann O'Brien",
    "start": "2026-02-05T09:00:00Z",
    "status": "Accepted",
    "externalId": "web-1",
    "bookingProviderId": 9,
    "modifiedOn": "2026-02-03T04:05:07Z",
    "active": True,
}


def posted(kind: str, data: Any, **changes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": "delivery-1",
        "type": kind,
        "time": "2026-02-03T04:05:08Z",
        "source": "https://webhooks.servicetitan.io",
        "userassignedid": "occurrence-1",
        "datacontenttype": "application/json",
        "data": data,
    }
    return json.dumps({name: value for name, value in {**event, **changes}.items() if value != ...}).encode()


def of_lead(kind: str = "tn.crm.lead-created", **changes: Any) -> bytes:
    return posted(kind, {"tenantId": 1001, "tenantName": "Acme", "lead": {**LEAD, **changes}})


def test_a_new_lead() -> None:
    match webhooks.parse(of_lead()):
        case webhooks.LeadCreated(lead=lead) as event:
            assert (event.spec_version, event.id, event.type) == ("1.0", "delivery-1", "tn.crm.lead-created")
            assert (event.tenant_id, event.tenant_name) == (1001, "Acme")
            assert event.time == datetime(2026, 2, 3, 4, 5, 8, tzinfo=UTC)
            assert event.source == "https://webhooks.servicetitan.io"
            assert (lead.id, lead.status, lead.customer_name) == (71, "Open", "Ann O'Brien")
            assert isinstance(lead.address, Address)
            assert lead.tag_type_ids == (1, 2)
            assert lead.customer_id is None
        case other:
            pytest.fail(f"no new lead: {other}")


def test_a_changed_lead() -> None:
    event = webhooks.parse(of_lead("tn.crm.lead-updated", customerId=5, locationId=6, projectId=7))
    assert isinstance(event, webhooks.LeadUpdated)
    assert (event.lead.customer_id, event.lead.location_id, event.lead.project_id) == (5, 6, 7)


def test_a_changed_booking() -> None:
    body = posted("tn.crm.booking-updated", {"tenantId": 1001, "tenantName": "Acme", "booking": BOOKING})
    event = webhooks.parse(body.decode())
    assert isinstance(event, webhooks.BookingUpdated)
    assert (event.booking.id, event.booking.status, event.booking.active) == (72, "Accepted", True)
    assert (event.booking.external_id, event.booking.summary) == ("web-1", None)
    assert event.tenant_name == "Acme"


def test_a_repeated_delivery_is_known_by_the_id_of_the_occurrence() -> None:
    first = webhooks.parse(of_lead())
    again = webhooks.parse(of_lead().replace(b"delivery-1", b"delivery-2"))
    assert first.id != again.id
    assert first.user_assigned_id == again.user_assigned_id == "occurrence-1"


@pytest.mark.parametrize("data", [{"job": {"id": 3}, "tenantId": 1001}, [1, 2], "text", None])
def test_an_event_of_an_unknown_type_keeps_its_payload(data: Any) -> None:
    event = webhooks.parse(posted("tn.jpm.job-completed", data))
    assert isinstance(event, webhooks.UnknownEvent)
    assert (event.type, event.user_assigned_id) == ("tn.jpm.job-completed", "occurrence-1")
    assert msgspec.json.decode(event.data) == data


def test_an_event_of_an_unknown_type_may_have_no_payload() -> None:
    event = webhooks.parse(posted("tn.jpm.job-completed", ...))
    assert isinstance(event, webhooks.UnknownEvent)
    assert msgspec.json.decode(event.data) is None


def test_what_the_models_do_not_know_is_ignored_and_new_words_are_kept() -> None:
    event = webhooks.parse(of_lead(status="Parked", priority="Someday", shoeSize=44))
    assert isinstance(event, webhooks.LeadCreated)
    assert (event.lead.status, event.lead.priority) == ("Parked", "Someday")
    assert not event.lead.status.known


def test_a_field_that_does_not_fit_costs_the_field_alone(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="servicetitan_crm_async"):
        event = webhooks.parse(of_lead(followUpDate="SECRET", customerId="SECRET"))
    assert isinstance(event, webhooks.LeadCreated)
    assert (event.lead.follow_up_date, event.lead.customer_id, event.lead.phone) == (None, None, "5550107788")
    assert "followUpDate" in caplog.text
    assert "SECRET" not in caplog.text


def test_an_instant_without_an_offset_is_utc() -> None:
    event = webhooks.parse(posted("tn.x", None, time="2026-02-03T04:05:08"))
    assert event.time == datetime(2026, 2, 3, 4, 5, 8, tzinfo=UTC)


PAYLOAD = {"tenantId": 1001, "tenantName": "SECRET"}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "no JSON"),
        (b"SECRET", "no JSON"),
        (of_lead()[:-20], "no JSON"),
        (b'\xff\xfe{"type": "SECRET"}', "no JSON"),
        ("\ud800", "UnicodeEncodeError"),
        (b"[" * 100_000, "no JSON"),
        (b'["SECRET"]', "the answer"),
        (b'{"SECRET": 1}', "no type"),
        (posted("SECRET", None, type=7), "no type"),
        (posted("SECRET", None, type=""), "no type"),
        (posted("SECRET", None, id=...), "no id"),
        (posted("SECRET", None, userassignedid=...), "no userassignedid"),
        (posted("SECRET", None, userassignedid=None), "no userassignedid"),
        (posted("tn.crm.lead-created", ...), "no data"),
        (posted("tn.crm.lead-created", None), "data"),
        (posted("tn.crm.lead-created", "SECRET"), "data"),
        (posted("tn.crm.lead-created", PAYLOAD), "no data.lead"),
        (posted("tn.crm.lead-updated", {**PAYLOAD, "lead": {"status": "SECRET"}}), "no data.lead"),
        (posted("tn.crm.booking-updated", {**PAYLOAD, "booking": "SECRET"}), "no data.booking"),
    ],
)
def test_what_is_no_event_is_refused_without_a_word_of_it(
    body: bytes | str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DecodeError, match=f"^webhook: .*{where}") as caught:
        webhooks.parse(body)
    assert "SECRET" not in str(caught.value) + caplog.text
    assert caught.value.__cause__ is None
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert caught.value.malformed == (where in ("no JSON", "UnicodeEncodeError"))
