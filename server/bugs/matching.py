"""Comparing all that was found with all known bugs, once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crashfarm.settings import Farm
from crashfarm.times import Clock
from crashfarm.understand.known_bugs import Refused
from crashfarm.understand.known_bugs.tuples import named
from server.bugs.signing import signature_of
from server.collector.knowing import KnownIndex
from server.collector.matching import Matching
from server.collector.weighing import Move, Weigher
from server.queries import paging

COLUMNS = ("tuple", "signature", "product", "branch", "bugs before", "bugs after", "regressed", "suppressed")


@dataclass(kw_only=True)
class Matched:
    """What a pass did or, as a preview, would do: tuples that change, and matchers that cannot be used."""

    changed: int = 0
    moves: dict[str, Move] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def number_of_tuples(farm: Farm) -> int:
    """How many tuples a farm has."""
    return paging.total(farm.history, "tuples", "by_signature")


def match_all(farm: Farm, clock: Clock, advance: Callable[[int], None], *, preview: bool) -> Matched:
    """Weigh every tuple; with `preview` nothing is written, and the moves tell what would be."""
    done = Matched()
    index = KnownIndex()

    def keep(moves: Sequence[Move]) -> Mapping[str, str | None]:
        for move in moves:
            first = done.moves.get(move.after.id, move)
            done.moves[move.after.id] = Move(first.before, move.after)
        return {move.after.id: move.before.rev for move in moves}

    weigher = Weigher(farm, index, keep if preview else None)
    matching = Matching(farm, clock, index, weigher)
    changed = matching.weigh_all(advance)
    done.changed = len(done.moves) if preview else changed
    if not preview:
        matching.note_all_compared()
    done.refused = index.refused
    return done


def cells(move: Move) -> tuple[object, ...]:
    """A move as a row of a table."""
    one = move.after
    before, after = (" ".join(named(each)) for each in (move.before, one))
    suppressed = _change(move.before.suppressed, one.suppressed)
    return one.id, str(signature_of(one)), one.product, one.branch, before, after, " ".join(one.regressed), suppressed


def _change(before: bool, after: bool) -> str:
    return "" if before == after else "yes" if after else "no"
