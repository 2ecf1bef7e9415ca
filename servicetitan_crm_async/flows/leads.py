"""From a lead to the customer and the location that a job needs."""

from __future__ import annotations

import re
from functools import partial

import msgspec

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.flows.customers import CustomerOutcome, Person, find_customer, outcome_of
from servicetitan_crm_async.flows.matching import Fit, Place
from servicetitan_crm_async.flows.outcomes import AmbiguousCustomer, AmbiguousLocation, Created, Existing
from servicetitan_crm_async.flows.plans import TRACE_KEY, Plan, check_one_application
from servicetitan_crm_async.flows.settling import find_or_create, follow_merges, settle
from servicetitan_crm_async.flows.turns import in_turn
from servicetitan_crm_async.models import (
    Active,
    Customer,
    CustomerCreate,
    Lead,
    Location,
    Note,
    NoteCreate,
)

# What was done before a crash is read from the service alone, in this order:
# 1. The note on the lead, written last: with it the conversion is complete.
# 2. The customer and location that the lead itself names; no operation can write them there afterwards.
# 3. With an application GUID, external data that a customer created here carries from its first moment.
# 4. The customer found again by number, or by name and address, and the location by its address among
#    the customer's. Only this step can be led astray, by someone who changes them before the repetition.

_LINK_TEXT = "Customer {}, location {}: for the job that comes of this lead."
_LINK = re.compile(r"Customer (\d+), location (\d+): for the job that comes of this lead\.")


class Conversion(msgspec.Struct, frozen=True):
    """The two ids that a job takes, and how they were come by."""

    lead: Lead
    customer: Created[Customer] | Existing[Customer]
    location: Created[Location] | Existing[Location]
    note: Note | None
    """The link, for whoever books the job; None of a lead that names its customer and location itself."""


async def convert_lead(
    crm: ServiceTitanCRM,
    lead_id: int,
    *,
    customer: CustomerCreate | None = None,
    customer_id: int | None = None,
    location_id: int | None = None,
    application_guid: str | None = None,
) -> Conversion | AmbiguousCustomer | AmbiguousLocation:
    """The customer and the location of a lead: its own, or found, or created from what it says.

    They are kept on the lead as a note, because the service lets nobody set a lead's customer later. The
    lead's status stays: it is converted by booking the job.

    Safe to repeat after a crash at any point: it goes by that note, then by what the lead names, then
    looks the customer up as `find_or_create_customer` does, and its location by the address. Without
    `application_guid` a customer created before the crash is not recognised if both its name and its
    address were changed since, or its number and one of them. Calls for the same lead, for the same
    person, and for locations of the same customer take turns in one event loop.

    Args:
        customer: whom to look for and to create instead of what the lead says; the first of its
            locations is the lead's.
        customer_id, location_id: the choice of a person after an ambiguous answer. What the note or the
            lead itself names goes before them.
        application_guid: of your application; a customer created here gets its external data `lead`, with
            the lead's id, and is recognised by it whatever else changes.

    Raises:
        ConfigError: before anything is created, when the lead lacks what a new customer or location
            needs; give `customer` then. Also for a `location_id` of another customer.
        NotInContract: openapi-2.0.0 cannot get a lead.
        NotFound: there is no such lead, or no record of an id that was given.
    """
    if customer is not None and not customer.locations:
        raise ConfigError({"customer": "needs a location: the lead's"})
    check_one_application(customer, application_guid)
    async with in_turn(crm, f"lead {lead_id}"):
        lead = await crm.leads.get(lead_id)
        linked = await _find_link(crm, lead_id)
        note = None if linked is None else linked.record
        noted_customer, noted_location = _ids_in(note)
        plan = Plan.of(lead, customer, application_guid)

        where = noted_location or lead.location_id or location_id
        given = None if where is None else await _location(crm, where)
        whose = noted_customer or lead.customer_id or customer_id
        if whose is None and given is not None:
            whose = given.customer_id

        payer: CustomerOutcome | None = None
        if whose is not None:
            payer = Existing(await _customer(crm, whose))
        elif application_guid is not None:
            payer = await _created_before(crm, lead_id, application_guid)
        payer = payer or await _payer(crm, plan)
        if isinstance(payer, AmbiguousCustomer):
            return payer

        place = await _place(crm, plan, payer) if given is None else Existing(given)
        if isinstance(place, AmbiguousLocation):
            return place
        chosen = where is not None and where == location_id
        if chosen and place.record.customer_id != payer.record.id:
            raise ConfigError({"location_id": "belongs to another customer"})

        if note is None and not (lead.customer_id and lead.location_id):
            note = await _write_link(crm, lead_id, payer.record, place.record)
        return Conversion(lead, payer, place, note)


async def _payer(crm: ServiceTitanCRM, plan: Plan) -> CustomerOutcome:
    person = Person.of(plan.customer)

    async def create() -> Customer:
        plan.check()
        return await crm.customers.create(plan.customer)

    async with in_turn(crm, *person.keys):
        return await find_or_create(partial(find_customer, crm, person), create)


async def _place(
    crm: ServiceTitanCRM, plan: Plan, payer: Created[Customer] | Existing[Customer]
) -> Created[Location] | Existing[Location] | AmbiguousLocation:
    customer = payer.record
    if isinstance(payer, Created) and customer.locations:
        return Created(customer.locations[0])

    async def find() -> Existing[Location] | AmbiguousLocation | None:
        settled = await _settled_location(crm, customer.id, Place.of(plan.location.address))
        if isinstance(settled, tuple):
            return AmbiguousLocation(payer, settled)
        return None if settled is None else Existing(settled)

    async def create() -> Location:
        plan.check()
        return await crm.locations.create(msgspec.structs.replace(plan.location, customer_id=customer.id))

    async with in_turn(crm, f"locations of {customer.id}"):
        return await find_or_create(find, create)


async def _created_before(
    crm: ServiceTitanCRM, lead_id: int, guid: str
) -> Existing[Customer] | AmbiguousCustomer | None:
    carriers = await crm.customers.list(
        external_data_application_guid=guid,
        external_data_key=TRACE_KEY,
        external_data_values=[str(lead_id)],
        active=Active.ANY,
    ).collect()
    survivors = await follow_merges(carriers, crm.customers.get_many)
    return outcome_of(settle(dict.fromkeys(survivors, Fit.GOOD), survivors))


async def _settled_location(
    crm: ServiceTitanCRM, customer_id: int, place: Place
) -> Location | tuple[Location, ...] | None:
    """By its address; by being the only one, where the lead names no street."""
    known = await crm.locations.list(customer_id=customer_id, active=Active.ANY).collect()
    fits = {
        location.id: place.fit(Place.of(location.address)) if place.street else Fit.GOOD for location in known
    }
    return settle(fits, await follow_merges(known, crm.locations.get_many))


async def _customer(crm: ServiceTitanCRM, customer_id: int) -> Customer:
    merges = await follow_merges([await crm.customers.get(customer_id)], crm.customers.get_many)
    return merges[customer_id]


async def _location(crm: ServiceTitanCRM, location_id: int) -> Location:
    merges = await follow_merges([await crm.locations.get(location_id)], crm.locations.get_many)
    return merges[location_id]


async def _find_link(crm: ServiceTitanCRM, lead_id: int) -> Existing[Note] | None:
    async for note in crm.leads.notes.list(lead_id):
        if _LINK.search(note.text):
            return Existing(note)
    return None


async def _write_link(crm: ServiceTitanCRM, lead_id: int, customer: Customer, location: Location) -> Note:
    note = NoteCreate(text=_LINK_TEXT.format(customer.id, location.id))
    write = partial(crm.leads.notes.create, lead_id, note)
    # Looked for once more, as another process may have written it since.
    return (await find_or_create(partial(_find_link, crm, lead_id), write)).record


def _ids_in(note: Note | None) -> tuple[int | None, int | None]:
    found = _LINK.search(note.text) if note else None
    return (int(found[1]), int(found[2])) if found else (None, None)
