"""The lists of frames that tell nothing are asked in short ways, which must answer as the long ones do."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashfarm.documents.finding import Frame
from crashfarm.understand import lists, signatures

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
    ("entry", "character"),
    [("abc", "a"), ("ab|cd", ""), ("a(?:b|c)d", "a"), ("(?:a|b)", ""), ("a?b", ""), (r"a\(|b", "")],
)
def test_what_an_entry_begins_with_is_told_only_where_it_is_sure(entry: str, character: str) -> None:
    """An alternative outside of all groups may begin otherwise."""
    assert lists._begins(entry) == character


@given(st.from_regex(r"\A[A-Za-z_]\w{0,30}\Z"))
def test_a_plain_name_is_told_as_siggen_tells_it(function: str) -> None:
    """What has nothing to leave out is not looked through."""
    frame = Frame(function=function, file="a.c", line=7)
    long_way = signatures._NAMES.normalize_frame(function=function, file="a.c", line=7)
    assert signatures.name(frame) == long_way
