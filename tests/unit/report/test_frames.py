"""Stacks: what repeats itself, and what makes the signature."""

from crashfarm.documents.finding import Frame
from server.report.frames import Fold, folded
from tests import farms

A, B = Frame(function="a"), Frame(function="b")


def told(*frames: Frame, signature: str = "x") -> tuple[Fold, ...]:
    """The folds of a finding with these frames."""
    return folded(farms.finding(frames=frames, signature=signature))


def test_equal_neighbours_are_told_once_with_their_number() -> None:
    """A frame that comes again later is told again, with its place."""
    assert told(A, A, A, B, A) == (Fold(0, 3, "a"), Fold(3, 1, "b"), Fold(4, 1, "a"))


def test_no_frames_are_no_folds() -> None:
    """A log without a stack."""
    assert told() == ()


def test_frames_say_whether_they_make_the_signature_or_why_they_do_not() -> None:
    """The C library did what it was asked, three frames count, and the fourth is not needed."""
    names = ("memcpy", "list_dealloc", "subtype_dealloc", "PyDict_SetItem", "main_loop")
    found = told(*(Frame(function=name) for name in names), signature="list_dealloc | subtype_dealloc | PyDict_SetItem")
    assert [fold.counts for fold in found] == [False, True, True, True, False]
    assert "it did what it was asked" in found[0].dropped
    assert not any(fold.dropped for fold in found[1:])


def test_a_signature_that_other_rules_made_is_not_explained_by_these() -> None:
    """What it does not name does not count for it."""
    assert not any(fold.counts for fold in told(Frame(function="list_dealloc"), signature="of another time"))


def test_where_a_frame_is_is_told_as_far_as_it_is_known() -> None:
    """File and line, else module and offset, else nothing."""
    frames = (
        Frame(function="f", file="a.c", line=3),
        Frame(function="g", file="a.c"),
        Frame(function="h", module="libc.so.6", offset="0x12"),
        Frame(module="libc.so.6", offset="0x12"),
    )
    assert [fold.where for fold in told(*frames)] == ["a.c:3", "a.c", "libc.so.6 0x12", ""]
    assert told(*frames)[3].name == "libc.so.6"
