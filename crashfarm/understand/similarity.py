"""Variants: different signatures that may be one bug, told by how alike their stacks are. A person decides."""

import math
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from crashfarm.documents.finding import Finding, Frame
from crashfarm.understand import signatures

DEPTH = 16
"""Frames of each stack that are compared."""
THRESHOLD = 0.7
"""Score from which two stacks are suggested to be one bug."""
_DECAY = 0.25
"""How fast frames further out count less."""
_SHIFT = 0.15
"""How fast a frame counts less that stands at another depth in the other stack."""
SHORTEST = 3
"""A stack of fewer frames than this says little: however alike two are, something is missing to certainty."""
K = TypeVar("K", bound=tuple[str, ...])
MAX_SHARERS = 200
"""Stacks that share a frame, beyond which the frame is too common to say anything."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Signatures that may be one bug, and the lowest score of a link between them (0 to 1)."""

    signatures: tuple[str, ...]
    score: float


def score(first: Sequence[Frame], second: Sequence[Frame]) -> float:
    """How alike two stacks are, 0 to 1: frames in common, in order, the inner ones and those at one "
    "depth counting most."""
    return _score(_names(first), _names(second))


def suggest(findings: Iterable[Finding], *, threshold: float = THRESHOLD) -> tuple[Variants, ...]:
    """Groups of signatures of one kind whose stacks are alike, the most certain first."""
    found = groups({(str(f.kind), f.signature): f.frames for f in findings if f.frames}, threshold=threshold)
    return tuple(Variants(tuple(signature for _kind, signature in group), least) for group, least in found)


def groups(
    stacks: Mapping[K, Sequence[Frame]], *, apart: Container[frozenset[K]] = (), threshold: float = THRESHOLD
) -> list[tuple[tuple[K, ...], float]]:
    """Groups of keys whose stacks are alike, each with the lowest score of a link in it, the most certain first.

    A key's first part is its kind: only what is of one kind is alike. Pairs in `apart` are not linked.
    """
    names = {key: _names(frames) for key, frames in stacks.items()}
    links = {
        pair: found
        for pair in _pairs(names)
        if frozenset(pair) not in apart and (found := _score(names[pair[0]], names[pair[1]])) >= threshold
    }
    made = [
        (tuple(sorted(group)), round(min(found for pair, found in links.items() if pair[0] in group), 3))
        for group in _connected(links)
    ]
    return sorted(made, key=lambda group: (-group[1], group[0]))


def _names(frames: Sequence[Frame]) -> tuple[str, ...]:
    """Names of the frames that tell something, or of all where none does."""
    telling = [step.frame for step in signatures.walk(frames) if step.kept]
    return tuple(signatures.name(frame) for frame in (telling or frames)[:DEPTH])


def _score(first: tuple[str, ...], second: tuple[str, ...]) -> float:
    if not first or not second:
        return 0.0
    best = [[0.0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, mine in enumerate(first):
        for j, other in enumerate(second):
            gain = math.exp(-_DECAY * min(i, j) - _SHIFT * abs(i - j)) if mine == other else 0.0
            best[i + 1][j + 1] = max(best[i][j] + gain, best[i][j + 1], best[i + 1][j])
    whole = sum(math.exp(-_DECAY * depth) for depth in range(max(len(first), len(second), SHORTEST)))
    return best[-1][-1] / whole


def _pairs(stacks: Mapping[K, tuple[str, ...]]) -> set[tuple[K, K]]:
    """Pairs of one kind that share a frame which is not too common."""
    sharers: dict[tuple[str, str], set[K]] = defaultdict(set)
    for key, names in stacks.items():
        for name in names:
            sharers[key[0], name].add(key)
    return {
        (one, other)
        for keys in sharers.values()
        if len(keys) <= MAX_SHARERS
        for one in keys
        for other in keys
        if one < other
    }


def _connected(links: Iterable[tuple[K, K]]) -> list[set[K]]:
    found: list[set[K]] = []
    for pair in links:
        touched = [group for group in found if group & set(pair)]
        found = [group for group in found if group not in touched]
        found.append(set(pair).union(*touched))
    return found
