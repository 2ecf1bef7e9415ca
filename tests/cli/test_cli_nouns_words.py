"""Words of the command line into values, bodies and columns, and back into what is shown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import msgspec
import pytest
from rich.console import Console

from servicetitan_crm_async import errors
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.nouns.bodies import body_of
from servicetitan_crm_async.cli.nouns.call_advice import advice_on_call, exit_of_call
from servicetitan_crm_async.cli.nouns.columns import Column, columns_of, default_columns, picked, plain
from servicetitan_crm_async.cli.nouns.offered import Verb, verbs
from servicetitan_crm_async.cli.nouns.records import RecordTable, Rest
from servicetitan_crm_async.cli.nouns.values import read_pairs
from servicetitan_crm_async.errors import ConfigError
from servicetitan_crm_async.models import Customer, CustomerCreate, CustomerType, CustomerUpdate, LeadUpdate

GUID = "7d4f3b1c-52f0-4c5e-9a53-0f6c8f0e2a11"


def verb(name: str) -> Verb:
    return next(each for each in verbs() if each.name == name)


def where(name: str, *pairs: str) -> dict[str, object]:
    found = read_pairs("--where", pairs, verb(name).filters, name)
    return dict(found)


def problems(name: str, *pairs: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        where(name, *pairs)
    return caught.value.problems


@pytest.mark.parametrize(
    ("name", "pair", "value"),
    [
        ("customers.list", "city=Boise", "Boise"),
        ("customers.list", "name=a=b", "a=b"),
        ("customers.list", "ids=1, 2,3", (1, 2, 3)),
        ("customers.list", "active=any", "Any"),
        ("customers.list", "latitude=-43.5", -43.5),
        ("customers.list", "sort=-ModifiedOn", "-ModifiedOn"),
        ("customers.list", "externalDataValues=a,b", ("a", "b")),
        ("customers.list", f"external_data_application_guid={{{GUID.upper()}}}", GUID),
        ("customers.list", "modified-before=2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("customers.list", "modifiedBefore=2026-01-31T08:00:00+02:00",
         datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("leads.list", "status=dismissed", "Dismissed"),
        ("leads.list", "is_prospect=TRUE", True),
        ("leads.list", "customerId=7", 7),
        ("leads.export", "from=2026-01-31", "2026-01-31"),
        ("contacts.methods.search", f"contact_id={GUID}", GUID),
        ("contacts.relationships.list", "typeSlug=Customer", "customer"),
    ],
)  # fmt: skip
def test_a_filter_gets_a_value_of_its_own_type(name: str, pair: str, value: object) -> None:
    """Whichever way its name is spelt."""
    assert list(where(name, pair).values()) == [value]


@pytest.mark.parametrize(
    ("name", "pair", "said"),
    [
        ("customers.list", "active=yes", "--where active must be True, Any or False"),
        ("customers.list", "latitude=north", "--where latitude must be a number"),
        ("customers.list", "ids=1,x", "--where ids must be ids between commas"),
        ("customers.list", "modified_before=yesterday", "--where modified_before must be an ISO 8601 day"),
        ("customers.list", "external_data_application_guid=1", "must be a GUID"),
        ("customers.list", "name= ", "--where name must not be empty"),
        ("customers.list", "city", "--where city must be NAME=VALUE, such as name=…"),
        ("leads.list", "status=Opn", "--where status must be Open, Dismissed or Converted"),
        ("leads.list", "is_prospect=1", "--where is_prospect must be true or false"),
        ("leads.list", "customer_id=1.5", "--where customer_id must be a whole number"),
        ("leads.list", "customer_id=²", "--where customer_id must be a whole number"),
        ("leads.list", f"customer_id={'9' * 5000}", "must be a whole number"),
        ("customers.list", "cty=Boise", "--where cty is no filter of customers.list; did you mean city?"),
        ("customers.list", "modifiedonorafter=1", "did you mean modified_on_or_after?"),
        ("customers.list", "page_size=5", "is no filter of customers.list"),
        ("locations.custom_fields.list", "xyz=1", "; it has created_on_or_after, created_before, "),
        ("bookings.contacts.list", "xyz=1", "; it has none"),
    ],
)  # fmt: skip
def test_a_filter_that_is_wrong_is_named_with_what_it_wants(name: str, pair: str, said: str) -> None:
    [(label, problem)] = problems(name, pair).items()
    assert said in f"{label} {problem}"


def test_all_that_is_wrong_is_said_at_once() -> None:
    """And no filter twice, in whatever spelling."""
    found = problems("leads.list", "status=x", "createdBefore=2026-01-31", "created_before=2026-02-01", "y=1")
    assert list(found) == ["--where status", "--where created_before", "--where y"]
    assert found["--where created_before"] == "is given twice"


def test_a_body_keeps_its_digits_and_knows_both_spellings() -> None:
    """What is left out, null and a value stay three things."""
    body = body_of(CustomerUpdate, b'{"creditLimit": 0.10, "payment_term_id": null, "customFields": '
                                   b'[{"type_id": 3, "value": "x"}]}')  # fmt: skip
    assert (body.credit_limit, body.payment_term_id, body.name) == (Decimal("0.10"), None, msgspec.UNSET)
    assert body.custom_fields[0].type_id == 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (LeadUpdate, '{"sumary": "x"}', "--data sumary is no field of it; did you mean summary?"),
        (LeadUpdate, '{"status": "Open"}', "--data status is no field of it"),
        (LeadUpdate, '{"summary": "x", "campaignId": 1, "campaign_id": 2}',
         "--data campaign_id is given twice"),
        (LeadUpdate, '{"campaignId": "1"}', "--data does not fit: Expected `int | null`, got `str`"),
        (LeadUpdate, '{"campaignId": 1.5}', "at `$.campaignId`"),
        (LeadUpdate, '{"priority": "Hihg"}', "--data priority must be one of Low, Normal, High, Urgent"),
        (LeadUpdate, "[1]", "--data must be a JSON object"),
        (LeadUpdate, '{"summary": "x",}', "--data is no JSON: JSON is malformed: trailing comma"),
        (LeadUpdate, "[" * 100_000, "--data is no JSON"),
        (CustomerCreate, '{"name": "x"}', "missing required field `locations`"),
        (CustomerCreate, '{"name": "x", "locations": [{"adress": {}}]}',
         "--data locations[0].adress is no field of it; did you mean address?"),
        (CustomerCreate, '{"name": "x", "locations": [], "address": {"cty": 1}}',
         "--data address.cty is no field of it; did you mean city?"),
    ],
)  # fmt: skip
def test_a_body_that_is_wrong_is_told_where(kind: type[msgspec.Struct], text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        body_of(kind, text.encode())
    assert said in "\n".join(f"{label} {problem}" for label, problem in caught.value.problems.items())


def test_every_list_has_columns_that_its_records_have() -> None:
    """And each begins with what tells a record apart."""
    lists = [each for each in verbs() if each.kind in ("list", "feed", "array")]
    assert len(lists) > 20
    for each in lists:
        columns = default_columns(each.signature.answer)
        assert 3 <= len(columns) <= 8
        assert columns[0].title in ("id", "name")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nme", "--columns nme is no column; did you mean name?"),
        ("id,address.cty", "--columns address.cty is no column; did you mean city?"),
        ("name.first", "--columns name.first name has no parts"),
        (",", "--columns must be names"),
    ],
)
def test_a_column_that_is_not_there_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        columns_of(Customer, text)
    [(label, problem)] = caught.value.problems.items()
    assert said in f"{label} {problem}"


def test_what_a_column_holds_is_what_was_sent() -> None:
    """Digits stay, lists are gone through, what the service does not describe is taken as it comes."""
    record = (
        b'{"id":5,"balance":1.10,"address":{"city":"Boi\\nse"},"contacts":[{"value":"a"},{"value":"b"}],'
        b'"memberships":[{"kind":"gold"}],"customFields":[]}'
    )
    columns = columns_of(
        Customer, "id,balance,address.city,contacts.value,memberships.kind,customFields.value,address.zip"
    )
    parts = picked(columns, record)
    assert msgspec.json.encode(parts) == (
        b'{"id":5,"balance":1.10,"address.city":"Boi\\nse","contacts.value":["a","b"],'
        b'"memberships.kind":["gold"],"customFields.value":[],"address.zip":null}'
    )
    assert [plain(part) for part in parts.values()] == ["5", "1.10", "Boi se", "a, b", "gold", "", ""]


def test_a_record_cannot_talk_to_the_terminal() -> None:
    """Escape sequences in a name are shown as blanks."""
    assert plain(msgspec.Raw(b'"\\u001b[31mred\\u001b[0m\\u0007"')) == " [31mred [0m "


def drawn(columns: Sequence[Column], *, width: int, chosen: bool, rest: Rest | None = None) -> list[str]:
    console = Console(file=StringIO(), width=width)
    table = RecordTable(console, columns, chosen=chosen)
    table.take([json.dumps(record).encode() for record in _CUSTOMERS])
    table.end(rest or Rest())
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


_CUSTOMERS = [
    {
        "id": 10**9 + number,
        "name": "Ada Byron " * 5,
        "address": {"city": "Boise", "state": "ID"},
        "balance": 12.5,
        "modifiedOn": "2026-01-31T08:00:00.1234567Z",
    }
    for number in range(2)
]


@pytest.mark.parametrize("width", [30, 60, 90, 140])
def test_a_table_is_never_wider_than_the_terminal(width: int) -> None:
    """The last columns give way; numbers and instants are whole or not there."""
    lines = drawn(default_columns(Customer), width=width, chosen=False)
    assert all(len(line) <= width for line in lines)
    assert all(str(each["id"]) in "\n".join(lines) for each in _CUSTOMERS)
    assert ("2026-01-31 08:00" in "\n".join(lines)) == (width == 140)


def test_columns_that_were_asked_for_are_all_there() -> None:
    """Texts are cut first."""
    columns = columns_of(Customer, "name,modified_on,id,balance")
    lines = drawn(columns, width=60, chosen=True)
    row = next(line for line in lines if str(_CUSTOMERS[0]["id"]) in line)
    assert "2026-01-31 08:00" in row
    assert "…" in row
    assert "12.5" in row
    narrow = drawn(columns, width=20, chosen=True)
    assert all(len(line) <= 20 for line in narrow)


def test_a_table_says_what_it_leaves_out() -> None:
    """How many there are, whether there are more, and where a feed goes on, whole to be copied."""
    lines = drawn(default_columns(Customer), width=40, chosen=False, rest=Rest(continue_from="x" * 60))
    assert "2 records." in lines
    assert f"To read on from here another day: --where from={'x' * 60}" in lines
    assert any("there are more" in line for line in drawn((), width=80, chosen=True, rest=Rest(more=True)))


def _answered(kind: type[errors.ApiError], *, maybe_applied: bool = False) -> errors.ApiError:
    return kind(status=400, title="No.", method="POST", path="/x", maybe_applied=maybe_applied)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError({"SERVICETITAN_APP_KEY": "is missing"}), Exit.USAGE, "servicetitan-crm login"),
        (ConfigError({"--where x": "is wrong"}), Exit.USAGE, "See HELP."),
        (errors.NotInContract("no"), Exit.USAGE, "See HELP, or servicetitan-crm operations"),
        (errors.AuthError("no"), Exit.REFUSED, "SERVICETITAN_CLIENT_SECRET"),
        (_answered(errors.Forbidden), Exit.REFUSED, "the scope to write"),
        (_answered(errors.NotFound), Exit.NOT_FOUND, "Look at the id"),
        (_answered(errors.InvalidRequest), Exit.NOT_ACCEPTED, "HELP tells what it takes"),
        (_answered(errors.Conflict), Exit.NOT_ACCEPTED, "look at it first"),
        (_answered(errors.RateLimited), Exit.FAILED, "quieter hour"),
        (_answered(errors.ServiceFault), Exit.FAILED, "can be run again"),
        (_answered(errors.ServiceFault, maybe_applied=True), Exit.UNSURE, "look before you send it again"),
        (errors.TransportFailure("no"), Exit.FAILED, "can be run again"),
        (errors.TransportFailure("no", maybe_applied=True), Exit.UNSURE, "look before"),
        (errors.CallTimeout("call", 3.0), Exit.FAILED, "slow"),
        (errors.ResponseTooLarge(5), Exit.FAILED, "--limit 500"),
        (errors.DecodeError("x"), Exit.FAILED, "newer one"),
        (errors.FeedStalled("x"), Exit.FAILED, "report the line above"),
    ],
)  # fmt: skip
def test_an_error_of_a_single_call_has_advice_of_its_own(
    error: errors.ServiceTitanError, code: Exit, said: str
) -> None:
    """Nothing is said of mirrors and of what landed in them."""
    assert exit_of_call(error) == code
    told = advice_on_call(error, "HELP")
    assert said in told
    assert "landed" not in told


def test_customer_types_are_what_the_service_calls_them() -> None:
    """A word in the wrong case is no word of a body: it goes out as it is written."""
    assert body_of(CustomerUpdate, b'{"type": "Commercial"}').type is CustomerType.COMMERCIAL
    with pytest.raises(ConfigError, match="Residential, Commercial"):
        body_of(CustomerUpdate, b'{"type": "commercial"}')
