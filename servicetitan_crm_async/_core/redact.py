"""What may be shown of a call: what is on a list of harmless things, so that what is new stays hidden."""

from __future__ import annotations

from collections.abc import Mapping

_HIDDEN = "***"

_SHOWN_FILTERS = frozenset(
    {
        *("page", "pageSize", "includeTotal", "includeRecentChanges", "sort", "active", "status", "from"),
        *("createdBefore", "createdOnOrAfter", "modifiedBefore", "modifiedOnOrAfter"),
    }
)
"""All others may hold the name, the number or the address of a person, or an id of the tenant's."""

_SHOWN_HEADERS = frozenset(
    {
        *("content-encoding", "content-length", "content-type", "date", "retry-after"),
        *("request-id", "traceparent", "x-request-id", "x-correlation-id"),
    }
)


def shown_query(query: str) -> str:
    """A query with the values left out that are not known to be harmless."""
    return "&".join(_shown_pair(pair) for pair in query.split("&")) if query else ""


def shown_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that are known to be harmless, by lower-case name."""
    return {name.lower(): text for name, text in headers.items() if name.lower() in _SHOWN_HEADERS}


def _shown_pair(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return pair if name in _SHOWN_FILTERS else f"{name}{equals}{_HIDDEN}"
