"""Filters on what a record says, beside those on ids and stamps that the orders of a table answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from .bodies import APPLICATION_GUID
from .messages import invalid
from .queries import Query, Window
from .records import AnyKind, LeadState, Record
from .views import list_bytes

if TYPE_CHECKING:
    from .world import World

Test: TypeAlias = Callable[[Record], bool]

PLACE_FILTERS = frozenset({"street", "unit", "city", "state", "zip", "country", "latitude", "longitude"})
EXTERNAL_DATA_FILTERS = frozenset({"externalDataApplicationGuid", "externalDataKey", "externalDataValues"})
LEAD_FILTERS = frozenset(
    {
        "status",
        "customerId",
        "isProspect",
        "withoutCustomer",
        "customerCity",
        "customerState",
        "customerZip",
        "customerCreatedOnOrAfter",
        "customerCreatedBefore",
        "customerModifiedOnOrAfter",
        "leadCustomerName",
        "leadPhone",
        "isCaptureSourceForm",
    }
)


class _Facts(msgspec.Struct, rename="camel", gc=False):
    """What filters look at, read back from cached bytes: cheaper by far than drawing the record again.

    Values are objects because a test may have written anything into a record.
    """

    name: object = None
    tag_name: object = None
    address: dict[str, object] | None = None
    value: object = None
    external_id: object = None
    external_data: list[dict[str, object]] | None = None
    lead_customer_name: object = None
    lead_phone: object = None
    capture_source: object = None


_ReadFacts: TypeAlias = Callable[[Record], _Facts]
_read_facts = msgspec.json.Decoder(_Facts).decode


def tests_of(world: World, kind: AnyKind, query: Query) -> list[Test]:
    """One test for each filter of the query that needs the record itself."""
    found: list[Test] = []

    def facts(record: Record) -> _Facts:
        return _read_facts(list_bytes(world, kind, record))

    if kind in ("customers", "locations"):
        if name := query.text("name"):
            found.append(lambda record: _contains(facts(record).name, name))
        found += _place_tests(facts, query)
        found += _external_data_tests(world, facts, query)
    if kind == "customers" and (phone := query.text("phone")):
        having = customers_with_phone(world, phone)
        found.append(lambda record: record.id in having)
    if kind == "locations" and (customer := query.whole("customerId")) is not None:
        found.append(lambda record: record.owner == customer)
    if kind == "bookings" and (external := query.text("externalId")):
        found.append(lambda record: facts(record).external_id == external)
    if kind == "booking_provider_tags" and (tag := query.text("name")):
        found.append(lambda record: _contains(facts(record).tag_name, tag))
    if kind == "leads":
        found += _lead_tests(world, facts, query)
    return found


def customers_with_phone(world: World, phone: str) -> frozenset[int]:
    """Customers with a contact of exactly these digits, however either is punctuated."""
    wanted = _digits(phone)
    return frozenset(
        contact.owner
        for contact in world.tables["customer_contacts"]
        if not contact.deleted
        and _digits(_read_facts(list_bytes(world, "customer_contacts", contact)).value) == wanted
    )


def _place_tests(facts: _ReadFacts, query: Query) -> list[Test]:
    """Text is found anywhere within a field of the address, degrees to a ten-centimetre."""

    def within(field: str, text: str) -> Test:
        return lambda record: _contains((facts(record).address or {}).get(field), text)

    def near(field: str, degrees: float) -> Test:
        return lambda record: _near((facts(record).address or {}).get(field), degrees)

    texts = ((field, query.text(field)) for field in ("street", "unit", "city", "state", "zip", "country"))
    points = ((field, query.number(field)) for field in ("latitude", "longitude"))
    return [
        *(within(field, text) for field, text in texts if text),
        *(near(field, degrees) for field, degrees in points if degrees is not None),
    ]


def _external_data_tests(world: World, facts: _ReadFacts, query: Query) -> list[Test]:
    guid, key, values = (query.text(f"externalData{part}") for part in ("ApplicationGuid", "Key", "Values"))
    found: list[Test] = []
    if (key is None) != (values is None):
        missing = "externalDataValues" if values is None else "externalDataKey"
        raise invalid(missing, "externalDataKey and externalDataValues go together.")
    if guid is not None:
        found.append(
            lambda record: (
                bool(facts(record).external_data)
                and world.application_guids.get(record.id, APPLICATION_GUID).lower() == guid.lower()
            )
        )
    if key is not None and values is not None:
        wanted = frozenset(values.split(","))
        found.append(
            lambda record: any(
                pair.get("key") == key and pair.get("value") in wanted
                for pair in facts(record).external_data or ()
            )
        )
    return found


def _lead_tests(world: World, facts: _ReadFacts, query: Query) -> list[Test]:
    found: list[Test] = []
    if status := query.text("status"):
        state = next((each for each in LeadState if each.name.lower() == status.lower()), None)
        if state is None:
            raise invalid("status", "has to be Open, Dismissed or Converted.")
        found.append(lambda record: record.state == state)
    if (customer := query.whole("customerId")) is not None:
        found.append(lambda record: record.owner == customer)
    if (prospect := query.flag("isProspect")) is not None:
        # No jobs are kept here; a converted lead is what shows that its customer has one.
        found.append(lambda record: (not record.owner or record.state != LeadState.Converted) == prospect)
    if (without := query.flag("withoutCustomer")) is not None:
        found.append(lambda record: (not record.owner or not record.link) == without)
    if name := query.text("leadCustomerName"):
        found.append(lambda record: _contains(facts(record).lead_customer_name, name))
    if phone := query.text("leadPhone"):
        digits = _digits(phone)
        found.append(lambda record: _digits(facts(record).lead_phone) == digits)
    if (form := query.flag("isCaptureSourceForm")) is not None:
        found.append(lambda record: (facts(record).capture_source == "Form") == form)
    return found + _lead_customer_tests(world, query)


def _lead_customer_tests(world: World, query: Query) -> list[Test]:
    customers = world.tables["customers"]

    def within(field: str, text: str) -> Test:
        return lambda customer: _contains(
            (_read_facts(list_bytes(world, "customers", customer)).address or {}).get(field), text
        )

    texts = ((field, query.text(f"customer{field.capitalize()}")) for field in ("city", "state", "zip"))
    of_customer = [within(field, text) for field, text in texts if text]
    created = Window(query.instant("customerCreatedOnOrAfter"), query.instant("customerCreatedBefore"))
    if not created.everything:
        of_customer.append(lambda customer: created.holds(customer.created))
    modified = Window(query.instant("customerModifiedOnOrAfter"))
    if not modified.everything:
        of_customer.append(lambda customer: modified.holds(customer.modified))

    def passes(lead: Record) -> bool:
        customer = customers.get(lead.owner)
        return customer is not None and all(test(customer) for test in of_customer)

    return [passes] if of_customer else []


def _contains(value: object, text: str) -> bool:
    return isinstance(value, str) and text.casefold() in value.casefold()


def _near(value: object, degrees: float) -> bool:
    return isinstance(value, int | float) and abs(value - degrees) < 1e-6


def _digits(value: object) -> str:
    return "".join(letter for letter in value if letter.isdigit()) if isinstance(value, str) else "\0"
