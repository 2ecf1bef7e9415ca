"""The route table by itself: lookups, what may be done with a row, and the messages of what is missing."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

import pytest

from servicetitan_crm_async import contract
from servicetitan_crm_async.contract import CONTRACTS, OPERATIONS, ContractName, Operation, operation
from servicetitan_crm_async.errors import ConfigError, NotInContract


def by_contract(name: ContractName) -> list[Operation]:
    return [row for row in OPERATIONS if row.contract == name]


def test_the_table_has_every_operation_of_both_contracts() -> None:
    assert Counter(row.contract for row in OPERATIONS) == {"portal": 90, "openapi-2.0.0": 16}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_name_stands_for_one_operation(name: ContractName) -> None:
    assert [n for n, times in Counter(row.name for row in by_contract(name)).items() if times > 1] == []


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.contract}:{row.name}")
def test_every_row_is_found_by_its_name(row: Operation) -> None:
    assert operation(row.contract, row.name) is row


def test_what_the_older_contract_has_the_portal_has_under_the_same_name() -> None:
    """But bookings, which the portal has created through a provider alone."""
    older = {row.name for row in by_contract("openapi-2.0.0")}
    assert older - {row.name for row in by_contract("portal")} == {"bookings.create"}


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: f"{row.contract}:{row.name}")
def test_a_row_agrees_with_itself(row: Operation) -> None:
    assert len(set(row.filters)) == len(row.filters)
    assert (row.answer is None) == (row.envelope == "none")
    assert row.paged == ("pageSize" in row.filters)
    if row.envelope == "feed":
        assert row.filters == ("from", "includeRecentChanges")
    if row.method == "GET":
        assert row.body is None
    if row.body is not None:
        paths = [*row.body.required, *row.body.optional]
        assert len(set(paths)) == len(paths)
        containers = {path.rpartition(".")[0].removesuffix("[]") for path in paths if "." in path}
        assert containers <= set(paths)


@pytest.mark.parametrize(
    ("name", "on_portal", "on_openapi"),
    [
        ("customers.list", True, True),
        ("customers.create", False, False),
        ("customers.update", False, False),
        ("leads.dismiss", False, False),
        ("tags.add", True, None),
        ("tags.remove", True, None),
        ("contacts.replace", True, None),
        ("customers.notes.delete", True, None),
        ("booking_provider.dismiss", False, None),
        ("leads.export", True, None),
    ],
)
def test_only_what_is_safe_to_repeat_is_repeatable(
    name: str, on_portal: bool, on_openapi: bool | None
) -> None:
    assert operation("portal", name).repeatable is on_portal
    if on_openapi is not None:
        assert operation("openapi-2.0.0", name).repeatable is on_openapi


def test_a_dismissal_is_not_repeatable_though_it_is_a_put() -> None:
    row = operation("openapi-2.0.0", "leads.dismiss")
    assert row.method == "PUT"
    assert not row.repeatable


def test_no_post_and_no_patch_is_repeatable() -> None:
    assert {row.method for row in OPERATIONS if row.repeatable} == {"GET", "PUT", "DELETE"}


@pytest.mark.parametrize(
    ("contract_name", "name", "paged", "counted", "closed", "sortable"),
    [
        ("portal", "customers.list", True, True, True, True),
        ("portal", "customers.contacts.list_all", True, True, True, False),
        ("portal", "customers.notes.list", True, True, True, False),
        ("portal", "customers.contacts.list", True, True, False, False),
        ("portal", "contacts.relationships.list", True, True, False, True),
        ("portal", "leads.export", False, False, False, False),
        ("openapi-2.0.0", "customers.list", True, True, True, False),
        ("openapi-2.0.0", "locations.list", True, False, False, False),
        ("openapi-2.0.0", "tag_types.list", False, False, False, False),
    ],
)
def test_a_row_tells_which_kind_of_sync_it_allows(
    contract_name: ContractName, name: str, paged: bool, counted: bool, closed: bool, sortable: bool
) -> None:
    row = operation(contract_name, name)
    assert (row.paged, row.counted, row.closed, row.sortable) == (paged, counted, closed, sortable)


def test_creating_a_booking_needs_a_provider_on_the_portal_alone() -> None:
    assert "{booking_provider}" in operation("portal", "booking_provider.create").path
    assert "{booking_provider}" not in operation("openapi-2.0.0", "bookings.create").path
    with pytest.raises(NotInContract, match=r"use booking_provider\(id\)\.create"):
        operation("portal", "bookings.create")


def test_what_the_contract_lacks_is_answered_with_what_to_use_instead() -> None:
    with pytest.raises(NotInContract) as raised:
        operation("openapi-2.0.0", "leads.get")
    assert str(raised.value) == (
        'openapi-2.0.0 has no leads.get: use leads.list with a status, or contract="portal"'
    )


def test_where_nothing_else_serves_the_message_offers_the_other_contract() -> None:
    with pytest.raises(NotInContract, match=r'^openapi-2\.0\.0 has no tags\.add: use contract="portal"$'):
        operation("openapi-2.0.0", "tags.add")


def test_a_misspelt_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotInContract, match=r"no operation is called 'lead\.get': use leads\.get"):
        operation("portal", "lead.get")
    with pytest.raises(NotInContract, match=r"no operation is called 'zzz'$"):
        operation("portal", "zzz")


def test_an_unknown_contract_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotInContract, match=r"no contract is called 'v3': use one of 'portal', 'openapi"):
        operation("v3", "leads.get")  # type: ignore[arg-type]


def test_a_missing_operation_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError):
        operation("openapi-2.0.0", "leads.get")


def test_every_hint_is_for_something_missing_and_names_something_there() -> None:
    here = {row.name for row in by_contract("openapi-2.0.0")}
    portal = {row.name for row in by_contract("portal")}
    for name, hint in contract._HINTS.items():
        assert name in portal ^ here
        first = hint.split()[0].replace("(id)", "")
        assert "." not in first or first in (here if name in portal else portal)


def test_the_module_imports_nothing_but_the_standard_library_and_the_errors() -> None:
    assert contract.__file__ is not None
    tree = ast.parse(Path(contract.__file__).read_text(encoding="utf-8"))
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    ours = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert ours == {"servicetitan_crm_async.errors"}
