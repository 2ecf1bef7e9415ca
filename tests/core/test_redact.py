"""What may be shown of a call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async._core.calls import encode_query
from servicetitan_crm_async._core.redact import shown_headers, shown_query
from servicetitan_crm_async.contract import OPERATIONS

HARMLESS = {
    *("page", "pageSize", "includeTotal", "includeRecentChanges", "sort", "active", "status", "from"),
    *("createdBefore", "createdOnOrAfter", "modifiedBefore", "modifiedOnOrAfter"),
}


@pytest.mark.parametrize("name", sorted({name for row in OPERATIONS for name in row.filters} - HARMLESS))
def test_a_filter_that_is_not_known_to_be_harmless_keeps_its_value_to_itself(name: str) -> None:
    assert shown_query(f"page=2&{name}=Ada%20Byron&sort=%2BId") == f"page=2&{name}=***&sort=%2BId"


@given(st.dictionaries(st.text(min_size=1, max_size=7), st.just("a-secret")))
def test_no_value_of_an_unknown_filter_shows(pairs: dict[str, str]) -> None:
    unknown = {name: value for name, value in pairs.items() if name not in HARMLESS}
    assert "a-secret" not in shown_query(encode_query(unknown))


def test_no_query_shows_as_none() -> None:
    assert shown_query("") == ""
    assert shown_query("oddity") == "oddity***"


def test_headers_are_shown_by_name() -> None:
    headers = {"Date": "today", "Set-Cookie": "session=1", "Authorization": "Bearer x", "X-Request-Id": "7"}
    assert shown_headers(headers) == {"date": "today", "x-request-id": "7"}
