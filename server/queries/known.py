"""Which values there are, to tell a wrong name from an empty answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from server.queries import paging

_BUILD_PARTS = ("product", "branch", "buildtype")
_MACHINE_PARTS = ("os_name", "os_version", "cpu_name", "worker")

LISTED = 50
"""Known values that are told, at most."""


def check(history: paging.Viewed, parts: Mapping[str, str]) -> None:
    """Raise InputError, which lists the known ones, if a type has no such name, or a build or machine no results."""
    types = [f"{record}_{kind}" for record in ("history", "result") for kind in Kind]
    _compare("type", parts.get("type"), types)
    _check_view(history, "by_branch_day", _BUILD_PARTS, parts)
    if parts.keys() & {*_MACHINE_PARTS}:
        _check_view(history, "by_machine", _MACHINE_PARTS, parts)


def check_jobs(status: paging.Viewed, parts: Mapping[str, str]) -> None:
    """Raise InputError, which lists the known ones, if no job is of a product, branch or build type of that name."""
    builds = [key[1:] for key, _ in paging.groups(status, "jobs", "by_state", 1 + len(_BUILD_PARTS))]
    _check_keys(builds, _BUILD_PARTS, parts)


def _check_view(history: paging.Viewed, view: str, names: Sequence[str], parts: Mapping[str, str]) -> None:
    _check_keys([key for key, _ in paging.groups(history, "results", view, len(names))], names, parts)


def _check_keys(keys: Sequence[Sequence[Any]], names: Sequence[str], parts: Mapping[str, str]) -> None:
    for at, name in enumerate(names):
        _compare(name, parts.get(name), sorted({key[at] or "" for key in keys}))


def _compare(name: str, asked: str | None, there: list[str]) -> None:
    if asked is not None and there and asked not in there:
        more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
        raise InputError(f"no {name} is called {asked!r}; known: {', '.join(there[:LISTED])}{more}")
