"""Views in, scratch tables out: everything a report knows passes here, a page at a time."""

from collections.abc import Callable, Iterator
from typing import Any

from crashfarm.database import Row
from crashfarm.documents.history import HISTORY_TYPES
from crashfarm.settings import Farm
from server.queries import paging, tuples
from server.report import bugs, follow, tables
from server.report.scratch import Scratch

Progress = Callable[[int], None]
"""Is told how many things have been read and written so far."""

DOCUMENT_PAGE = 500
"""Documents that one request brings."""


def collect(farm: Farm, scratch: Scratch, progress: Progress) -> int:
    """Bring the tables to what the farm's views say now, and return how many things were read.

    Tables that hold an earlier state of the same farm are brought up by what has changed since; others are made anew.
    """
    info = farm.history.info()
    done = follow.bring_up(farm, scratch, info, progress)
    if done is None:
        scratch.clear()
        done = _read_all(farm, scratch, progress)
    scratch.set("instance", follow.instance(farm, info))
    scratch.set("seq", str(info["update_seq"]))
    bugs.collect(farm, scratch)
    scratch.derive()
    return done


def _read_all(farm: Farm, scratch: Scratch, progress: Progress) -> int:
    types = tuples.types(farm.history)
    done = 0
    for type_name in types:
        for row in _histories(farm, type_name):
            tables.add_history(scratch, row.id or "", row.doc or {})
            done += 1
            progress(done)
    for type_name in types:
        if type_name.startswith("result_"):
            for key, count in paging.groups(farm.history, "crash_type", "results", 9, [type_name]):
                tables.add_count(farm, scratch, key, count)
    for key, count in paging.groups(farm.history, "results", "by_input", 8):
        _add_run(scratch, key, count)
    scratch.change("INSERT OR IGNORE INTO dirty SELECT DISTINCT signature FROM tuples")
    return done


def _histories(farm: Farm, type_name: str) -> Iterator[Row]:
    """The rows of one type of history documents, in the order of their tuples, less those whose document is gone."""
    if type_name not in HISTORY_TYPES:
        return iter(())
    query = {"include_docs": True, "page": DOCUMENT_PAGE}
    return (row for row in paging.rows(farm.history, "crash_type", "results", [type_name], **query) if row.doc)


def _add_run(scratch: Scratch, key: list[Any], count: int) -> None:
    """Count runs of an input, if anything was ever seen on it."""
    query = "SELECT EXISTS (SELECT 1 FROM places WHERE product = ? AND place = ?)"
    if scratch.number(query, key[0], key[1]):
        tables.add_run(scratch, key, count)
