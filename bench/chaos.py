"""A farm of real processes is struck at random; then it is left in peace, and its documents are counted.

    python -m bench.chaos [--minutes N] [--jobs N] [--workers N] [--seed N]

On an embedded store of its own. Workers, janitor and store are killed and started anew, workers frozen, their lines to
the store cut, stalled and made deaf, their outboxes' disks filled (small ones of their own for root, else by a limit on
file sizes), and an admin pauses workers, cancels and edits: bench/blows.py lists it all. Jobs are queued all the time
meanwhile. It fails unless every job has ended, each completed one was completed once, by the attempt whose result is
kept, no two claims of a job overlap, no attempt is counted beyond the maximum, and no outbox holds anything any more.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec

from bench.blows import Storm, figures
from bench.proxy import Line
from bench.sites import Site, free_disk
from crashfarm.database import Database
from crashfarm.documents.branch import Branch, Build, branch_id
from crashfarm.documents.job import Dependency, Input, Job, new_job_id
from crashfarm.documents.worker import Wish
from crashfarm.errors import DatabaseError
from crashfarm.queue import JobQueue
from crashfarm.queue.ends import End
from crashfarm.queue.retries import spent
from crashfarm.queue.settling import read
from crashfarm.settings import Farm
from crashfarm.times import to_text, utc_now
from server import workers

PEACE = 900.0
"""Seconds that may pass until all is done: a job that was lost time and again waits minutes for its next try."""

SCRIPTS = ("echo fine", "exit 3", "kill -SEGV $$", "sleep 0.3", "sleep 3", "setsid sleep 2 & echo started")
LATE = ("is not ours any more", "was cancelled or taken over")
"""What a worker says that finds its claim lost."""


def prepare(site: Site) -> None:
    """Databases, views and a branch that runs shell scripts."""
    environ = {"CRASHFARM_DATA": str(site.data), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-m", "server", "push"], check=True, stdout=sys.stderr, env=environ)
    build = Build(command=("/bin/sh", "{input}"))
    branch = Branch(id=branch_id("shell", "one"), product="shell", branch="one", builds={"release": {"Linux": build}})
    site.farm().status.put(branch.to_doc())


def add_jobs(status: Database, count: int, rng: random.Random) -> list[str]:
    """Queue jobs, some of which wait for another; their ids, as far as the store has taken them for sure."""
    now = utc_now()
    jobs: list[Job] = []
    for _ in range(count):
        needs = (Dependency(job=rng.choice(jobs).id),) if jobs and rng.random() < 0.1 else ()
        jobs.append(
            Job(
                id=new_job_id(now),
                product="shell",
                branch="one",
                buildtype="release",
                input=Input(name="script", text=rng.choice(SCRIPTS)),
                created_at=to_text(now),
                timeout=10.0,
                max_attempts=50,
                depends_on=needs,
            )
        )
    try:
        return [job.id for job in JobQueue(status).add(jobs)]
    except DatabaseError:
        return []


def lay_on(site: Site, minutes: float, jobs: int, rng: random.Random) -> Storm:
    """Blow upon blow, until the time is over."""
    storm = Storm(site, rng)
    began = time.monotonic()
    while (share := (time.monotonic() - began) / (60.0 * minutes)) < 1.0:
        storm.queued += add_jobs(site.farm().status, max(0, int(jobs * share) - len(storm.queued)), rng)
        time.sleep(rng.uniform(0.2, 2.0))
        storm.strike()
    storm.mend()
    return storm


def wait_for_peace(storm: Storm) -> float:
    """Mend and resume everything, and wait until nothing is pending, running or untold; the seconds that took."""
    site, began = storm.site, time.monotonic()
    for hand in site.hands:
        hand.line.turn(Line.OPEN)
        free_disk(hand)
    while time.monotonic() - began < PEACE:
        storm.tend()
        try:
            if _is_done(site):
                break
        except DatabaseError as exc:
            print(exc, file=sys.stderr)
        time.sleep(0.5)
    return time.monotonic() - began


def _is_done(site: Site) -> bool:
    for worker in workers.load(site.farm().status):
        if worker.control.desired == Wish.PAUSE or worker.quarantine:
            workers.wish(site.farm().status, worker.id.partition(":")[2], Wish.RUN, "peace", "chaos")
    counts = JobQueue(site.farm().status).counts()
    return not counts.get("pending") and not counts.get("running") and not _untold(site)


def _untold(site: Site) -> int:
    return sum(1 for hand in site.hands for _ in hand.outbox.rglob("*.json"))


class Verdict(msgspec.Struct, frozen=True):
    """What the documents say: numbers of jobs by state, of claims by how they ended, and of all that is wrong."""

    jobs: int
    states: dict[str, int]
    claims: dict[str, int]
    takeovers: dict[str, int]
    wrong: dict[str, int]


def judge(farm: Farm, queued: list[str]) -> Verdict:
    """Count the documents."""
    jobs = {job.id: job for job in read(farm.status.documents("job:"))}
    results = {doc["job"]: doc for doc in farm.history.documents("result:")}
    ends = Counter(attempt.outcome for job in jobs.values() for attempt in job.attempts)
    taken = Counter(a.reason for job in jobs.values() for a in job.attempts if a.outcome == End.LOST)
    completed = [job for job in jobs.values() if job.state == "completed"]
    ways = {job.id: [a.number for a in job.attempts if a.outcome == End.COMPLETED] for job in jobs.values()}
    wrong = {
        "lost": len(set(queued) - jobs.keys()),
        "not ended": sum(job.state in ("pending", "running") for job in jobs.values()),
        "doubled": sum(len(numbers) > 1 for numbers in ways.values()),
        "completed without a result": sum(job.id not in results for job in completed),
        "result of another attempt": sum(
            [results[job.id]["attempt"]] != ways[job.id] for job in completed if job.id in results
        ),
        "claims that overlap": sum(_overlap(job) for job in jobs.values()),
        "beyond the maximum": sum(spent(job) > job.max_attempts for job in jobs.values()),
    }
    return Verdict(
        jobs=len(jobs),
        states=dict(Counter(str(job.state) for job in jobs.values())),
        claims=dict(ends),
        takeovers=dict(taken),
        wrong=wrong,
    )


def _overlap(job: Job) -> bool:
    """Whether a claim began before the one before it had ended: all clocks here are the same one."""
    numbers = [attempt.number for attempt in job.attempts]
    in_order = numbers == list(range(1, len(numbers) + 1))
    return not in_order or any(later.claimed_at < earlier.ended_at for earlier, later in pairwise(job.attempts))


def _count(log: Path, *words: str) -> int:
    """How many lines of the processes' log hold one of these."""
    lines = log.read_text(errors="replace").splitlines()
    return sum(any(word in line for word in words) for line in lines)


def run(options: argparse.Namespace) -> tuple[Verdict, dict[str, object]]:
    """A storm, and peace; what the documents say then, and what was done to the farm."""
    with tempfile.TemporaryDirectory() as folder:
        site, log = Site(Path(folder), options.workers), Path(folder) / "log"
        try:
            prepare(site)
            site.begin()
            storm = lay_on(site, options.minutes, options.jobs, random.Random(options.seed))
            quiet = wait_for_peace(storm)
            verdict = judge(site.farm(), storm.queued)
            verdict.wrong.update({"untold": _untold(site), "tracebacks": _count(log, "Traceback")})
        finally:
            site.close()
            if options.log:
                shutil.copy(log, options.log)
        done = msgspec.to_builtins(figures(storm))
        return verdict, done | {"lost_claims": _count(log, *LATE), "seconds_until_empty": round(quiet, 1)}


def main() -> None:
    """Run, print one JSON object, and fail if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="Keep what the processes said in this file.")
    options = parser.parse_args()
    verdict, done = run(options)
    print(json.dumps(msgspec.to_builtins(verdict) | done, indent=1))
    sys.exit(any(verdict.wrong.values()))


if __name__ == "__main__":
    main()
