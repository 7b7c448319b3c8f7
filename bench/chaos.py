"""Real workers on a real store, killed, frozen, paused and cut off at random; then the farm's documents are counted.

    python -m bench.chaos [--minutes N] [--jobs N] [--workers N] [--seed N]

On an embedded store of its own, which is killed and started again, too. Jobs are queued all the time while the chaos
lasts; then all is left in peace until the queue is empty. It fails unless every job has ended, each has one result at
most, every completed one has its result, and no attempt is counted beyond the maximum.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import msgspec

from crashfarm import settings
from crashfarm.database import Database
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Input, Job, new_job_id
from crashfarm.documents.worker import Wish
from crashfarm.errors import DatabaseError
from crashfarm.queue import JobQueue
from crashfarm.queue.ends import End
from crashfarm.queue.retries import spent
from crashfarm.queue.settling import read
from crashfarm.settings import Farm, connect
from crashfarm.times import to_text, utc_now
from server import workers

LEASE = 3.0
PEACE = 300.0
SCRIPTS = ("echo fine", "exit 3", "kill -SEGV $$", "sleep 0.3", "setsid sleep 2 & echo started")


class Tally(msgspec.Struct):
    """What was done to the farm."""

    worker_kills: int = 0
    store_kills: int = 0
    freezes: int = 0
    pauses: int = 0


class Site:
    """A store and workers as processes of their own."""

    def __init__(self, folder: Path, count: int) -> None:
        self.data = folder / "data"
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("COUCHDB_")}
        self.environ |= {"CRASHFARM_DATA": str(self.data)}
        self.log = (folder / "log").open("ab")
        self.port = 0
        self.store = self.start_store()
        self.workers: dict[str, subprocess.Popen[bytes]] = {
            f"worker{n}": self.start(f"worker{n}") for n in range(count)
        }

    def farm(self) -> Farm:
        """The farm of this site."""
        return connect(settings.load(self.data, {}))

    def start_store(self) -> "subprocess.Popen[bytes]":
        """Start the store, the second time on the same port."""
        command = [sys.executable, "-m", "server.store", "--data", str(self.data), "--port", str(self.port)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        assert process.stdout
        ready = process.stdout.readline().decode()
        self.port = int(ready.strip().rpartition(":")[2])
        return process

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """Start a worker."""
        options = ["--name", name, "--slots", "2", "--lease", str(LEASE), "--allow", "/bin/sh"]
        command = [sys.executable, "-m", "worker", "run", *options]
        return subprocess.Popen(command, env=self.environ, stdout=self.log, stderr=self.log)

    def close(self) -> None:
        """End everything."""
        for process in (*self.workers.values(), self.store):
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()
        self.log.close()


def kill_worker(site: Site, tally: Tally, rng: random.Random) -> None:
    """End a worker without a word, and start it anew."""
    name = rng.choice(sorted(site.workers))
    site.workers[name].kill()
    site.workers[name].wait()
    site.workers[name] = site.start(name)
    tally.worker_kills += 1


def kill_store(site: Site, tally: Tally, rng: random.Random) -> None:
    """End the store without a word, and start it anew a little later."""
    site.store.kill()
    site.store.wait()
    time.sleep(rng.uniform(0.0, 2 * LEASE))
    site.store = site.start_store()
    tally.store_kills += 1


def freeze_worker(site: Site, tally: Tally, rng: random.Random) -> None:
    """Let a worker sleep long enough to lose its leases."""
    process = site.workers[rng.choice(sorted(site.workers))]
    process.send_signal(signal.SIGSTOP)
    time.sleep(rng.uniform(0.5, 3.0) * LEASE)
    process.send_signal(signal.SIGCONT)
    tally.freezes += 1


def pause_worker(site: Site, tally: Tally, rng: random.Random) -> None:
    """An admin changes a worker's document while it is in use."""
    name = rng.choice(sorted(site.workers))
    try:
        workers.wish(site.farm().status, name, rng.choice([Wish.PAUSE, Wish.RUN]), "chaos", "chaos")
        tally.pauses += 1
    except DatabaseError:
        return


BLOWS = ((kill_worker, 8), (freeze_worker, 2), (pause_worker, 2), (kill_store, 1))


def prepare(farm: Farm) -> None:
    """Databases, views and a branch that runs shell scripts."""
    subprocess.run([str(Path(sys.executable).parent / "crashfarm"), "push"], check=True, capture_output=True)
    build = Build(command=("/bin/sh", "{input}"))
    branch = Branch(id=branch_id("shell", "one"), product="shell", branch="one", builds={"release": {"Linux": build}})
    farm.status.put(branch.to_doc())


def add_jobs(status: Database, count: int, rng: random.Random) -> list[str]:
    """Queue jobs; their ids, as far as the store has taken them for sure."""
    now = utc_now()
    jobs = [
        Job(
            id=new_job_id(now),
            product="shell",
            branch="one",
            buildtype="release",
            input=Input(name="script", text=rng.choice(SCRIPTS)),
            created_at=to_text(now),
            timeout=10.0,
            max_attempts=50,
        )
        for _ in range(count)
    ]
    try:
        JobQueue(status).add(jobs)
    except DatabaseError:
        return []
    return [job.id for job in jobs]


def lay_on(site: Site, minutes: float, jobs: int, rng: random.Random) -> tuple[Tally, list[str]]:
    """Blow upon blow, until the time is over."""
    tally, queued = Tally(), []
    began = time.monotonic()
    until = began + 60.0 * minutes
    blows, weights = zip(*BLOWS, strict=True)
    while time.monotonic() < until:
        share = min(1.0, (time.monotonic() - began) / (60.0 * minutes))
        queued += add_jobs(site.farm().status, max(0, int(jobs * share) - len(queued)), rng)
        time.sleep(rng.uniform(0.2, 2.0))
        rng.choices(blows, weights)[0](site, tally, rng)
    return tally, queued


def wait_for_peace(site: Site) -> float:
    """Wake and resume everybody, and wait until nothing is pending or running; the seconds that took."""
    began = time.monotonic()
    for name in site.workers:
        workers.wish(site.farm().status, name, Wish.RUN, "peace", "chaos")
    while time.monotonic() - began < PEACE:
        counts = JobQueue(site.farm().status).counts()
        if not counts.get("pending") and not counts.get("running"):
            break
        time.sleep(0.5)
    return time.monotonic() - began


def judge(farm: Farm, queued: list[str]) -> dict[str, object]:
    """Count the documents; the figures, with what is wrong under `wrong`."""
    jobs = {job.id: job for job in read(farm.status.documents("job:"))}
    results = Counter(doc["job"] for doc in farm.history.documents("result:"))
    ends = Counter(attempt.outcome for job in jobs.values() for attempt in job.attempts)
    completed = [job.id for job in jobs.values() if job.state == "completed"]
    wrong = {
        "lost": len(set(queued) - jobs.keys()),
        "not ended": sum(job.state in ("pending", "running") for job in jobs.values()),
        "doubled": sum(count > 1 for count in results.values()),
        "completed twice": sum(sum(a.outcome == End.COMPLETED for a in job.attempts) > 1 for job in jobs.values()),
        "completed without a result": len(set(completed) - results.keys()),
        "beyond the maximum": sum(spent(job) > job.max_attempts for job in jobs.values()),
    }
    return {"jobs": len(jobs), "completed": len(completed), "attempts": dict(ends), "wrong": wrong}


def main() -> None:
    """Run, print one JSON object, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder), options.workers)
        os.environ |= {"CRASHFARM_DATA": str(site.data)}
        try:
            prepare(site.farm())
            tally, queued = lay_on(site, options.minutes, options.jobs, rng)
            quiet = wait_for_peace(site)
            figures = judge(site.farm(), queued)
        finally:
            site.close()
    print(json.dumps(figures | msgspec.structs.asdict(tally) | {"seconds_until_empty": round(quiet, 1)}, indent=1))
    sys.exit(any(figures["wrong"].values()))  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
