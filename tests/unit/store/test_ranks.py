"""How many documents stand before an id, counted from where it is known."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.store.database import Database, drafts, listing, schema
from server.store.database.listing import Range
from server.store.database.ranks import Ranks

NAMES = [f"{n:02}" for n in range(30)] + ["é", "\U0001f600"]
names = st.sampled_from(NAMES)


def opened(folder: Path) -> Database:
    schema.create(folder / "x.sqlite", {"uuid": "u", "security": "{}"})
    db = Database(folder / "x.sqlite", "x")
    db.ranks = Ranks(apart=1)
    return db


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    db = opened(tmp_path)
    yield db
    db.close()


def switch(db: Database, ids: set[str]) -> None:
    """Make the documents that are not there, and delete those that are."""
    made = []
    for doc_id in ids:
        row = db.find(doc_id)
        rev = {"_rev": row.rev} if row and not row.deleted else {}
        made.append(drafts.parse(msgspec.json.encode({"_id": doc_id, **rev, "_deleted": bool(rev)})))
    db.put_now(made)


def offset(db: Database, span: Range) -> int:
    with db.reader() as connection:
        return listing.offset(connection, db.ranks, db.doc_count(), span)


def living(db: Database) -> list[str]:
    return [name for name in NAMES if (row := db.find(name)) and not row.deleted]


@given(st.lists(st.tuples(st.sets(names, max_size=8), names, st.booleans(), st.booleans()), max_size=8))
def test_offset_is_the_number_of_documents_before(steps: list[tuple[set[str], str, bool, bool]]) -> None:
    """Whatever was made, deleted and asked for in between."""
    with TemporaryDirectory() as folder:
        db = opened(Path(folder))
        try:
            for ids, start, descending, inclusive in steps:
                switch(db, ids)
                if descending:
                    span = Range(high=start, high_inclusive=inclusive, descending=True)
                    before = [name for name in living(db) if name > start or (name == start and not inclusive)]
                else:
                    span = Range(low=start, low_inclusive=inclusive)
                    before = [name for name in living(db) if name < start or (name == start and not inclusive)]
                assert offset(db, span) == len(before)
        finally:
            db.close()


def test_only_what_stands_behind_a_known_id_is_counted(db: Database) -> None:
    """Who reads on from row to row does not pay for all that came before, even while documents come and go."""
    switch(db, set(NAMES))
    assert offset(db, Range(low="10")) == 10
    assert db.ranks.nearest("12", 99)[:3] == ("10", 10, 89)
    switch(db, {"03", "12", "more"})
    assert db.ranks.nearest("12", 99)[:3] == ("10", 9, 90)
    assert offset(db, Range(low="20")) == 18
    assert db.ranks.nearest("12", 99)[:3] == ("10", 9, 9)


def test_ids_that_are_near_each_other_are_not_all_remembered() -> None:
    """Memory is bounded, and so is what a commit takes."""
    ranks = Ranks(apart=10)
    for number in range(1000):
        known = ranks.nearest(f"{number:04}", 1000)
        ranks.learn(f"{number:04}", number - known.rank, known, 1000)
    assert ranks.nearest("0999", 1000)[:2] == ("0990", 990)
    assert len(ranks._ids) == 100


def test_what_is_counted_during_a_commit_is_not_remembered() -> None:
    """It may have seen what is told of a second time; that a commit has failed is seen at the next."""
    ranks = Ranks(apart=1)
    before = ranks.nearest("b", 9)
    ranks.committing()
    ranks.learn("b", 5, before, 9)
    ranks.learn("b", 5, ranks.nearest("b", 9), 9)
    ranks.committing()
    ranks.committed([("a", 1)])
    ranks.learn("b", 5, before, 9)
    assert ranks.nearest("c", 9).id == ""
    ranks.learn("b", 6, ranks.nearest("b", 9), 9)
    assert ranks.nearest("c", 9)[:2] == ("b", 6)


def test_ranks_are_true_after_writes_from_all_sides(db: Database) -> None:
    """Documents are made and deleted while others ask."""
    stopped = threading.Event()

    def write() -> None:
        for number in range(200):
            switch(db, {NAMES[number % 30], NAMES[7 * number % 30]})
        stopped.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stopped.is_set():
        for name in NAMES:
            offset(db, Range(low=name))
    writer.join()
    there = living(db)
    assert len(db.ranks._ids) > 1
    for name in NAMES:
        known = db.ranks.nearest(name, len(there))
        assert known.rank == len([each for each in there if each < known.id])


class Told(Ranks):
    """Notes what can be read of a database when it is told of a commit."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self._db = db
        self.seen: list[tuple[str, int]] = []

    def committing(self) -> None:
        self._note("before")

    def committed(self, counted: Iterable[tuple[str, int]]) -> None:
        self._note("after")

    def _note(self, when: str) -> None:
        with self._db.reader() as connection:
            self.seen.append((when, listing.count(connection, Range())))


def test_commit_is_announced_before_anybody_sees_it(db: Database) -> None:
    """One that changes documents, but makes and deletes none, is not: it changes no rank."""
    db.ranks = told = Told(db)
    switch(db, {"01", "02"})
    row = db.find("01")
    assert row
    db.put_now([drafts.parse(msgspec.json.encode({"_id": "01", "_rev": row.rev, "n": 1}))])
    switch(db, {"02"})
    assert told.seen == [("before", 0), ("after", 2), ("before", 2), ("after", 1)]
