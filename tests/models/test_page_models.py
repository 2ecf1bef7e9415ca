"""Pages behave as the sequences they are, and envelopes of every kind decode."""

from __future__ import annotations

import msgspec
import pytest

from servicetitan_crm_async.models import Envelope, FeedPage, Page, TagType

RED = TagType(id=1, name="Red", color="#f00", active=True)
BLUE = TagType(id=2, name="Blue", color="#00f", active=True)
DATA = b'"data":[{"id":1,"name":"Red","color":"#f00","active":true}]'


def test_a_page_is_a_sequence_of_its_records() -> None:
    page = Page(data=(RED, BLUE), page=1, page_size=2, has_more=True)
    assert list(page) == [RED, BLUE]
    assert len(page) == 2
    assert page[0] is RED
    assert page[-1] is BLUE
    assert page[1:] == (BLUE,)
    assert RED in page
    assert page.total_count is None
    with pytest.raises(IndexError):
        page[2]


def test_an_empty_page_is_falsy_and_may_have_a_successor() -> None:
    page: Page[TagType] = Page(data=(), page=3, page_size=50, has_more=True)
    assert not page
    assert page.has_more


def test_a_page_is_immutable_and_hashable() -> None:
    page = Page(data=(RED,), page=1, page_size=1, has_more=False)
    assert len({page, Page(data=(RED,), page=1, page_size=1, has_more=False)}) == 1
    with pytest.raises(AttributeError):
        page.page = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("body", "envelope"),
    [
        (
            b'{"page":2,"pageSize":50,"hasMore":true,"totalCount":120,%s}' % DATA,
            Envelope(data=(RED,), page=2, page_size=50, has_more=True, total_count=120),
        ),
        (
            b'{"page":1,"pageSize":50,"hasMore":false,"totalCount":null,%s}' % DATA,
            Envelope(data=(RED,), page=1, page_size=50, has_more=False),
        ),
        (b"{%s}" % DATA, Envelope(data=(RED,))),
    ],
    ids=["counted", "uncounted", "data alone"],
)
def test_an_envelope_of_each_kind(body: bytes, envelope: Envelope[TagType]) -> None:
    assert msgspec.json.decode(body, type=Envelope[TagType]) == envelope


def test_an_envelope_without_data_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="data"):
        msgspec.json.decode(b'{"page":1}', type=Envelope[TagType])


def test_the_records_of_an_envelope_are_checked() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.data\[0\]\.id"):
        msgspec.json.decode(DATA.join((b"{", b"}")).replace(b"1", b"null"), type=Envelope[TagType])


def test_an_envelope_can_carry_bare_numbers_and_raw_records() -> None:
    assert msgspec.json.decode(b'{"data":[1,2]}', type=Envelope[int]).data == (1, 2)
    raw = msgspec.json.decode(b'{"data":[{"id":1}]}', type=Envelope[msgspec.Raw])
    assert [bytes(record) for record in raw.data] == [b'{"id":1}']


def test_a_page_of_a_feed() -> None:
    page = msgspec.json.decode(b'{"hasMore":false,"continueFrom":"t0ken",%s}' % DATA, type=FeedPage[TagType])
    assert page == FeedPage(data=(RED,), has_more=False, continue_from="t0ken")
    assert list(page) == [RED]
    assert len(page) == 1


@pytest.mark.parametrize("body", [b'{"hasMore":false,"data":[]}', b'{"continueFrom":"x","data":[]}'])
def test_a_page_of_a_feed_needs_its_cursor(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=FeedPage[TagType])
