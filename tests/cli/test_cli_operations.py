"""`servicetitan-crm operations`: the route table, and what of it the client can call by name."""

from __future__ import annotations

import json

import pytest

from servicetitan_crm_async import Credentials, ServiceTitanCRM
from servicetitan_crm_async.cli import main
from servicetitan_crm_async.cli.nouns.signatures import method_of_client
from servicetitan_crm_async.contract import CONTRACTS, OPERATIONS, ContractName


def test_all_106_rows_are_one_json_array(capsys: pytest.CaptureFixture[str]) -> None:
    """Also without `--json`, as stdout is no terminal here."""
    assert main(["operations", "--json"]) == 0
    out = capsys.readouterr().out
    rows = json.loads(out)
    assert len(rows) == 106
    for row in rows:
        assert list(row) == ["name", "contract", "method", "path", "filters", "method_of_client"]
        assert isinstance(row["filters"], list)
    assert [(row["contract"], row["name"]) for row in rows] == [
        (row.contract, row.name) for row in OPERATIONS
    ]
    assert main(["operations"]) == 0
    assert capsys.readouterr().out == out


@pytest.mark.parametrize("contract", CONTRACTS)
def test_one_contract_can_be_chosen(contract: ContractName, capsys: pytest.CaptureFixture[str]) -> None:
    """Its rows and no others."""
    main(["operations", "--contract", contract])
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names == [row.name for row in OPERATIONS if row.contract == contract]


def test_a_method_is_named_when_the_client_really_has_it() -> None:
    """Every row of both contracts is; and whatever is named can be called on a client."""
    crm = ServiceTitanCRM(Credentials(tenant_id=1, client_id="c", client_secret="s", app_key="a"))
    for row in OPERATIONS:
        name = method_of_client(row.name)
        assert name is not None, row.name
        assert callable(eval(f"crm.{name}", {"crm": crm, "id": 5}))
    assert method_of_client("booking_provider.list") == "booking_provider(id).list"


@pytest.mark.parametrize(
    "name",
    ["jobs.list", "customers.paint", "customers.contacts.paint", "statistics.requests", "customers._caller",
     "tenant_id.bit_length", "customers"],
)  # fmt: skip
def test_what_the_client_lacks_has_no_method(name: str) -> None:
    """Neither what does not exist, nor what is there but no resource."""
    assert method_of_client(name) is None
