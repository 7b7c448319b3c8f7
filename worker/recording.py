"""What runs showed, written down: history documents, then results, then the jobs' ends."""

import base64
import logging
from collections.abc import Sequence

import msgspec

from crashfarm.answers import Outcome
from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.environment import Environment
from crashfarm.documents.history import HISTORY_TYPES, History, Sighting, history_of
from crashfarm.documents.result import Result
from crashfarm.errors import Conflict, InvalidDocument
from worker.outbox import Parcel

log = logging.getLogger("crashfarm.worker")

ROUNDS = 20
"""So often a write is tried against other workers who see the same at the same time."""

OUTPUT = "output.txt"


class Recorded(msgspec.Struct, frozen=True):
    """What could not be written: reasons by the ids of the jobs, `refused` for good, or to be tried `again`."""

    refused: dict[str, str]
    again: dict[str, str]


class Recorder:
    """Writes to the farm's history database. Methods raise DatabaseError when the network fails."""

    def __init__(self, history: Database) -> None:
        self._history = history

    def record(self, parcels: Sequence[Parcel]) -> Recorded:
        """Write what the parcels hold. All of it may be written before, in part or in full."""
        results = {parcel.result["job"]: Result.from_doc(parcel.result) for parcel in parcels}
        sightings = {job: _sightings(result) for job, result in results.items()}
        passing = self._merge_histories([sighting for each in sightings.values() for sighting in each])
        again = {job: reason for job, each in sightings.items() if (reason := _first(passing, each))}
        docs = {parcel.result["_id"]: _with_output(parcel) for parcel in parcels if parcel.result["job"] not in again}
        refused, later = self._write_results(docs)
        return Recorded(
            refused={docs[result_id]["job"]: reason for result_id, reason in refused.items()},
            again=again | {docs[result_id]["job"]: reason for result_id, reason in later.items()},
        )

    def _merge_histories(self, sightings: Sequence[Sighting]) -> dict[str, str]:
        """Merge what was seen into the history documents; those that would not change are not written.

        Returns the reasons for those that are to be tried again another time. A refusal is only told to the log.
        """
        wanted = _gather(sightings)
        passing: dict[str, str] = {}
        for _ in range(ROUNDS):
            changed = [history for history in self._merged(wanted) if history is not None]
            outcomes = self._history.bulk([history.to_doc() for history in changed])
            passing |= _told(outcomes, passing=True)
            for history_id, reason in _told(outcomes, passing=False).items():
                log.error("%s was refused: %s", history_id, reason)
            again = {outcome.id for outcome in outcomes if outcome.error == "conflict"}
            wanted = {id: history for id, history in wanted.items() if id in again}
            if not wanted:
                return passing
        raise Conflict(f"{next(iter(wanted))} keeps changing")

    def _merged(self, wanted: dict[str, History]) -> list[History | None]:
        """Each document as it is to be, or None where the farm's says all this already."""
        if not wanted:
            return []
        rows = self._history.all_docs(keys=list(wanted), include_docs=True).rows
        present = {row.doc["_id"]: row.doc for row in rows if row.doc}
        return [_merge(present.get(id), history) for id, history in wanted.items()]

    def _write_results(self, docs: dict[str, Json]) -> tuple[dict[str, str], dict[str, str]]:
        """Create results, or put them in the place of those of lower attempts.

        Returns the reasons for refusals, and for those that are to be tried again another time.
        """
        refused: dict[str, str] = {}
        again: dict[str, str] = {}
        left = docs
        for _ in range(ROUNDS):
            outcomes = self._history.bulk(list(left.values()))
            refused |= _told(outcomes, passing=False)
            again |= _told(outcomes, passing=True)
            met = {outcome.id: left[outcome.id] for outcome in outcomes if outcome.error == "conflict"}
            left = self._newer(met)
            if not left:
                return refused, again
        raise Conflict(f"{next(iter(left))} keeps changing")

    def _newer(self, docs: dict[str, Json]) -> dict[str, Json]:
        """Those that are of a higher attempt than what is there, with the revision that they are to replace."""
        if not docs:
            return {}
        rows = self._history.all_docs(keys=list(docs), include_docs=True).rows
        present = {row.doc["_id"]: row.doc for row in rows if row.doc}
        newer = {}
        for id, doc in docs.items():
            there = present.get(id)
            if there is None:
                newer[id] = {name: value for name, value in doc.items() if name != "_rev"}
            elif there["attempt"] < doc["attempt"]:
                newer[id] = doc | {"_rev": there["_rev"]}
        return newer


def _sightings(result: Result) -> list[Sighting]:
    """What goes into the history: nothing of an experiment."""
    if result.probe:
        return []
    environment = Environment.of(result)
    return [
        Sighting(
            finding=finding,
            environment=environment,
            seen_at=result.completed_at,
            place=finding.input or result.input_name,
        )
        for finding in result.findings
    ]


def _gather(sightings: Sequence[Sighting]) -> dict[str, History]:
    """One document for each tuple."""
    gathered: dict[str, History] = {}
    for sighting in sightings:
        history = history_of(sighting)
        before = gathered.get(history.id)
        gathered[history.id] = before.merge(history) if before else history
    return gathered


def _merge(present: Json | None, seen: History) -> History | None:
    if present is None:
        return seen
    try:
        before = HISTORY_TYPES[seen.TYPE].from_doc(present)
    except InvalidDocument:
        # Broken by hand: the tuple is in its id, so what we saw is as good a document as any.
        return seen.evolve(rev=present["_rev"])
    after = before.merge(seen)
    return None if after == before else after


def _with_output(parcel: Parcel) -> Json:
    texts = {**parcel.attachments, OUTPUT: parcel.output}
    return parcel.result | {"_attachments": {name: _attachment(text) for name, text in texts.items()}}


def _attachment(text: bytes) -> Json:
    """As text, which the database compresses."""
    return {"content_type": "text/plain; charset=utf-8", "data": base64.b64encode(text).decode()}


def _first(passing: dict[str, str], sightings: Sequence[Sighting]) -> str:
    """Why one of these sightings could not be written yet, or nothing."""
    reasons = (passing.get(history_of(sighting).id, "") for sighting in sightings) if passing else iter(())
    return next(filter(None, reasons), "")


def _told(outcomes: Sequence[Outcome], *, passing: bool) -> dict[str, str]:
    """The reasons of those that were refused for good, or of those that failed for what will pass."""
    wrong = [outcome for outcome in outcomes if (outcome.passing if passing else outcome.refused)]
    return {outcome.id: outcome.reason or str(outcome.error) for outcome in wrong}
