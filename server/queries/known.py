"""Which values there are, to tell a wrong name from an empty answer."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from crashfarm.documents.finding import Kind
from crashfarm.errors import InputError
from crashfarm.keys import PARTS
from crashfarm.ordering import natural
from crashfarm.tables import visible
from server.queries import paging

_BUILD_PARTS = ("product", "branch", "buildtype")
_MACHINE_PARTS = ("os_name", "os_version", "cpu_name", "worker")

LISTED = 50
"""Known values that are told, at most."""

NEAR = 5
"""Texts that contain what was asked for that are told, at most."""


class Met:
    """What was asked for, and what there was instead, of all the rows that were looked at.

    Memory does not grow with the rows: of each part only so many other values are kept as can be told.
    """

    def __init__(self, asked: Mapping[str, str]) -> None:
        self.asked = asked
        self._met: set[str] = set()
        self._others: dict[str, set[str]] = {name: set() for name in asked}

    def fits(self, row: Mapping[str, object]) -> bool:
        """Whether a row has all that was asked for."""
        for name, others in self._others.items():
            if row[name] == self.asked[name]:
                self._met.add(name)
            elif len(others) <= LISTED and row[name]:
                others.add(str(row[name]))
        return all(row[name] == value for name, value in self.asked.items())

    def check(self, also: Mapping[str, Sequence[str]]) -> None:
        """Raise InputError, which lists the known ones, for a value that no row had. `also` are known besides."""
        for name, others in self._others.items():
            if name not in self._met:
                _compare(name, self.asked[name], sorted({*others, *also.get(name, ())}))


def check(history: paging.Viewed, parts: Mapping[str, str]) -> None:
    """Raise InputError, which lists the known ones, if a type has no such name, or a build or machine no results."""
    types = [f"{record}_{kind}" for record in ("history", "result") for kind in Kind]
    _compare("type", parts.get("type"), types)
    for names in (_BUILD_PARTS, _MACHINE_PARTS):
        if parts.keys() & {*names}:
            keys = _keys(history, names)
            for at, name in enumerate(names):
                _compare(name, parts.get(name), sorted({key[at] or "" for key in keys}))


def values(history: paging.Viewed, part: str) -> list[str]:
    """The values that results have of a part of a build or of a machine."""
    names = _BUILD_PARTS if part in _BUILD_PARTS else _MACHINE_PARTS
    return sorted({key[names.index(part)] or "" for key in _keys(history, names)})


def containing(history: paging.Viewed, part: str, text: str) -> list[str]:
    """Some messages or details that contain a text."""
    at, asked = PARTS.index(part), text.casefold()
    keys = paging.groups(history, "crash_type", "results", at + 1)
    return list(itertools.islice(_once(key[at] for key, _ in keys if asked in (key[at] or "").casefold()), NEAR))


def is_of_another_version(db: paging.Viewed, design: str, view: str) -> bool:
    """Whether a view that the database has says something else than this version's."""
    live = (db.get(f"_design/{design}") or {}).get("views", {}).get(view)
    ours = resources.files("views").joinpath(design, view, "map.js").read_text(encoding="utf-8")
    return live is not None and live.get("map") != ours


def _keys(history: paging.Viewed, names: Sequence[str]) -> list[list[Any]]:
    view = "by_branch_day" if names == _BUILD_PARTS else "by_machine"
    return [key for key, _ in paging.groups(history, "results", view, len(names))]


def _once(texts: Iterator[str]) -> Iterator[str]:
    told: set[str] = set()
    for text in texts:
        if text not in told:
            told.add(text)
            yield text


def _compare(name: str, asked: str | None, there: list[str]) -> None:
    if asked is not None and there and asked not in there:
        more = f" and {len(there) - LISTED} more" if len(there) > LISTED else ""
        listed = ", ".join(visible(one, keep="") for one in sorted(there, key=natural)[:LISTED])
        raise InputError(f"no {name} is called {asked!r}; known: {listed}{more}")
