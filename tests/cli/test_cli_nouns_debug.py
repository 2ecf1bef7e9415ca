"""`--debug`, and errors that nobody expected: no traceback unless it is asked for, and never a secret."""

from __future__ import annotations

import logging

import pytest
from desk_kit import Desk

from servicetitan_crm_async.cli.debugging import without_option
from servicetitan_crm_async.cli.exits import Exit
from servicetitan_crm_async.cli.nouns import calling


@pytest.mark.parametrize(
    ("given", "kept", "asked"),
    [
        ("customers list", "customers list", False),
        ("--debug customers list", "customers list", True),
        ("customers --debug list --limit 1", "customers list --limit 1", True),
        ("customers get 5 --debug", "customers get 5", True),
        ("a -- --debug", "a -- --debug", False),
        ("a --debug -- --debug", "a -- --debug", True),
    ],
)
def test_the_option_may_stand_anywhere(given: str, kept: str, asked: bool) -> None:
    """But after what ends the options."""
    assert without_option(given.split()) == (kept.split(), asked)


def test_it_shows_the_traceback_and_what_the_client_logs(desk: Desk) -> None:
    """The advice and the code are the same; the log is left as it was found."""
    plain = desk("customers", "get", "1")
    done = desk("customers", "--debug", "get", "1")
    assert done.code == plain.code == Exit.NOT_FOUND
    assert "Traceback" not in plain.err
    assert "Traceback (most recent call last)" in done.err
    assert "DEBUG servicetitan_crm_async: GET /crm/v2/tenant/1001/customers/1" in done.err
    assert "Look at the id" in done.err
    logger = logging.getLogger("servicetitan_crm_async")
    assert logger.level == logging.NOTSET
    assert not logger.handlers
    assert "DEBUG" not in desk("customers", "get", "1").err


@pytest.mark.parametrize("name", ["CLIENT_SECRET", "APP_KEY"])
def test_no_secret_is_in_it(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not where the credentials are refused, and not where they are right."""
    monkeypatch.setenv(f"SERVICETITAN_{name}", "hush-hush")
    refused = desk("--debug", "customers", "list")
    assert refused.code == Exit.REFUSED
    assert "Traceback" in refused.err
    assert "hush" not in refused.out + refused.err
    for key, value in desk.server.environ.items():
        monkeypatch.setenv(key, value)
    fine = desk("--debug", "tag-types", "list")
    assert fine.code == 0
    for secret in (desk.server.environ[f"SERVICETITAN_{name}"], "Bearer"):
        assert secret not in fine.out + fine.err


def test_what_nobody_expected_is_one_line_and_a_code(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names where, and nothing of what the error says, which may be anything; --debug shows it."""

    def broken(*_: object, **__: object) -> int:
        raise KeyError("cs.secret-in-an-error")

    monkeypatch.setattr(calling, "carry", broken)
    done = desk("customers", "list")
    assert done.code == Exit.BUG
    [line] = done.err.splitlines()
    assert line.startswith("servicetitan-crm: nobody expected this: KeyError in nouns.py, line ")
    assert "--debug" in line
    assert "secret" not in line
    told = desk("customers", "list", "--debug")
    assert told.code == Exit.BUG
    assert "Traceback" in told.err


def test_a_word_that_is_no_option_has_a_traceback_too(desk: Desk) -> None:
    """Where it is asked for."""
    assert "Traceback" not in desk("customers", "list", "--bogus").err
    done = desk("customers", "list", "--bogus", "--debug")
    assert done.code == Exit.USAGE
    assert "Traceback" in done.err
