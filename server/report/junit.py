"""The report as test results, for programs that build and test."""

from collections.abc import Sequence

from server.report.lists import Lists
from server.report.model import BranchLine
from server.report.pages import Pages
from server.report.scratch import Tables

HANDED = 5000
"""Signatures that a file for another program holds, the commonest, or those of each branch: few take more."""


def write(pages: Pages, tables: Tables, branches: Sequence[BranchLine]) -> None:
    """Write the file, a test at a time: a branch is a suite, a signature that was seen there a test."""
    lists = Lists(tables, pages.farm.since)
    pages.stream(
        "junit.xml.j2",
        "junit.xml",
        branches=branches,
        told=lambda branch: lists.told(branch.product, branch.branch, HANDED),
        lines_of=lambda branch: lists.on_branch(branch.product, branch.branch, limit=HANDED),
    )
