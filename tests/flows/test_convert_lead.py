"""A lead gets one customer, one location and one note, wherever the way there was cut off."""

from __future__ import annotations

import asyncio
from typing import TypedDict, Unpack

import msgspec
import pytest
from flow_kit import (
    ELSEWHERE,
    HOME,
    NUMBER,
    asked,
    deaths,
    homes,
    inquiry,
    named,
    person,
    tenant,
    within,
    writes,
)
from simulation import SandboxTransport

from servicetitan_crm_async import ConfigError, NotFound, NotInContract, ServiceTitanCRM, Settings
from servicetitan_crm_async.flows import (
    AmbiguousCustomer,
    AmbiguousLocation,
    Conversion,
    Created,
    Existing,
    convert_lead,
)
from servicetitan_crm_async.models import (
    CustomerCreate,
    ExternalData,
    ExternalDataCreate,
    LeadCreate,
    LocationCreate,
)
from servicetitan_crm_async.sandbox import Fault, Sandbox

GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
FLAT = LocationCreate(name="Flat", address=ELSEWHERE)


def enter_lead(sandbox: Sandbox, lead: LeadCreate) -> int:
    async def main(crm: ServiceTitanCRM) -> int:
        return (await crm.leads.create(lead)).id

    return within(sandbox, main)


def enter_customer(
    sandbox: Sandbox, customer: CustomerCreate, *more: LocationCreate
) -> tuple[int, list[int]]:
    """The ids of a customer and of its locations."""

    async def main(crm: ServiceTitanCRM) -> tuple[int, list[int]]:
        made = await crm.customers.create(
            msgspec.structs.replace(customer, locations=(*customer.locations, *more))
        )
        return made.id, [location.id for location in made.locations]

    return within(sandbox, main)


class Choice(TypedDict, total=False):
    customer: CustomerCreate
    customer_id: int
    location_id: int
    application_guid: str | None


def outcome(
    sandbox: Sandbox, lead_id: int, **choice: Unpack[Choice]
) -> Conversion | AmbiguousCustomer | AmbiguousLocation:
    return within(sandbox, lambda crm: convert_lead(crm, lead_id, **choice))


def converted(sandbox: Sandbox, lead_id: int, **choice: Unpack[Choice]) -> Conversion:
    made = outcome(sandbox, lead_id, **choice)
    assert isinstance(made, Conversion)
    return made


def notes(sandbox: Sandbox, lead_id: int) -> list[str]:
    async def main(crm: ServiceTitanCRM) -> list[str]:
        return [note.text async for note in crm.leads.notes.list(lead_id)]

    return within(sandbox, main)


def test_a_stranger_becomes_a_customer_with_a_location_and_the_lead_says_so() -> None:
    sandbox = tenant()
    lead_id = enter_lead(sandbox, inquiry())
    made = converted(sandbox, lead_id)
    assert isinstance(made.customer, Created)
    assert isinstance(made.location, Created)
    assert made.customer.record.name == "ann obrien"
    assert [contact.value for contact in made.customer.record.contacts] == ["+1 555 010 7788"]
    assert made.location.record.customer_id == made.customer.record.id
    (text,) = notes(sandbox, lead_id)
    assert str(made.customer.record.id) in text
    assert str(made.location.record.id) in text
    assert made.note is not None
    assert made.note.text == text


def test_repeating_it_finds_everything_and_writes_nothing() -> None:
    sandbox = tenant()
    lead_id = enter_lead(sandbox, inquiry())
    made, before = converted(sandbox, lead_id), writes(sandbox)
    again = converted(sandbox, lead_id)
    assert isinstance(again.customer, Existing)
    assert isinstance(again.location, Existing)
    assert again.customer.record.id == made.customer.record.id
    assert again.location.record.id == made.location.record.id
    assert (again.note, writes(sandbox)) == (made.note, before)


def test_the_note_holds_whatever_has_become_of_the_name_the_number_and_the_address() -> None:
    sandbox = tenant()
    lead_id = enter_lead(sandbox, inquiry())
    made = converted(sandbox, lead_id)
    world = sandbox.world()
    world.edit("customers", made.customer.record.id, {"name": "Cy Young"})
    other, _ = enter_customer(sandbox, person("Ann Ruiz", ELSEWHERE, None))
    world.merge("customers", made.customer.record.id, other)
    assert converted(sandbox, lead_id).customer.record.id == other


@pytest.mark.parametrize("number", [NUMBER, None])
def test_a_customer_and_a_location_that_are_there_are_used(number: str | None) -> None:
    sandbox = tenant()
    customer, (home, _flat) = enter_customer(sandbox, person(), FLAT)
    lead_id = enter_lead(sandbox, inquiry(number=number))
    made = converted(sandbox, lead_id)
    assert (made.customer.record.id, made.location.record.id) == (customer, home)
    assert isinstance(made.location, Existing)


def test_a_customer_gets_a_new_location_for_work_elsewhere() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    made = converted(sandbox, enter_lead(sandbox, inquiry(address=ELSEWHERE)))
    assert isinstance(made.customer, Existing)
    assert isinstance(made.location, Created)
    assert made.location.record.customer_id == customer
    assert made.location.record.id != home


def test_a_lead_of_a_number_alone_finds_the_customer_and_its_only_location() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    made = converted(sandbox, enter_lead(sandbox, inquiry(None, None)))
    assert (made.customer.record.id, made.location.record.id) == (customer, home)


def test_a_merged_location_leads_to_the_one_that_took_its_place() -> None:
    sandbox = tenant()
    customer, (home, flat) = enter_customer(sandbox, person(), FLAT)
    sandbox.world().merge("locations", home, flat)
    made = converted(sandbox, enter_lead(sandbox, inquiry()))
    assert (made.customer.record.id, made.location.record.id) == (customer, flat)


def test_a_lead_that_names_its_customer_and_location_needs_no_note() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    lead_id = enter_lead(
        sandbox, inquiry("Cy Young", ELSEWHERE, None, customer_id=customer, location_id=home)
    )
    made = converted(sandbox, lead_id)
    assert (made.customer.record.id, made.location.record.id, made.note) == (customer, home, None)
    assert notes(sandbox, lead_id) == []


def test_a_lead_that_names_its_customer_alone_gets_a_location_of_that_customer() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    lead_id = enter_lead(sandbox, inquiry("Cy Young", HOME, None, customer_id=customer))
    made = converted(sandbox, lead_id)
    assert (made.customer.record.id, made.location.record.id) == (customer, home)
    assert len(notes(sandbox, lead_id)) == 1


def test_a_lead_that_names_its_location_alone_goes_to_the_customer_of_it() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    lead_id = enter_lead(sandbox, inquiry("Cy Young", ELSEWHERE, None, location_id=home))
    made = converted(sandbox, lead_id)
    assert (made.customer.record.id, made.location.record.id) == (customer, home)


def test_several_customers_are_left_to_a_person_whose_choice_is_then_kept() -> None:
    sandbox = tenant()
    (first, _), (second, homes_of_second) = (enter_customer(sandbox, person()) for _ in range(2))
    lead_id = enter_lead(sandbox, inquiry())
    match outcome(sandbox, lead_id):
        case AmbiguousCustomer(candidates):
            assert [each.id for each in candidates] == [first, second]
        case other:
            pytest.fail(f"not ambiguous: {other}")
    assert notes(sandbox, lead_id) == []
    made = converted(sandbox, lead_id, customer_id=second)
    assert [made.location.record.id] == homes_of_second
    assert converted(sandbox, lead_id).customer.record.id == second


def test_several_locations_are_left_to_a_person_whose_choice_is_then_kept() -> None:
    sandbox = tenant()
    customer, places = enter_customer(sandbox, person(), FLAT)
    lead_id = enter_lead(sandbox, inquiry(None, None))
    match outcome(sandbox, lead_id):
        case AmbiguousLocation(whose, candidates):
            assert whose.record.id == customer
            assert [each.id for each in candidates] == places
        case other:
            pytest.fail(f"not ambiguous: {other}")
    assert converted(sandbox, lead_id, location_id=places[1]).customer.record.id == customer
    assert converted(sandbox, lead_id).location.record.id == places[1]


def test_a_location_of_someone_else_is_refused() -> None:
    sandbox = tenant()
    customer, _ = enter_customer(sandbox, person())
    _, (flat,) = enter_customer(sandbox, person("Cy Young", ELSEWHERE, None))
    lead_id = enter_lead(sandbox, inquiry())
    with pytest.raises(ConfigError, match="another customer"):
        outcome(sandbox, lead_id, customer_id=customer, location_id=flat)
    assert notes(sandbox, lead_id) == []


def test_what_the_lead_lacks_is_said_all_at_once_before_anything_is_created() -> None:
    sandbox = tenant()
    lead_id = enter_lead(sandbox, inquiry(None, None))
    before = writes(sandbox)
    with pytest.raises(ConfigError) as caught:
        outcome(sandbox, lead_id)
    parts = ("customer_name", "street", "city", "state", "zip", "country")
    assert set(caught.value.problems) == {f"lead_{part}" for part in parts}
    assert writes(sandbox) == before
    made = converted(sandbox, lead_id, customer=person())
    assert made.customer.record.name == "Ann O'Brien"


def test_a_customer_given_without_a_location_is_refused_before_anything_is_sent() -> None:
    sandbox = tenant()
    with pytest.raises(ConfigError, match="location"):
        outcome(sandbox, 1, customer=CustomerCreate(name="Ann", locations=()))
    assert sandbox.journal == ()


def test_twenty_at_once_make_one_of_each() -> None:
    sandbox = tenant()
    lead_id = enter_lead(sandbox, inquiry())

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.gather(*(convert_lead(crm, lead_id) for _ in range(20)))

    within(sandbox, main)
    assert (len(named(sandbox)), len(homes(sandbox)), len(notes(sandbox, lead_id))) == (1, 1, 1)


def test_twenty_at_once_write_one_note_where_nothing_else_is_to_be_done() -> None:
    sandbox = tenant()
    customer, (home,) = enter_customer(sandbox, person())
    lead_id = enter_lead(sandbox, inquiry(customer_id=customer))

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.gather(*(convert_lead(crm, lead_id, location_id=home) for _ in range(20)))

    within(sandbox, main)
    assert len(notes(sandbox, lead_id)) == 1


def test_leads_of_one_customer_at_once_make_one_location() -> None:
    sandbox = tenant()
    customer, _ = enter_customer(sandbox, person(address=ELSEWHERE))
    leads = [enter_lead(sandbox, inquiry(customer_id=customer)) for _ in range(6)]

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.gather(*(convert_lead(crm, lead_id) for lead_id in leads))

    within(sandbox, main, SandboxTransport(sandbox, jitter=0.0))  # in step
    assert len(homes(sandbox)) == 1


def test_leads_of_the_same_person_share_the_customer_and_each_has_its_note() -> None:
    sandbox = tenant()
    leads = [enter_lead(sandbox, inquiry(address=each)) for each in (HOME, ELSEWHERE) * 3]

    async def main(crm: ServiceTitanCRM) -> None:
        await asyncio.gather(*(convert_lead(crm, lead_id) for lead_id in leads))

    within(sandbox, main)
    (customer,) = named(sandbox)
    made = [converted(sandbox, lead_id) for lead_id in leads]
    assert {each.customer.record.id for each in made} == {customer}
    assert len({each.location.record.id for each in made}) == 2
    assert [len(notes(sandbox, lead_id)) for lead_id in leads] == [1] * 6


def with_lead(lead: LeadCreate, customer: CustomerCreate | None = None) -> tuple[Sandbox, int]:
    sandbox = tenant(customers=3)
    if customer is not None:
        enter_customer(sandbox, customer)
    return sandbox, enter_lead(sandbox, lead)


@pytest.mark.parametrize("guid", [None, GUID])
@pytest.mark.parametrize("number", [NUMBER, None])
@pytest.mark.parametrize("known", [None, person(address=ELSEWHERE)], ids=["stranger", "known"])
def test_whatever_request_it_dies_at_repeating_it_makes_nothing_twice(
    guid: str | None, number: str | None, known: CustomerCreate | None
) -> None:
    if number is None and known is not None:
        known = person()  # without a number it is the address that tells who it is
    lead = inquiry(number=number)
    _, lead_id = with_lead(lead, known)
    died = 0
    for where, sandbox in deaths(
        lambda: with_lead(lead, known)[0], lambda crm: convert_lead(crm, lead_id, application_guid=guid)
    ):
        died += 1
        made = converted(sandbox, lead_id, application_guid=guid)
        assert [made.customer.record.id] == named(sandbox), where
        assert [made.location.record.id] == homes(sandbox), where
        assert len(notes(sandbox, lead_id)) == 1, where
    assert died > 15


def test_cancelled_at_any_moment_it_can_be_repeated() -> None:
    for moment in range(1, 90, 4):
        sandbox, lead_id = with_lead(inquiry())

        async def main(
            crm: ServiceTitanCRM, lead: int = lead_id, seconds: float = moment / 100
        ) -> Conversion:
            task = asyncio.create_task(convert_lead(crm, lead))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            made = await convert_lead(crm, lead)
            assert isinstance(made, Conversion)
            return made

        made = within(sandbox, main, SandboxTransport(sandbox, seed=moment))
        assert [made.customer.record.id] == named(sandbox), moment
        assert [made.location.record.id] == homes(sandbox), moment
        assert len(notes(sandbox, lead_id)) == 1, moment


@pytest.mark.parametrize("path", ["/customers", "/leads/*/notes"])
def test_when_an_answer_is_lost_it_looks_again(path: str) -> None:
    sandbox, lead_id = with_lead(inquiry())
    sandbox.faults.add(Fault.reset(method="POST", path=path, applied=True))
    made = converted(sandbox, lead_id)
    assert [made.customer.record.id] == named(sandbox)
    assert [made.location.record.id] == homes(sandbox)
    assert len(notes(sandbox, lead_id)) == 1


def test_when_the_answer_to_a_new_location_is_lost_it_looks_again() -> None:
    sandbox, lead_id = with_lead(inquiry(), person(address=ELSEWHERE))
    sandbox.faults.add(Fault.cut(method="POST", path="/locations"))
    made = converted(sandbox, lead_id)
    assert isinstance(made.location, Created)
    assert [made.location.record.id] == homes(sandbox)


def test_with_a_guid_a_created_customer_is_recognised_whatever_was_changed_since() -> None:
    sandbox, lead_id = with_lead(inquiry(number=None))
    sandbox.faults.add(Fault.status(500, method="POST", path="/leads/*/notes"))
    with pytest.raises(Exception, match="500"):
        outcome(sandbox, lead_id, application_guid=GUID)
    (customer,) = named(sandbox)
    address = msgspec.to_builtins(ELSEWHERE)
    sandbox.world().edit("customers", customer, {"name": "Cy Young", "address": address})
    made = converted(sandbox, lead_id, application_guid=GUID)
    assert made.customer.record.id == customer
    assert [made.location.record.id] == homes(sandbox)


def test_the_guid_goes_beside_external_data_of_the_same_application_alone() -> None:
    sandbox, lead_id = with_lead(inquiry())
    mine = ExternalDataCreate(application_guid=GUID, external_data=(ExternalData(key="erp", value="7"),))
    before = len(sandbox.journal)
    with pytest.raises(ConfigError, match="application_guid"):
        outcome(
            sandbox, lead_id, customer=person(external_data=mine), application_guid=GUID.replace("0", "1")
        )
    assert len(sandbox.journal) == before
    made = converted(sandbox, lead_id, customer=person(external_data=mine), application_guid=GUID.upper())
    data = {pair.key: pair.value for pair in made.customer.record.external_data}
    assert data == {"erp": "7", "lead": str(lead_id)}


def test_a_lead_that_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFound):
        outcome(tenant(), 4711)


def test_under_the_older_contract_it_refuses_before_anything_is_sent() -> None:
    sandbox = tenant()
    settings = Settings(contract="openapi-2.0.0")
    with pytest.raises(NotInContract):
        within(sandbox, lambda crm: convert_lead(crm, 1), settings=settings)
    assert asked(sandbox) == []
