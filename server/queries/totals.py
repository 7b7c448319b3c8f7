"""Whole-farm numbers, each from one view."""

from collections import Counter
from dataclasses import dataclass

from crashfarm.documents.job import JobState
from server.queries import paging


@dataclass(frozen=True)
class Runs:
    """How many results there are of one build on one day with one outcome."""

    product: str
    branch: str
    buildtype: str
    day: str
    outcome: str
    count: int


def runs(history: paging.Viewed) -> list[Runs]:
    """All results, counted by build, day and outcome."""
    found = paging.groups(history, "results", "by_branch_day", 5)
    return [
        Runs(product, branch, buildtype, day, outcome, n) for (product, branch, buildtype, day, outcome), n in found
    ]


def jobs(status: paging.Viewed) -> dict[str, int]:
    """How many jobs the status database holds in each state."""
    found: Counter[str] = Counter({state: 0 for state in JobState})
    for (state, *_), count in paging.groups(status, "jobs", "by_state", 1):
        found[state] += count
    return dict(found)


def workers(status: paging.Viewed) -> dict[str, int]:
    """How many workers are in each state."""
    return {state: count for (state, *_), count in paging.groups(status, "workers", "by_state", 1)}
