"""How little of an input is enough: lithium's strategies, asking whether each smaller input still gives the signature.

Most candidates do not. So while some are being judged, the next ones are made as if those had failed, and judged at
the same time; when one of them turns out to succeed, the pass begins anew with all that is known by then. What is
known is not asked twice, so it comes in an instant to where it was: in the same way a reduction that was interrupted
goes on.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec
from lithium import strategies, testcases
from lithium.util import LithiumError

from crashfarm.errors import InputError

MOST_BYTES = 2000
"""Bytes up to which what the coarser passes leave of a text is reduced byte by byte."""

MOST_ROUNDS = 5
"""So often all passes are made, as long as one of them finds something to take away."""


class Judge(Protocol):
    """Tells whether an input still gives the signature."""

    def known(self, content: bytes) -> bool | None:
        """What is known of an input, None where nothing is."""

    def ask(self, content: bytes) -> None:
        """Begin to find out, without waiting."""

    def wait(self, content: bytes) -> bool:
        """The answer, when it is there."""


class Pass(msgspec.Struct, frozen=True):
    """A way of making an input smaller: a strategy, and what it takes for the parts of an input."""

    strategy: str
    parts: str


TEXT = (Pass("minimize", "line"), Pass("minimize-balanced", "line"), Pass("minimize", "symbol-delimiter"))
BYTES = (Pass("minimize", "char"),)

_STRATEGIES = {cls.name: cls for cls in (strategies.Minimize, strategies.MinimizeBalancedPairs)}
_PARTS = {cls.atom: cls for cls in (testcases.TestcaseLine, testcases.TestcaseSymbol, testcases.TestcaseChar)}

Told = Callable[[Pass, bytes], None]
"""Is told which pass is at work, and the smallest input so far, whenever either has changed."""


def reduce(content: bytes, judge: Judge, width: int, told: Told, most_bytes: int = MOST_BYTES) -> bytes:
    """The smallest input found; `width` candidates at most are judged at once. Raises InputError.

    A text is taken apart byte by byte only when it is at most `most_bytes` long.
    """
    for _ in range(MOST_ROUNDS):
        before = content
        for one in _passes(content, most_bytes):
            told(one, content)
            content = _reduce(content, one, judge, width, partial(told, one))
        if content == before:
            break
    return content


def _passes(content: bytes, most_bytes: int) -> Iterator[Pass]:
    """Coarse passes first; bytes only of what is small, or is no text."""
    if _is_text(content):
        yield from TEXT
    if len(content) <= most_bytes or not _is_text(content):
        yield from BYTES


def _is_text(content: bytes) -> bool:
    try:
        return "\x00" not in content.decode()
    except UnicodeDecodeError:
        return False


def _reduce(content: bytes, one: Pass, judge: Judge, width: int, told: Callable[[bytes], None]) -> bytes:
    testcase, smallest = _split(content, one.parts), len(content)

    def tell(best: bytes) -> None:
        """Only what is news: each attempt begins with the whole input again."""
        nonlocal smallest
        if len(best) < smallest:
            smallest = len(best)
            told(best)

    while (best := _attempt(testcase, _STRATEGIES[one.strategy](), judge, width, tell)) is None:
        pass
    return best


def _attempt(
    testcase: testcases.Testcase, strategy: strategies.Strategy, judge: Judge, width: int, told: Callable[[bytes], None]
) -> bytes | None:
    """One walk through a pass; None when it was on a wrong way, and is to be begun anew.

    It looks further ahead with each candidate that failed as it was assumed to.
    """
    assumed: list[bytes] = []
    ahead = 1
    walk = strategy.reduce(testcase)
    for candidate in walk:
        content = _content(candidate)
        answer = judge.known(content)
        if answer is None:
            judge.ask(content)
            assumed.append(content)
        walk.feedback(bool(answer))
        if answer and not assumed:
            told(content)
        if len(assumed) >= ahead:
            if judge.wait(assumed.pop(0)):
                return None
            ahead = min(width, 2 * ahead)
    return None if any(judge.wait(content) for content in assumed) else _content(walk.testcase)


def _split(content: bytes, parts: str) -> testcases.Testcase:
    """The input in its parts; only what is between lines with DDBEGIN and DDEND, where there are such, is reduced."""
    testcase = _PARTS[parts]()
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        try:
            testcase.load(file.name)
        except LithiumError as exc:
            raise InputError(f"the input cannot be reduced: {str(exc).replace(file.name, 'input')}") from exc
    return testcase


def _content(testcase: testcases.Testcase) -> bytes:
    return b"".join((testcase.before, *testcase.parts, testcase.after))
