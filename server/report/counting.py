"""Runs of inputs, counted: by a hand, where there are many, for there is enough else to read."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crashfarm.database import Connection, Database
from crashfarm.settings import Farm
from server.queries import paging
from server.report import tables
from server.report.hands import Hand, Hands, Tell, spare
from server.report.scratch import Scratch

WORTH = 50_000
"""Runs below which it takes longer to start a hand than to count."""

PATIENCE = 0.2
"""Seconds between two looks at how far the hand is."""

Runs = Sequence[tuple[list[Any], int]]


def runs(history: Database) -> Iterator[Runs]:
    """Runs of each input by build, machine and outcome, some at a time."""
    counted = paging.groups(history, "results", "by_input", 8)
    return paging.ahead(paging.batches(counted, paging.PAGE), many=1, deep=paging.DEEP)


class Counter:
    """What a hand is that counts runs: into a file of its own, for the other tables are being written."""

    def __init__(self, tell: Tell, connection: Connection, name: str, path: Path) -> None:
        self._tell = tell
        self._history = connection.database(name)
        self._path = path

    def count(self) -> None:
        """Count all runs, and tell after each some how many."""
        scratch = Scratch(self._path)
        for some in runs(self._history):
            tables.add_all_runs(scratch, some)
            self._tell(len(some))
        scratch.share()
        scratch.close()


class Beside:
    """A hand that counts."""

    def __init__(self, farm: Farm, scratch: Scratch, hand: Hand) -> None:
        self._scratch = scratch
        self._path = scratch.path.with_name(f"{scratch.path.name}.runs")
        self._hand = hand
        self._hand.be(Counter, farm.connection, farm.history.name, self._path)
        self._hand.do("count")

    def finish(self) -> Iterator[int]:
        """Wait until all is counted, telling how many more are, then take over what the tables need of it."""
        while not self._hand.wait(PATIENCE):
            yield from self._hand.told()
        yield from self._hand.told()
        tables.take_runs(self._scratch, self._path)

    def stop(self) -> None:
        """End it, whatever it does, and leave nothing behind."""
        self._hand.stop()
        self._path.unlink(missing_ok=True)


@contextmanager
def beside(farm: Farm, scratch: Scratch, number: int, hands: Hands) -> Iterator[Beside | None]:
    """A hand that counts so many runs, where that is worth it."""
    if number < WORTH or not spare():
        yield None
        return
    counting = Beside(farm, scratch, hands.take())
    # Where so much was run there will be much to write.
    hands.prepare(spare())
    try:
        yield counting
    finally:
        counting.stop()
