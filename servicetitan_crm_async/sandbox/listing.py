"""Lists: filters, order and paging, in the envelope that each contract puts around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from .bodies import body_of
from .filters import EXTERNAL_DATA_FILTERS, LEAD_FILTERS, PLACE_FILTERS, tests_of
from .messages import Body, Reply, encode_json, invalid
from .operations import Call, Operation, array_in, ok
from .queries import Page, Query
from .records import AnyKind, Kind, Record
from .selections import Selection, Wanted, select, shuffle_ties
from .tables import OrderBy, Scope
from .views import contacts_of, list_bytes, openapi_body, ownerless_contact

_T = TypeVar("_T")

PAGING = frozenset({"page", "pageSize", "includeTotal"})
WINDOWS = frozenset({"createdBefore", "createdOnOrAfter", "modifiedBefore", "modifiedOnOrAfter"})
_USUAL = PAGING | WINDOWS | {"sort"}
_PORTAL_PAGE, _OPENAPI_PAGE = 5000, 500

_PORTAL: dict[AnyKind, frozenset[str]] = {
    "customers": _USUAL
    | PLACE_FILTERS
    | EXTERNAL_DATA_FILTERS
    | {"ids", "name", "phone", "active", "excludeAccountingChangesFromModifiedDateRange"},
    "locations": _USUAL | PLACE_FILTERS | EXTERNAL_DATA_FILTERS | {"ids", "name", "customerId", "active"},
    "leads": _USUAL | LEAD_FILTERS | {"ids", "genPermUrl"},
    "bookings": _USUAL | {"ids", "externalId"},
    "tag_types": _USUAL | {"active"},
    "customer_contacts": PAGING | WINDOWS | {"customerIds"},
    "location_contacts": PAGING | WINDOWS | {"locationIds"},
    "notes": PAGING | WINDOWS,
    "booking_provider_tags": _USUAL | {"name", "ids"},
    "custom_field_types": _USUAL,
    "booking_contacts": PAGING,
}
_OPENAPI: dict[Kind, frozenset[str]] = {
    "customers": PAGING | WINDOWS | {"ids"},
    "locations": frozenset({"page", "pageSize", "customerId", "modifiedOnOrAfter"}),
    "leads": frozenset({"page", "pageSize", "status", "modifiedOnOrAfter"}),
    "bookings": frozenset({"page", "pageSize", "modifiedOnOrAfter"}),
}


def portal_list(kind: AnyKind) -> Operation:
    """The portal's list of a kind: the filters it documents, its sort, at most 5000 a page."""

    def act(call: Call) -> Reply:
        return _portal_page(call, kind, Query(call.query, _PORTAL[kind]))

    return act


def provider_bookings(call: Call) -> Reply:
    """Bookings of one provider."""
    provider = call.provider()
    among = call.world.tables["bookings"].children(provider)
    return _portal_page(call, "bookings", Query(call.query, _PORTAL["bookings"]), among)


def notes_of(owners: Kind) -> Operation:
    """Notes on one customer, location or lead: paged and by window; not sorted."""

    def act(call: Call) -> Reply:
        among = call.world.tables["notes"].children(call.record(owners).id)
        return _portal_page(call, "notes", Query(call.query, _PORTAL["notes"]), among)

    return act


def list_booking_contacts(call: Call) -> Reply:
    """Contacts of one booking: paged, and neither filtered nor sorted."""
    among = call.world.tables["booking_contacts"].children(call.booking().id)
    return _portal_page(call, "booking_contacts", Query(call.query, _PORTAL["booking_contacts"]), among)


def contacts_of_one(kind: Kind, owners: Kind) -> Operation:
    """Contacts of one customer or location: paged, and neither filtered nor sorted."""

    def act(call: Call) -> Reply:
        owner = call.record(owners)
        page = Query(call.query, PAGING).page(_PORTAL_PAGE)
        among = call.world.tables[kind].children(owner.id)
        selection = select(call.world.tables[kind], Wanted(among=among))
        records = _cut(call, kind, selection, page, shuffled=False)
        data = [encode_json(ownerless_contact(call.world, kind, each)) for each in records]
        return array_in(_envelope(page, len(selection), with_total=True), data)

    return act


def contacts_of_many(kind: Kind, ids: str, *bounds: str) -> Operation:
    """Contacts by owner or by window, one of which has to be given; not sorted.

    Args:
        kind: of the contacts.
        ids: the parameter that names owners.
        bounds: the parameters of which one is enough when no owner is named.
    """

    def act(call: Call) -> Reply:
        query = Query(call.query, _PORTAL[kind])
        if not any(query.text(name) for name in (ids, *bounds)):
            raise invalid(ids, f"one of {', '.join((ids, *bounds))} has to be given.")
        owners = query.ids(ids)
        table = call.world.tables[kind]
        if owners is None:
            return _portal_page(call, kind, query)
        among = [each for owner in dict.fromkeys(owners) for each in table.children(owner)]
        return _portal_page(call, kind, query, among)

    return act


def openapi_list(kind: Kind) -> Operation:
    """The list of OpenAPI 2.0.0: few filters, no order but ids, at most 500 a page.

    That document has no `active` filter to ask for the rest with, so its lists hold inactive records
    too. Customers and locations come in a page envelope, only customers with a total; leads and
    bookings come as `{data}` alone.
    """

    def act(call: Call) -> Reply:
        query = Query(call.query, _OPENAPI[kind])
        page = query.page(_OPENAPI_PAGE)
        selection = _select(call, kind, query, Wanted())
        records = _cut(call, kind, selection, page, shuffled=False)
        data = [list_bytes(call.world, kind, each, "openapi-2.0.0") for each in records]
        if kind in ("leads", "bookings"):
            return array_in(b'{"data":', data)
        return array_in(_envelope(page, len(selection), with_total=kind == "customers"), data)

    return act


def openapi_customer_contacts(call: Call) -> Reply:
    """All contacts of a customer at once."""
    owner = call.record("customers")
    return ok({"data": contacts_of(call.world, "customer_contacts", owner.id)})


def openapi_tag_types(call: Call) -> Reply:
    """All tag types at once."""
    table = call.world.tables["tag_types"]
    return ok({"data": [openapi_body(call.world, "tag_types", each) for each in table if not each.deleted]})


def plain_page(query: Query, entries: Sequence[_T], show: Callable[[_T], Body]) -> Reply:
    """One page of what is no record of a table, filtered and in order already."""
    page = query.page(_PORTAL_PAGE)
    data = [encode_json(show(each)) for each in entries[page.start : page.start + page.size]]
    return array_in(_envelope(page, len(entries), with_total=True), data)


def _portal_page(call: Call, kind: AnyKind, query: Query, among: list[Record] | None = None) -> Reply:
    page = query.page(_PORTAL_PAGE)
    order, descending = query.sort()
    scope = query.scope() if "active" in _PORTAL[kind] else Scope.LISTED
    query.flag("excludeAccountingChangesFromModifiedDateRange")
    wanted = Wanted(order=order, descending=descending, scope=scope, among=among)
    selection = _select(call, kind, query, wanted)
    shuffled = call.habits.unstable_ties and order is not OrderBy.ID
    records = _cut(call, kind, selection, page, shuffled=shuffled)
    data = [each.wire or list_bytes(call.world, kind, each) for each in records]
    if kind == "leads" and query.flag("genPermUrl"):
        data = [_with_url(call, lead) for lead in records]
    return array_in(_envelope(page, len(selection), with_total=True), data)


def _select(call: Call, kind: AnyKind, query: Query, wanted: Wanted) -> Selection:
    unit, rounded_up = call.habits.unit, call.habits.cutting == "records"
    wanted = wanted._replace(
        modified=query.window("modified").compared(unit, rounded_up=rounded_up),
        created=query.window("created").compared(unit, rounded_up=rounded_up),
        ids=query.ids("ids"),
    )
    if wanted.among is not None and wanted.ids is not None:
        ids = frozenset(wanted.ids)
        wanted = wanted._replace(among=[each for each in wanted.among if each.id in ids], ids=None)
    filters = tuple((name, text) for name, text in query.given.items() if name not in PAGING)
    signature = (kind, call.contract, tuple(call.ids.values()), filters)

    def fresh() -> Selection:
        return select(call.world.tables[kind], wanted._replace(tests=tests_of(call.world, kind, query)))

    return call.world.remembered(signature, fresh)


def _cut(call: Call, kind: AnyKind, selection: Selection, page: Page, *, shuffled: bool) -> list[Record]:
    start, stop = page.start, page.start + page.size
    if shuffled:
        keys = shuffle_ties(selection, start, stop, call.chance, unit=call.habits.unit)
    else:
        keys = selection.cut(start, stop)
    return call.world.tables[kind].records(keys)


def _envelope(page: Page, total: int, *, with_total: bool) -> bytes:
    has_more = b"true" if page.start + page.size < total else b"false"
    count = b""
    if with_total:
        count = b',"totalCount":%d' % total if page.include_total else b',"totalCount":null'
    return b'{"page":%d,"pageSize":%d,"hasMore":%s%s,"data":' % (page.number, page.size, has_more, count)


def _with_url(call: Call, lead: Record) -> bytes:
    return encode_json(
        {**body_of(call.world, "leads", lead), "leadUrl": f"https://go.example.com/leads/{lead.id}"}
    )
