"""Ranges: the first bad and the first good build, whatever a flaky crash and missing builds do to mislead."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.branch import Branch, Build
from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Job, Priority
from crashfarm.documents.signature import BuildRange
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.certainty import bisecting, cases, notes, runs
from server.certainty.bisecting import Edge, Verdict
from server.certainty.judging import Bench
from server.certainty.ranging import Question, Ranger
from tests.unit.certainty.farm import PROGRAM, Workers, branch, clock, farm, finding, job, worker

CRASH, OTHER = finding(), finding("other")

Run = Callable[[Job], Sequence[Finding] | None]


# The bisection itself.


@given(
    builds=st.integers(1, 60),
    first=st.integers(0, 60),
    skipped=st.sets(st.integers(0, 60)),
)
def test_bisection_finds_the_edge_among_what_can_be_judged(builds: int, first: int, skipped: set[int]) -> None:
    """Every build that can be judged is on its right side of the answer, and what lies between cannot be."""
    first = min(first, builds - 1)
    skipped = {at for at in skipped if at < builds - 1}

    def ask(at: int) -> Verdict:
        return Verdict.SKIP if at in skipped else Verdict.BAD if at >= first else Verdict.GOOD

    edge = bisecting.first_bad(builds, ask)
    judged = [at for at in range(builds) if at not in skipped]
    assert edge.bad == min(at for at in judged if at >= first)
    assert edge.good == max((at for at in judged if at < first), default=None)
    between = range(0 if edge.good is None else edge.good + 1, edge.bad)
    assert edge.skipped == tuple(between)


@given(builds=st.integers(2, 500), first=st.integers(1, 499))
def test_bisection_asks_no_more_than_it_has_to(builds: int, first: int) -> None:
    """One for the first build, then one for each halving."""
    first = min(first, builds - 1)
    asked: list[int] = []

    def ask(at: int) -> Verdict:
        asked.append(at)
        return Verdict.BAD if at >= first else Verdict.GOOD

    bisecting.first_bad(builds, ask)
    assert len(asked) == len(set(asked)) <= bisecting.questions(builds)


def test_nothing_is_asked_behind_a_first_build_that_is_bad() -> None:
    """It was always there, as far as the list goes."""
    assert bisecting.first_bad(9, lambda at: Verdict.BAD) == Edge(None, 0)
    assert bisecting.first_bad(1, lambda at: Verdict.GOOD) == Edge(None, 0)


# On a farm.


def archive(*names: str, missing: Sequence[str] = ()) -> Branch:
    """Branch 1 with these builds, oldest first; the missing ones are named, but nobody has them."""
    build = {"release": {"Linux": Build(command=(PROGRAM, "{input}"))}}
    return branch("1", history=names, archive={name: build for name in names if name not in missing})


def ranger(here: Farm, run: Run, seen: Job | None = None, **question: object) -> tuple[Ranger, Workers]:
    """For a crash seen on the current build."""
    first = seen or job()
    here.status.put(first.to_doc())
    workers = Workers(here, run)
    result = workers.record(Job.from_doc(here.status.get(first.id) or {}), [CRASH])
    case = cases.load(here, result.id)
    bench = Bench(here, case, runs.Runs(here, case.shown_by, workers.work), clock)
    asked = Question(**{"branch": "1"} | question)
    return Ranger(bench, asked, lambda words: None), workers


def since(*names: str) -> Run:
    """Crashes on these builds only."""
    return lambda one: [CRASH] if one.build in names else []


def test_first_bad_build_is_found_and_kept() -> None:
    """By jobs that a person's would not have to wait for, on the document about the signature."""
    here = farm(archive("1", "2", "3", "4", "5", "6"), worker("a"))
    made, workers = ranger(here, since("5", "6", ""))
    found = made.find()
    assert (found.last_good, found.first_bad, found.skipped) == ("4", "5", ())
    assert (found.product, found.branch, found.buildtype) == ("prog", "1", "release")
    assert notes.find(here.history, cases.load(here, "result:1").signature).range == found
    assert {(one.source, one.priority) for one in workers.ran} == {("range:result:1", Priority.PERSON)}
    assert all(one.probe for one in workers.ran)
    assert found.runs == len(workers.ran)


def test_another_crash_does_not_mislead() -> None:
    """Only the same signature counts."""
    here = farm(archive("1", "2", "3", "4"), worker("a"))
    made, _ = ranger(here, lambda one: [CRASH] if one.build in ("4", "") else [OTHER])
    assert made.find().first_bad == "4"


def test_missing_builds_and_those_that_do_not_run_are_passed_over() -> None:
    """A missing one without a run; both are told of if the edge lies there."""
    here = farm(archive("1", "2", "3", "4", "5", missing=("3",)), worker("a"))
    made, workers = ranger(here, lambda one: {"1": [], "2": [], "4": None}.get(one.build, [CRASH]))
    found = made.find()
    assert (found.last_good, found.first_bad, found.skipped) == ("2", "5", ("3", "4"))
    assert "3" not in {one.build for one in workers.ran}


def test_crash_that_was_always_there_has_no_last_good_build() -> None:
    """And costs no more than the first build."""
    here = farm(archive("1", "2", "3", "4"), worker("a"))
    made, workers = ranger(here, lambda one: [CRASH])
    found = made.find()
    assert (found.last_good, found.first_bad) == ("", "1")
    assert {one.build for one in workers.ran} == {"", "1"}


def test_first_good_build_is_found_behind_the_bad_one() -> None:
    """What is known of the other edge stays."""
    here = farm(archive("1", "2", "3", "4", "5"), worker("a"))
    first, _ = ranger(here, since("2", "3"), job(build="2"))
    assert (first.find().last_good, first.find().first_bad) == ("1", "2")
    case = cases.load(here, "result:1")
    workers = Workers(here, since("2", "3"))
    bench = Bench(here, case, runs.Runs(here, case.shown_by, workers.work), clock)
    found = Ranger(bench, Question(branch="1", first_good=True), lambda words: None).find()
    assert (found.last_bad, found.first_good) == ("3", "4")
    assert (found.last_good, found.first_bad) == ("1", "2")


def test_crash_that_is_not_gone_has_no_first_good_build() -> None:
    """The current build shows it."""
    here = farm(archive("1", "2", "3"), worker("a"))
    made, _ = ranger(here, lambda one: [CRASH], job(build="2"), first_good=True)
    found = made.find()
    assert (found.last_bad, found.first_good) == ("current", "")


def test_asking_again_runs_nothing_again() -> None:
    """Whoever was interrupted goes on."""
    here = farm(archive("1", "2", "3", "4"), worker("a"))
    made, workers = ranger(here, since("3", "4", ""))
    found = made.find()
    workers.ran.clear()
    case = cases.load(here, "result:1")
    bench = Bench(here, case, runs.Runs(here, case.shown_by, workers.work), clock)
    again = Ranger(bench, Question(branch="1"), lambda words: None).find()
    assert (again.last_good, again.first_bad) == (found.last_good, found.first_bad)
    assert workers.ran == []


@pytest.mark.parametrize(
    ("here", "seen", "question", "words"),
    [
        (farm(branch("1"), worker("a")), job(), {}, "branch:prog:1 has no list of builds"),
        (farm(archive("1"), worker("a")), job(), {"branch": "9"}, "there is no branch 9 of prog"),
        (farm(archive("1"), worker("a")), job(build="7"), {}, "does not list the build '7'"),
        (farm(archive("1", "2"), worker("a")), job(build="1"), {}, "lists no build that is older than 1"),
        (farm(archive("1", "2"), worker("a")), job(), {"first_good": True}, "no build that is newer than current"),
        (farm(archive("1", "2")), job(), {}, "no live worker can run"),
        (farm(archive("1", "2"), worker("a")), job(), {"repeats": 3}, "did not show again on current: 0 of 3 runs"),
    ],
)
def test_what_cannot_be_bisected_is_said(here: Farm, seen: Job, question: dict[str, object], words: str) -> None:
    """With what is missing."""
    with pytest.raises(InputError, match=words):
        made, _ = ranger(here, lambda one: [], seen, **question)
        made.find()


def flaky(rng: random.Random, first: int, rate: float, broken: set[str]) -> Run:
    """Shows with that rate from a build on, on broken builds never runs, and now and then crashes otherwise."""

    def run(one: Job) -> list[Finding] | None:
        if one.build in broken:
            return None
        at = int(one.build) if one.build else 10**6
        if at >= first and rng.random() < rate:
            return [CRASH]
        return [OTHER] if rng.random() < 0.3 else []

    return run


def flaky_answer(rng: random.Random) -> tuple[BuildRange, str, str] | None:
    """One random history bisected, with what would have been right; None where the crash did not show again at all."""
    count = rng.randint(2, 40)
    first, rate = rng.randint(1, count), rng.uniform(0.2, 1.0)
    names = [str(number) for number in range(count)]
    missing = {name for name in names if rng.random() < 0.1}
    broken = {name for name in names if rng.random() < 0.1}
    here = farm(archive(*names, missing=tuple(missing)), worker("a", slots=3))
    made, _ = ranger(here, flaky(rng, first, rate, broken), repeats=10)
    judged = [name for name in names if name not in missing | broken]
    good = next((name for name in reversed(judged) if int(name) < first), "")
    bad = next((name for name in judged if int(name) >= first), "current")
    try:
        return made.find(), good, bad
    except InputError:
        return None


def test_flaky_crashes_mislead_no_more_often_than_stated() -> None:
    """Random histories with missing and broken builds, and other crashes: at most one answer in twenty is wrong."""
    rng = random.Random(20261122)
    answers = [found for found in (flaky_answer(rng) for _ in range(60)) if found]
    wrong = [found for found, good, bad in answers if (found.last_good, found.first_bad) != (good, bad)]
    assert len(answers) > 50
    assert len(wrong) / len(answers) <= 0.05
