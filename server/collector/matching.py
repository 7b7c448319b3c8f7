"""The duties that keep tuples and known bugs together: what new tuples are known as, and what changed bugs mean.

One index of all matchers serves both. It is read when the first of them is done, which also tells which bugs the
tuples have not been compared with: nothing is lost by a restart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from crashfarm.documents.base import Json
from crashfarm.documents.bug import Bug, BugState
from crashfarm.errors import InvalidDocument
from crashfarm.settings import Farm
from crashfarm.times import Clock, to_text
from crashfarm.understand.known_bugs import tuples
from server.collector import candidates
from server.collector.duty import Changed, Duty
from server.collector.knowing import KnownIndex, read_all
from server.collector.weighing import Weigher, read_tuples

PAGE = 500
"""Bugs that are written at once."""

Advance = Callable[[int], None]


class Matching:
    """Tuples and bugs of one farm."""

    def __init__(self, farm: Farm, clock: Clock, index: KnownIndex, weigher: Weigher) -> None:
        self._farm = farm
        self._clock = clock
        self._index = index
        self._weigher = weigher
        self._to_compare: dict[str, Bug] = {}
        self._loaded = False

    def load(self) -> None:
        """Read all bugs, once."""
        if self._loaded:
            return
        bugs = list(read_all(self._farm.status))
        self._index.put(bugs)
        self._to_compare |= {bug.id: bug for bug in bugs if tuples.is_to_compare(bug)}
        self._loaded = True

    def tuples_changed(self, changed: Sequence[Changed]) -> int:
        """Weigh tuples that are new or changed; how many were written."""
        self.load()
        self._weigher.refresh()
        return self._weigher.weigh(one.doc for one in changed if one.doc)

    def bugs_changed(self, changed: Sequence[Changed]) -> int:
        """Bring what names these bugs up to date; what else their matchers fit comes when all have been heard."""
        self.load()
        bugs = self._stamp(list(_read(changed)))
        self._index.put(bugs, [one.id for one in changed if one.doc is None])
        self._to_compare |= {bug.id: bug for bug in bugs if tuples.is_to_compare(bug)}
        named = candidates.naming(self._farm.history, [one.id for one in changed])
        return sum(self._weigher.restate(docs) for docs in named)

    def compare(self) -> int:
        """Compare the tuples with the bugs whose matchers have changed, in one pass over them; how many were written.

        A tuple is weighed anew if one of these explains it, or is named by it.
        """
        self.load()
        bugs, self._to_compare = self._to_compare, {}
        if not bugs:
            return 0
        try:
            done = self._compare([*bugs.values()])
            self._note_compared(bugs.values())
        except BaseException:
            self._to_compare = bugs | self._to_compare
            raise
        return done

    def weigh_all(self, advance: Advance) -> int:
        """Weigh every tuple of the farm, tell how many have been, and return how many were written."""
        self.load()
        self._weigher.refresh()
        done = weighed = 0
        for docs in candidates.pages(self._farm.history.documents("history_", candidates.PAGE)):
            done += self._weigher.weigh(docs)
            weighed += len(docs)
            advance(weighed)
        return done

    def note_all_compared(self) -> None:
        """Say of every bug that the tuples have been compared with it."""
        bugs, self._to_compare = self._to_compare, {}
        self._note_compared(bugs.values())

    def _compare(self, bugs: Sequence[Bug]) -> int:
        self._weigher.refresh()
        changed = KnownIndex()
        changed.put(bugs)
        ids = {bug.id for bug in bugs}
        pages = candidates.of(self._farm.history, bugs)
        return sum(self._weigher.weigh(doc for doc in page if _concerns(doc, changed, ids)) for page in pages)

    def _stamp(self, bugs: Sequence[Bug]) -> list[Bug]:
        """Note when a bug was closed, where nobody has said it, and that it has moved: the bugs as they are then."""
        now = to_text(self._clock())
        stamped = {bug.id: after for bug in bugs if (after := _stamped(bug, now)) != bug}
        outcomes = self._farm.status.bulk([bug.to_doc() for bug in stamped.values()])
        written = {one.id: stamped[one.id].evolve(rev=one.rev) for one in outcomes if one.ok}
        return [written.get(bug.id, bug) for bug in bugs]

    def _note_compared(self, bugs: Iterable[Bug]) -> None:
        """A bug that has changed meanwhile comes up again by that change, and is left to that."""
        noted = [bug.evolve(matched=tuples.compared(bug)).to_doc() for bug in bugs]
        for start in range(0, len(noted), PAGE):
            self._farm.status.bulk(noted[start : start + PAGE])


def duties(farm: Farm, clock: Clock) -> list[Duty]:
    """Bugs first: a tuple is best weighed against what is known by now."""
    index = KnownIndex()
    matching = Matching(farm, clock, index, Weigher(farm, index))
    return [
        Duty(name="bugs", prefix="bug:", of_history=False, do=matching.bugs_changed, finish=matching.compare),
        Duty(name="tuples", prefix="history_", do=matching.tuples_changed),
    ]


def _read(changed: Iterable[Changed]) -> Iterator[Bug]:
    for one in changed:
        if one.doc is None:
            continue
        try:
            yield Bug.from_doc(one.doc)
        except InvalidDocument:
            continue


def _stamped(bug: Bug, now: str) -> Bug:
    """Whoever edits a bug by hand need not say when; that it has moved is kept for the day when it has not."""
    if (bug.state is BugState.CLOSED) != bool(bug.closed_at):
        bug = bug.evolve(closed_at=(bug.updated_at or now) if bug.state is BugState.CLOSED else "")
    return bug if tuples.is_to_compare(bug) else bug.evolve(matched=tuples.compared(bug))


def _concerns(doc: Json, changed: KnownIndex, ids: set[str]) -> bool:
    """Whether a tuple names one of the changed bugs, or one of them would explain it somewhere."""
    for one in read_tuples([doc]):
        return not ids.isdisjoint(tuples.named(one)) or bool(changed.look(tuples.finding_of(one), {}).anywhere)
    return False
