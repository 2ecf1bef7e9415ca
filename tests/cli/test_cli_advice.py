"""Every error of the package has advice for the person at the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from servicetitan_crm_async import errors
from servicetitan_crm_async.cli.advice import advice, exit_of, failures, hints, news, told
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.errors import ConfigError, Forbidden, ServiceTitanError
from servicetitan_crm_async.sync import EntityReport, SyncReport

_PATH = "/crm/v2/tenant/7/locations/contacts"
_MADE: dict[str, Callable[[Any], ServiceTitanError]] = {
    "TransportFailure": lambda kind: kind("no connection"),
    "CallTimeout": lambda kind: kind("attempt", 110.0),
    "ResponseTooLarge": lambda kind: kind(1024),
}


def _all_kinds() -> list[type[ServiceTitanError]]:
    found = [getattr(errors, name) for name in errors.__all__]
    return [kind for kind in found if kind is not ServiceTitanError]


def _one(kind: type[ServiceTitanError]) -> ServiceTitanError:
    if issubclass(kind, errors.ApiError):
        return kind(status=400, title="No.", method="GET", path=_PATH)
    make = _MADE.get(kind.__name__)
    return kind("it broke") if make is None else make(kind)


@pytest.mark.parametrize("kind", _all_kinds())
def test_every_error_has_advice_of_its_own_and_an_exit_code(kind: type[ServiceTitanError]) -> None:
    """The advice is more than the error, and never one of the codes for success or a bug."""
    error = _one(kind)
    first, *_, last = told(error)
    assert first == str(error)
    assert last == advice(error) != str(error)
    assert exit_of(error) in (Exit.USAGE, Exit.REFUSED, Exit.FAILED)


def test_a_forbidden_entity_names_the_scope_to_look_at() -> None:
    """The last words of the path are what the scope is called after."""
    assert "the scope to read locations contacts" in advice(_one(Forbidden))


def test_problems_of_arguments_are_told_as_options() -> None:
    """The library says `page_size`, the command line `--page-size`; variables stay what they are."""
    lines = told(ConfigError({"page_size": "is wrong", "SERVICETITAN_APP_KEY": "is missing"}))
    assert lines[:2] == ["--page-size is wrong", "SERVICETITAN_APP_KEY is missing"]


def test_the_same_failure_of_many_entities_is_told_once() -> None:
    """Seven entities without a network are one line and one piece of advice."""
    report = _report(
        leads=errors.TransportFailure("no connection"), bookings=errors.TransportFailure("no connection")
    )
    assert failures(report) == [("leads, bookings", "no connection (1 attempt)")]
    assert len(hints(report)) == 1
    refused = _report(leads=_forbidden("leads"), tag_types=_forbidden("tag-types"))
    assert len(failures(refused)) == 2
    assert [hint for hint in hints(refused) if "to read leads, tag-types" in hint] == hints(refused)
    assert not failures(_report(leads=None))
    assert not hints(_report(leads=None))


def test_a_run_at_work_is_named_with_the_command_that_stops_it() -> None:
    """Where it is known; a file that is merely locked names nobody."""
    held = errors.LedgerConflict("busy", host="etl-1", process=4711, since="2026-01-31T08:00:00.0000000Z")
    assert "stop it on etl-1: kill 4711" in advice(held)
    assert "one program at a time" in advice(errors.LedgerConflict("busy"))


def test_records_that_are_not_where_they_should_be_are_told_in_a_line_an_entity() -> None:
    """Odd ones, those that landed at last, and ids that the service no longer knows."""
    report = _report(leads=None, bookings=None, customers=None)
    leads = replace(report.entities["leads"], odd=1, recovered=2, quarantined=3)
    customers = replace(report.entities["customers"], missing=tuple(range(1, 1031)))
    report = replace(report, entities={**report.entities, "leads": leads, "customers": customers})
    first, second, last = news(report)
    assert first == (
        "leads: 1 odd, set aside; 2 set aside before and no more; "
        "3 in quarantine, tried again by the next run"
    )
    assert second.startswith("customers: not known to the service any more: 1, 2, 3, ")
    assert second.endswith(" 20 and 1,010 more")
    assert "status" in last
    assert not news(_report(leads=None))


def _forbidden(noun: str) -> Forbidden:
    return Forbidden(status=403, title="No.", method="GET", path=f"/crm/v2/tenant/7/{noun}")


def _report(**entities: ServiceTitanError | None) -> SyncReport:
    return SyncReport(
        tenant=7,
        entities={
            name: EntityReport(
                records=0, requests=0, retries=0, odd=0, recovered=0, quarantined=0, missing=(),
                strategy="pages", guarantee="none", since=None, until=None,
                error=None if failure is None else str(failure), failure=failure,
            )
            for name, failure in entities.items()
        },
        seconds=1.0,
        location="crm.db",
    )  # fmt: skip
