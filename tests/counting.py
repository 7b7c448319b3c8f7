"""The keys that every view has of a document, told from the documents alone."""

from typing import Any, TypeGuard

from crashfarm.documents.base import Document, plain_name
from crashfarm.documents.history import History
from crashfarm.documents.job import Job, JobState
from crashfarm.documents.result import Result
from crashfarm.documents.worker import Wish, Worker, WorkerState

Key = list[Any]


def counts(doc: Document) -> TypeGuard[Result]:
    """Whether a document is a result that is no experiment."""
    return isinstance(doc, Result) and not doc.probe


def crash_type(doc: Document) -> list[Key]:
    if isinstance(doc, History):
        return [[*doc.tuple_key, doc.first_seen]]
    if counts(doc):
        where = [*doc.environment.parts(), doc.completed_at]
        return [[f"result_{found.kind}", found.message, found.detail, *where] for found in doc.findings]
    return []


def pending(doc: Document) -> list[Key]:
    if not isinstance(doc, Job) or doc.state != JobState.PENDING or doc.wait:
        return []
    asks = doc.requires
    tags = sorted(set(asks.tags), key=lambda tag: tag.encode("utf-16-be", "surrogatepass"))
    machine = [asks.os_name, asks.os_version, asks.cpu_name, tags]
    return [[[*machine, doc.product, doc.branch, doc.buildtype], doc.priority, doc.created_at]]


def waiting(doc: Document) -> list[Key]:
    if not isinstance(doc, Job) or doc.state != JobState.PENDING or not doc.wait:
        return []
    return [[doc.wait, doc.created_at]]


def signatures(doc: Document) -> list[Key]:
    if not counts(doc):
        return []
    build = [doc.product, doc.branch, doc.buildtype]
    return [[found.kind, found.detail, found.message, *build] for found in doc.findings]


def by_input(doc: Document) -> list[Key]:
    if not counts(doc):
        return []
    where = doc.environment.parts()
    return [[doc.product, doc.input_name, *where[1:], doc.outcome]]


def by_machine(doc: Document) -> list[Key]:
    if not counts(doc):
        return []
    build = [doc.product, doc.branch, doc.buildtype]
    return [[doc.os_name, doc.os_version, doc.cpu_name, doc.worker, *build, doc.completed_at[:10], doc.outcome]]


def by_claim(doc: Document) -> list[Key]:
    held = isinstance(doc, Job) and doc.state == JobState.RUNNING and doc.claim
    return [[doc.claim.worker, doc.claim.incarnation]] if held else []


def by_bug(doc: Document) -> list[Key]:
    if not isinstance(doc, History):
        return []
    lists = {"open": doc.bugs.open, "closed": doc.bugs.closed, "regressed": doc.regressed}
    return [[bug, name] for name, bugs in lists.items() for bug in bugs]


def by_signature(doc: Document) -> list[Key]:
    return [[doc.detail, doc.TYPE.removeprefix("history_"), doc.message]] if isinstance(doc, History) else []


def explained(doc: Document) -> list[Key]:
    if not isinstance(doc, History):
        return []
    holds = {"bugs": bool(doc.bugs.open or doc.bugs.closed), "suppressed": doc.suppressed}
    return [[what, *doc.tuple_key] for what, held in holds.items() if held]


def abilities(doc: Document) -> list[Key]:
    if not isinstance(doc, Worker):
        return []
    machine = [doc.metadata.get(name) for name in ("os_name", "os_version", "cpu_name")]
    lists = [_texts(doc.metadata.get(name)) for name in ("tags", "allow", "allow_builds_from", "lacks")]
    return [[*(part if isinstance(part, str) else None for part in machine), lists[0], _rests(doc), *lists[1:]]]


def _texts(found: Any) -> list[str]:
    words = {word for word in found if isinstance(word, str)} if isinstance(found, list) else set()
    return sorted(words, key=lambda word: word.encode("utf-16-be", "surrogatepass"))


def _rests(worker: Worker) -> str:
    if worker.state == WorkerState.STOPPED:
        return "stopped"
    if worker.quarantine:
        return "quarantine"
    return "" if worker.control.desired in (Wish.RUN, Wish.RESTART, Wish.UPDATE) else worker.control.desired


def by_heartbeat(doc: Document) -> list[Key]:
    lives = isinstance(doc, Worker) and doc.state != WorkerState.STOPPED
    return of(Worker, "heartbeat_at")(doc) if lives else []


def findings(doc: Document) -> list[Key]:
    return [[doc.first_seen]] if isinstance(doc, History) else []


def by_minute(doc: Document) -> list[Key]:
    return [[doc.completed_at[:16], doc.outcome, doc.completed_at]] if counts(doc) else []


def of(kind: type[Document], *names: str) -> Any:
    return lambda doc: [[getattr(doc, name) for name in names]] if isinstance(doc, kind) else []


def by_day(doc: Document) -> list[Key]:
    rows = of(Result, "product", "branch", "buildtype", "completed_at", "outcome")(doc)
    return [[*key[:3], key[3][:10], key[4]] for key in rows if counts(doc)]


def of_builds(doc: Document) -> TypeGuard[Result]:
    """Whether a document is a result that counts for the older build that ran."""
    return isinstance(doc, Result) and bool(doc.build) and not doc.source.startswith("reduce:")


def shown(doc: Document) -> list[Key]:
    if not isinstance(doc, Result):
        return []
    found = dict.fromkeys(
        (one.kind, one.detail, one.message if one.kind == "assertion" else "") for one in doc.findings
    )
    builds = [""] * counts(doc) + [doc.build] * of_builds(doc)
    return [[doc.product, doc.branch, build, doc.buildtype, *what] for what in found for build in builds]


def runs_of_build(doc: Document) -> list[Key]:
    return [[doc.product, doc.branch, doc.build, doc.buildtype, doc.outcome]] if of_builds(doc) else []


EXPECTED: dict[str, Any] = {
    "crash_type/results": crash_type,
    "queue/by_claim": by_claim,
    "jobs/by_source": of(Job, "source", "state"),
    "jobs/by_state": of(Job, "state", "product", "branch", "buildtype", "created_at"),
    "queue/pending": pending,
    "queue/waiting": waiting,
    "conflicts/open": lambda doc: [],
    "results/by_branch_day": by_day,
    "results/by_input": by_input,
    "results/by_machine": by_machine,
    "results/by_source": of(Result, "source", "outcome"),
    "shown/by_build": shown,
    "shown/runs_of_build": runs_of_build,
    "signatures/by_count": signatures,
    "tuples/by_bug": by_bug,
    "tuples/by_signature": by_signature,
    "tuples/explained": explained,
    "recent/findings": findings,
    "recent/results": by_minute,
    "workers/by_ability": abilities,
    "workers/by_heartbeat": by_heartbeat,
    "workers/by_name": lambda doc: [[plain_name(doc.id)]] if isinstance(doc, Worker) else [],
    "workers/by_state": of(Worker, "state", "hostname"),
}
