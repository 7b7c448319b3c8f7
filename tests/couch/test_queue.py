"""The queue's contract on a CouchDB over HTTP, and workers that really race."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crashfarm.database import Connection, Database
from crashfarm.documents.job import JobResult
from crashfarm.queue.transitions import Holder
from tests.javascript import ROOT
from tests.queue_contract import ALPHA, LEASE, QueueContract, abilities, job

WORKERS = 4
JOBS = 60


def design(folder: Path) -> dict[str, object]:
    """The design document that a folder of views makes."""
    views = {
        view.name: {name: (view / file).read_text() for name, file in _files(view).items()} for view in folder.iterdir()
    }
    return {"_id": f"_design/{folder.name}", "language": "javascript", "views": views}


def _files(view: Path) -> dict[str, str]:
    return {"map": "map.js"} | ({"reduce": "reduce"} if (view / "reduce").exists() else {})


@pytest.fixture
def status(couch_url: str, database_name: str) -> Iterator[Database]:
    parts = urlsplit(couch_url)
    connection = Connection(
        f"{parts.scheme}://{parts.hostname}:{parts.port}", parts.username or "", parts.password or ""
    )
    database = connection.database(database_name)
    for name in ("jobs", "queue"):
        database.put(design(ROOT / "views" / name))
    yield database
    connection.close()


class TestOnCouch(QueueContract):
    """The contract over HTTP."""

    def test_workers_that_race_run_each_job_once(self, status: Database) -> None:
        """Threads that claim and finish at the same time share the jobs out without loss."""
        self.queue(status).add(job(n) for n in range(JOBS))

        def work(number: int) -> list[str]:
            queue, mine = self.queue(status, number), []
            while sum(queue.counts().get(state, 0) for state in ("pending", "running")):
                holder = Holder(f"worker{number}", f"host/boot/{number}/1")
                held = queue.claim(holder, abilities(), 3, LEASE)
                done = queue.finish([(j, JobResult.SUCCESS, "") for j in held]).done
                mine += [j.id for j in done]
            return mine

        with ThreadPoolExecutor(WORKERS) as pool:
            runs = Counter(id for ids in pool.map(work, range(WORKERS)) for id in ids)
        assert len(runs) == JOBS
        assert set(runs.values()) == {1}

    def test_who_listens_hears_of_a_new_job(self, status: Database) -> None:
        """While it listens, and of one that came while it did not."""
        queue = self.queue(status)
        queue.add([job(1)])
        since = str(status.changes(limit=0, since="now")["last_seq"])
        queue.finish([(held, JobResult.SUCCESS, "") for held in queue.claim(ALPHA, abilities(), 1, LEASE)])
        with ThreadPoolExecutor(1) as pool:
            heard = pool.submit(queue.listen, since)
            assert not heard.done()
            queue.add([job(2)])
            later, is_news = heard.result(timeout=15)
        assert is_news
        assert queue.listen(since)[1]
        assert later != since
