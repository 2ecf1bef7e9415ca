"""A customer looked up before it is created: by telephone number, then by name and address."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TypeAlias

import msgspec

from servicetitan_crm_async.client import ServiceTitanCRM
from servicetitan_crm_async.contract import operation
from servicetitan_crm_async.errors import NotInContract
from servicetitan_crm_async.flows.matching import Fit, Place, name_key, phone_key, phone_spellings
from servicetitan_crm_async.flows.outcomes import AmbiguousCustomer, Created, Existing
from servicetitan_crm_async.flows.settling import find_or_create, follow_merges, settle
from servicetitan_crm_async.flows.turns import in_turn
from servicetitan_crm_async.models import (
    Active,
    Address,
    ContactCreate,
    ContactType,
    Customer,
    CustomerCreate,
)

CustomerOutcome: TypeAlias = Created[Customer] | Existing[Customer] | AmbiguousCustomer


async def find_or_create_customer(crm: ServiceTitanCRM, customer: CustomerCreate) -> CustomerOutcome:
    """The customer that is meant, created if there is none.

    Looked for first by the telephone numbers among its contacts and those of its locations, then by
    name and address, the inactive too. Case, accents, punctuation and the order of words do not count in
    names; nor do the usual abbreviations, the way a unit is written and zip+4 in addresses; nor
    punctuation, North America's country code and extensions in numbers.

    A customer is the one that is meant when its name and its address agree, or its number and one of
    the two, or its number where neither is given. `AmbiguousCustomer` is the answer where several fit
    equally, where the number agrees and name and address do not, and where name and street agree and
    just one of the two addresses names a unit. Merged customers stand for the one they were merged into.

    Safe to repeat after any failure. Calls for the same number, or the same name and street, take turns
    in one event loop. When the answer to the creation is lost, it looks again; finding nothing it
    raises the error, whose `maybe_applied` is then true.

    Raises:
        NotInContract: openapi-2.0.0 cannot be searched for customers.
        ConfigError: before anything is created, as `crm.customers.create`.
    """
    _must_be_searchable(crm)
    person = Person.of(customer)
    async with in_turn(crm, *person.keys):
        return await find_or_create(
            partial(find_customer, crm, person), partial(crm.customers.create, customer)
        )


class Person(msgspec.Struct, frozen=True):
    """What is known of the customer that is looked for."""

    name: str
    places: tuple[Place, ...]
    numbers: tuple[str, ...]

    @classmethod
    def of(cls, customer: CustomerCreate) -> Person:
        addresses: list[Address] = [location.address for location in customer.locations]
        if customer.address is not msgspec.UNSET:
            addresses.insert(0, customer.address)
        contacts = [*_given(customer.contacts)]
        for location in customer.locations:
            contacts += _given(location.contacts)
        return cls(
            " ".join(customer.name.split()),
            tuple(dict.fromkeys(map(Place.of, addresses))),
            tuple(
                contact.value
                for contact in contacts
                if contact.type in (ContactType.PHONE, ContactType.MOBILE_PHONE)
            ),
        )

    @property
    def compares(self) -> bool:
        """Whether anything but a number is known."""
        return bool(name_key(self.name)) or any(place.street for place in self.places)

    @property
    def keys(self) -> tuple[str, ...]:
        """What no two flows may look for at once: each number, and the name with each street."""
        numbers = {phone_key(number) for number in self.numbers} - {""}
        streets = {place.street for place in self.places}
        name = name_key(self.name)
        return (*(f"number {key}" for key in numbers), *(f"person {name}, {street}" for street in streets))


class _Search:
    """Customers that may be the one, with what speaks for each."""

    def __init__(self, crm: ServiceTitanCRM, person: Person) -> None:
        self._crm, self._person = crm, person
        self._name = name_key(person.name)
        self._customers: dict[int, Customer] = {}
        self._with_number: set[int] = set()
        self._places: dict[int, Fit] = {}

    async def by_number(self) -> None:
        spellings = (text for number in self._person.numbers for text in phone_spellings(number))
        for spelling in dict.fromkeys(spellings):
            async for customer in self._crm.customers.list(phone=spelling, active=Active.ANY):
                self._add(customer)
                self._with_number.add(customer.id)

    async def by_name_and_address(self) -> None:
        if not self._name:
            return
        for place in self._person.places:
            within, town = place.zip_filter, place.city_filter
            async for customer in self._crm.customers.list(
                name=self._person.name, zip=within, city=town, active=Active.ANY
            ):
                self._add(customer)
            if (street := place.street_filter) is None:
                continue
            async for customer in self._crm.customers.list(
                street=street, zip=within, city=town, active=Active.ANY
            ):
                self._add(customer)
            # A bill may go elsewhere than the work is done.
            owners: dict[int, Fit] = {}
            async for location in self._crm.locations.list(
                street=street, zip=within, city=town, active=Active.ANY
            ):
                fit = place.fit(Place.of(location.address))
                owners[location.customer_id] = max(fit, owners.get(location.customer_id, Fit.NOT))
            near = {number for number, fit in owners.items() if fit > Fit.NOT}
            for known in near & self._customers.keys():
                self._add(self._customers[known], owners[known])
            for customer in await self._crm.customers.get_many(near - self._customers.keys()):
                self._add(customer, owners[customer.id])

    async def settled(self) -> Customer | tuple[Customer, ...] | None:
        survivors = await follow_merges(self._customers.values(), self._crm.customers.get_many)
        return settle({number: self._fit(number) for number in self._customers}, survivors)

    def _add(self, customer: Customer, fit: Fit = Fit.NOT) -> None:
        billed = Place.of(customer.address).fit_any(self._person.places)
        self._places[customer.id] = max(fit, billed, self._places.get(customer.id, Fit.NOT))
        self._customers[customer.id] = customer

    def _fit(self, number: int) -> Fit:
        place = self._places[number]
        named = bool(self._name) and name_key(self._customers[number].name) == self._name
        if named and place is Fit.PERFECT:
            return Fit.PERFECT
        if number in self._with_number:
            agrees = named or place > Fit.NOT or not self._person.compares
            return Fit.GOOD if agrees else Fit.DOUBTFUL
        return place if named else Fit.NOT


async def find_customer(
    crm: ServiceTitanCRM, person: Person
) -> Existing[Customer] | AmbiguousCustomer | None:
    """The customer of record, if there is one; to be called with the person's keys held."""
    search = _Search(crm, person)
    await search.by_number()
    settled = await search.settled()
    if not isinstance(settled, Customer) or not settled.active:
        await search.by_name_and_address()
        settled = await search.settled()
    return outcome_of(settled)


def outcome_of(
    settled: Customer | tuple[Customer, ...] | None,
) -> Existing[Customer] | AmbiguousCustomer | None:
    if isinstance(settled, tuple):
        return AmbiguousCustomer(settled)
    return None if settled is None else Existing(settled)


def _must_be_searchable(crm: ServiceTitanCRM) -> None:
    contract = crm.settings.contract
    if "phone" not in operation(contract, "customers.list").filters:
        raise NotInContract(
            f"{contract} has no filters to look a customer up by number, name or address, and creating "
            'one unseen may make a duplicate: use contract="portal"'
        )


def _given(contacts: tuple[ContactCreate, ...] | msgspec.UnsetType) -> Iterable[ContactCreate]:
    return () if contacts is msgspec.UNSET else contacts
