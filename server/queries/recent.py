"""Findings of a stretch of time, from its results where these are less to read than the rows of all findings."""

from collections.abc import Iterator
from typing import Any

from crashfarm.answers import Row
from crashfarm.database import Json
from crashfarm.keys import PARTS
from server.queries import paging

WEIGHT = 5
"""As many rows are read in the time that one result takes."""

PAGE = 500
"""Results that one request brings."""

_MINUTE = len("2026-11-22T06:10")


def findings(history: paging.Viewed, since: str, end: str, rows: int) -> Iterator[Row] | None:
    """What crash_type/results has of the results that ended from one moment on and before another (empty: until now),
    and perhaps of some before, in their order of time; None if `rows`, read instead, are less work."""
    stretch: Json = {"startkey": [since[:_MINUTE]]} | ({"endkey": [end]} if end else {})
    got = paging.ask(history, "recent", "results", reduce=True, **stretch).rows
    if (got[0].value if got else 0) * WEIGHT >= rows:
        return None
    return _rows(history, stretch)


def _rows(history: paging.Viewed, stretch: Json) -> Iterator[Row]:
    for row in paging.rows(history, "recent", "results", include_docs=True, page=PAGE, **stretch):
        doc: Json = row.doc or {}
        for finding in doc.get("findings") or ():
            yield Row(key=_key(doc, finding), value=None, id=row.id)


def _key(doc: Json, finding: Any) -> list[str | None]:
    what = [f"result_{finding.get('kind')}", finding.get("message"), finding.get("detail")]
    return [*what, *(doc.get(name) for name in PARTS[len(what) : -1]), doc.get("completed_at")]
