"""What the collector does by itself: has new findings reproduced, and keeps the scores of those that are."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from crashfarm.documents.finding import Finding
from crashfarm.documents.history import Sighting, history_of
from crashfarm.documents.job import Priority
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InputError, InvalidDocument
from crashfarm.queue import JobQueue
from crashfarm.settings import Farm
from crashfarm.times import Clock, from_text
from server.certainty import cases, notes, reproducing
from server.certainty.cases import Case
from server.collector.duty import Changed, Duty

log = logging.getLogger("crashfarm.collector")

MOST_WAITING = 200
"""While so many jobs of the highest priority wait, no further finding is reproduced by itself."""

MOST_A_DAY = 2000
"""Jobs that collectors queue within a day."""

ONCE_IN = timedelta(days=1)
"""A signature that was reproduced within this time is not reproduced again when it turns up at another place."""


def make(farm: Farm, clock: Clock) -> Sequence[Duty]:
    """The duties about certainty."""
    keeper = Reproducer(farm, clock)
    return [Duty(name="reproduce", prefix="result:", do=keeper.look, from_now=True)]


class Reproducer:
    """Looks at new results."""

    def __init__(self, farm: Farm, clock: Clock) -> None:
        self._farm = farm
        self._clock = clock
        self._day = ""
        self._queued_today = 0
        self._told = False

    def look(self, changed: Sequence[Changed]) -> int:
        """Reproduce what these results show for the first time; keep the scores of those that are repetitions."""
        results = [result for one in changed if (result := _read(one)) and not result.probe]
        self._keep_scores(results)
        return sum(self._reproduce(result) for result in self._new(results))

    def _keep_scores(self, results: Iterable[Result]) -> None:
        prefix = f"{reproducing.PURPOSE}:"
        for name in sorted({result.source for result in results if result.source.startswith(prefix)}):
            if doc := self._farm.history.get(name.removeprefix(prefix)):
                self._keep_score(Result.from_doc(doc))

    def _keep_score(self, first: Result) -> None:
        for note in map(SignatureNote.of, first.findings):
            found = reproducing.outcome(self._farm, first, note.id)
            reproducing.keep_score(self._farm, note, found, self._clock)

    def _new(self, results: Iterable[Result]) -> list[Result]:
        """Those of the farm's own jobs' results that were the first to show one of their tuples."""
        firsts = {
            history_of(_sighting(finding, result)).id: result
            for result in results
            if not cases.is_farm_made(result.source)
            for finding in result.findings
        }
        rows = self._farm.history.all_docs(keys=list(firsts), include_docs=True).rows if firsts else ()
        present = [row.doc for row in rows if row.doc and not row.doc.get("suppressed")]
        found = [firsts[doc["_id"]] for doc in present if doc["first_seen"] == firsts[doc["_id"]].completed_at]
        return list({result.id: result for result in found}.values())

    def _reproduce(self, result: Result) -> int:
        try:
            case = cases.load(self._farm, result.id)
        except InputError as exc:
            log.info("not reproduced: %s", exc)
            return 0
        if case.job.priority == Priority.REPRODUCE or self._was_reproduced(case) or self._is_enough():
            return 0
        jobs = reproducing.plan_for(self._farm, case, reproducing.REPEATS, self._clock)
        queued = reproducing.begin(self._farm, case, jobs, self._clock)
        self._queued_today += queued
        return queued

    def _was_reproduced(self, case: Case) -> bool:
        """Whether all its signatures were reproduced a short while ago, be it with another input."""
        found = [notes.read(self._farm.history, SignatureNote.of(finding)) for finding in case.result.findings]
        recent = self._clock() - ONCE_IN
        return all(note.reproduction and from_text(note.reproduction.at) > recent for note in found)

    def _is_enough(self) -> bool:
        """Whether a flood of findings has to wait for people to choose; said once."""
        today = self._clock().strftime("%Y-%m-%d")
        if today != self._day:
            self._day, self._queued_today, self._told = today, self._queued_already(), False
        waiting = sum(one.count for one in JobQueue(self._farm.status).waiting() if one.priority == Priority.REPRODUCE)
        enough = waiting >= MOST_WAITING or self._queued_today >= MOST_A_DAY
        if enough and not self._told:
            self._told = True
            log.warning(
                "too many new findings: %d reproductions wait and %d were queued today; further ones are not "
                "reproduced by themselves (crashfarm reproduce RESULT does it by hand)",
                waiting,
                self._queued_today,
            )
        return enough

    def _queued_already(self) -> int:
        """How many reproductions there are of results whose jobs are of today: a restart does not begin anew."""
        today = f"{reproducing.PURPOSE}:result:{self._clock():%Y%m%d}"
        rows = self._farm.status.view("jobs", "by_source", startkey=[today], endkey=[today + "\ufff0", {}]).rows
        return sum(int(row.value) for row in rows)


def _sighting(finding: Finding, result: Result) -> Sighting:
    return Sighting(
        finding=finding, environment=result.environment, seen_at=result.completed_at, place=result.input_name
    )


def _read(changed: Changed) -> Result | None:
    try:
        return Result.from_doc(changed.doc) if changed.doc else None
    except InvalidDocument:
        return None
