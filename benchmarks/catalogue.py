"""A server that is nothing but fast: the sandbox's customers, drawn once, cut into pages from memory.

It keeps to the sandbox's paging to the letter, for as much of it as the benchmarks ask for, and refuses
the rest, so that no contender is answered something else than it asked for.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from urllib.parse import parse_qsl

import msgspec

from servicetitan_crm_async.sandbox import Sandbox, parse_instant

_KNOWN = frozenset(
    {"active", "ids", "includeTotal", "modifiedBefore", "modifiedOnOrAfter", "page", "pageSize", "sort"}
)
_TOKEN = b'{"access_token":"t","expires_in":900,"token_type":"Bearer"}'
_END = b"\r\n\r\n"


class Catalogue:
    """All customers of a tenant, in the order of their ids and in that of `modifiedOn`."""

    def __init__(self, sandbox: Sandbox) -> None:
        records = sandbox.records("customers")
        self._by_id = {number: body for number, (_, body) in records.items()}
        self._in_order = list(self._by_id.values())
        self._stamped = sorted((parse_instant(text) or 0, number) for number, (text, _) in records.items())
        self._by_change = [self._by_id[number] for _, number in self._stamped]

    def customer(self, number: int) -> bytes | None:
        return self._by_id.get(number)

    def page(self, query: Mapping[str, str]) -> bytes:
        """One page of the list.

        Raises:
            ValueError: a parameter that is not known here.
        """
        if strange := query.keys() - _KNOWN:
            raise ValueError(f"unknown here: {', '.join(sorted(strange))}")
        if query.get("active") != "Any":
            raise ValueError("only active=Any is known here")
        found, begin, end = self._selected(query)
        number, size = int(query.get("page", "1")), int(query.get("pageSize", "50"))
        total, start = end - begin, begin + (number - 1) * size
        more = b"true" if start + size < end else b"false"
        count = b"%d" % total if query.get("includeTotal", "").lower() == "true" else b"null"
        head = b'{"page":%d,"pageSize":%d,"hasMore":%s,"totalCount":%s,"data":[' % (number, size, more, count)
        return b"".join((head, b",".join(found[start : min(start + size, end)]), b"]}"))

    def _selected(self, query: Mapping[str, str]) -> tuple[Sequence[bytes], int, int]:
        """The records that the filters leave: a list, and from where to where in it."""
        low, high = query.get("modifiedOnOrAfter"), query.get("modifiedBefore")
        sort = query.get("sort", "+Id")
        if "ids" in query:
            wanted = sorted(map(int, query["ids"].split(",")))
            chosen = [self._by_id[number] for number in wanted if number in self._by_id]
            return chosen, 0, len(chosen)
        if sort not in ("+Id", "+ModifiedOn"):
            raise ValueError("the orders of +Id and +ModifiedOn alone are known here")
        if sort == "+Id" and low is None and high is None:
            return self._in_order, 0, len(self._in_order)
        begin, end = self._place(low) if low else 0, self._place(high) if high else len(self._stamped)
        if sort == "+ModifiedOn":
            return self._by_change, begin, end
        chosen = [self._by_id[number] for number in sorted(number for _, number in self._stamped[begin:end])]
        return chosen, 0, len(chosen)

    def _place(self, instant: str) -> int:
        ticks = parse_instant(instant)
        if ticks is None:
            raise ValueError("no instant")
        return bisect_left(self._stamped, (ticks, 0))


class Desk:
    """Answers requests, and keeps count of them for all connections."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.tokens = 0
        self.arrivals: list[float] = []
        """When each request to the API came, in seconds; there is one entry for each."""

    def answer(self, asked: str) -> tuple[int, bytes]:
        """Status and body for the first line of a request."""
        method, target, _ = asked.split(" ")
        if method == "POST":
            self.tokens += 1
            return 200, _TOKEN
        self.arrivals.append(time.time())
        path, _, query = target.partition("?")
        last = path.rpartition("/")[2]
        if last != "customers":
            found = self._catalogue.customer(int(last))
            return (404, b"{}") if found is None else (200, found)
        try:
            return 200, self._catalogue.page(dict(parse_qsl(query)))
        except ValueError as error:
            return 400, msgspec.json.encode({"title": str(error)})


class Connection(asyncio.Protocol):
    """One client's connection: as much of HTTP/1.1 as any client sends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_END)) >= 0:
            head = self._buffer[:end].decode("latin-1")
            whole = end + len(_END) + _length(head)
            if len(self._buffer) < whole:
                return
            del self._buffer[:whole]
            status, body = self._desk.answer(head.partition("\r\n")[0])
            self._transport.writelines((_head(status, len(body)), body))


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


def _head(status: int, length: int) -> bytes:
    return (
        f"HTTP/1.1 {status} .\r\nDate: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: application/json; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
