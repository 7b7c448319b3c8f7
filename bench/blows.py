"""What bench/chaos.py does to a farm: each blow strikes at once, and says what mends it and when."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from bench.proxy import Line
from bench.sites import LEASE, Hand, Site, fill_disk, free_disk
from crashfarm.documents.base import Json
from crashfarm.documents.job import Priority
from crashfarm.documents.worker import Wish
from crashfarm.errors import CrashfarmError
from crashfarm.queue import JobQueue
from server import workers

SOON, LONG = (0.1, 2.0), (0.5 * LEASE, 3.0 * LEASE)
"""Bounds in seconds for what is mended soon, and for what may cost leases."""

FULL = "the outbox cannot be written"
"""What a worker says of itself that cannot write a result down."""

Mend = Callable[[], object]


class Missed(CrashfarmError):
    """There was nothing to strike."""


class Storm:
    """Blows in a random order, each kind as often as it stands in the deck before any comes again."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        self.site = site
        self.rng = rng
        self.counts: Counter[str] = Counter()
        self.full_disks = 0
        self.ended_workers = 0
        self.queued: list[str] = []
        self._mends: list[tuple[float, Mend]] = []
        self._deck: list[Callable[[Storm], None]] = []

    def strike(self) -> None:
        """One blow, and whatever is to be mended by now."""
        self.mend(time.monotonic())
        self.tend()
        if not self._deck:
            self._deck = [blow for blow, times in DECK for _ in range(times)]
            self.rng.shuffle(self._deck)
        blow = self._deck.pop()
        try:
            blow(self)
        except CrashfarmError:
            return  # nothing to strike, the store is down, or somebody else was quicker
        self.counts[blow.__name__] += 1

    def mend(self, until: float = float("inf")) -> None:
        """Mend what is due."""
        due = [pair for pair in self._mends if pair[0] <= until]
        self._mends = [pair for pair in self._mends if pair[0] > until]
        for _, mend in sorted(due, key=lambda pair: pair[0]):
            try:
                mend()
            except CrashfarmError:
                self.later(SOON, mend)

    def tend(self) -> None:
        """Start anew what has ended by itself, as a machine's supervisor does."""
        site = self.site
        for hand in site.hands:
            if hand.process.poll() is not None:
                site.restart(hand)
                self.ended_workers += 1
        if site.janitor and site.janitor.poll() is not None:
            site.janitor = site.start_janitor()

    def later(self, bounds: tuple[float, float], mend: Mend) -> None:
        """Mend something after a while."""
        self._mends.append((time.monotonic() + self.rng.uniform(*bounds), mend))

    def any_hand(self) -> Hand:
        """A worker."""
        return self.rng.choice(self.site.hands)

    def any_job(self) -> Json:
        """The document of a job, one of the newer ones. Raises Missed."""
        recent = self.queued[-60:]
        doc = self.site.farm().status.get(self.rng.choice(recent)) if recent else None
        if doc is None:
            raise Missed
        return doc


def kill_worker(storm: Storm) -> None:
    """End a worker without a word, and start it anew."""
    hand = storm.any_hand()
    hand.process.kill()
    hand.process.wait()
    free_disk(hand)
    storm.site.restart(hand)


def kill_store(storm: Storm) -> None:
    """End the store without a word, and start it anew a little later."""
    site = storm.site
    if site.store.poll() is not None:
        raise Missed
    site.store.kill()
    site.store.wait()

    def start() -> None:
        site.store = site.start_store()

    storm.later((0.0, 2.0 * LEASE), start)


def kill_janitor(storm: Storm) -> None:
    """End the janitor without a word; a new one comes after a while, and until then the workers sweep."""
    site = storm.site
    if site.janitor is None:
        raise Missed
    site.janitor.kill()
    site.janitor.wait()
    site.janitor = None

    def start() -> None:
        site.janitor = site.start_janitor()

    storm.later(LONG, start)


def freeze_worker(storm: Storm) -> None:
    """Let a worker sleep, perhaps long enough to lose its leases."""
    process = storm.any_hand().process
    process.send_signal(signal.SIGSTOP)
    storm.later(LONG, lambda: process.send_signal(signal.SIGCONT))


def cut_line(storm: Storm) -> None:
    """A worker's connections break, and it gets no new ones."""
    _disturb(storm, Line.CUT)


def stall_line(storm: Storm) -> None:
    """Nothing moves between a worker and the store; then all of it arrives, late."""
    _disturb(storm, Line.STALLED)


def deafen_line(storm: Storm) -> None:
    """What a worker writes is written, and it never hears of it."""
    _disturb(storm, Line.DEAF)


def fill_outbox(storm: Storm) -> None:
    """There is no room on a worker's disk for a result."""
    hand = storm.any_hand()
    fill_disk(hand)

    def free() -> None:
        free_disk(hand)
        doc = storm.site.farm().status.get(f"worker:{hand.name}") or {}
        storm.full_disks += FULL in doc.get("state_reason", "")

    storm.later(LONG, free)


def pause_worker(storm: Storm) -> None:
    """An admin pauses a worker, and lets it run again."""
    _wish(storm, Wish.PAUSE)


def restart_worker(storm: Storm) -> None:
    """An admin wants a worker to begin anew."""
    _wish(storm, Wish.RESTART)


def edit_worker(storm: Storm) -> None:
    """An admin edits a worker's document, or deletes it."""
    status, hand = storm.site.farm().status, storm.any_hand()
    doc = status.get(f"worker:{hand.name}")
    if doc is None:
        raise Missed
    if storm.rng.random() < 0.3:
        status.delete(doc["_id"], doc["_rev"])
    else:
        status.put(doc | {"note": "seen", "static_metadata": {"place": storm.rng.choice(["here", "there"])}})


def edit_job(storm: Storm) -> None:
    """An admin edits a job's document, whoever holds it."""
    storm.site.farm().status.put(storm.any_job() | {"note": "seen"})


def order_job(storm: Storm) -> None:
    """An admin cancels a job, or gives it another priority."""
    doc = storm.any_job()
    queue = JobQueue(storm.site.farm().status)
    if storm.rng.random() < 0.3:
        queue.cancel(doc["_id"], "chaos")
    else:
        queue.prioritise(doc["_id"], storm.rng.choice(list(Priority)))


def _disturb(storm: Storm, line: Line) -> None:
    hand = storm.any_hand()
    hand.line.turn(line)
    storm.later(LONG, lambda: hand.line.turn(Line.OPEN))


def _wish(storm: Storm, wish: Wish) -> None:
    site, hand = storm.site, storm.any_hand()
    workers.wish(site.farm().status, hand.name, wish, "chaos", "chaos")
    if wish == Wish.PAUSE:
        storm.later(LONG, lambda: workers.wish(site.farm().status, hand.name, Wish.RUN, "chaos", "chaos"))


DECK = (
    (kill_worker, 6),
    (kill_janitor, 1),
    (kill_store, 1),
    (freeze_worker, 2),
    (cut_line, 1),
    (stall_line, 1),
    (deafen_line, 1),
    (fill_outbox, 1),
    (pause_worker, 1),
    (restart_worker, 1),
    (edit_worker, 1),
    (edit_job, 2),
    (order_job, 1),
)


class Figures(msgspec.Struct, frozen=True):
    """How often each blow struck, the kills among them, how often a worker said that its disk was full, and ended."""

    kills: int
    blows: dict[str, int]
    full_disks: int
    workers_ended_by_themselves: int


def figures(storm: Storm) -> Figures:
    """What the storm did."""
    kills = sum(storm.counts[blow.__name__] for blow in (kill_worker, kill_store, kill_janitor))
    return Figures(kills, dict(sorted(storm.counts.items())), storm.full_disks, storm.ended_workers)
