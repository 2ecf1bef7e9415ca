"""A booking is made once for each external id, however often and from wherever it is sent."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from flow_kit import HOME, deaths, tenant, within, writes
from msgspec import UNSET
from simulation import SandboxTransport

from servicetitan_crm_async import ConfigError, NotInContract, ServiceTitanCRM, Settings, TransportFailure
from servicetitan_crm_async._core.replies import Reply
from servicetitan_crm_async._core.transport import WireRequest
from servicetitan_crm_async.flows import Created, Existing, book
from servicetitan_crm_async.models import Booking, BookingCreate
from servicetitan_crm_async.sandbox import BookingState, Fault, Sandbox

WISH = BookingCreate(
    name="Ann O'Brien",
    summary="No hot water",
    source="Web",
    external_id="web-1",
    is_first_time_client=True,
    address=HOME,
)


def provider(sandbox: Sandbox, index: int = 0) -> int:
    return sandbox.world().providers[index]


def booked(sandbox: Sandbox, wish: BookingCreate = WISH) -> Created[Booking] | Existing[Booking]:
    return within(sandbox, lambda crm: book(crm, provider(sandbox), wish))


def bookings(sandbox: Sandbox) -> list[int]:
    return list(sandbox.records("bookings"))


def test_a_booking_is_made_and_then_found() -> None:
    sandbox = tenant()
    made, again = booked(sandbox), booked(sandbox)
    assert isinstance(made, Created)
    assert isinstance(again, Existing)
    assert [made.record.id] == [again.record.id] == bookings(sandbox)
    assert writes(sandbox) == 1


def test_a_booking_that_was_dismissed_is_found_as_it_stands() -> None:
    sandbox = tenant()
    made = booked(sandbox)
    sandbox.world().set_state("bookings", made.record.id, BookingState.Dismissed)
    again = booked(sandbox, msgspec.structs.replace(WISH, summary="Still no hot water"))
    assert isinstance(again, Existing)
    assert again.record.status == "Dismissed"


def test_another_id_and_another_provider_are_another_booking() -> None:
    sandbox = tenant()
    first = booked(sandbox)
    other_id = booked(sandbox, msgspec.structs.replace(WISH, external_id="web-10"))
    other_provider = within(sandbox, lambda crm: book(crm, provider(sandbox, 1), WISH))
    assert len({first.record.id, other_id.record.id, other_provider.record.id}) == 3


def test_of_several_with_the_id_it_is_the_oldest() -> None:
    sandbox = tenant()

    async def twice(crm: ServiceTitanCRM) -> list[int]:
        made = crm.booking_provider(provider(sandbox))
        return [(await made.create(WISH)).id for _ in range(2)]

    first, _second = within(sandbox, twice)
    assert booked(sandbox).record.id == first


class Loose(SandboxTransport):
    """A service whose filter finds too much."""

    async def send(self, request: WireRequest) -> Reply:
        return await super().send(request._replace(url=request.url.replace("externalId=", "unknown=")))


def test_a_booking_whose_id_only_resembles_it_is_not_taken_for_it() -> None:
    sandbox = tenant()
    first = booked(sandbox, msgspec.structs.replace(WISH, external_id="WEB-1"))
    made = within(sandbox, lambda crm: book(crm, provider(sandbox), WISH), Loose(sandbox))
    assert isinstance(made, Created)
    assert made.record.id != first.record.id


def test_twenty_at_once_make_one() -> None:
    sandbox = tenant()

    async def main(crm: ServiceTitanCRM) -> list[Created[Booking] | Existing[Booking]]:
        return await asyncio.gather(*(book(crm, provider(sandbox), WISH) for _ in range(20)))

    made = within(sandbox, main)
    assert len(bookings(sandbox)) == 1
    assert sum(isinstance(each, Created) for each in made) == 1


def test_whatever_request_it_dies_at_repeating_it_makes_no_second_booking() -> None:
    died, first = 0, provider(tenant())
    for where, sandbox in deaths(tenant, lambda crm: book(crm, first, WISH)):
        died += 1
        assert [booked(sandbox).record.id] == bookings(sandbox), where
    assert died == 6  # a token, the search and the creation


def test_when_the_answer_is_lost_it_looks_again() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.reset(method="POST", path="/booking-provider/*", applied=True))
    made = booked(sandbox)
    assert isinstance(made, Created)
    assert [made.record.id] == bookings(sandbox)


def test_when_nothing_came_of_it_the_error_says_that_it_may_have() -> None:
    sandbox = tenant()
    sandbox.faults.add(Fault.reset(method="POST", path="/booking-provider/*"))
    with pytest.raises(TransportFailure) as caught:
        booked(sandbox)
    assert caught.value.maybe_applied
    assert bookings(sandbox) == []


@pytest.mark.parametrize("external_id", [UNSET, "", "  "])
def test_without_an_id_to_look_for_nothing_is_sent(external_id: str | msgspec.UnsetType) -> None:
    sandbox = tenant()
    with pytest.raises(ConfigError, match="external_id"):
        booked(sandbox, msgspec.structs.replace(WISH, external_id=external_id))
    assert sandbox.journal == ()


def test_under_the_older_contract_it_refuses_before_anything_is_sent() -> None:
    sandbox = tenant()
    with pytest.raises(NotInContract):
        within(sandbox, lambda crm: book(crm, 1, WISH), settings=Settings(contract="openapi-2.0.0"))
    assert sandbox.journal == ()
