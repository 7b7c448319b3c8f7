"""What is back though a closed bug says that it is fixed: the collector notes that on the tuples' documents."""

from collections import Counter
from collections.abc import Iterator

from crashfarm.documents.history import HISTORY_TYPES, History
from crashfarm.errors import InvalidDocument
from server.queries import paging
from server.queries.signatures import kind_of
from server.queries.tuples import Count, Question, in_order

PAGE = 500
"""Documents that one request brings."""


def counts(history: paging.Viewed, question: Question) -> Iterator[Count]:
    """The answer to a question, of tuples that are back only, in the order of the key: see `tuples.counts`.

    Memory grows with the tuples that are back.
    """
    found: Counter[tuple[str, ...]] = Counter()
    for key in _rows(history, question):
        if question.fits(key):
            found[tuple(key[: question.group])] += 1
    return in_order(Count(parts, number) for parts, number in sorted(found.items()))


def tuples_back(history: paging.Viewed) -> Iterator[History]:
    """The documents of all tuples that are back."""
    ids = sorted({row.id or "" for row in paging.rows(history, "tuples", "by_bug") if row.key[1] == "regressed"})
    for at in range(0, len(ids), PAGE):
        for row in history.all_docs(keys=ids[at : at + PAGE], include_docs=True).rows:
            doc = row.doc or {}
            try:
                yield HISTORY_TYPES[str(doc.get("type"))].from_doc(doc)
            except (InvalidDocument, KeyError):
                # Gone since, or somebody is in the middle of editing it.
                continue


def _rows(history: paging.Viewed, question: Question) -> Iterator[list[str]]:
    """The keys of what is counted: those of the tuples themselves, or of each time that one was found."""
    back = tuples_back(history)
    if question.record == "history":
        yield from ([*one.tuple_key, one.first_seen] for one in back)
        return
    keys = ([f"result_{kind_of(one.TYPE)}", *one.tuple_key[1:]] for one in back)
    asked = ({"startkey": key, "endkey": [*key, {}], "reduce": False} for key in keys)
    for rows in paging.answers(history, "crash_type", "results", asked):
        yield from (row["key"] for row in rows)
