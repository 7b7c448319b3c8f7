"""The lists of frames that tell nothing are asked in short ways, which must answer as the long ones do."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashfarm.documents.finding import Frame
from crashfarm.understand import beginnings, lists

ENTRIES = [
    (field, entry, language)
    for one in lists.all_lists()
    for field, entries in one.entries.items()
    for entry in entries
    for language in sorted(one.languages)
]
SMALL = st.text("_~:<>()?& aefkmrst0", max_size=12)


def asked_short(frame: Frame, language: str) -> bool:
    """What the lists say."""
    return lists.why_dropped(frame, language) is not None


def asked_one_by_one(frame: Frame, language: str) -> bool:
    """Whether any entry of the language's lists fits a frame."""
    return any(
        re.match(entry, getattr(frame, field))
        for one in lists.all_lists()
        if language in one.languages
        for field, entries in one.entries.items()
        if getattr(frame, field)
        for entry in entries
    )


@given(SMALL, SMALL | st.just(""), st.sampled_from(sorted({language for *_, language in ENTRIES})))
def test_a_frame_is_left_out_just_where_an_entry_fits(function: str, file: str, language: str) -> None:
    """Entries that cannot fit, by the first characters of the text, are not tried; nothing else is passed over."""
    frame = Frame(function=function, file=file)
    assert asked_short(frame, language) == asked_one_by_one(frame, language)


@settings(max_examples=50)
@given(st.sampled_from(ENTRIES).flatmap(lambda one: st.tuples(st.just(one), st.from_regex(rf"\A(?:{one[1]})"))))
def test_what_an_entry_fits_is_left_out(one: tuple[tuple[str, str, str], str]) -> None:
    """However it begins."""
    (field, _, language), text = one
    assert asked_short(Frame(**{field: text}), language)


@pytest.mark.parametrize(
    ("entry", "begins"),
    [
        ("abc", "ab"),
        ("ab|cd", "ab cd"),
        ("a|bcd", "a bc"),
        ("(?:ab|_)d", "ab _d"),
        ("_*(?:x|y)?z", "__ _x _y _z xz yz z"),
        ("_*x", "__ _x x"),
        ("_+x", "__ _x"),
        ("(?:ab)*c", "ab c"),
        ("(?:a|b)+c", "aa ab ac ba bb bc"),
        (r"\(a|b+", "(a bb b"),
        ("(?:a(?:b|[)c]*)|d)", "ab a d"),
        ("(?:a|)b", "ab b"),
        ("a$", "a"),
        ("ab?c", "ab ac"),
        ("a.*b", "a"),
        ("a?", None),
        ("(?:a|b*)", None),
        (".*a", None),
        ("[ab]c", None),
        (r"\w", None),
        ("a{0,2}b", None),
        ("ab{0,2}c", "a"),
        ("a*?b", None),
        ("(?i:a)", None),
        ("(?:a|[|])?b", None),
        ("", None),
    ],
)
def test_how_what_an_expression_fits_begins_is_told_only_where_it_is_sure(entry: str, begins: str | None) -> None:
    """Sets, classes and what need not be there may begin otherwise."""
    assert beginnings.of(entry) == (None if begins is None else {*begins.split()})


ATOMS = st.sampled_from(["a", "b", "ab", r"\.", ".", "[ab]", r"\w", "a|b", "a|", "ab|[b]", "a$"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.builds("(?:{}){}{}".format, inner, st.sampled_from(["", "?", "*", "+", "{2}", "*?"]), inner),
    max_leaves=4,
)


@given(EXPRESSIONS, st.text("ab.", max_size=4))
def test_a_text_that_an_expression_fits_has_one_of_its_beginnings(expression: str, text: str) -> None:
    """Whatever it is made of."""
    begins = beginnings.of(expression)
    if begins is not None and re.match(expression, text):
        assert text.startswith(tuple(begins))


@pytest.mark.parametrize(
    ("entry", "fits"),
    [("(?:.*::)?abort$", "ab"), ("(?:[a ]+\\s)?std::", ""), ("(?:a|b)::c", "a: b:"), ("x|std::", "st x x:")],
)
def test_a_text_without_scopes_needs_fewer_entries(entry: str, fits: str) -> None:
    """What is left out of them cannot fit it."""
    begins = ("a", "ab", "a:", "b:", "st", "x", "x:")
    assert [begin for begin in begins if lists.may_fit(entry, begin, scoped=False)] == fits.split()
