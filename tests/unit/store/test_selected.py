"""Feeds that wait for the same share what was found out about each change."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from server.store.database import Database, Stored, drafts, schema
from server.store.http.selected import SELECTORS, VERDICTS, Selected, Shared

FAR = 1000


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    schema.create(tmp_path / "x.sqlite", {"uuid": "u", "security": "{}"})
    opened = Database(tmp_path / "x.sqlite", "x")
    yield opened
    opened.close()


def wanted(docs: list[bytes]) -> list[bool]:
    return [b"good" in doc for doc in docs]


def put(db: Database, doc_id: str, body: str, rev: str | None = None) -> Stored:
    members = {"_id": doc_id, "n": body} | ({"_rev": rev} if rev else {})
    db.put_now([drafts.parse(msgspec.json.encode(members))])
    found = db.winner(doc_id)
    assert found is not None
    return found


def test_changes_that_nobody_wants_are_passed_over_once_tested(db: Database) -> None:
    """Whoever asks next hears of none, and from where to go on."""
    selected = Selected(wanted)
    docs = [put(db, name, "bad") for name in "abc"]
    assert selected.passed_over(db, 0, FAR) is None
    assert selected(docs) == [False] * 3
    assert selected.passed_over(db, 0, FAR) == ([], 3, False)
    assert selected.passed_over(db, 1, 1) == ([], 2, True)
    assert selected.passed_over(db, 3, FAR) == ([], 3, False)


def test_wanted_change_is_never_passed_over(db: Database) -> None:
    """Neither one that was tested, nor one that is new, nor a new revision of a document that was not wanted."""
    selected = Selected(wanted)
    assert selected([put(db, "a", "bad"), put(db, "b", "good")]) == [False, True]
    assert selected.passed_over(db, 0, FAR) is None
    assert selected.passed_over(db, 2, FAR) == ([], 2, False)
    put(db, "a", "good", db.tree("a")[0].rev)
    assert selected.passed_over(db, 2, FAR) is None


def test_verdicts_are_bounded(db: Database) -> None:
    """A feed goes on for months."""
    selected = Selected(wanted)
    first = put(db, "a", "bad")
    selected([first])
    for start in range(0, VERDICTS, 100):
        selected([first._replace(id=f"{start + n}") for n in range(100)])
    assert selected.passed_over(db, 0, FAR) is None


def test_filter_is_shared_by_selector_and_database(db: Database) -> None:
    """As long as it is one of the latest."""
    shared = Shared()
    first = shared.of(db, b"1", wanted)
    assert shared.of(db, b"1", wanted) is first
    assert shared.of(db, b"2", wanted) is not first
    for number in range(3, SELECTORS + 3):
        shared.of(db, b"%d" % number, wanted)
    assert shared.of(db, b"1", wanted) is not first
