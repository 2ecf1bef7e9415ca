"""Whatever a model holds is what comes back from its JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async.models import (
    Address,
    Booking,
    BookingStatus,
    CustomerUpdate,
    Lead,
    LeadStatus,
    LeadUpdate,
    Model,
    Priority,
    TagImportance,
    TagType,
)

ENCODER = msgspec.json.Encoder(decimal_format="number")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = st.integers(1, 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
money = st.decimals(allow_nan=False, allow_infinity=False, places=4)
instants = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def words(kind: type[LeadStatus | BookingStatus | Priority | TagImportance]) -> st.SearchStrategy[str]:
    return st.one_of(st.sampled_from(kind), texts.map(kind))


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


addresses = st.builds(
    Address,
    street=texts,
    unit=maybe(texts),
    city=texts,
    state=texts,
    zip=texts,
    country=texts,
    latitude=maybe(floats),
    longitude=maybe(floats),
)
leads = st.builds(
    Lead,
    id=ids,
    status=words(LeadStatus),
    priority=words(Priority),
    created_on=instants,
    modified_on=instants,
    follow_up_date=maybe(instants),
    summary=maybe(texts),
    tag_type_ids=maybe(st.lists(ids, max_size=3).map(tuple)),
)
bookings = st.builds(
    Booking,
    id=ids,
    source=texts,
    name=texts,
    status=words(BookingStatus),
    modified_on=instants,
    start=maybe(instants),
    address=maybe(addresses),
    uploaded_images=maybe(st.lists(texts, max_size=3).map(tuple)),
)
tag_types = st.builds(
    TagType,
    id=ids,
    name=texts,
    color=texts,
    active=st.booleans(),
    importance=maybe(words(TagImportance)),
)
lead_updates = st.builds(
    LeadUpdate, summary=st.just(msgspec.UNSET) | maybe(texts), campaign_id=st.just(msgspec.UNSET) | maybe(ids)
)
customer_updates = st.builds(
    CustomerUpdate,
    name=st.just(msgspec.UNSET) | maybe(texts),
    credit_limit=st.just(msgspec.UNSET) | maybe(money),
)


@given(st.one_of(addresses, leads, bookings, tag_types, lead_updates, customer_updates))
def test_a_model_equals_what_its_json_decodes_to(value: Model) -> None:
    assert msgspec.json.decode(ENCODER.encode(value), type=type(value)) == value


@given(money)
def test_money_keeps_every_digit(amount: Decimal) -> None:
    update = msgspec.json.decode(ENCODER.encode(CustomerUpdate(credit_limit=amount)), type=CustomerUpdate)
    assert isinstance(update.credit_limit, Decimal)
    assert update.credit_limit.as_tuple() == amount.as_tuple()


@pytest.mark.parametrize("kind", [LeadStatus, BookingStatus, Priority, TagImportance])
@given(text=texts)
def test_a_vocabulary_keeps_any_text(kind: type[LeadStatus], text: str) -> None:
    assert msgspec.json.decode(msgspec.json.encode(kind(text)), type=kind) == text
