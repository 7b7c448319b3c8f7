"""Revision trees as values: merging, the winner, conflicts, stemming.

A tree is a tuple of branches, one per leaf, winner first. Each branch carries the whole known line of ancestors of its
leaf, so that two branches of one root repeat what they share: trees with many leaves are rare, and every question is
then a look at one tuple. The same set of branches gives the same tree in whatever order they arrive.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5

from server.store.errors import BadRequest

_REV = re.compile(r"([0-9]{1,18})-([^,!\s\"\\\x00-\x1f]+)\Z")


@dataclass(frozen=True, slots=True)
class Branch:
    """A leaf and its ancestors: `hashes` newest first, the leaf standing at position `pos`."""

    pos: int
    hashes: tuple[str, ...]
    deleted: bool

    @property
    def rev(self) -> str:
        """The leaf's revision as text, `3-abc`."""
        return f"{self.pos}-{self.hashes[0]}"

    def revs(self) -> list[str]:
        """All known revisions of this branch, newest first."""
        return [f"{self.pos - n}-{name}" for n, name in enumerate(self.hashes)]


Tree = tuple[Branch, ...]


def parse_rev(text: str) -> tuple[int, str]:
    """Split `3-abc` into (3, "abc"); BadRequest for anything else."""
    match = _REV.match(text)
    if match is None:
        raise BadRequest("Invalid rev format")
    return int(match[1]), match[2]


def winning_order(branch: Branch) -> tuple[bool, int, str]:
    """The key by which the largest branch wins: living before deleted, longer before shorter, then the hash."""
    return not branch.deleted, branch.pos, branch.hashes[0]


def new_hash(body: bytes, parent: str | None, deleted: bool, digests: Iterable[str] = ()) -> str:
    """The hash of an edit: the same edit of the same parent gives the same revision everywhere."""
    digest = md5(body, usedforsecurity=False)
    digest.update(f"|{parent}|{deleted}".encode())
    for attachment in digests:
        digest.update(f"|{attachment}".encode())
    return digest.hexdigest()


def merge(tree: Tree, branch: Branch, limit: int) -> Tree:
    """The tree with one more branch, each branch at most `limit` revisions long."""
    new = _rooted(branch, tree)
    grown = [_rooted(each, (new,)) for each in tree]
    kept = [each for each in grown if not _holds(new, each)]
    if not any(_holds(each, new) for each in grown):
        kept.append(new)
    elif len(kept) < len(grown):
        kept = grown
    if any(each is not old for each, old in zip(grown, tree, strict=True)):
        kept = _without_ancestors(kept)
    return _ordered(stem(tuple(kept), limit))


def remove(tree: Tree, revs: set[str]) -> Tree:
    """The tree without those of its leaves that are named."""
    return tuple(branch for branch in tree if branch.rev not in revs)


def stem(tree: Tree, limit: int) -> Tree:
    """The tree with every branch cut to its `limit` newest revisions."""
    return tuple(Branch(each.pos, each.hashes[:limit], each.deleted) for each in tree)


def holds_branch(tree: Tree, branch: Branch) -> bool:
    """True when the tree has the branch already, as a leaf or on the way to one."""
    return any(_holds(each, branch) for each in tree)


def contains(tree: Tree, pos: int, name: str) -> bool:
    """True when the revision is known, as a leaf or as an ancestor."""
    return any(0 <= each.pos - pos < len(each.hashes) and each.hashes[each.pos - pos] == name for each in tree)


def branch_of(tree: Tree, pos: int, name: str) -> Branch | None:
    """The branch from the given revision downwards to its root; None when the revision is unknown."""
    for each in tree:
        depth = each.pos - pos
        if 0 <= depth < len(each.hashes) and each.hashes[depth] == name:
            return Branch(pos, each.hashes[depth:], each.deleted if depth == 0 else False)
    return None


def encode(tree: Tree) -> str | None:
    """The text kept beside the winner: its ancestors, or one line per leaf when there are several."""
    if len(tree) == 1:
        return ",".join(tree[0].hashes[1:]) or None
    return "\n" + "\n".join(f"{each.pos}-{','.join(each.hashes)}{'!' if each.deleted else ''}" for each in tree)


def decode(rev: str, deleted: bool, text: str | None) -> Tree:
    """The tree from its kept text and the winner's revision."""
    if text is None or text[0] != "\n":
        pos, _, name = rev.partition("-")
        return (Branch(int(pos), (name, *text.split(",")) if text else (name,), deleted),)
    return tuple(_decode_line(line) for line in text[1:].split("\n"))


def is_linear(text: str | None) -> bool:
    """True when the kept text is that of a tree with a single leaf."""
    return text is None or text[0] != "\n"


def _decode_line(line: str) -> Branch:
    pos, _, names = line.rstrip("!").partition("-")
    return Branch(int(pos), tuple(names.split(",")), line.endswith("!"))


def _holds(outer: Branch, inner: Branch) -> bool:
    """True when a branch runs through the whole of another, as far as both are known."""
    depth = outer.pos - inner.pos
    if not 0 <= depth < len(outer.hashes):
        return False
    common = min(len(outer.hashes) - depth, len(inner.hashes))
    return outer.hashes[depth : depth + common] == inner.hashes[:common]


def _rooted(branch: Branch, others: Iterable[Branch]) -> Branch:
    """The branch with the ancestors that others know of its oldest revision."""
    oldest = branch.pos - len(branch.hashes) + 1
    if oldest <= 1:
        return branch
    tails = [
        each.hashes[each.pos - oldest + 1 :]
        for each in others
        if 0 <= each.pos - oldest < len(each.hashes) and each.hashes[each.pos - oldest] == branch.hashes[-1]
    ]
    tail = max(tails, key=lambda names: (len(names), names), default=())
    return Branch(branch.pos, branch.hashes + tail, branch.deleted) if tail else branch


def _without_ancestors(branches: list[Branch]) -> list[Branch]:
    """The branches that no other one runs through."""
    kept: list[Branch] = []
    for each in sorted(branches, key=_canonical, reverse=True):
        if not any(_holds(other, each) for other in kept):
            kept.append(each)
    return kept


def _canonical(branch: Branch) -> tuple[int, int, tuple[str, ...]]:
    return branch.pos, len(branch.hashes), branch.hashes


def _ordered(branches: Iterable[Branch]) -> Tree:
    return tuple(sorted(branches, key=lambda each: (winning_order(each), each.hashes), reverse=True))
