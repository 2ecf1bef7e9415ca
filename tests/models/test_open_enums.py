"""Vocabularies stay open: an unknown word costs no record and is sent back as it came."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from servicetitan_crm_async import models
from servicetitan_crm_async.models import Active, BookingStatus, LeadStatus, OpenEnum

VOCABULARIES = [
    kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, OpenEnum)
]
every_vocabulary = pytest.mark.parametrize("kind", [kind for kind in VOCABULARIES if kind is not OpenEnum])


@every_vocabulary
def test_a_known_word_is_its_member(kind: type[OpenEnum]) -> None:
    for member in kind:
        assert kind(member.value) is member
        assert member.known
        assert msgspec.json.decode(msgspec.json.encode(member), type=kind) is member


@every_vocabulary
@pytest.mark.parametrize("word", ["Parked", "", "open", "Ünknown", "with space"])
def test_an_unknown_word_goes_round_unchanged(kind: type[OpenEnum], word: str) -> None:
    body = msgspec.json.encode(word)
    member = msgspec.json.decode(body, type=kind)
    assert isinstance(member, kind)
    assert member == word
    assert (member.value, member.known) == (word, False)
    assert msgspec.json.encode(member) == body
    assert f"{member}" == word


def test_unknown_words_compare_and_hash_as_their_text() -> None:
    assert LeadStatus("Parked") == LeadStatus("Parked")
    assert LeadStatus("Parked") != LeadStatus("Frozen")
    assert {LeadStatus("Parked"), "Parked"} == {"Parked"}


def test_an_unknown_word_does_not_become_a_member() -> None:
    LeadStatus("Parked")
    assert [status.value for status in LeadStatus] == ["Open", "Dismissed", "Converted"]


def test_an_unknown_word_pickles_and_copies() -> None:
    status = BookingStatus("Parked")
    for again in (pickle.loads(pickle.dumps(status)), copy.copy(status), copy.deepcopy(status)):
        assert again == status
        assert type(again) is BookingStatus


@pytest.mark.parametrize("body", [b"1", b"true", b"[]", b"null"])
def test_what_is_no_text_is_no_word(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=LeadStatus)


def test_what_is_no_text_is_refused_in_python_too() -> None:
    with pytest.raises(ValueError, match="1 is not a valid LeadStatus"):
        LeadStatus(1)  # type: ignore[arg-type]


def test_a_record_with_an_unknown_word_is_read() -> None:
    lead = msgspec.json.decode(
        b'{"id":1,"status":"Parked","priority":"Someday",'
        b'"createdOn":"2020-01-01T00:00:00Z","modifiedOn":"2020-01-01T00:00:00Z"}',
        type=models.Lead,
    )
    assert (lead.status, lead.priority) == ("Parked", "Someday")
    assert "'Parked'" in repr(lead)


def test_the_filter_words_are_those_of_the_service() -> None:
    assert [str(active) for active in Active] == ["True", "Any", "False"]
