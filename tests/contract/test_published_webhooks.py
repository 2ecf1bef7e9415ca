"""Every event that the portal's file allows is read whole, and every field it describes is there."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_kit import Document, Published, Schema, read_documents

from servicetitan_crm_async import webhooks
from servicetitan_crm_async.models import Booking

published = pytest.fixture(scope="module")(read_documents)

EVENTS: dict[str, tuple[str, type[msgspec.Struct]]] = {
    "BookingUpdatedWebhookPayload": ("tn.crm.booking-updated", webhooks.BookingUpdated),
    "LeadCreatedWebhook": ("tn.crm.lead-created", webhooks.LeadCreated),
    "LeadUpdatedWebhook": ("tn.crm.lead-updated", webhooks.LeadUpdated),
}
YEARS = (datetime(1990, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001  # that is how hypothesis wants them
every_event = pytest.mark.parametrize("payload", EVENTS)


def envelope(published: Published, payload: str) -> tuple[Document, Schema]:
    document = published["portal"][0]
    name = f"CloudEvent_Of_Crm.V2.Webhooks.{payload}"
    return document, document.tree["components"]["schemas"][name]


def bodies(document: Document, schema: Schema) -> st.SearchStrategy[Any]:
    """Whatever a schema allows; what is not required may be missing, and null where it says so."""
    resolved = document.resolve(schema)
    made = _bodies(document, resolved)
    return st.none() | made if schema.get("nullable") or resolved.get("nullable") else made


def _bodies(document: Document, schema: Schema) -> st.SearchStrategy[Any]:
    match schema:
        case {"enum": words}:
            return st.sampled_from(words)
        case {"type": "object", "properties": properties}:
            every = {name: bodies(document, each) for name, each in properties.items()}
            required = schema.get("required", ())
            return st.fixed_dictionaries(
                {name: every[name] for name in required},
                optional={name: each for name, each in every.items() if name not in required},
            )
        case {"type": "array", "items": items}:
            return st.lists(bodies(document, items), max_size=3)
        case {"type": "string", "format": "date-time"}:
            return st.datetimes(*YEARS).map(lambda at: f"{at.isoformat()}Z")
        case {"type": "string"}:
            return st.text('aé "{', min_size=1, max_size=8)
        case {"type": "integer"}:
            return st.integers(0, 2**63 - 1)
        case {"type": "boolean"}:
            return st.booleans()
    raise AssertionError(f"no bodies for {schema}")


def meant(value: Any) -> Any:
    """Null, empty and left out are one, and instants are compared as such: their texts differ in zeros."""
    if isinstance(value, dict):
        return {name: meant(each) for name, each in value.items() if each not in (None, [])}
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    return value


@every_event
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_of_an_event_is_lost(published: Published, payload: str, data: st.DataObject) -> None:
    kind, model = EVENTS[payload]
    document, schema = envelope(published, payload)
    body = {**data.draw(bodies(document, schema)), "type": kind}
    event = webhooks.parse(json.dumps(body))
    assert isinstance(event, model)
    del body["datacontenttype"]  # always JSON
    assert meant(msgspec.json.decode(msgspec.json.encode(event))) == meant(body)


@every_event
def test_the_type_is_the_one_that_the_file_names(published: Published, payload: str) -> None:
    _, schema = envelope(published, payload)
    assert f'"{EVENTS[payload][0]}"' in schema["properties"]["type"]["description"]


@pytest.mark.parametrize(
    ("schema", "model"),
    [
        ("BookingUpdatedEventBase", Booking),
        ("LeadV2WebhookModel", webhooks.WebhookLead),
        ("BookingUpdatedWebhookPayload", webhooks.BookingPayload),
        ("LeadCreatedWebhook", webhooks.LeadPayload),
        ("LeadUpdatedWebhook", webhooks.LeadPayload),
    ],
)
def test_every_property_is_a_field_and_what_is_promised_is_required(
    published: Published, schema: str, model: type[msgspec.Struct]
) -> None:
    described = published["portal"][0].schemas()[schema]
    fields = {field.encode_name: field for field in msgspec.structs.fields(model)}
    assert set(described["properties"]) <= set(fields)
    required = {name for name, field in fields.items() if field.required}
    assert required <= set(described["required"])
    if issubclass(model, webhooks.Payload):  # the others serve lists as well, which promise less
        assert required == set(described["required"])
