"""The documents that signatures' pages need, brought many at a time, ahead of those who paint the pages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from crashfarm.answers import NOTHING
from crashfarm.documents.signature import SignatureNote
from crashfarm.settings import Farm
from server.queries import paging
from server.report import notes
from server.report.model import Line
from server.report.scratch import Tables

BATCH = 50
"""Signatures whose documents are brought with one request, and whose pages are painted together."""


@dataclass(frozen=True)
class Asked:
    """A signature whose page is to be made.

    `newest` is the document of the newest result that shows it, as JSON: so it passes from process to process at the
    least cost. It is empty where there is none. `minimal` is the smallest input as text, empty where there is none, or
    none that can be shown.
    """

    line: Line
    newest: bytes = b""
    minimal: str = ""


@dataclass(frozen=True)
class _Known:
    line: Line
    newest: str
    note: SignatureNote | None


def asked(farm: Farm, tables: Tables, lines: Iterable[Line]) -> Iterator[list[Asked]]:
    """These signatures with their documents, in their order, in batches."""
    known = (_known(tables, batch) for batch in paging.batches(lines, BATCH))
    return (found for _, found in paging.fetched(known, lambda batch: _fetch(farm, batch)))


def _known(tables: Tables, lines: Sequence[Line]) -> list[_Known]:
    names = msgspec.json.encode([line.name for line in lines]).decode()
    query = "SELECT name, newest FROM signatures WHERE name IN (SELECT value FROM json_each(?))"
    newest, noted = dict(tables.rows(query, names)), notes.of_signatures(tables, names)
    return [_Known(line, newest[line.name], noted.get(line.name)) for line in lines]


def _fetch(farm: Farm, batch: Sequence[_Known]) -> list[Asked]:
    keys = sorted({known.newest for known in batch if known.newest})
    rows = farm.history.raw_docs(keys).rows if keys else ()
    found = {row.id: bytes(row.doc) for row in rows if row.doc != NOTHING}
    return [Asked(known.line, found.get(known.newest, b""), notes.minimal_input(farm, known.note)) for known in batch]
