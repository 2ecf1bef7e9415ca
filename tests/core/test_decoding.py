"""Answers into models: strict and fast, and where a record is odd, only the odd field is lost."""

from __future__ import annotations

import copy
import gc
import logging
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicetitan_crm_async import DecodeError
from servicetitan_crm_async._core.decoding import decoder_for
from servicetitan_crm_async.models import Customer, Envelope, Lead

RECORD: dict[str, Any] = {
    "id": 11,
    "active": True,
    "name": "Ada Secretperson",
    "type": "Residential",
    "address": {
        "street": "1 Elm St",
        "unit": None,
        "city": "Salem",
        "state": "MA",
        "zip": "01970",
        "country": "USA",
        "latitude": 42.5,
        "longitude": -70.9,
    },
    "balance": 1.1,
    "doNotMail": False,
    "doNotService": False,
    "createdOn": "2019-03-01T08:00:00Z",
    "modifiedOn": "2021-07-19T20:35:38.2876004Z",
    "mergedToId": None,
    "tagTypeIds": [1, 2],
    "customFields": [
        {"typeId": 1, "name": "Gate", "value": "4711"},
        {"typeId": 2, "name": "Dog", "value": "yes"},
    ],
    "contacts": [{"id": 501, "type": "Phone", "value": "555-0100", "modifiedOn": "2021-07-19T20:35:38Z"}],
}
PAGE: dict[str, Any] = {
    "page": 1,
    "pageSize": 50,
    "hasMore": False,
    "totalCount": 3,
    "data": [{**copy.deepcopy(RECORD), "id": number} for number in (10, 11, 12)],
}
decode = decoder_for(Envelope[Customer])


def page_with(record: object, place: int = 1) -> bytes:
    page = copy.deepcopy(PAGE)
    page["data"][place] = record
    return msgspec.json.encode(page)


def odd(**changes: object) -> dict[str, Any]:
    """The record with some fields changed; `address__zip` is a field of a field."""
    record = copy.deepcopy(RECORD)
    for name, value in changes.items():
        holder: Any = record
        *above, last = [int(step) if step.isdigit() else step for step in name.split("__")]
        for step in above:
            holder = holder[step]
        holder[last] = value
    return record


WHOLE = decode(msgspec.json.encode(PAGE))


def test_a_whole_page_needs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert [record.id for record in decode(msgspec.json.encode(PAGE)).data] == [10, 11, 12]
    assert caplog.records == []
    assert decoder_for(Envelope[Customer]) is decode


@pytest.mark.parametrize(
    ("changes", "expected", "warned"),
    [
        ({"name": None}, {"name": None}, "record 11: name does not fit the model (Expected `str`, got"),
        ({"name": 5}, {"name": None}, "record 11: name does not fit the model (Expected `str`, got `int`)"),
        ({"balance": "much"}, {"balance": None}, "record 11: balance does not fit"),
        ({"doNotMail": "no"}, {"do_not_mail": None}, "record 11: doNotMail does not fit"),
        ({"modifiedOn": "yesterday"}, {"modified_on": None}, "record 11: modifiedOn does not fit"),
        ({"type": None}, {"type": None}, "record 11: type does not fit"),
        ({"type": 3}, {"type": None}, "record 11: type does not fit"),
        ({"mergedToId": "x"}, {"merged_to_id": None}, "record 11: mergedToId does not fit"),
        ({"tagTypeIds": None}, {"tag_type_ids": ()}, "record 11: tagTypeIds does not fit"),
        ({"tagTypeIds": [1, "two", 3]}, {"tag_type_ids": (1, 3)}, "record 11: tagTypeIds[1] does not fit"),
        ({"address": None}, {"address": None}, "record 11: address does not fit"),
        ({"address": [1]}, {"address": None}, "record 11: address does not fit"),
    ],
)  # fmt: skip
def test_an_odd_field_costs_only_itself(
    changes: dict[str, object], expected: dict[str, object], warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = decode(page_with(odd(**changes)))
    usual = msgspec.structs.asdict(WHOLE.data[1])
    assert msgspec.structs.asdict(page.data[1]) == {**usual, **expected}
    assert (page.data[0], page.data[2]) == (WHOLE.data[0], WHOLE.data[2])
    assert (page.has_more, page.total_count) == (False, 3)
    (line,) = caplog.messages
    assert line.startswith(warned)


def test_an_odd_field_of_an_address_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    page = decode(page_with(odd(address__zip=None, address__latitude="north")))
    address: Any = page.data[1].address
    assert (address.street, address.zip, address.latitude, address.longitude) == (
        "1 Elm St",
        None,
        None,
        -70.9,
    )
    assert [line.partition(" does")[0] for line in caplog.messages] == [
        "record 11: address.zip",
        "record 11: address.latitude",
    ]


def test_an_odd_custom_field_keeps_what_fits_of_it(caplog: pytest.LogCaptureFixture) -> None:
    page = decode(page_with(odd(customFields__1__value=4711, customFields__0=None)))
    (field,) = page.data[1].custom_fields
    assert (field.type_id, field.name, field.value) == (2, "Dog", None)
    assert [line.partition(" does")[0] for line in caplog.messages] == [
        "record 11: customFields[0]",
        "record 11: customFields[1].value",
    ]


def test_a_record_within_a_record_is_named_by_its_own_id(caplog: pytest.LogCaptureFixture) -> None:
    page = decode(page_with(odd(contacts__0__value=None)))
    assert page.data[1].contacts[0].id == 501
    assert caplog.messages == ["record 501: value does not fit the model (Expected `str`, got `null`)"]


def test_a_missing_field_is_none(caplog: pytest.LogCaptureFixture) -> None:
    record = odd()
    del record["name"]
    assert decode(page_with(record)).data[1].name is None
    assert caplog.messages == ["record 11: name does not fit the model (is missing)"]


def test_an_unknown_enum_value_is_kept_as_text(caplog: pytest.LogCaptureFixture) -> None:
    page = decode(page_with(odd(type="Industrial")))
    assert page.data[1].type == "Industrial"
    assert not page.data[1].type.known
    assert caplog.records == []


def test_an_unknown_field_is_ignored(caplog: pytest.LogCaptureFixture) -> None:
    assert decode(page_with(odd(brandNew={"deep": [1]}))) == WHOLE
    assert caplog.records == []


@pytest.mark.parametrize("lenient_too", [False, True])
def test_an_instant_without_an_offset_is_utc(lenient_too: bool) -> None:
    changes: dict[str, object] = {"modifiedOn": "2021-07-19T20:35:38.28"}
    if lenient_too:
        changes["name"] = None
    record = decode(page_with(odd(**changes))).data[1]
    assert record.modified_on == datetime(2021, 7, 19, 20, 35, 38, 280000, tzinfo=UTC)
    assert record.created_on == datetime(2019, 3, 1, 8, tzinfo=UTC)


def test_an_instant_with_another_offset_is_the_same_instant() -> None:
    record = decode(page_with(odd(modifiedOn="2021-07-19T13:35:38-07:00"))).data[1]
    assert record.modified_on == datetime(2021, 7, 19, 20, 35, 38, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Ada", None])
def test_money_is_exact_on_either_path(name: str | None) -> None:
    body = page_with(odd(name=name, balance=0)).replace(b'"balance":0,', b'"balance":12345678901234567.89,')
    assert decode(body).data[1].balance == Decimal("12345678901234567.89")


@pytest.mark.parametrize("identity", [None, "Ada Secretperson", {"phone": "555-0100"}, 1.5])
def test_a_record_without_an_id_is_dropped_from_its_page(
    identity: object, caplog: pytest.LogCaptureFixture
) -> None:
    page = decode(page_with(odd(id=identity)))
    assert [record.id for record in page.data] == [10, 12]
    assert "data[1]" in caplog.text
    assert "without id" in caplog.text
    assert "Secretperson" not in caplog.text
    assert "555" not in caplog.text


@pytest.mark.parametrize("record", [None, 5, "text", [], {}])
def test_what_is_no_record_is_dropped_from_its_page(record: object, caplog: pytest.LogCaptureFixture) -> None:
    assert [record.id for record in decode(page_with(record)).data] == [10, 12]
    assert len(caplog.records) == 1


def test_a_single_record_without_an_id_is_an_error() -> None:
    with pytest.raises(DecodeError) as caught:
        decoder_for(Customer)(msgspec.json.encode(odd(id=None)))
    assert not caught.value.malformed


def test_an_odd_envelope_is_read_as_far_as_it_goes(caplog: pytest.LogCaptureFixture) -> None:
    page = decode(msgspec.json.encode({**PAGE, "hasMore": "yes", "totalCount": "3"}))
    assert (page.has_more, page.total_count, page.data) == (None, None, WHOLE.data)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("body", "malformed"),
    [
        (b"", True),
        (b"<html>", True),
        (msgspec.json.encode(PAGE)[:-5], True),
        (msgspec.json.encode(PAGE) + b"x", True),
        (b'{"data": [{"id": "\xff"}]}', True),
        (b'{"data": [], "unknown": ' + b"[" * 200_000, True),
        (b'{"data": ' + b"[" * 200_000, True),
        (b'{"unknown": ' + b"[" * 200_000, True),
        (page_with(odd(name=None))[:-5], True),
        (page_with(odd(name=None)).replace(b'"id":12', b'"id"12'), True),
        (page_with(odd()).replace(b"Dog", b"D\xffg"), True),
        (page_with(odd(name=None)).replace(b"Dog", b"D\xffg"), True),
        (b"null", False),
        (b"[]", False),
        (b"{}", False),
        (b'{"data": null}', False),
        (b'{"data": {"id": 1}}', False),
    ],
    ids=lambda value: repr(value[:10]) if isinstance(value, bytes) else None,
)
def test_what_cannot_be_read_is_a_decode_error_and_malformed_when_it_is_no_json(
    body: bytes, malformed: bool
) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(body)
    assert caught.value.malformed is malformed
    assert "Secretperson" not in str(caught.value)


def test_a_warning_never_shows_a_value(caplog: pytest.LogCaptureFixture) -> None:
    """Every field in turn takes a telling value of a wrong type; no line tells it."""
    telling = ["555-TELLING", {"TELLING": "TELLING"}, ["TELLING"]]
    for name in RECORD:
        for value in telling:
            decode(page_with(odd(**{name: value})))
    for name in RECORD["address"]:
        decode(page_with(odd(**{f"address__{name}": ["TELLING"]})))
    assert caplog.records
    assert "TELLING" not in caplog.text


def test_a_lead_reads_leniently_too(caplog: pytest.LogCaptureFixture) -> None:
    lead: Any = decoder_for(Lead)(b'{"id": 5, "status": "Open", "priority": null, "tagTypeIds": ["x", 2]}')
    assert (lead.id, lead.status, lead.priority, lead.tag_type_ids) == (5, "Open", None, (2,))
    assert lead.modified_on is None
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    | st.sampled_from(["2021-01-01", "2021-01-01T00:00:00", "Open", "12.5", "0001-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    members: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        members = list(value.items())
    elif isinstance(value, list):
        members = list(enumerate(value))
    found = []
    for name, member in members:
        found += [(*above, name), *places(member, (*above, name))]
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.sampled_from(places(PAGE["data"][1])), json_values)
def test_one_odd_value_leaves_every_other_record_intact(place: tuple[str | int, ...], value: object) -> None:
    page = copy.deepcopy(PAGE)
    holder = page["data"][1]
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    found = decode(msgspec.json.encode(page))
    others = [record for record in found.data if record.id in (10, 12)]
    assert [WHOLE.data[0], WHOLE.data[2]] == [
        record for record in others if record in (WHOLE.data[0], WHOLE.data[2])
    ]
    assert found.has_more is False
    if place[0] != "id":
        (odd_one,) = (record for record in found.data if record.id == 11)
        spared = {name for name in RECORD if name != place[0]} - {"contacts"}
        usual = msgspec.to_builtins(WHOLE.data[1])
        assert {name: msgspec.to_builtins(odd_one)[name] for name in spared} == {
            name: usual[name] for name in spared
        }


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(msgspec.json.encode(PAGE)) - 1), st.binary(max_size=4), st.integers(0, 6))
def test_no_damage_to_the_bytes_raises_anything_but_a_decode_error(
    place: int, inserted: bytes, removed: int
) -> None:
    body = bytearray(msgspec.json.encode(PAGE))
    body[place : place + removed] = inserted
    try:
        found = decode(bytes(body))
    except DecodeError:
        return
    assert isinstance(found, Envelope)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("ending", [b"]", b', {"no id": 1}]', b", nothing"])
def test_the_garbage_collector_is_left_as_it_was_found(enabled: bool, ending: bytes) -> None:
    """Kept quiet while a page is decoded, well, oddly or in vain."""
    body = b"[" + b", ".join([b'{"id": 1, "name": "%s"}' % (b"x" * 100)] * 1000) + ending
    seen: list[bool] = []

    class Watched(msgspec.Struct):
        id: int

        def __post_init__(self) -> None:
            seen.append(gc.isenabled())

    try:
        if not enabled:
            gc.disable()
        with suppress(DecodeError):
            decoder_for(list[Watched])(body)
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
    assert seen[0] is False
