"""Scores: what so many runs of which so many showed it tell."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.certainty.score import Score


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Any score."""
    ran = draw(st.integers(0, 200))
    return Score(draw(st.integers(0, ran)), ran)


@given(score=scores())
def test_interval_holds_the_rate(score: Score) -> None:
    """And lies between nothing and everything."""
    low, high = score.interval
    assert 0.0 <= low <= high <= 1.0
    assert score.rate is None or low - 1e-9 <= score.rate <= high + 1e-9


@pytest.mark.parametrize(
    ("seen", "ran", "low", "high"), [(0, 0, 0, 1), (5, 5, 0.5655, 1), (0, 10, 0, 0.2775), (81, 263, 0.2553, 0.3662)]
)
def test_interval_is_wilsons(seen: int, ran: int, low: float, high: float) -> None:
    """The last one is the example of Newcombe, 1998."""
    assert Score(seen, ran).interval == pytest.approx((low, high), abs=5e-4)


@given(score=scores(), error=st.floats(0.001, 0.5))
def test_misses_needed_is_the_least_number(score: Score, error: float) -> None:
    """The chance of missing it so often, by the formula itself, is at most the error; one less would not do."""

    def chance(runs: int) -> float:
        left = 1.0
        for i in range(runs):
            left *= (score.ran - score.seen + 1 + i) / (score.ran + 2 + i)
        return left

    needed = score.misses_needed(error, most=10_000)
    assert chance(needed) <= error or needed == 10_000
    assert needed == 0 or chance(needed - 1) > error


def test_misses_needed_grow_as_it_shows_more_rarely() -> None:
    """What always shows needs a few runs, what shows one time in ten some dozens; nobody waits for ever."""
    needed = [Score(seen, 10).misses_needed(0.01) for seen in (10, 5, 1)]
    assert needed == sorted(needed)
    assert needed[0] <= 3
    assert Score(0, 10).misses_needed(0.0, most=50) == 50


def test_stated_error_is_kept_on_average() -> None:
    """Rates drawn evenly, scored by ten runs: it is missed wrongly about as often as stated, not more."""
    rng = random.Random(5)
    wrong = 0
    for _ in range(2000):
        rate = rng.random()
        score = Score(sum(rng.random() < rate for _ in range(10)), 10)
        wrong += all(rng.random() >= rate for _ in range(score.misses_needed(0.05)))
    assert wrong / 2000 < 0.06


def test_words_tell_runs_share_and_interval() -> None:
    """As people read it."""
    assert Score(3, 5).words() == "3 of 5 runs, 60 % (23 % to 88 %)"
    assert Score().words() == "no run yet"
