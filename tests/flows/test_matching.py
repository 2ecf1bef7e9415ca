"""Spellings that mean the same are the same, and those that may are doubtful."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicetitan_crm_async.flows.matching import Fit, Place, name_key, phone_key, phone_spellings
from servicetitan_crm_async.models import Address


def place(street: str, unit: str | None = None, zip: str = "01970", city: str = "Salem") -> Place:
    return Place.of(Address(street=street, unit=unit, city=city, state="MA", zip=zip, country="USA"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ann O'Brien", "ann obrien"),
        ("Ann O\u2019Brien", "O'Brien, Ann"),
        ("José  Peña", "jose pena"),
        ("Smith & Sons, Inc.", "SMITH AND SONS INC"),
        ("J.P. Ruiz", "JP Ruiz"),
    ],
)
def test_names_are_the_same_whatever_their_case_accents_punctuation_and_order(one: str, other: str) -> None:
    assert name_key(one) == name_key(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Ann Ruiz", "Anna Ruiz"), ("Smith", "Smith Smith")])
def test_other_names_are_other_names(one: str, other: str) -> None:
    assert name_key(one) != name_key(other)


def test_a_name_without_letters_has_no_key() -> None:
    assert name_key(" -?- ") == ""


@pytest.mark.parametrize(
    ("number", "key"),
    [
        ("(555) 010-7788", "5550107788"),
        ("+1 555 010 7788", "5550107788"),
        ("1.555.010.7788 ext. 12", "5550107788"),
        ("5550107788 x12", "5550107788"),
        ("555-010-7788 #3", "5550107788"),
        ("011 44 20 7946 0958", "442079460958"),
        ("+44 20 7946 0958", "442079460958"),
        ("0044 20 7946 0958", "442079460958"),
        ("010-7788", "0107788"),
        ("911", ""),
        ("none", ""),
    ],
)
def test_a_number_is_known_by_the_digits_that_are_dialled(number: str, key: str) -> None:
    assert phone_key(number) == key


def test_a_number_is_asked_for_as_it_may_have_been_entered() -> None:
    assert phone_spellings("+1 (555) 010-7788 x9") == ("5550107788", "15550107788", "155501077889")
    assert phone_spellings("911") == ()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (place("12 North Main Street"), place("12 n. main st")),
        (place("9 Saint Mary's Avenue"), place("9 St Marys Ave.")),
        (place("9 Elm Ave", "Apt 4-B"), place("9 Elm Ave Apartment 4B")),
        (place("9 Elm Ave", "#4b"), place("9 elm av #4B")),
        (place("Unit 7, 9 Elm Ave"), place("9 Elm Ave", "7")),
        (place("12 Main St", zip="01970-1234"), place("12 Main St", zip="019701234")),
        (place("12 Main St", city="Salem Town"), place("12 Main St")),
        (place("12 Main St", zip="", city="St. Louis"), place("12 Main St", city="saint louis")),
        (place("1 Bank St", zip="K1A 0B1"), place("1 Bank Street", zip="k1a0b1")),
    ],
)
def test_a_place_is_the_same_in_every_way_to_write_it(one: Place, other: Place) -> None:
    assert one.fit(other) is other.fit(one) is Fit.PERFECT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (place("12 Main St"), place("12 Main Ave")),
        (place("12 Main St"), place("121 Main St")),
        (place("12 N Main St"), place("12 S Main St")),
        (place("12 Main St", "4"), place("12 Main St", "5")),
        (place("12 Main St"), place("12 Main St", zip="02108")),
        (place("12 Main St", zip=""), place("12 Main St", city="Boston")),
        (place(""), place("")),
    ],
)
def test_other_places_are_other_places(one: Place, other: Place) -> None:
    assert one.fit(other) is other.fit(one) is Fit.NOT


def test_a_unit_that_one_side_leaves_out_is_doubtful() -> None:
    assert place("12 Main St", "4").fit(place("12 Main St")) is Fit.DOUBTFUL


STREETS = st.sampled_from(["North Main Street", "N Main St", "Élan Court", "East 5th Avenue", "Broadway"])


@given(STREETS, st.integers(1, 9999), st.sampled_from(["", " Apt 4", " #12"]))
def test_what_the_street_is_searched_with_is_in_every_spelling_of_it(
    street: str, number: int, unit: str
) -> None:
    wanted = place(f"{number} {street}{unit}")
    abbreviated = f"{number} {street}".replace("North", "N").replace("Street", "St").replace("East", "E")
    assert wanted.fit_any([place(abbreviated + unit)]) is Fit.PERFECT
    assert wanted.street_filter is not None
    if street.isascii():
        assert wanted.street_filter in abbreviated.lower()


@given(st.text(max_size=30))
def test_a_name_is_not_told_from_itself_in_other_clothes(name: str) -> None:
    assert name_key(name) == name_key(f"  {name},") == name_key(name.casefold())


@given(st.text(max_size=40), st.text(max_size=10), st.text(max_size=10))
def test_any_text_makes_a_place(street: str, unit: str, zip: str) -> None:
    made = place(street, unit, zip)
    assert made.fit(made) in (Fit.PERFECT, Fit.NOT)
    assert made.street_filter != ""
    assert made.zip_filter != ""
