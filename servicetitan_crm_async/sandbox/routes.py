"""The table of routes, and finding the row that a request means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from . import inquiries, writes
from .feeds import export
from .listing import (
    contacts_of_many,
    contacts_of_one,
    openapi_customer_contacts,
    openapi_list,
    openapi_tag_types,
    portal_list,
    provider_bookings,
)
from .messages import NOTHING, Problem
from .operations import Area, Operation, Route
from .views import Contract

_MODIFIED = ("modifiedBefore", "modifiedOnOrAfter")
_CREATED = ("createdBefore", "createdOnOrAfter")
_PROVIDER = "/booking-provider/{booking_provider}/bookings"

ROUTES: tuple[Route, ...] = (
    Route("crm", "GET", "/customers", portal_list("customers")),
    Route("crm", "POST", "/customers", writes.create_customer),
    Route(
        "crm", "GET", "/customers/contacts", contacts_of_many("customer_contacts", "customerIds", *_MODIFIED)
    ),
    Route("crm", "GET", "/customers/{id}", writes.get_one("customers")),
    Route("crm", "PATCH", "/customers/{id}", writes.update_customer),
    Route("crm", "GET", "/customers/{id}/contacts", contacts_of_one("customer_contacts", "customers")),
    Route("crm", "POST", "/customers/{id}/contacts", writes.create_contact("customer_contacts", "customers")),
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
    Route("crm", "GET", "/locations/{id}/contacts", contacts_of_one("location_contacts", "locations")),
    Route("crm", "POST", "/locations/{id}/contacts", writes.create_contact("location_contacts", "locations")),
    Route("crm", "GET", "/leads", portal_list("leads")),
    Route("crm", "POST", "/leads", inquiries.create_lead),
    Route("crm", "GET", "/leads/{id}", writes.get_one("leads")),
    Route("crm", "PATCH", "/leads/{id}", inquiries.update_lead),
    Route("crm", "POST", "/leads/{id}/dismiss", inquiries.dismiss_lead),
    Route("crm", "GET", "/bookings", portal_list("bookings")),
    Route("crm", "GET", "/bookings/{id}", writes.get_one("bookings")),
    Route("crm", "GET", _PROVIDER, provider_bookings),
    Route("crm", "POST", _PROVIDER, inquiries.create_booking),
    Route("crm", "GET", _PROVIDER + "/{id}", inquiries.get_provider_booking),
    Route("crm", "GET", "/export/customers", export("customers")),
    Route("crm", "GET", "/export/customers/contacts", export("customer_contacts")),
    Route("crm", "GET", "/export/locations", export("locations")),
    Route("crm", "GET", "/export/locations/contacts", export("location_contacts")),
    Route("crm", "GET", "/export/leads", export("leads")),
    Route("crm", "GET", "/export/bookings", export("bookings")),
    Route("settings", "GET", "/tag-types", portal_list("tag_types")),
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
