"""Since which build of a branch does a case's signature show, and with which was it gone: asked by jobs."""

import math
from collections.abc import Callable

import msgspec

from crashfarm import times
from crashfarm.documents.branch import Branch, branch_id
from crashfarm.documents.job import Priority
from crashfarm.documents.signature import BuildRange, SignatureNote
from crashfarm.errors import InputError
from server.certainty import bisecting, notes, repeats
from server.certainty.bisecting import Edge, Verdict
from server.certainty.judging import Bench
from server.certainty.repeats import Variation
from server.certainty.runs import End
from server.certainty.score import Score

PURPOSE = "range"

CURRENT = ""
"""The name by which jobs call a branch's current build, which comes after all builds of its history."""

ERROR = 0.05
"""How often at most an answer may be wrong because a flaky crash did not show."""

Told = Callable[[str], None]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: on which branch, with what probability of being wrong, and of which end of the story."""

    branch: str
    error: float = ERROR
    repeats: int = 5
    first_good: bool = False


class Ranger:
    """Judges the builds of one branch for a case."""

    def __init__(self, bench: Bench, question: Question, told: Told) -> None:
        self._bench = bench
        self._question = question
        self._told = told
        self._branch = _branch(bench, question.branch)
        self._score = Score()
        self._builds: list[str] = []
        self._slots = bench.slots()

    def find(self) -> BuildRange:
        """Bisect, and write what was found on the signature. Raises InputError where there is nothing to bisect."""
        bad = self._known_bad()
        self._builds = self._stretch(bad)
        self._score = self._prove(bad)
        edge = bisecting.first_bad(len(self._builds), self._ask, self._tell_left)
        return self._keep(edge)

    def _known_bad(self) -> str:
        """The build with which the case was seen; on another branch, its current one."""
        case = self._bench.case
        return case.job.build if self._branch.branch == case.result.branch else CURRENT

    def _stretch(self, bad: str) -> list[str]:
        """The builds to look among, the known bad one last: those before it, or those after it in reverse."""
        everything = [*self._branch.history, CURRENT]
        if not self._branch.history:
            raise InputError(f"{self._branch.id} has no list of builds ('history') to look among")
        if bad not in everything:
            raise InputError(f"{self._branch.id} does not list the build {bad!r}")
        at = everything.index(bad)
        builds = everything[at:][::-1] if self._question.first_good else everything[: at + 1]
        if len(builds) < 2:
            side = "newer" if self._question.first_good else "older"
            raise InputError(f"{self._branch.id} lists no build that is {side} than {shown(bad)}")
        return builds

    def _prove(self, build: str) -> Score:
        """How surely it shows where it is known to."""
        self._told(f"repeating it on {shown(build)}")
        jobs = [self._variation(build, number) for number in range(self._question.repeats)]
        self._run(jobs)
        score = self._scored(jobs)
        if not score.seen:
            raise InputError(f"the signature did not show again on {shown(build)}: {score.words()}")
        return score

    def _ask(self, at: int) -> Verdict:
        """Judge a build: bad as soon as it shows once, good when it was missed often enough."""
        build = self._builds[at]
        if self._branch.build(self._bench.case.result.buildtype, self._bench.case.result.os_name, build) is None:
            return Verdict.SKIP
        self._told(f"asking {shown(build)}")
        tried: list[Variation] = []
        while (wave := self._wave(build, len(tried))) and not self._is_settled(tried):
            self._run(wave)
            tried += wave
        return self._verdict(tried)

    def _wave(self, build: str, done: int) -> list[Variation]:
        """The next runs of a build, as many as can be done at once; none when it was missed often enough."""
        share = self._question.error / bisecting.questions(len(self._builds))
        left = max(1, self._score.misses_needed(share)) - done
        return [self._variation(build, done + number) for number in range(min(left, self._slots))]

    def _is_settled(self, tried: list[Variation]) -> bool:
        return any(end in (End.SEEN, End.UNTESTABLE) for end in self._ends(tried))

    def _verdict(self, tried: list[Variation]) -> Verdict:
        ends = self._ends(tried)
        if End.SEEN in ends:
            # What was seen on the way tells more of how surely it shows.
            self._score += self._scored(tried)
            return Verdict.BAD
        return Verdict.SKIP if End.UNTESTABLE in ends else Verdict.GOOD

    def _variation(self, build: str, repeat: int) -> Variation:
        own = repeats.same_place(self._bench.case)
        return msgspec.structs.replace(own, branch=self._branch.branch, build=build, repeat=repeat)

    def _id(self, variation: Variation) -> str:
        return repeats.job(self._bench.case, PURPOSE, variation, Priority.PERSON, self._bench.clock).id

    def _run(self, wanted: list[Variation]) -> None:
        runs, case, clock = self._bench.runs, self._bench.case, self._bench.clock
        jobs = [repeats.job(case, PURPOSE, one, Priority.PERSON, clock) for one in wanted]
        runs.start(jobs)
        runs.wait([job.id for job in jobs])

    def _ends(self, tried: list[Variation]) -> list[End | None]:
        return [self._bench.runs.end(self._id(one)) for one in tried]

    def _scored(self, tried: list[Variation]) -> Score:
        return self._bench.runs.score(self._id(one) for one in tried)

    def _tell_left(self, left: int) -> None:
        self._told(f"{left} builds left, {math.ceil(math.log2(left + 1))} steps at most")

    def _keep(self, edge: Edge) -> BuildRange:
        """Write the answer on the signature, beside what the other question brought."""
        names = [shown(build) for build in self._builds]
        bad, good = names[edge.bad], "" if edge.good is None else names[edge.good]
        backwards = self._question.first_good
        answer = {"last_bad": bad, "first_good": good} if backwards else {"first_bad": bad, "last_good": good}
        skipped = tuple(names[at] for at in edge.skipped)
        runs, at = self._bench.runs.ran, times.to_text(self._bench.clock())

        def move(note: SignatureNote) -> SignatureNote:
            found = msgspec.structs.replace(self._before(note), **answer, skipped=skipped, runs=runs, at=at)
            return note.evolve(range=found)

        changed = notes.change(self._bench.farm.history, SignatureNote.of(self._bench.case.finding), move)
        return self._before(changed)

    def _before(self, note: SignatureNote | None) -> BuildRange:
        """What is known of the range on this branch and build type."""
        result = self._bench.case.result
        fresh = BuildRange(product=result.product, branch=self._branch.branch, buildtype=result.buildtype)
        known = note.range if note else None
        return known if known and _place(known) == _place(fresh) else fresh


def _place(known: BuildRange) -> tuple[str, str, str]:
    return known.product, known.branch, known.buildtype


def shown(build: str) -> str:
    """A build's name as people read it."""
    return build or "current"


def _branch(bench: Bench, name: str) -> Branch:
    doc = bench.farm.status.get(branch_id(bench.case.result.product, name))
    if doc is None:
        raise InputError(f"there is no branch {name} of {bench.case.result.product}")
    return Branch.from_doc(doc)
