"""The report as test results, for programs that build and test."""

from collections.abc import Sequence

from server.report.lists import ON_BRANCH, Lists
from server.report.model import BranchLine
from server.report.pages import Pages
from server.report.scratch import Tables

HANDED = 5000
"""Signatures that a file for another program holds, the commonest, or those of each branch: few take more."""


def write(pages: Pages, tables: Tables, branches: Sequence[BranchLine]) -> None:
    """Write the file: a branch is a suite, a signature that was seen there a test."""
    lists = Lists(tables, pages.farm.since)
    pages.write(
        "junit.xml.j2",
        "junit.xml",
        branches=branches,
        lines_of=lambda branch: list(lists.lines(ON_BRANCH, branch.product, branch.branch, limit=HANDED)),
    )
