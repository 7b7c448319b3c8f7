"""Pages painted by hands: making them is most of a report's work, and each stands for itself.

A painter reads the report's tables, and tells the sources of what it has painted.
"""

import functools
import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from server.report import junit, searching, signatures
from server.report.fetching import Asked
from server.report.hands import Hand, Hands, spare
from server.report.model import BranchLine
from server.report.pages import Pages
from server.report.scratch import Scratch, Tables

WORTH = 1000
"""Pages, or work of as many, below which starting painters takes longer than they save."""

Source = tuple[str, str, int | None]
"""A signature's name, and source file and line of its newest finding."""


class Writer(Protocol):
    """What pages are written with, now or later."""

    def write(self, template: str, path: str, **values: Any) -> None:
        """Write one page, as `Pages.write` does."""

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Write the pages of these signatures."""

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Write the test results, which are as much work as many pages."""

    def index(self) -> None:
        """Write what the search page searches in, which is, too."""


class Painter:
    """Writes pages in this process, and tells the sources of signatures."""

    def __init__(self, pages: Pages, tables: Tables, tell: Callable[[list[Source]], None]) -> None:
        self._pages = pages
        self._tables = tables
        self._tell = tell

    def write(self, template: str, path: str, **values: Any) -> None:
        """Write one page."""
        self._pages.write(template, path, **values)

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Write the pages of these signatures."""
        sources = []
        for page in signatures.pages(self._tables, asked):
            self._pages.write("signature.html.j2", page.line.href, page=page)
            if page.sample and page.sample.finding.file:
                sources.append((page.line.name, page.sample.finding.file, page.sample.finding.line))
        self._tell(sources)

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Write the test results."""
        junit.write(self._pages, self._tables, branches)

    def index(self) -> None:
        """Write what the search page searches in."""
        searching.write(self._pages, self._tables)


def painter(tell: Callable[[list[Source]], None], pages: Pages, path: Path) -> Painter:
    """What a hand is that paints; the tables are in the file of that path."""
    return Painter(pages, Tables.shared(path), tell)


class Painters:
    """Hands that paint. They must be able to import what is in the values of a page."""

    def __init__(self, pages: Pages, scratch: Scratch, hands: Sequence[Hand]) -> None:
        self._hands = deque(hands)
        for hand in hands:
            hand.be(painter, pages, scratch.path)

    def write(self, template: str, path: str, **values: Any) -> None:
        """Have a page written."""
        self._next().do("write", template, path, **values)

    def signatures(self, asked: Sequence[Asked]) -> None:
        """Have the pages of these signatures written."""
        self._next().do("signatures", asked)

    def junit(self, branches: Sequence[BranchLine]) -> None:
        """Have the test results written."""
        self._next().do("junit", branches)

    def index(self) -> None:
        """Have the search page's index written."""
        self._next().do("index")

    def close(self) -> Iterator[Source]:
        """Wait until all pages are written; tells the sources of signatures."""
        for hand in self._hands:
            hand.wait()
        told = itertools.chain.from_iterable(hand.told() for hand in self._hands)
        return itertools.chain.from_iterable(told)

    def _next(self) -> Hand:
        """The one with the least to do; of several, the one whose turn it is."""
        self._hands.rotate(-1)
        return min(self._hands, key=Hand.waiting)


@contextmanager
def painting(pages: Pages, scratch: Scratch, number_of_pages: int, hands: Hands) -> Iterator[Writer]:
    """What writes pages: hands, where there are many pages and more than one processor, else this process.

    As long as they paint, the tables must not change. The sources of signatures are there at the end.
    """
    if number_of_pages < WORTH or not spare():
        yield Painter(pages, scratch, functools.partial(scratch.insert, "sources"))
        return
    scratch.share()
    painters = Painters(pages, scratch, [hands.take() for _ in range(spare())])
    yield painters
    scratch.insert("sources", painters.close())
