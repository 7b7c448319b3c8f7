"""PiCaS doing what bench/queue.py measures: run by a Python that has it, with the numbers of tasks and processes.

PICAS_URL=… PICAS_USER=… PICAS_PASSWORD=… python picas_run.py TASKS PROCESSES
"""

import json
import multiprocessing
import os
import signal
import sys
import time
from collections import Counter
from uuid import uuid4

from picas.actors import RunActor
from picas.clients import CouchDB
from picas.documents import Task
from picas.modifiers import BasicTokenModifier

TODO = "function (doc) { if (doc.type == 'token' && doc.lock == 0 && doc.done == 0) emit(doc._id, doc._id); }"


class NoWork(RunActor):
    """Takes a task, and closes it at once."""

    def __init__(self, db: CouchDB) -> None:
        super().__init__(db, view="todo")
        self.modifier = BasicTokenModifier()
        self.ran: list[str] = []

    def process_task(self, task: Task) -> None:
        """Nothing to do."""
        self.ran.append(task.id)
        task.update(self.modifier.close(task.value))

    def setup_handler(self) -> None:
        """No signals come here."""


def client(name: str, *, create: bool = False) -> CouchDB:
    """A connection to the database."""
    environ = os.environ
    return CouchDB(environ["PICAS_URL"], name, environ["PICAS_USER"], environ["PICAS_PASSWORD"], create=create)


def work(name: str) -> tuple[list[str], float]:
    """Run until nothing is left: the tasks that were run, and when it ended."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    actor = NoWork(client(name))
    actor.run()
    return actor.ran, time.time()


def main() -> None:
    """Print the figures as one line of JSON."""
    count, processes = int(sys.argv[1]), int(sys.argv[2])
    name = f"bench-picas-{uuid4().hex}"
    db = client(name, create=True)
    try:
        db.db.save({"_id": "_design/Monitor", "language": "javascript", "views": {"todo": {"map": TODO}}})
        db.save_documents([Task({"_id": f"task{n}", "type": "token", "lock": 0, "done": 0}) for n in range(count)])
        list(db.view("todo", limit=1))
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            began = time.time()
            runs = pool.map(work, [name] * processes)
        seconds = max(ended for _, ended in runs) - began
        times = Counter(task for ran, _ in runs for task in ran)
        done = sum(1 for row in db.db.view("_all_docs", include_docs=True) if row.doc.get("done"))
    finally:
        db.db.resource.delete_json("")
    figures = {
        "picas_processes": processes,
        "picas_tasks_per_second": round(count / seconds, 1),
        "picas_run_twice": sum(n > 1 for n in times.values()),
        "picas_results_lost": len(times) - done,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
