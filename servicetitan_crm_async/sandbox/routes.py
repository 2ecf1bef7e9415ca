"""The table of routes, and finding the row that a request means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from . import booking_contacts, inquiries, notes, persons, providers, tagging, technicians, ways, writes
from .feeds import export
from .listing import (
    contacts_of_many,
    contacts_of_one,
    list_booking_contacts,
    notes_of,
    openapi_customer_contacts,
    openapi_list,
    openapi_tag_types,
    portal_list,
    provider_bookings,
)
from .messages import NOTHING, Problem
from .operations import Area, Operation, Route
from .records import Kind
from .views import Contract

_MODIFIED = ("modifiedBefore", "modifiedOnOrAfter")
_CREATED = ("createdBefore", "createdOnOrAfter")
_TECHNICIAN = "/locations/{id}/preferredtechnician"
_PROVIDER = "/booking-provider/{booking_provider}/bookings"
_BOOKING_CONTACTS = _PROVIDER + "/{id}/contacts"
_RELATIONSHIPS = "/contacts/{contactId}/relationships"
_RELATIONSHIP = _RELATIONSHIPS + "/{relatedEntityId}/{typeSlug}"
_WAYS = "/contacts/{contactId}/contact-methods"
_WAY = _WAYS + "/{contactMethodId}"
_PREFERENCE = _WAY + "/preferences/{preferenceName}"


def _that_belong_to(owners: Kind, contacts: Kind) -> tuple[Route, ...]:
    """The rows that customers and locations have alike."""
    one, contact = f"/{owners}/{{id}}", f"/{owners}/{{id}}/contacts/{{contactId}}"
    return (
        Route("crm", "GET", f"{one}/contacts", contacts_of_one(contacts, owners)),
        Route("crm", "POST", f"{one}/contacts", writes.create_contact(contacts, owners)),
        Route("crm", "PATCH", contact, writes.update_contact(contacts, owners)),
        Route("crm", "DELETE", contact, writes.delete_contact(contacts, owners)),
        Route("crm", "GET", f"{one}/notes", notes_of(owners)),
        Route("crm", "POST", f"{one}/notes", notes.create_note(owners)),
        Route("crm", "DELETE", f"{one}/notes/{{noteId}}", notes.delete_note(owners)),
        Route("crm", "POST", f"{one}/tags/{{tagTypeId}}", tagging.add_tag(owners)),
        Route("crm", "DELETE", f"{one}/tags/{{tagTypeId}}", tagging.remove_tag(owners)),
        Route("crm", "GET", f"/{owners}/custom-fields", portal_list("custom_field_types")),
    )


ROUTES: tuple[Route, ...] = (
    Route("crm", "GET", "/customers", portal_list("customers")),
    Route("crm", "POST", "/customers", writes.create_customer),
    Route(
        "crm", "GET", "/customers/contacts", contacts_of_many("customer_contacts", "customerIds", *_MODIFIED)
    ),
    Route("crm", "GET", "/customers/{id}", writes.get_one("customers")),
    Route("crm", "PATCH", "/customers/{id}", writes.update_customer),
    *_that_belong_to("customers", "customer_contacts"),
    Route("crm", "GET", "/locations", portal_list("locations")),
    Route("crm", "POST", "/locations", writes.create_location),
    Route(
        "crm",
        "GET",
        "/locations/contacts",
        contacts_of_many("location_contacts", "locationIds", *_MODIFIED, *_CREATED),
    ),
    Route("crm", "GET", "/locations/{id}", writes.get_one("locations")),
    Route("crm", "PATCH", "/locations/{id}", writes.update_location),
    *_that_belong_to("locations", "location_contacts"),
    Route("crm", "GET", _TECHNICIAN, technicians.get_preferred_technician),
    Route("crm", "POST", _TECHNICIAN + "/{preferredTechnicianId}", technicians.set_preferred_technician),
    Route("crm", "PUT", "/tags", tagging.tag_many(adding=True)),
    Route("crm", "DELETE", "/tags", tagging.tag_many(adding=False)),
    Route("crm", "GET", "/leads", portal_list("leads")),
    Route("crm", "POST", "/leads", inquiries.create_lead),
    Route("crm", "GET", "/leads/{id}", writes.get_one("leads")),
    Route("crm", "PATCH", "/leads/{id}", inquiries.update_lead),
    Route("crm", "POST", "/leads/{id}/dismiss", inquiries.dismiss_lead),
    Route("crm", "POST", "/leads/{id}/follow-up", inquiries.follow_up),
    Route("crm", "POST", "/leads/form", inquiries.submit_form),
    Route("crm", "GET", "/leads/{id}/notes", notes_of("leads")),
    Route("crm", "POST", "/leads/{id}/notes", notes.create_note("leads")),
    Route("crm", "GET", "/booking-provider-tags", portal_list("booking_provider_tags")),
    Route("crm", "POST", "/booking-provider-tags", providers.create_provider_tag),
    Route("crm", "GET", "/booking-provider-tags/{id}", writes.get_one("booking_provider_tags")),
    Route("crm", "PATCH", "/booking-provider-tags/{id}", providers.update_provider_tag),
    Route("crm", "GET", "/bookings", portal_list("bookings")),
    Route("crm", "GET", "/bookings/{id}", writes.get_one("bookings")),
    Route("crm", "GET", "/bookings/{id}/contacts", list_booking_contacts),
    Route("crm", "GET", _PROVIDER, provider_bookings),
    Route("crm", "POST", _PROVIDER, inquiries.create_booking),
    Route("crm", "GET", _PROVIDER + "/{id}", inquiries.get_provider_booking),
    Route("crm", "PATCH", _PROVIDER + "/{id}", inquiries.update_booking),
    Route("crm", "POST", _PROVIDER + "/{id}/dismiss", inquiries.dismiss_booking),
    Route("crm", "GET", _BOOKING_CONTACTS, list_booking_contacts),
    Route("crm", "POST", _BOOKING_CONTACTS, booking_contacts.create_contact),
    Route("crm", "PATCH", _BOOKING_CONTACTS + "/{contactId}", booking_contacts.update_contact),
    Route("crm", "DELETE", _BOOKING_CONTACTS + "/{contactId}", booking_contacts.delete_contact),
    Route("crm", "GET", "/contacts", persons.list_persons),
    Route("crm", "POST", "/contacts", persons.create_person),
    Route("crm", "GET", "/contacts/{id}", persons.get_person),
    Route("crm", "PUT", "/contacts/{id}", persons.replace_person),
    Route("crm", "PATCH", "/contacts/{id}", persons.update_person),
    Route("crm", "DELETE", "/contacts/{id}", persons.delete_person),
    Route("crm", "GET", "/contacts/relationships/{relationshipId}", persons.list_related),
    Route("crm", "GET", _RELATIONSHIPS, persons.list_relationships),
    Route("crm", "POST", _RELATIONSHIP, persons.create_relationship),
    Route("crm", "DELETE", _RELATIONSHIP, persons.delete_relationship),
    Route("crm", "GET", "/contacts/contact-methods", ways.search_ways),
    Route("crm", "GET", _WAYS, ways.list_ways),
    Route("crm", "POST", _WAYS, ways.create_way),
    Route("crm", "GET", _WAY, ways.get_way),
    Route("crm", "PUT", _WAY, ways.put_way),
    Route("crm", "PATCH", _WAY, ways.update_way),
    Route("crm", "DELETE", _WAY, ways.delete_way),
    Route("crm", "GET", "/contacts/preferences", ways.preference_types),
    Route("crm", "GET", _WAY + "/preferences", ways.list_preferences),
    Route("crm", "GET", _PREFERENCE, ways.get_preference),
    Route("crm", "PATCH", _PREFERENCE, ways.update_preference),
    Route("crm", "GET", "/export/customers", export("customers")),
    Route("crm", "GET", "/export/customers/contacts", export("customer_contacts")),
    Route("crm", "GET", "/export/locations", export("locations")),
    Route("crm", "GET", "/export/locations/contacts", export("location_contacts")),
    Route("crm", "GET", "/export/leads", export("leads")),
    Route("crm", "GET", "/export/bookings", export("bookings")),
    Route("settings", "GET", "/tag-types", portal_list("tag_types")),
    Route("settings", "POST", "/tag-types", tagging.create_tag_type),
    Route("settings", "PATCH", "/tag-types/{id}", tagging.update_tag_type),
    Route("settings", "GET", "/export/tag-types", export("tag_types")),
    Route("openapi", "GET", "/customers", openapi_list("customers")),
    Route("openapi", "POST", "/customers", writes.create_customer),
    Route("openapi", "GET", "/customers/{id}", writes.get_one("customers")),
    Route("openapi", "PATCH", "/customers/{id}", writes.update_customer),
    Route("openapi", "GET", "/customers/{id}/contacts", openapi_customer_contacts),
    Route(
        "openapi", "POST", "/customers/{id}/contacts", writes.create_contact("customer_contacts", "customers")
    ),
    Route("openapi", "GET", "/locations", openapi_list("locations")),
    Route("openapi", "POST", "/locations", writes.create_location),
    Route("openapi", "GET", "/locations/{id}", writes.get_one("locations")),
    Route("openapi", "PATCH", "/locations/{id}", writes.update_location),
    Route("openapi", "GET", "/leads", openapi_list("leads")),
    Route("openapi", "POST", "/leads", inquiries.create_lead),
    Route("openapi", "PUT", "/leads/{id}/dismiss", inquiries.dismiss_lead),
    Route("openapi", "GET", "/bookings", openapi_list("bookings")),
    Route("openapi", "POST", "/bookings", inquiries.create_booking),
    Route("openapi", "GET", "/tagtypes", openapi_tag_types),
)

_Acts: TypeAlias = dict[str, Operation]
_Pattern: TypeAlias = tuple[str, tuple[str, ...], _Acts]


def _grouped() -> dict[tuple[Area, str], _Acts]:
    grouped: dict[tuple[Area, str], _Acts] = {}
    for route in ROUTES:
        grouped.setdefault((route.area, route.template), {})[route.method] = route.act
    return grouped


def _patterns() -> dict[tuple[Area, int], list[_Pattern]]:
    patterns: dict[tuple[Area, int], list[_Pattern]] = {}
    for (area, template), acts in _BY_TEMPLATE.items():
        parts = tuple(template.split("/"))
        if "{" in template:
            patterns.setdefault((area, len(parts)), []).append((template, parts, acts))
    return patterns


_BY_TEMPLATE = _grouped()
_PATTERNS = _patterns()

_BASES: tuple[tuple[Area, re.Pattern[str]], ...] = (
    ("crm", re.compile(r"/crm/v2/tenant/(\d+)(/.*)", re.ASCII)),
    ("settings", re.compile(r"/settings/v2/tenant/(\d+)(/.*)", re.ASCII)),
    ("openapi", re.compile(r"/crm/v2/(\d+)(/.*)", re.ASCII)),
)


class Place(NamedTuple):
    """Where a path leads: which base, whose data, and the rest of it."""

    area: Area
    tenant_id: int
    resource: str

    @property
    def contract(self) -> Contract:
        """The contract that the base path belongs to."""
        return "openapi-2.0.0" if self.area == "openapi" else "portal"


class Match(NamedTuple):
    """The row of a request, and what its placeholders stand for."""

    template: str
    act: Operation
    ids: Mapping[str, str]


def place_of(path: str) -> Place | None:
    """What the beginning of a path says, or None if no API lives there."""
    for area, base in _BASES:
        if found := base.fullmatch(path):
            return Place(area, int(found[1]), found[2])
    return None


def find_route(method: str, place: Place) -> Match:
    """The row for a request; fixed words win over placeholders, so `/customers/contacts` is no id.

    Raises:
        Problem: 404 when nothing is there, 405 when something is, but not for this method.
    """
    found = _row(place)
    if found is None:
        raise Problem(404, "Not found.")
    template, acts, ids = found
    act = acts.get(method)
    if act is None:
        raise Problem(405, "Method not allowed.", headers={"Allow": ", ".join(acts)})
    return Match(template, act, ids)


def _row(place: Place) -> tuple[str, _Acts, Mapping[str, str]] | None:
    if "{" in place.resource:
        return None
    fixed = _BY_TEMPLATE.get((place.area, place.resource))
    if fixed is not None:
        return place.resource, fixed, NOTHING
    segments = tuple(place.resource.split("/"))
    for template, parts, acts in _PATTERNS.get((place.area, len(segments)), ()):
        pairs = tuple(zip(parts, segments, strict=True))
        if all(part[:1] == "{" or part == segment for part, segment in pairs):
            return template, acts, {part[1:-1]: segment for part, segment in pairs if part[:1] == "{"}
    return None
