"""Pages whose records are strange: what can be keyed lands, byte for byte, and the rest is told apart."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servicetitan_crm_async import DecodeError
from servicetitan_crm_async.sync.reading import read_page

GOOD = b'{"id": 1, "modifiedOn": "2026-01-01T00:00:00Z", "active": true, "balance": 1.10}'


def page(*records: bytes, head: bytes = b'"page":1,"hasMore":true,"totalCount":7,') -> bytes:
    return b'{%s\n "data" : [ %s ] }' % (head, b" , ".join(records))


@pytest.mark.parametrize("text", [rb"\ud83d", rb"a\udc00b", rb"\ud83d\ud83d"])
def test_half_an_emoji_in_one_record_costs_no_other_and_lands_as_sent(text: bytes) -> None:
    cut = b'{"id":2,"modifiedOn":"2026-01-01T00:00:00Z","name":"%s"}' % text
    envelope, records, odd = read_page(page(GOOD, cut, GOOD))
    assert [record.raw for record in records] == [GOOD, cut, GOOD]
    assert [record.id for record in records] == [1, 2, 1]
    assert odd == ()
    assert (envelope.has_more, envelope.total_count, envelope.page) == (True, 7, 1)


def test_where_even_the_keys_are_cut_the_record_is_odd() -> None:
    cut = rb'{"id":2,"modifiedOn":"\ud83d"}'
    _, records, odd = read_page(page(GOOD, cut))
    assert [record.raw for record in records] == [GOOD]
    assert [(each.id, each.raw, each.place) for each in odd] == [(2, cut, 1)]


@pytest.mark.parametrize("ahead", range(6))
def test_text_is_looked_through_in_parts_and_no_character_is_cut(ahead: int) -> None:
    """Wherever the parts end; and what is no text is refused in any of them."""
    name = "a" * ahead + "\N{SMILING FACE WITH OPEN MOUTH}" * 20_000
    said = b'{"id":2,"modifiedOn":"2026-01-01T00:00:00Z","name":"%s"}' % name.encode()
    _, records, _ = read_page(page(GOOD, said))
    assert [record.raw for record in records] == [GOOD, said]
    for at in (said.index(b"\xf0") + 1, len(said) - 5):
        with pytest.raises(DecodeError, match="UTF-8"):
            read_page(page(GOOD, said[:at] + b"a" + said[at + 1 :]))


def test_a_page_takes_little_memory_beside_its_records_to_be_read() -> None:
    """Not the text of it all, of which each character takes as much as its widest."""
    wide = "\N{SMILING FACE WITH OPEN MOUTH}".encode()
    said = [
        b'{"id":%d,"modifiedOn":"2026-01-01T00:00:00Z","x":"%s"}' % (number, wide + b"x" * 700)
        for number in range(500)
    ]
    body = page(*said)
    read_page(body)
    tracemalloc.start()
    try:
        _, records, _ = read_page(body)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(records) == 500
    assert most - held < len(body) / 2


def test_a_page_nested_too_deep_to_be_read_is_refused() -> None:
    deep = b'{"id":2,"modifiedOn":"2026-01-01T00:00:00Z","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(DecodeError):
        read_page(page(GOOD, deep))


@given(st.integers(0, 200), st.binary(max_size=2))
def test_a_damaged_page_is_refused_whole_and_never_half_read(at: int, put: bytes) -> None:
    body = page(GOOD, rb'{"id":2,"modifiedOn":"2026-01-01T00:00:00Z","name":"\ud83d"}')
    cut = body[:at]
    if len(cut) < len(body):
        with pytest.raises(DecodeError):
            read_page(cut)
    changed = body[:at] + put + body[at + len(put) :]
    try:
        envelope, records, odd = read_page(changed)
    except DecodeError:
        return
    assert len(envelope.data) == len(records) + len(odd)
    assert json.loads(changed)["data"] is not None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["id", "modifiedOn", "active", "name", "x"]),
            st.one_of(
                st.none(),
                st.integers(),
                st.text(),
                st.booleans(),
                st.lists(st.integers(), max_size=2),
                st.just("2026-01-01T00:00:00Z"),
            ),
        ),
        max_size=5,
    )
)
def test_every_record_lands_or_is_odd_whatever_it_holds(records: list[dict[str, object]]) -> None:
    bodies = [json.dumps(record).encode() for record in records]
    _, landed, odd = read_page(page(*bodies))
    places = {each.place for each in odd}
    assert [record.raw for record in landed] == [b for place, b in enumerate(bodies) if place not in places]
    assert [each.raw for each in odd] == [b for place, b in enumerate(bodies) if place in places]
