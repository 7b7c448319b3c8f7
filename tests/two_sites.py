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
JOB = job(1)
HISTORY_ID = HistoryCrash.TYPE + ":" + "0" * 32

Event = tuple[str, int, int]
"""What, on which site, and a number that the one event is told from others like it."""

JOBS = ("claim", "renew", "finish", "release", "lose", "cancel", "annotate")
HISTORIES = ("see", "suppress", "allow")
MEETINGS = ("replicate", "settle")


def events(kinds: Sequence[str]) -> st.SearchStrategy[list[Event]]:
    """What happens, in its order: enough that both sites are likely to do something before they meet."""
    event = st.tuples(st.sampled_from((*kinds, *MEETINGS)), st.integers(0, 1), st.integers(0, 5))
    return st.lists(event, min_size=6, max_size=25)


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
        conflicts.settle_all(sites[where])
    elif what in JOBS:
        _move(sites[where], what, where, number)
    else:
        _note(sites[where], what, number)


def replicate(source: Any, target: Any) -> None:
    """Bring all leaves of both documents, the deleted ones too, from one site to the other."""
    for id in (JOB.id, HISTORY_ID):
        for found in _leaves(source, id):
            target.bulk([found], new_edits=False)


def make_up(sites: Sequence[Any], first: int, happened: Sequence[Event] = ()) -> None:
    """Meet often enough: each replicates to the other and settles, beginning with either.

    Then both have the same documents, without conflicts; what was completed is, and what was seen is known.
    """
    was_completed = any(_state(site) == JobState.COMPLETED for site in sites)
    for _ in range(3):
        for where in (first, 1 - first):
            replicate(sites[where], sites[1 - where])
        for where in (first, 1 - first):
            conflicts.settle_all(sites[where])
    for id in (JOB.id, HISTORY_ID):
        one, other = (site.get(id, conflicts=True) for site in sites)
        assert one == other
        assert "_conflicts" not in (one or {})
    assert _state(sites[0]) is not None
    assert not was_completed or _state(sites[0]) == JobState.COMPLETED
    places = {str(number) for what, _, number in happened if what == "see"}
    assert {*(sites[0].get(HISTORY_ID) or {}).get("places", ())} >= places


def _state(site: Any) -> str | None:
    state: str | None = (site.get(JOB.id) or {}).get("state")
    return state


def _leaves(site: Any, id: str) -> list[dict[str, Any]]:
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
