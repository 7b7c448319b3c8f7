"""Two sites that are apart now and then, and what happens on them: to a job, and to a history document."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from crashfarm import conflicts
from crashfarm.documents.history import HistoryCrash
from crashfarm.documents.job import Job, JobResult, JobState
from crashfarm.errors import NotFound
from crashfarm.queue import transitions
from crashfarm.queue.ends import End
from crashfarm.queue.transitions import Holder
from tests import samples
from tests.queue_contract import job

LEASE = 60.0
NOW = samples.NOW
JOB = job(1, max_attempts=6)
HISTORY_ID = HistoryCrash.TYPE + ":" + "0" * 32

Json = dict[str, Any]
Event = tuple[str, int, int]
"""What, on which site, and a number that the one event is told from others like it."""

JOBS = ("claim", "claim", "fail", "renew", "renew", "finish", "finish", "release", "lose", "cancel", "annotate")
HISTORIES = ("see", "suppress", "allow")
MEETINGS = ("replicate", "settle")

HOW_FAR = ("pending", "running", "aborted", "completed")
"""The states of a job, from the least advanced to the most."""


def events(kinds: Sequence[str]) -> st.SearchStrategy[list[Event]]:
    """What happens, in its order: each time something on one site, something on the other, and then they may meet."""
    number = st.integers(0, 5)

    def alone(site: int) -> st.SearchStrategy[list[Event]]:
        return st.lists(st.tuples(st.sampled_from(kinds), st.just(site), number), max_size=6)

    meetings = st.lists(st.tuples(st.sampled_from(MEETINGS), st.integers(0, 1), number), max_size=3)
    rounds = st.lists(st.tuples(alone(0), alone(1), meetings), min_size=1, max_size=3)
    return rounds.map(lambda found: [event for parts in found for part in parts for event in part])


def begin(sites: Sequence[Any]) -> None:
    """Both sites know the job."""
    sites[0].put(JOB.to_doc())
    replicate(sites[0], sites[1])


def happen(sites: Sequence[Any], event: Event) -> None:
    """Let it happen, if it can: nobody finishes what nobody holds."""
    what, where, number = event
    if what == "replicate":
        replicate(sites[where], sites[1 - where])
    elif what == "settle":
        settle(sites[where])
    elif what in JOBS:
        for move in ("claim", "lose") if what == "fail" else (what,):
            _move(sites[where], move, where, number)
    else:
        _note(sites[where], what, number)


def replicate(source: Any, target: Any) -> None:
    """Bring all leaves of both documents, the deleted ones too, from one site to the other."""
    for id in (JOB.id, HISTORY_ID):
        for found in _leaves(source, id):
            target.bulk([found], new_edits=False)


def settle(site: Any) -> None:
    """Settle what is in conflict there. One job is left, just as somebody wrote it; one history, which knows it all."""
    jobs, histories = (_living(_leaves(site, id)) for id in (JOB.id, HISTORY_ID))
    conflicts.settle_all(site)
    assert _living(_leaves(site, JOB.id)) == [best(jobs)]
    if histories:
        [left] = _living(_leaves(site, HISTORY_ID))
        assert {name: left.get(name) for name in ("places", "suppressed", *SEEN)} == _knows_all(histories)


def best(leaves: Sequence[Json]) -> Json:
    """The job that is to stay: the more advanced state, then the higher attempt, then CouchDB's own winner."""

    def worth(leaf: Json) -> tuple[int, int, int, str]:
        attempt = leaf["claim"]["attempt"] if leaf["claim"] else len(leaf["attempts"])
        generation, digest = leaf["_rev"].split("-")
        return HOW_FAR.index(leaf["state"]), attempt, int(generation), digest

    return max(leaves, key=worth)


def make_up(sites: Sequence[Any], first: int) -> None:
    """Meet often enough: each replicates to the other and settles, beginning with either.

    Then both have the same documents, without conflicts; what is left is what the rule says of all that there was.
    """
    jobs, histories = (_of_both(sites, id) for id in (JOB.id, HISTORY_ID))
    for _ in range(3):
        for where in (first, 1 - first):
            replicate(sites[where], sites[1 - where])
        for where in (first, 1 - first):
            settle(sites[where])
    for id in (JOB.id, HISTORY_ID):
        one, other = (site.get(id, conflicts=True) for site in sites)
        assert one == other
        assert "_conflicts" not in (one or {})
    assert sites[0].get(JOB.id) == best(jobs)
    if histories:
        history = sites[0].get(HISTORY_ID)
        assert {name: history.get(name) for name in ("places", "suppressed", *SEEN)} == _knows_all(histories)


SEEN = ("first_seen", "last_seen", "suppressed_at")


def _knows_all(leaves: Sequence[Json]) -> Json:
    """What a history document must say that takes the place of these: the latest decision is the one that holds."""
    decided_at, suppressed = max((leaf["suppressed_at"], leaf["suppressed"]) for leaf in leaves)
    return {
        "places": sorted({place for leaf in leaves for place in leaf["places"]}),
        "suppressed": suppressed,
        "first_seen": min(leaf["first_seen"] for leaf in leaves),
        "last_seen": max(leaf["last_seen"] for leaf in leaves),
        "suppressed_at": decided_at,
    }


def _of_both(sites: Sequence[Any], id: str) -> list[Json]:
    """The living revisions of both sites together: what one knows to be replaced lives no more."""
    leaves = [leaf for site in sites for leaf in _leaves(site, id)]
    replaced = {rev for leaf in leaves for rev in _revisions(leaf)[1:]}
    return [leaf for leaf in _living(leaves) if leaf["_rev"] not in replaced]


def _living(leaves: Sequence[Json]) -> list[Json]:
    """Those that are no deletions, without their histories."""
    kept = [leaf for leaf in leaves if not leaf.get("_deleted")]
    return [{name: value for name, value in leaf.items() if name != "_revisions"} for leaf in kept]


def _revisions(leaf: Json) -> list[str]:
    """A leaf's own revision and all that it follows, the newest first."""
    start, ids = leaf["_revisions"]["start"], leaf["_revisions"]["ids"]
    return [f"{start - back}-{digest}" for back, digest in enumerate(ids)]


def _leaves(site: Any, id: str) -> list[Json]:
    try:
        return [found["ok"] for found in site.get_json(id, open_revs="all", revs="true") if "ok" in found]
    except NotFound:
        return []


def _move(site: Any, what: str, where: int, number: int) -> None:
    now = Job.from_doc(site.get(JOB.id) or JOB.to_doc())
    if moved := MOVES[what](now, where, number):
        site.put(moved.to_doc())


def _claim(now: Job, where: int, number: int) -> Job | None:
    holder = Holder(f"worker{where}{number}", f"host/boot/{where}/{number}")
    return transitions.claim(now, holder, LEASE, NOW) if now.state == JobState.PENDING else None


def _while_held(move: Callable[[Job, int], Job]) -> Callable[[Job, int, int], Job | None]:
    return lambda now, where, number: move(now, number) if now.claim else None


def _cancel(now: Job, where: int, number: int) -> Job | None:
    open_ = now.state in (JobState.PENDING, JobState.RUNNING)
    return transitions.abort(now, NOW, f"cancelled at {where}") if open_ else None


def _annotate(now: Job, where: int, number: int) -> Job | None:
    return now.evolve(origin=now.origin | {"note": f"{where}{number}"})


MOVES: dict[str, Callable[[Job, int, int], Job | None]] = {
    "claim": _claim,
    "renew": _while_held(lambda now, number: transitions.renew(now, f"2026-11-22T06:1{number}:00.000Z")),
    "finish": _while_held(lambda now, number: transitions.finish(now, list(JobResult)[number % 3], NOW)),
    "release": _while_held(lambda now, number: transitions.give_back(now, End.RELEASED, NOW, str(number))),
    "lose": _while_held(lambda now, number: transitions.give_back(now, End.LOST, NOW, str(number))),
    "cancel": _cancel,
    "annotate": _annotate,
}


def _note(site: Any, what: str, number: int) -> None:
    doc = site.get(HISTORY_ID)
    seen = _sighting(number)
    if what == "see":
        known = HistoryCrash.from_doc(doc).merge(seen) if doc else seen
    elif doc is None:
        return
    else:
        moment = f"2026-11-22T07:0{number}:00.000Z"
        known = HistoryCrash.from_doc(doc).evolve(suppressed=what == "suppress", suppressed_at=moment)
    site.put(known.to_doc())


def _sighting(number: int) -> HistoryCrash:
    moment = f"2026-11-2{number}T06:00:00.000Z"
    environment = msgspec.structs.asdict(samples.ENVIRONMENT)
    return HistoryCrash(
        id=HISTORY_ID,
        message="Segmentation fault",
        detail="list_dealloc",
        **environment,
        first_seen=moment,
        last_seen=moment,
        places=(str(number),),
    )
