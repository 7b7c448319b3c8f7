"""What an account of a lent machine may write: its own worker's documents, and of others nothing that matters."""

import copy
from typing import Any

import pytest

from tests import samples
from tests.javascript import ROOT, validation

Json = dict[str, Any]

_validate = validation((ROOT / "couchapp/documents/validate_doc_update.js").read_text())

CLAIM = samples.running()["claim"]
ATTEMPT = samples.completed()["attempts"][0]
LEFT_OUT: Json = {
    "kind": "crashtest",
    "priority": 3,
    "source": "",
    "timeout": 60.0,
    "max_attempts": 3,
    "parent": None,
    "supersedes": None,
    "depends_on": [],
    "build": "",
    "probe": False,
}


def said(new: Json, old: Json | None = None) -> str | None:
    """The refusal that the account `alice` of a lent machine gets, or None."""
    return _validate(new, old, None, ("crashfarm", "crashfarm-worker"))


def of(doc: Json, name: str) -> Json:
    """The same document, said by or held by a worker of that name."""
    made = copy.deepcopy(doc)
    if made["type"] == "worker":
        made["_id"] = f"worker:{name}"
    if made.get("claim"):
        made["claim"]["worker"] = name
    for attempt in made.get("attempts", ()):
        attempt["worker"] = name
    return made | ({"worker": name} if made["type"] in ("result", "message") else {})


def pending() -> Json:
    return samples.pending() | {"attempts": []}


def running(name: str) -> Json:
    return of(samples.running(), name)


def ended(state: str, outcome: str, name: str = "alice") -> Json:
    """A running job as it is when its claim has ended."""
    attempt = ATTEMPT | {"worker": name, "outcome": outcome}
    result = {"result": "success"} if state == "completed" else {}
    return pending() | {"state": state, "attempts": [attempt]} | result


@pytest.mark.parametrize("name", ["alice", "alice.two"])
def test_a_worker_lives_a_jobs_life(name: str) -> None:
    """Claims it, renews, and ends it in every way."""
    assert said(running(name), pending()) is None
    held = running(name) | {"max_attempts": 1}
    renewed = copy.deepcopy(held)
    renewed["claim"]["renewed_at"] = "2026-11-22T07:10:03.123Z"
    assert said(renewed, held) is None
    for state, outcome in (("completed", "completed"), ("pending", "released"), ("aborted", "failed")):
        assert said(ended(state, outcome, name) | {"max_attempts": 1}, held) is None
    delayed = ended("pending", "failed", name) | {"max_attempts": 1, "wait": "delay", "delay_seconds": 3600.0}
    assert said(delayed, held) is None
    assert said(pending(), pending() | {"wait": "delay", "delay_seconds": 10.0}) is None


def test_any_worker_may_give_back_what_nobody_holds() -> None:
    """And nothing else of what others hold."""
    held = running("bob")
    assert said(ended("pending", "lost", "bob"), held) is None
    assert said(ended("aborted", "lost", "bob"), held) == "state: cannot go to aborted: the job may have 3 attempts"
    last = {"max_attempts": 1}
    assert said(ended("aborted", "lost", "bob") | last, held | last) is None
    for state, outcome in (("completed", "completed"), ("completed", "lost"), ("pending", "released")):
        assert said(ended(state, outcome, "bob"), held) == 'claim.worker: must be of the worker alice, but is of "bob"'
    assert said(held, held) == 'claim.worker: must be of the worker alice, but is of "bob"'
    assert said(running("alice"), held) == 'claim.worker: must be of the worker alice, but is of "bob"'
    assert said(running("bob"), pending()) == 'claim.worker: must be of the worker alice, but is of "bob"'
    assert said(running("alicea"), pending()) == 'claim.worker: must be of the worker alice, but is of "alicea"'


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("product", "other"),
        ("branch", "other"),
        ("buildtype", "other"),
        ("input", {"name": "crash.py", "text": "other"}),
        ("requires", {"os_name": "Linux", "tags": []}),
        ("priority", 0),
        ("timeout", 61.0),
        ("max_attempts", 9),
        ("parent", "job:9"),
        ("source", "other"),
        ("probe", True),
    ],
)
def test_what_is_run_is_not_a_workers_to_change(member: str, value: Any) -> None:
    """Not even while it claims."""
    assert said(running("alice") | {member: value}, pending()) == f"{member}: may not be changed by a worker"


def test_what_a_job_leaves_out_is_not_a_workers_to_say() -> None:
    """But for what it means anyway, which older workers write."""
    old = {name: value for name, value in pending().items() if name not in LEFT_OUT} | {"requires": {}}
    told = old | {"state": "running", "claim": running("alice")["claim"]}
    assert said(told, old) is None
    assert said(told | LEFT_OUT | {"requires": {"os_name": None, "tags": []}}, old) is None
    for name, value in (("probe", True), ("build", "monday"), ("priority", 0), ("timeout", 1.0), ("max_attempts", 9)):
        assert said(told | {name: value}, old) == f"{name}: may not be changed by a worker"
    for name, value in (("requires", {"tags": ["none"]}), ("depends_on", [{"job": "job:9"}]), ("parent", "job:9")):
        assert said(told | {name: value}, old) == f"{name}: may not be changed by a worker"


def test_a_worker_makes_no_job_wait() -> None:
    """It ends delays, and delays only what it held itself, for an hour at most."""
    free, waiting = pending(), pending() | {"wait": "delay", "delay_seconds": 10.0}
    assert said(waiting, free) == "wait: may be ended by a worker, but not begun or changed"
    assert said(waiting | {"delay_seconds": 9.0}, waiting) == "wait: may be ended by a worker, but not begun or changed"
    back = ended("pending", "failed") | {"wait": "delay", "delay_seconds": 1e300}
    assert said(back, running("alice")) == "delay_seconds: must be at most 3600"
    assert said(back | {"wait": "jobs", "delay_seconds": 0.0}, running("alice")) == "wait: must be a delay, or nothing"
    assert said(running("alice"), waiting) == "state: cannot go to running: the job waits"


def test_a_worker_invents_no_attempts() -> None:
    """Each is the end of a claim that there was."""
    lost = ATTEMPT | {"outcome": "lost"}
    for new, old, more in (
        (pending() | {"attempts": [lost]}, pending(), 0),
        (running("alice") | {"attempts": [lost]}, pending(), 0),
        (running("alice") | {"attempts": [lost]}, running("alice"), 0),
        (pending(), running("alice"), 1),
        (ended("pending", "lost", "bob") | {"attempts": [lost] * 50}, running("bob"), 1),
    ):
        refusal = f"attempts: must have {more} more than before: one for a claim that ends"
        assert said(new, old) == refusal
    for member, value in (("worker", "carol"), ("incarnation", "carol/boot/1/2"), ("number", 2)):
        other = ended("pending", "released")
        other["attempts"][0][member] = value
        assert said(other, running("alice")) == f"attempts: must tell of the claim that ends: another {member}"


@pytest.mark.parametrize(
    ("member", "value"), [("attempt", 2), ("incarnation", "x"), ("lease_seconds", 61.0), ("worker", "alice.two")]
)
def test_a_claim_stays_as_it_is_while_it_lasts(member: str, value: Any) -> None:
    """Only its lease begins anew; and its number is the next one."""
    held, other = running("alice"), running("alice")
    other["claim"][member] = value
    assert said(other, held) == f"claim.{member}: may not change while the claim lasts"
    if member == "attempt":
        assert said(other, pending()) == "claim.attempt: must be 1, the next one"


def test_an_input_that_is_attached_is_not_a_workers_to_change() -> None:
    """Nor to add or to take away."""
    before = {"_attachments": {"a": {"stub": True, "digest": "md5-1"}}}
    assert said(running("alice") | before, pending() | before) is None
    shown = {"_attachments": {"a": {"stub": True, "content_type": "text/plain"}}}
    assert said(running("alice") | shown, pending() | before) is None
    for after in ({}, {"a": {"stub": True, "digest": "md5-2"}}, before["_attachments"] | {"b": {"digest": "md5-3"}}):
        refusal = said(running("alice") | {"_attachments": after}, pending() | before)
        assert refusal == "_attachments: may not be changed by a worker"


def test_what_became_of_attempts_stays() -> None:
    """They are added to only."""
    old, mine = running("alice") | {"attempts": [ATTEMPT]}, ATTEMPT | {"worker": "alice"}
    assert said(ended("pending", "released") | {"attempts": [ATTEMPT, mine]}, old) is None
    assert said(ended("pending", "released") | {"attempts": []}, old) == (
        "attempts: may not be changed by a worker, only added to"
    )


def test_a_worker_queues_nothing_and_aborts_nothing_that_waits_for_nothing() -> None:
    """Neither is its to decide; what waits in vain it may give up."""
    assert said(pending()) == "type: a worker may not queue jobs"
    assert said(samples.aborted(), pending()) == (
        "state: cannot go from pending to aborted by a worker: the job waits for no other"
    )
    waits = {"depends_on": [{"job": "job:1"}]}
    assert said(samples.aborted() | waits, pending() | waits) is None
    assert said(ended("completed", "completed") | {"reason": "x"}, ended("completed", "completed")) == (
        "state: is completed: a worker may not change a job that has ended"
    )


def worker(**members: Any) -> Json:
    return of(samples.worker(), "alice") | members


def test_a_worker_keeps_its_own_document() -> None:
    """Nobody else's."""
    assert said(worker(), None) is None
    assert said(worker(state="executing"), worker()) is None
    assert said(of(samples.worker(), "bob")) == '_id: must be of the worker alice, but is of "bob"'


def test_a_worker_does_not_decide_what_admins_decide() -> None:
    """Their metadata, their wishes, their quarantine."""
    told = {
        "static_metadata": {"tags": ["gpu"]},
        "control": {"desired": "pause"},
        "quarantine": {"reason": "x", "by": "bob"},
    }
    old = worker(**told)
    assert said(worker(**told), old) is None
    assert said(worker(**told | {"control": {"by": "", "reason": "", "desired": "pause"}}), old) is None
    assert said(worker(**told | {"static_metadata": {}}), old) == "static_metadata: may not be changed by a worker"
    assert said(worker(**told | {"static_metadata": {"tags": ["gpu"], "a": 1}}), old) == (
        "static_metadata: may not be changed by a worker"
    )
    assert said(worker(**told | {"control": {"desired": "run"}}), old) == "control: may not be changed by a worker"
    assert said(worker(**told | {"quarantine": None}), old) == "quarantine: may not be changed by a worker"


@pytest.mark.parametrize("wish", ["restart", "update"])
def test_a_worker_may_say_that_a_wish_is_fulfilled(wish: str) -> None:
    """And lift what it imposed on itself."""
    old = worker(control={"desired": wish}, quarantine={"reason": "x", "by": "worker:alice"})
    assert said(worker(control={"desired": "run", "reason": "fulfilled"}, quarantine=None), old) is None
    assert said(worker(control={"desired": "pause"}), old) == "control: may not be changed by a worker"


def test_a_worker_writes_its_own_results() -> None:
    """And those that take the place of a lower attempt."""
    mine = samples.result() | {"worker": "alice"}
    assert said(mine) is None
    assert said(samples.result()) == 'worker: must be of the worker alice, but is of "alpha"'
    assert said(mine | {"attempt": 3}, samples.result()) is None
    assert said(mine, samples.result()) == 'worker: must be of the worker alice, but is of "alpha"'


def test_a_worker_adds_to_the_history_and_leaves_people_theirs() -> None:
    """Bugs and suppression are people's."""
    old = samples.history() | {"bugs": {"open": ["bug:github:1"], "closed": []}, "suppressed": True}
    assert said(old | {"last_seen": "2026-12-22T06:10:03.123Z"}, old) is None
    assert said(samples.history()) is None
    assert said(old | {"suppressed": False}, old) == "suppressed: may not be changed by a worker"
    assert said(samples.history() | {"suppressed": True}) == "suppressed: may not be changed by a worker"
    assert said(samples.history() | {"bugs": {"open": ["bug:github:1"], "closed": []}}) == (
        "bugs: may not be changed by a worker"
    )
    assert said(old | {"bugs": {"open": [], "closed": []}}, old) == "bugs: may not be changed by a worker"


def test_a_worker_tells_news_of_its_own() -> None:
    """And changes none."""
    news = samples.message() | {"worker": "worker:alice"}
    assert said(news) is None
    assert said(news, news) == "type: a worker may not change messages"
    assert said(news | {"worker": "worker:bob"}) == 'worker: must be of the worker alice, but is of "bob"'
    assert said(samples.message()) is not None


@pytest.mark.parametrize(
    "members", [{"os_name": "x" * 300_000}, {"running": ["job:" + "x" * 100] * 3000}], ids=["text", "list"]
)
def test_a_worker_does_not_flood_those_who_watch(members: Json) -> None:
    """Its document goes to every dashboard with each heartbeat; people may write what they like."""
    flood = worker() | members
    assert "type: a worker may have 262144 characters in all" in (said(flood) or "")
    assert said(worker(running=["job:" + "x" * 100] * 1000)) is None
    assert _validate(flood, None, None, ("crashfarm",)) is None


@pytest.mark.parametrize("make", [samples.branch, samples.bug, samples.command, samples.signature])
def test_everything_else_is_not_a_workers(make: Any) -> None:
    """What is to be run least of all."""
    assert said(make()) == f"type: a worker may not write a {make()['type']}"


def test_of_the_cursors_the_janitors_is_a_workers_too() -> None:
    """Workers sweep where nobody else does."""
    assert said({"_id": "cursor:janitor", "type": "cursor", "by": "worker:alice"}) is None
    assert said({"_id": "cursor:worker-version", "type": "cursor"}) == (
        "_id: must be cursor:janitor: a worker may write no other"
    )


def test_a_worker_deletes_nothing() -> None:
    """Not even what others may."""
    for old in (samples.message(), samples.pending(), None):
        assert said({"_id": "message:1", "_deleted": True}, old) == "_deleted: a worker may not delete"


def test_people_are_not_bound_by_this() -> None:
    """An administrator's worker may do all, and so may a person."""
    for roles in (("_admin", "crashfarm-worker"), ("crashfarm",)):
        assert _validate(pending(), None, None, roles) is None
