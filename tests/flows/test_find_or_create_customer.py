"""A customer is found in every way to write it down, created once, and never guessed."""

from __future__ import annotations

import asyncio
import gc

import anyio
import msgspec
import pytest
from flow_kit import ELSEWHERE, HOME, NUMBER, asked, deaths, homes, named, person, tenant, within, writes
from simulation import SandboxTransport, client

from servicetitan_crm_async import (
    ConfigError,
    Credentials,
    DecodeError,
    InvalidRequest,
    NotInContract,
    RetryPolicy,
    ServiceFault,
    ServiceTitanCRM,
    Settings,
    TransportFailure,
)
from servicetitan_crm_async._core.shared import _per_loop as shared_objects
from servicetitan_crm_async.flows import (
    AmbiguousCustomer,
    Created,
    CustomerOutcome,
    Existing,
    find_or_create_customer,
)
from servicetitan_crm_async.models import (
    Address,
    ContactCreate,
    ContactType,
    Customer,
    CustomerCreate,
    LocationCreate,
)
from servicetitan_crm_async.sandbox import Fault, Sandbox

OTHER_NUMBER = "555 010 9911"


def outcome(sandbox: Sandbox, customer: CustomerCreate) -> CustomerOutcome:
    return within(sandbox, lambda crm: find_or_create_customer(crm, customer))


def created(sandbox: Sandbox, customer: CustomerCreate) -> Customer:
    match outcome(sandbox, customer):
        case Created(record):
            return record
        case other:
            pytest.fail(f"not created: {other}")


def enter(sandbox: Sandbox, *customers: CustomerCreate) -> list[int]:
    """Put customers in as people do, without looking."""

    async def main(crm: ServiceTitanCRM) -> list[int]:
        return [(await crm.customers.create(customer)).id for customer in customers]

    return within(sandbox, main)


def found(sandbox: Sandbox, customer: CustomerCreate) -> int:
    """The id of the customer that was there."""
    before = writes(sandbox)
    match outcome(sandbox, customer):
        case Existing(record):
            assert writes(sandbox) == before
            return record.id
        case other:
            pytest.fail(f"not found: {other}")


def candidates(sandbox: Sandbox, customer: CustomerCreate) -> list[int]:
    """The ids of those that may be meant."""
    before = writes(sandbox)
    match outcome(sandbox, customer):
        case AmbiguousCustomer(records):
            assert writes(sandbox) == before
            return [record.id for record in records]
        case other:
            pytest.fail(f"not ambiguous: {other}")


def test_who_is_not_there_is_created_and_then_found() -> None:
    sandbox = tenant()
    made = created(sandbox, person())
    assert named(sandbox) == [made.id]
    assert [location.address.street for location in made.locations] == [HOME.street]
    assert found(sandbox, person()) == made.id


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(person("OBRIEN, ANN"), id="name in other order"),
        pytest.param(person(number="+1 555.010.7788 ext. 5"), id="number with country and extension"),
        pytest.param(person(address=ELSEWHERE), id="same name and number, moved"),
        pytest.param(person("Bob O'Brien"), id="same number and address, other name"),
        pytest.param(person(number=None), id="name and address alone"),
        pytest.param(person("ann  obrien", number=OTHER_NUMBER), id="name and address, other number"),
        pytest.param(
            person(
                number=None, address=msgspec.structs.replace(HOME, street="12 N. Main St.", zip="01970-4431")
            ),
            id="abbreviated street and zip+4",
        ),
    ],
)
def test_a_customer_is_found_however_it_is_written(again: CustomerCreate) -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person())
    assert found(sandbox, again) == known


def test_a_number_that_was_entered_with_its_country_is_found_without() -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person(number="+1 (555) 010-7788"))
    assert found(sandbox, person(number="5550107788", address=ELSEWHERE)) == known


def test_the_number_of_a_location_counts_and_a_fax_does_not() -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person())
    home = LocationCreate(
        name="Home", address=ELSEWHERE, contacts=(ContactCreate(type=ContactType.PHONE, value=NUMBER),)
    )
    assert found(sandbox, CustomerCreate(name="Ann O'Brien", address=ELSEWHERE, locations=(home,))) == known
    fax = (ContactCreate(type=ContactType.FAX, value=NUMBER),)
    faxed = msgspec.structs.replace(person("Cy Young", ELSEWHERE), contacts=fax)
    assert created(sandbox, faxed).id != known


def test_a_customer_that_is_billed_elsewhere_is_found_by_name_and_location() -> None:
    sandbox = tenant()
    landlord = msgspec.structs.replace(person(number=None), address=ELSEWHERE)
    (known,) = enter(sandbox, landlord)
    assert found(sandbox, person(number=None)) == known


def test_a_place_without_zip_or_street_is_searched_by_what_it_has() -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person(number=None))
    assert found(sandbox, person(address=msgspec.structs.replace(HOME, zip=""), number=None)) == known
    nowhere = msgspec.structs.replace(HOME, street="", zip="")
    assert created(sandbox, person("Cy Young", nowhere, None)).name == "Cy Young"
    assert ("GET", "locations") not in asked(sandbox)[-2:]


def test_a_neighbour_and_a_namesake_are_someone_else() -> None:
    sandbox = tenant()
    known = enter(sandbox, person("Zoe Neighbour"), person(address=ELSEWHERE, number=None))
    assert created(sandbox, person(number=OTHER_NUMBER)).id not in known


def test_one_of_several_with_the_same_number_is_told_by_name_and_address() -> None:
    sandbox = tenant()
    ann, _bob = enter(sandbox, person(), person("Bob O'Brien"))
    assert found(sandbox, person()) == ann


def test_several_that_fit_equally_are_returned_and_none_is_created() -> None:
    sandbox = tenant()
    twins = enter(sandbox, person(), person("Ann Obrien"))
    assert candidates(sandbox, person()) == twins
    assert candidates(sandbox, person("Someone Else")) == twins


def test_a_number_alone_is_not_enough_where_name_and_address_say_otherwise() -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person())
    assert candidates(sandbox, person("Cy Young", ELSEWHERE)) == [known]


def test_a_number_is_enough_where_nothing_else_is_known() -> None:
    sandbox = tenant()
    (known,) = enter(sandbox, person())
    blank = Address(street="", city="", state="", zip="", country="")
    assert found(sandbox, person("?", blank)) == known


def test_the_one_whose_name_and_address_agree_goes_before_whoever_has_the_number() -> None:
    sandbox = tenant()
    _stranger, ann = enter(sandbox, person("Cy Young", ELSEWHERE), person(number=None))
    assert found(sandbox, person()) == ann


def test_a_unit_that_is_not_always_named_leaves_it_open() -> None:
    sandbox = tenant()
    flat = msgspec.structs.replace(HOME, unit="Apt 4")
    (known,) = enter(sandbox, person(address=flat, number=None))
    assert candidates(sandbox, person(number=None)) == [known]
    assert found(sandbox, person(address=msgspec.structs.replace(HOME, unit="#4"), number=None)) == known
    other = msgspec.structs.replace(HOME, unit="5")
    assert created(sandbox, person(address=other, number=None)).id != known


def test_a_merged_customer_leads_to_the_one_that_took_its_place() -> None:
    sandbox = tenant()
    first, second, last = enter(
        sandbox, person(), person("Ann Ruiz", number=None), person("Ann Ruiz-Chen", ELSEWHERE, None)
    )
    sandbox.world().merge("customers", first, second)
    sandbox.world().merge("customers", second, last)
    assert found(sandbox, person()) == last
    assert found(sandbox, person("ANN RUIZ", number=None)) == last
    moved = msgspec.structs.replace(HOME, street="3 Oak Ct", zip="97301")
    assert found(sandbox, person(address=moved)) == last


def test_duplicates_that_were_merged_into_one_are_no_longer_ambiguous() -> None:
    sandbox = tenant()
    first, second = enter(sandbox, person(), person())
    sandbox.world().merge("customers", first, second)
    assert found(sandbox, person()) == second


def test_merges_that_lead_in_a_circle_end() -> None:
    sandbox = tenant()
    first, second = enter(sandbox, person(), person("Ann Ruiz", number=None))
    sandbox.world().merge("customers", first, second)
    sandbox.world().merge("customers", second, first)
    assert found(sandbox, person()) == second


def test_a_merge_into_what_is_gone_leaves_the_merged_one() -> None:
    sandbox = tenant()
    first, second = enter(sandbox, person(), person("Ann Ruiz", number=None))
    sandbox.world().merge("customers", first, second)
    sandbox.world().delete("customers", second)
    match outcome(sandbox, person()):
        case Existing(record):
            assert (record.id, record.active) == (first, False)
        case other:
            pytest.fail(f"not found: {other}")


def test_an_active_customer_goes_before_a_deactivated_one_and_that_before_a_new_one() -> None:
    sandbox = tenant()
    old, new = enter(sandbox, person(), person(address=ELSEWHERE))
    sandbox.world().set_active("customers", old, active=False)
    assert found(sandbox, person()) == new
    sandbox.world().set_active("customers", new, active=False)
    assert found(sandbox, person()) == old


def test_twenty_at_once_create_one() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM) -> list[CustomerOutcome]:
        return await asyncio.gather(*(find_or_create_customer(crm, person()) for _ in range(20)))

    made = within(sandbox, main)
    assert len(named(sandbox)) == 1
    assert sum(isinstance(each, Created) for each in made) == 1
    assert sum(isinstance(each, Existing) for each in made) == 19


@pytest.mark.parametrize(
    "other", [person("Ann Obrien", number=None), person("OBRIEN Ann", ELSEWHERE)], ids=["place", "number"]
)
def test_two_that_share_only_a_number_or_only_name_and_street_take_turns_too(other: CustomerCreate) -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM) -> list[CustomerOutcome]:
        return await asyncio.gather(*(find_or_create_customer(crm, each) for each in [person(), other] * 5))

    within(sandbox, main)
    assert len(named(sandbox)) == 1


def test_two_clients_of_the_tenant_take_turns_and_those_of_another_do_not() -> None:
    sandbox = tenant()
    other = sandbox.add_tenant(2002, customers=3)
    elsewhere = Credentials(
        tenant_id=other.tenant_id,
        client_id=other.client_id,
        client_secret=other.client_secret,
        app_key=other.app_key,
    )

    async def main(crm: ServiceTitanCRM) -> None:
        async with client(SandboxTransport(sandbox, seed=2)) as second, crm.for_tenant(elsewhere) as stranger:
            both = (find_or_create_customer(each, person()) for each in (crm, second, stranger))
            await asyncio.gather(*both)

    within(sandbox, main)
    assert len(named(sandbox)) == 1
    assert len(sandbox.records("customers", 2002)) == 4


def test_of_people_who_were_looked_for_nothing_stays_behind() -> None:
    sandbox = tenant(customers=1)

    async def main(crm: ServiceTitanCRM) -> int:
        for index in range(30):
            await find_or_create_customer(crm, person(f"Ann {index}", number=f"555 010 77{index:02d}"))
        gc.collect()
        kept = shared_objects[asyncio.get_running_loop()]
        return sum(isinstance(each, anyio.Lock) for each in kept.values())

    assert within(sandbox, main) == 0


def test_other_people_do_not_wait() -> None:
    sandbox = tenant()
    ways = [person(f"Ann {letter}", HOME, f"555 010 77{index:02d}") for index, letter in enumerate("ABCDE")]
    sandbox.faults.add(Fault.slow(5.0, path="/customers", method="POST", times=None))
    took: list[float] = []

    async def main(crm: ServiceTitanCRM) -> None:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(find_or_create_customer(crm, each) for each in ways))
        took.append(asyncio.get_running_loop().time() - began)

    within(sandbox, main)
    assert len(named(sandbox, "ann")) >= 5
    assert took[0] < 10.0


def test_whoever_gives_up_lets_the_next_one_in() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.slow(60.0, path="/customers", method="GET"))

    async def main(crm: ServiceTitanCRM) -> CustomerOutcome:
        holder = asyncio.create_task(find_or_create_customer(crm, person()))
        await asyncio.sleep(1.0)
        waiting = [asyncio.create_task(find_or_create_customer(crm, person())) for _ in range(3)]
        await asyncio.sleep(1.0)
        waiting[0].cancel()
        holder.cancel()
        await asyncio.gather(holder, waiting[0], return_exceptions=True)
        assert holder.cancelled()
        assert waiting[0].cancelled()
        first, second = await asyncio.gather(waiting[1], waiting[2])
        assert isinstance(second, Existing)
        return first

    assert isinstance(within(sandbox, main), Created)
    assert len(named(sandbox)) == 1


def test_cancelled_at_any_moment_it_can_be_repeated() -> None:
    for moment in range(1, 60, 3):
        sandbox = tenant(customers=3)

        async def main(crm: ServiceTitanCRM, seconds: float = moment / 100) -> CustomerOutcome:
            task = asyncio.create_task(find_or_create_customer(crm, person()))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return await find_or_create_customer(crm, person())

        within(sandbox, main, SandboxTransport(sandbox, seed=moment))
        assert len(named(sandbox)) == 1, moment


def test_whatever_request_it_dies_at_repeating_it_makes_no_second_customer() -> None:
    died = 0
    for where, sandbox in deaths(
        lambda: tenant(customers=3), lambda crm: find_or_create_customer(crm, person())
    ):
        died += 1
        assert not isinstance(outcome(sandbox, person()), AmbiguousCustomer), where
        assert (len(named(sandbox)), len(homes(sandbox))) == (1, 1), where
    assert died == 14  # a token, five searches and the creation, each before and after it is carried out


@pytest.mark.parametrize(
    "fault",
    [
        Fault.reset(method="POST", path="/customers", applied=True),
        Fault.cut(keep=20, method="POST", path="/customers"),
        Fault.odd("id", "none", method="POST", path="/customers"),
        Fault.status(500, method="POST", path="/customers", applied=True),
        Fault.slow(500.0, method="POST", path="/customers"),
    ],
    ids=lambda fault: fault.kind,
)
def test_when_the_answer_is_lost_it_looks_again(fault: Fault) -> None:
    sandbox = tenant()
    sandbox.faults.add(fault)
    assert [created(sandbox, person()).id] == named(sandbox)


def test_when_nothing_came_of_it_the_error_says_that_it_may_have() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.reset(method="POST", path="/customers"))
    with pytest.raises(TransportFailure) as caught:
        outcome(sandbox, person())
    assert caught.value.maybe_applied
    assert named(sandbox) == []


def test_when_looking_again_fails_too_the_first_error_is_the_one_to_know() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.odd("id", "none", method="POST", path="/customers"))
    sandbox.faults.add(Fault.status(503, method="GET", path="/customers", after=4, times=None))
    with pytest.raises(DecodeError) as caught:
        within(
            sandbox,
            lambda crm: find_or_create_customer(crm, person()),
            settings=Settings(retries=RetryPolicy(attempts=2)),
        )
    assert isinstance(caught.value.__cause__, ServiceFault)


def test_a_refusal_is_passed_on_without_another_look() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.status(400, method="POST", path="/customers"))
    with pytest.raises(InvalidRequest):
        outcome(sandbox, person())
    assert asked(sandbox)[-1] == ("POST", "customers")


def test_a_customer_without_a_location_is_refused_before_it_is_created() -> None:
    sandbox = tenant()
    with pytest.raises(ConfigError, match="locations"):
        outcome(sandbox, CustomerCreate(name="Ann", address=HOME, locations=()))
    assert writes(sandbox) == 0


def test_under_the_older_contract_it_refuses_before_anything_is_sent() -> None:
    sandbox = tenant()
    settings = Settings(contract="openapi-2.0.0")
    with pytest.raises(NotInContract, match='use contract="portal"'):
        within(sandbox, lambda crm: find_or_create_customer(crm, person()), settings=settings)
    assert sandbox.journal == ()
