"""What happens on the farm, as it happens: the changes of both databases, told in words."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from crashfarm import changes
from crashfarm.changes import Change
from crashfarm.database import Database
from crashfarm.errors import DatabaseUnavailable, NotFound
from crashfarm.settings import Farm, Settings

RECONNECT_SECONDS = 1.0
MAX_WAITING = 10_000
"""How many events may wait for a slow reader; beyond that the feeds wait."""


class Event(msgspec.Struct, frozen=True):
    """Something that happened. `kind` is job, worker, finding, or trouble; `when` is the document's own time."""

    kind: str
    what: str
    id: str = ""
    when: str = ""
    new: bool = False


class Counts(msgspec.Struct, frozen=True):
    """How many jobs are in which state."""

    pending: int = 0
    running: int = 0
    completed: int = 0
    aborted: int = 0

    @property
    def total(self) -> int:
        """All jobs."""
        return self.pending + self.running + self.done

    @property
    def done(self) -> int:
        """The jobs that need nothing more."""
        return self.completed + self.aborted

    @property
    def empty(self) -> bool:
        """Whether nothing is left to do."""
        return not self.pending and not self.running


def counts(status: Database, source: str | None = None) -> Counts:
    """The jobs by state: those of one submission, or all."""
    if source is None:
        rows = status.view("jobs", "by_state", group_level=1).rows
        return Counts(**{row.key[0]: row.value for row in rows})
    rows = status.view("jobs", "by_source", startkey=[source], endkey=[source, {}], group_level=2).rows
    return Counts(**{row.key[1]: row.value for row in rows})


@contextmanager
def following(settings: Settings, farm: Farm) -> Iterator[Iterator[Event | None]]:
    """The events of the farm from now on, without end; None at least once a second, when nothing happens."""
    box: queue.Queue[Event | None] = queue.Queue(MAX_WAITING)
    stop = threading.Event()
    opened = [threading.Event(), threading.Event()]
    threads = [
        threading.Thread(target=_pump, args=(settings, database, tell, box, stop, open_), daemon=True)
        for database, tell, open_ in zip((farm.status, farm.history), (_of_status, _of_history), opened, strict=True)
    ]
    for thread in threads:
        thread.start()
    for open_ in opened:
        open_.wait(changes.HEARTBEAT * 5)
    try:
        yield iter(box.get, object())
    finally:
        stop.set()


def _pump(
    settings: Settings,
    database: Database,
    tell: Callable[[Change], Event | None],
    box: "queue.Queue[Event | None]",
    stop: threading.Event,
    opened: threading.Event,
) -> None:
    """Move the changes of one database into the box, reconnecting where the feed stood, until told to stop."""
    since: str | int | None = None
    while not stop.is_set():
        try:
            since = since if since is not None else database.info()["update_seq"]
            for change in changes.follow(settings, database.name, since):
                opened.set()
                since = change.seq if change else since
                _put(box, tell(change) if change else None, stop)
                if stop.is_set():
                    return
        except (DatabaseUnavailable, NotFound) as exc:
            if since != 0:
                _put(box, Event("trouble", str(exc)), stop)
            if isinstance(exc, NotFound):
                # Not made yet, or made anew: all that it will hold is still to come, and the other one goes on.
                since = 0
                opened.set()
            stop.wait(RECONNECT_SECONDS)


def _put(box: "queue.Queue[Event | None]", event: Event | None, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            return box.put(event, timeout=1.0)
        except queue.Full:
            continue


def _of_status(change: Change) -> Event | None:
    doc = change.doc
    kind = change.id.partition(":")[0]
    if change.deleted or kind not in {"job", "worker"}:
        return None
    return Event(kind, _job_words(doc) if kind == "job" else _worker_words(doc), change.id, _when(doc), _is_new(doc))


def _of_history(change: Change) -> Event | None:
    if change.deleted or not change.id.startswith("history_"):
        return None
    doc = change.doc
    where = " ".join(str(doc.get(part, "")) for part in ("product", "branch", "buildtype"))
    words = f"{doc.get('title') or doc.get('message')} in {doc.get('detail')}, on {where}"
    return Event("finding", words, change.id, str(doc.get("last_seen", "")), _is_new(doc))


def _job_words(doc: dict[str, Any]) -> str:
    what = (doc.get("input") or {}).get("name", "")
    words = f"{doc.get('state')} {what} on {doc.get('product')} {doc.get('branch')} {doc.get('buildtype')}"
    if claim := doc.get("claim"):
        return f"{words}, {claim.get('worker')}"
    return f"{words}: {doc.get('result') or doc.get('reason') or 'no attempt yet'}"


def _worker_words(doc: dict[str, Any]) -> str:
    reason = doc.get("state_reason")
    return f"{doc.get('state')}{f': {reason}' if reason else ''}, {len(doc.get('running') or ())} running"


def _when(doc: dict[str, Any]) -> str:
    return str(doc.get("completed_at") or doc.get("heartbeat_at") or doc.get("started_at") or doc.get("created_at"))


def _is_new(doc: dict[str, Any]) -> bool:
    return str(doc.get("_rev", "")).startswith("1-")
