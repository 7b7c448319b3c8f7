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
    parents: dict[tuple[int, str], str | None] = {}
    for each in (*tree, branch):
        _link(parents, each)
    inner = {(pos - 1, parent) for (pos, _), parent in parents.items() if parent is not None}
    flags = {(each.pos, each.hashes[0]): each.deleted for each in (branch, *tree)}
    leaves = [node for node in flags if node not in inner]
    return _ordered(Branch(pos, _line(parents, pos, name, limit), flags[pos, name]) for pos, name in leaves)


def remove(tree: Tree, revs: set[str]) -> Tree:
    """The tree without those of its leaves that are named."""
    return tuple(branch for branch in tree if branch.rev not in revs)


def stem(tree: Tree, limit: int) -> Tree:
    """The tree with every branch cut to its `limit` newest revisions."""
    return tuple(Branch(each.pos, each.hashes[:limit], each.deleted) for each in tree)


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


def _link(parents: dict[tuple[int, str], str | None], branch: Branch) -> None:
    line = branch.hashes
    for depth, name in enumerate(line):
        parent = line[depth + 1] if depth + 1 < len(line) else None
        known = parents.get((branch.pos - depth, name))
        # A revision names one parent; if two writers disagree, all replicas settle on the same one.
        parents[branch.pos - depth, name] = parent if known is None or (parent and parent > known) else known


def _line(parents: dict[tuple[int, str], str | None], pos: int, name: str, limit: int) -> tuple[str, ...]:
    names: list[str] = []
    step: str | None = name
    while step is not None and len(names) < limit:
        names.append(step)
        step = parents.get((pos, step))
        pos -= 1
    return tuple(names)


def _ordered(branches: Iterable[Branch]) -> Tree:
    return tuple(sorted(branches, key=winning_order, reverse=True))
