"""Stacks that repeat themselves."""

from crashfarm.documents.finding import Frame
from server.report.frames import Fold, folded

A, B = Frame(function="a"), Frame(function="b")


def test_equal_neighbours_are_told_once_with_their_number() -> None:
    """A frame that comes again later is told again, with its place."""
    assert folded([A, A, A, B, A]) == [Fold(A, 0, 3), Fold(B, 3, 1), Fold(A, 4, 1)]


def test_no_frames_are_no_folds() -> None:
    """A log without a stack."""
    assert folded([]) == []
