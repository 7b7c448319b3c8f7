"""Which bugs explain a tuple, and which of them are back though fixed: rules alone, without a database."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import BugLists, History

SIGNATURE_PARTS = 3
"""Leading parts of the key tuple that say what happened; those behind them say where."""
MAX_MOVES = 10
"""How many moves of a bug are followed: one to another, and so on."""
EVERYWHERE = "*"
"""In the list of branches on which a bug is fixed: all of them."""

Known = Mapping[str, Bug | None]
"""Bugs by their ids; None is one that was deleted. One that is not there has no document yet, and counts as open."""


def judge(history: History, explaining: Iterable[str], known: Known) -> History:
    """The tuple with the bugs that explain it, each where it has moved to, in the list of its present state."""
    found = {last for bug in explaining if (last := settled(bug, known))}
    shut = {id: bug for id in found if (bug := known.get(id)) and bug.state is BugState.CLOSED}
    return history.evolve(
        bugs=BugLists(open=tuple(sorted(found - shut.keys())), closed=tuple(sorted(shut))),
        regressed=tuple(sorted(id for id, bug in shut.items() if is_regressed(bug, history))),
    )


def is_regressed(bug: Bug, history: History) -> bool:
    """Whether a bug was closed, is fixed on the tuple's branch, and the tuple was seen after that all the same."""
    shut = bug.state is BugState.CLOSED and bug.closed_at != "" and history.last_seen > bug.closed_at
    return shut and not {history.branch, EVERYWHERE}.isdisjoint(bug.fixed_on)


def settled(bug_id: str, known: Known) -> str | None:
    """The id of what has become of a bug that may have moved; None if it was deleted."""
    seen: list[str] = []
    while len(seen) <= MAX_MOVES and bug_id not in seen:
        seen.append(bug_id)
        if bug_id not in known:
            return bug_id
        bug = known[bug_id]
        if bug is None:
            return None
        if not bug.moved_to:
            return bug_id
        bug_id = bug.moved_to
    circle = seen[seen.index(bug_id) :] if bug_id in seen else [bug_id]
    return min(circle)  # they point at each other: the same one for all of them


def named(history: History) -> tuple[str, ...]:
    """The ids of the bugs that a tuple names."""
    return (*history.bugs.open, *history.bugs.closed)


def finding_of(history: History) -> Finding:
    """What a tuple tells, in the form in which bugs are compared with it."""
    kind = Kind(history.TYPE.removeprefix("history_"))
    return Finding(
        kind=kind,
        title=history.title or history.message,
        message=history.message,
        detail=history.detail,
        signature=history.signature or history.detail,
        file=history.file or (history.detail if kind is Kind.ASSERTION else ""),
        excerpt=history.excerpt,
    )


def matcher_for(kind: str, detail: str, message: str) -> Matcher:
    """What tells all findings of one signature, wherever they are seen. An assertion's message is part of it."""
    if kind == Kind.ASSERTION:
        return Matcher(kind=kind, signature=detail, text=message, how="exact")
    return Matcher(kind=kind, signature=detail)


def widened(key: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The prefixes of a tuple's nine parts, one part less at a time, down to what happened, wherever it was."""
    return (tuple(key[:length]) for length in range(len(key), SIGNATURE_PARTS - 1, -1))


def nearness(key: Sequence[str], other: Sequence[str]) -> int:
    """How many leading parts two tuples share."""
    return next((at for at, (one, two) in enumerate(zip(key, other, strict=False)) if one != two), len(key))


def compared(bug: Bug) -> str:
    """What `matched` of a bug says when the farm's tuples have been compared with it as it is now."""
    digest = hashlib.sha256(msgspec.json.encode(bug.matchers)).hexdigest()[:16]
    return f"{digest} {bug.moved_to}".strip()


def is_to_compare(bug: Bug) -> bool:
    """Whether the farm's tuples must be compared with a bug: its matchers changed, or it stands for itself again."""
    before, now = bug.matched.split(), compared(bug).split()
    return before[:1] != now[:1] or (len(before) > 1 and before != now)
