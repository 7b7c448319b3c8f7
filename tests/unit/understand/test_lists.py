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
    """Entries that cannot fit, by the first character of the text, are not tried; nothing else is passed over."""
    frame = Frame(function=function, file=file)
    assert asked_short(frame, language) == asked_one_by_one(frame, language)


@settings(max_examples=50)
@given(st.sampled_from(ENTRIES).flatmap(lambda one: st.tuples(st.just(one), st.from_regex(rf"\A(?:{one[1]})"))))
def test_what_an_entry_fits_is_left_out(one: tuple[tuple[str, str, str], str]) -> None:
    """However it begins."""
    (field, _, language), text = one
    assert asked_short(Frame(**{field: text}), language)


@pytest.mark.parametrize(
    ("entry", "characters"),
    [
        ("abc", "a"),
        ("ab|cd", "ac"),
        ("(?:ab|_)d", "a_"),
        ("_*(?:x|y)?z", "_xyz"),
        (r"\(a|b+", "(b"),
        ("(?:a(?:b|[)c]*)|d)", "ad"),
        ("(?:a|)b", "ab"),
        ("a?", None),
        ("(?:a|b*)", None),
        (".*a", None),
        ("[ab]c", None),
        (r"\w", None),
        ("a{0,2}b", None),
        ("(?i:a)", None),
        ("(?:a|[|])?b", None),
        ("", None),
    ],
)
def test_what_an_expression_begins_with_is_told_only_where_it_is_sure(entry: str, characters: str | None) -> None:
    """Sets, classes and what need not be there may begin otherwise."""
    assert beginnings.of(entry) == (None if characters is None else {*characters})


@pytest.mark.parametrize(
    ("entry", "fits"),
    [("(?:.*::)?abort$", "a"), ("(?:[a ]+\\s)?std::", ""), ("(?:a|b)::c", "ab"), ("x|std::", "xs")],
)
def test_a_text_without_scopes_needs_fewer_entries(entry: str, fits: str) -> None:
    """What is left out of them cannot fit it."""
    assert "".join(first for first in "abcsx" if lists.may_fit(entry, first, scoped=False)) == "".join(sorted(fits))
