"""What people say of a signature as a whole: that it is a certain bug, or of no interest."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from crashfarm.database import Database
from crashfarm.documents.base import Json
from crashfarm.documents.bug import Bug
from crashfarm.documents.finding import Kind
from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.documents.signature import signature_id
from crashfarm.errors import Conflict, InputError
from crashfarm.settings import Farm
from crashfarm.understand.known_bugs import tuples
from server.collector.knowing import fetch
from server.collector.weighing import read_tuples
from server.queries import paging

PAGE = 500
ROUNDS = 10
LISTED = 8
"""Signatures that are listed when a name fits several."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What happened, wherever: the message is empty but for an assertion."""

    kind: str
    detail: str
    message: str = ""

    @property
    def id(self) -> str:
        """The id of the document about it."""
        return signature_id(self.kind, self.message, self.detail)

    def __str__(self) -> str:
        words = f"{self.kind} {self.detail}"
        return f"{words}: {self.message}" if self.message else words


def find(history: Database, name: str, kind: str | None = None) -> Signature:
    """The signature of that name: its text, its id, or a tuple's id. Raises InputError if there is none, or several."""
    found = [one for one in _candidates(history, name) if kind in (None, one.kind)]
    if not found:
        raise InputError(f"no tuple has the signature {name!r}; 'crashfarm crashes' lists what was found")
    if len(found) > 1:
        listed = "; ".join(f"{one.id} ({one})" for one in found[:LISTED])
        raise InputError(f"{len(found)} signatures are called {name!r}: give the id of one. {listed}")
    return found[0]


def tuples_of(history: Database, signature: Signature) -> Iterator[Json]:
    """The history documents of a signature, a page at a time."""
    key = [signature.detail, signature.kind, *([signature.message] if signature.message else [])]
    for row in paging.rows(history, "tuples", "by_signature", key, page=PAGE, include_docs=True):
        if row.doc:
            yield row.doc


def suppress(history: Database, signature: Signature, suppressed: bool, now: str) -> int:
    """Suppress all tuples of a signature, or take that back; how many were changed."""

    def decide(one: History) -> History:
        return one if one.suppressed is suppressed else one.evolve(suppressed=suppressed, suppressed_at=now)

    return _change_all(history, signature, decide)


def attach(farm: Farm, bug: Bug, signature: Signature) -> int:
    """Name a bug on all tuples of a signature; how many did not name it yet. The bug's matcher sees to later ones."""
    known = fetch(farm.status, [bug.id])

    def name(one: History) -> History:
        named = tuples.named(one)
        return one if bug.id in named else tuples.judge(one, (*named, bug.id), fetch(farm.status, named) | known)

    return _change_all(farm.history, signature, name)


def detach(farm: Farm, bug: Bug, signature: Signature) -> int:
    """Take a bug's name off all tuples of a signature; how many there were."""

    def drop(one: History) -> History:
        named = tuples.named(one)
        if bug.id not in named:
            return one
        return tuples.judge(one, [id for id in named if id != bug.id], fetch(farm.status, named))

    return _change_all(farm.history, signature, drop)


def _candidates(history: Database, name: str) -> list[Signature]:
    if name.split(":")[0] in HISTORY_TYPES:
        return [signature_of(one) for one in read_tuples(filter(None, [history.get(name)]))]
    by_id = name.startswith("signature:")
    found = {
        _signature(key[0], key[1], key[2]): None
        for key, _ in paging.groups(history, "tuples", "by_signature", 3, [] if by_id else [name])
        if all(isinstance(part, str) for part in key)
    }
    return [one for one in found if (one.id if by_id else one.detail) == name]


def signature_of(one: History) -> Signature:
    """The signature of a tuple."""
    return _signature(one.detail, one.TYPE.removeprefix("history_"), one.message)


def _signature(detail: str, kind: str, message: str) -> Signature:
    return Signature(kind, detail, message if kind == Kind.ASSERTION else "")


def _change_all(history: Database, signature: Signature, change: Callable[[History], History]) -> int:
    """Change the tuples of a signature by their revisions; how many were changed."""
    done = 0
    for _ in range(ROUNDS):
        read = list(read_tuples(tuples_of(history, signature)))
        changed = [after for one in read if (after := change(one)) != one]
        outcomes = [
            outcome
            for start in range(0, len(changed), PAGE)
            for outcome in history.bulk([one.to_doc() for one in changed[start : start + PAGE]])
        ]
        done += sum(outcome.ok for outcome in outcomes)
        if all(outcome.ok for outcome in outcomes):
            return done
    raise Conflict(f"the tuples of {signature} keep changing")
