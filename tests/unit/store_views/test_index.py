"""An index follows its database through edits, deletions, purges, kills and damage."""

import contextlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.store.errors import JavaScriptError, NotFound, StoreError
from server.store.views import ViewServer, build, index, tables
from server.store.views.options import parse
from tests.unit.store_views.memory import MemoryCatalog, MemoryDatabase

MAP = "function (doc) { if (doc.keys) doc.keys.forEach(function (k) { emit(k, doc.n); }); }"
VIEWS = {
    "rows": {"map": MAP},
    "count": {"map": MAP, "reduce": "_count"},
    "sum": {"map": MAP, "reduce": "_sum"},
    "js": {"map": MAP, "reduce": "function (k, v, again) { return sum(v); }"},
}


@pytest.fixture
def catalog(tmp_path):
    return MemoryCatalog(tmp_path)


@pytest.fixture
def views(catalog, javascript):
    server = ViewServer(catalog, javascript)
    yield server
    server.close()


@pytest.fixture
def db():
    made = MemoryDatabase()
    made.put("_design/d", views=VIEWS)
    return made


def ask(views, db, view="rows", fresh=True, **options):
    """The answer of a query, after a build if it is to be fresh."""
    query = views.query(db, "_design/d", view, parse({}, options))
    if fresh:
        views.freshen(query.index).result(60)
    return json.loads(b"".join(query.pieces(lambda wanted: [db.get_winner(doc_id) for doc_id, _ in wanted])))


def rows(views, db, **options):
    return [(row["key"], row["id"], row["value"]) for row in ask(views, db, **options)["rows"]]


def expected(db):
    """What the view holds, made from the documents."""
    docs = [json.loads(change.body) for change in db.changes.values() if not change.deleted]
    return sorted((key, doc["_id"], doc["n"]) for doc in docs for key in doc.get("keys", []))


def test_edits_and_deletions_reach_the_index(views, db):
    """Rows go with what made them."""
    db.put("a", keys=[1, 2], n=1)
    db.put("b", keys=[2], n=2)
    assert rows(views, db) == [(1, "a", 1), (2, "a", 1), (2, "b", 2)]
    db.put("a", keys=[2, 3], n=5)
    db.delete("b")
    assert rows(views, db) == [(2, "a", 5), (3, "a", 5)]
    assert ask(views, db, view="sum")["rows"] == [{"key": None, "value": 10}]


def test_a_stale_answer_shows_the_state_of_the_last_build(views, db):
    """Without an update the index is read as it is."""
    db.put("a", keys=[1], n=1)
    assert rows(views, db, fresh=False) == []
    assert rows(views, db) == [(1, "a", 1)]
    db.put("b", keys=[2], n=1)
    assert rows(views, db, fresh=False) == [(1, "a", 1)]


def test_rows_of_one_document_and_key_keep_the_order_of_emission(views, db):
    """Read downwards too, as CouchDB does."""
    emitting = "function (doc) { emit(1, 'x'); emit(2, 'a'); emit(2, 'b'); emit(2, 'c'); }"
    db.put("_design/d", views={"rows": {"map": emitting}})
    db.put("a")
    db.put("b")
    upwards = [("a", "x"), ("b", "x"), ("a", "a"), ("a", "b"), ("a", "c"), ("b", "a"), ("b", "b"), ("b", "c")]
    downwards = [("b", "a"), ("b", "b"), ("b", "c"), ("a", "a"), ("a", "b"), ("a", "c"), ("b", "x"), ("a", "x")]
    assert [row[1:] for row in rows(views, db)] == upwards
    assert [row[1:] for row in rows(views, db, descending=True)] == downwards
    assert [row[1:] for row in rows(views, db, descending=True, skip=2, limit=3)] == downwards[2:5]


def test_documents_that_change_during_a_first_build_have_only_their_latest_rows(views, db, monkeypatch):
    """Even when the build meets them twice."""
    monkeypatch.setattr(build, "BATCH_DOCS", 2)
    for doc_id in "abcdef":
        db.put(doc_id, keys=[1], n=1)
    mapped = index.Progress.mapped

    def edit(progress, docs):
        mapped(progress, docs)
        if json.loads(db.changes["a"].body)["n"] == 1:
            db.put("a", keys=[2], n=2)

    monkeypatch.setattr(index.Progress, "mapped", edit)
    assert (2, "a", 2) in rows(views, db)
    assert rows(views, db) == [*((1, doc_id, 1) for doc_id in "bcdef"), (2, "a", 2)]
    assert ask(views, db, view="count")["rows"] == [{"key": None, "value": 6}]


def test_purged_documents_leave_the_index(views, db):
    """They leave no change behind, so the purges are asked for."""
    db.put("a", keys=[1], n=1)
    db.put("b", keys=[2], n=1)
    assert len(rows(views, db)) == 2
    db.purge("a")
    assert rows(views, db) == [(2, "b", 1)]
    assert ask(views, db, view="count")["rows"] == [{"key": None, "value": 1}]


OPERATION = st.tuples(
    st.sampled_from(["put", "put", "put", "delete", "purge", "build"]),
    st.sampled_from("abcdefgh"),
    st.lists(st.integers(0, 5), max_size=4),
    st.integers(-9, 9),
)


@given(st.lists(OPERATION, max_size=30), st.integers(1, 4), st.integers(1, 6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_history_gives_the_rows_of_the_documents(tmp_path_factory, javascript, history, batch, transaction):
    """Whatever happened in between, and however it was cut into batches, index and documents agree."""
    db = MemoryDatabase()
    db.put("_design/d", views=VIEWS)
    views = ViewServer(MemoryCatalog(tmp_path_factory.mktemp("history")), javascript)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "BATCH_DOCS", batch)
        patch.setattr(build, "TRANSACTION_DOCS", transaction)
        for what, doc_id, keys, number in history:
            if what == "put":
                db.put(doc_id, keys=keys, n=number)
            elif what == "build":
                ask(views, db)
            elif doc_id in db.changes:
                getattr(db, what)(doc_id)
        found = rows(views, db)
        assert sorted(found) == expected(db)
        assert [key for key, *_ in found] == sorted(key for key, *_ in found)
        total = sum(value for *_, value in found)
        for view, answer in (("count", len(found)), ("sum", total), ("js", total)):
            assert ask(views, db, view=view)["rows"] == ([{"key": None, "value": answer}] if found else [])
    views.close()


def test_an_index_survives_the_end_of_its_process(views, db, catalog, javascript):
    """A new server reads the same file and goes on where the old one ended."""
    db.put("a", keys=[1], n=1)
    rows(views, db)
    views.close()
    db.put("b", keys=[2], n=1)
    again = ViewServer(catalog, javascript)
    assert rows(again, db, fresh=False) == [(1, "a", 1)]
    assert rows(again, db) == [(1, "a", 1), (2, "b", 1)]
    again.close()


class Stop(BaseException):
    """Stands for a kill."""


def test_a_build_that_is_cut_off_leaves_an_earlier_state(views, db, monkeypatch):
    """Only whole transactions are seen, and the next build goes on from there."""
    monkeypatch.setattr(build, "BATCH_DOCS", 10)
    monkeypatch.setattr(build, "TRANSACTION_DOCS", 20)
    for number in range(95):
        db.put(f"{number:03}", keys=[number], n=1)
    seen = 0
    mapped = index.Progress.mapped

    def cut(progress, docs):
        nonlocal seen
        seen += docs
        if seen > 50:
            raise Stop
        mapped(progress, docs)

    monkeypatch.setattr(index.Progress, "mapped", cut)
    query = views.query(db, "_design/d", "count", parse({}, {}))
    with pytest.raises(Stop):
        views.freshen(query.index).result(60)
    assert ask(views, db, view="count", fresh=False)["rows"] == [{"key": None, "value": 39}]
    monkeypatch.setattr(index.Progress, "mapped", mapped)
    assert ask(views, db, view="count")["rows"] == [{"key": None, "value": 95}]


@pytest.mark.parametrize("damage", [b"", b"no database at all, but a long text" * 500])
def test_a_damaged_file_is_made_anew(views, db, catalog, javascript, damage):
    """An index is never worth an error: it can be built again."""
    db.put("a", keys=[1], n=1)
    rows(views, db)
    path = views.index(db, "_design/d").path
    views.close()
    for end in ("-wal", "-shm"):
        if os.path.exists(f"{path}{end}"):
            os.unlink(f"{path}{end}")
    path.write_bytes(damage)
    again = ViewServer(catalog, javascript)
    assert rows(again, db) == [(1, "a", 1)]
    again.close()


def test_damage_that_is_met_in_reading_is_repaired_by_the_next_reader(views, db):
    """The one who meets it gets an error that says so."""
    for number in range(3_000):
        db.put(f"{number:05}", keys=[number], n=1)
    rows(views, db)
    one = views.index(db, "_design/d")
    tables.tidy(one._writer)
    size = one.path.stat().st_size
    with one.path.open("r+b") as file:
        file.seek(size // 4)
        file.write(b"\xff" * (size // 2))
    with one.reading() as connection:
        connection.execute("PRAGMA shrink_memory")
    with pytest.raises(StoreError) as caught:
        for _ in range(5):
            ask(views, db, fresh=False)
    assert (caught.value.status, caught.value.error) == (500, "file_corruption")
    assert len(rows(views, db)) == 3_000


def test_a_full_disk_fails_the_build_and_spares_the_readers(views, db, monkeypatch):
    """What was indexed before is still answered."""
    db.put("a", keys=[1], n=1)
    assert rows(views, db) == [(1, "a", 1)]
    db.put("b", keys=[2], n=1)

    def full(*_):
        raise apsw.FullError("FullError: database or disk is full")

    monkeypatch.setattr(build.Build, "_replace", full)
    with pytest.raises(StoreError) as caught:
        rows(views, db)
    assert caught.value.status == 503
    assert rows(views, db, fresh=False) == [(1, "a", 1)]
    monkeypatch.undo()
    assert rows(views, db) == [(1, "a", 1), (2, "b", 1)]


def test_an_index_of_another_database_is_not_used(views, db, catalog, javascript):
    """A database that was made again under its old name has other documents, and so has one that was restored."""
    db.put("a", keys=[1], n=1)
    db.put("b", keys=[1], n=1)
    rows(views, db)
    views.close()
    restored = MemoryDatabase()
    restored.put("_design/d", views=VIEWS)
    restored.put("z", keys=[9], n=1)
    again = ViewServer(catalog, javascript)
    assert rows(again, restored) == [(9, "z", 1)]
    again.close()


def test_equal_views_share_an_index_and_cleanup_drops_the_others(views, db):
    """The names of design documents and views do not matter, the functions do."""
    db.put("_design/same", views={"other": {"map": MAP}, **{k: v for k, v in VIEWS.items() if k != "rows"}})
    db.put("_design/else", views={"v": {"map": "function (doc) { emit(1); }"}})
    found = {name: views.index(db, f"_design/{name}") for name in ("d", "same", "else")}
    assert found["d"] is found["same"] is not found["else"]
    views.freshen(found["else"]).result(60)
    db.delete("_design/else")
    views.cleanup(db)
    assert found["d"].path.exists()
    assert not found["else"].path.exists()


def test_a_deleted_database_takes_its_indexes_along(views, db):
    """Nothing stays on disk."""
    path = views.index(db, "_design/d").path
    views.database_deleted(db.uuid)
    assert not path.parent.exists()


def test_who_asks_during_a_build_shares_the_next_one(views, db):
    """Many readers of a stale index start one build, not one each."""
    db.put("a", keys=[1], n=1)
    one = views.index(db, "_design/d")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: views.freshen(one).result(60), range(20)))
    assert one.is_fresh
    assert not one.is_building


def test_a_map_that_never_ends_fails_its_reader_alone(db, catalog, hasty):
    """Other design documents are answered, and the failing one can be repaired."""
    db.put("a", keys=[1], n=1)
    db.put("_design/loop", views={"v": {"map": "function (doc) { for (;;); }"}})
    with contextlib.closing(ViewServer(catalog, hasty)) as views:
        query = views.query(db, "_design/loop", "v", parse({}, {}))
        with pytest.raises(JavaScriptError):
            views.freshen(query.index).result(60)
        assert rows(views, db) == [(1, "a", 1)]


def test_what_is_missing_is_named(views, db):
    """A design document, a deleted one, a view."""
    for ddoc, view, reason in (("x", "v", "missing"), ("d", "nosuch", "missing_named_view")):
        with pytest.raises(NotFound) as caught:
            views.query(db, f"_design/{ddoc}", view, parse({}, {}))
        assert caught.value.reason == reason
    db.delete("_design/d")
    with pytest.raises(NotFound) as caught:
        views.query(db, "_design/d", "rows", parse({}, {}))
    assert caught.value.reason == "deleted"


def test_a_total_of_many_rows_reads_one_node(views, db, monkeypatch):
    """However many rows there are, counting them all takes a handful of steps of SQLite's machine."""
    for number in range(3_000):
        db.put(f"{number:05}", keys=[number], n=1)
    for view in ("count", "sum", "js"):
        assert ask(views, db, view=view)["rows"] == [{"key": None, "value": 3_000}]
    one = views.index(db, "_design/d")
    with one.reading() as connection:
        steps = []
        connection.set_progress_handler(lambda: bool(steps.append(1)), 100)
        assert one.reader(connection, 0).total() == 3_000
        connection.set_progress_handler(None)
    assert len(steps) < 5


def test_readers_keep_their_state_while_a_build_writes(views, db):
    """An answer that is being sent does not change under way."""
    for number in range(2_000):
        db.put(f"{number:05}", keys=[number], n=1)
    ask(views, db)
    query = views.query(db, "_design/d", "rows", parse({}, {}))
    pieces = query.pieces(lambda wanted: [None for _ in wanted])
    begun = next(pieces) + next(pieces)
    for number in range(2_000):
        db.delete(f"{number:05}")
    views.freshen(query.index).result(60)
    assert len(json.loads(begun + b"".join(pieces))["rows"]) == 2_000
    assert rows(views, db) == []


def test_the_index_file_is_sqlite_in_wal_mode(views, db):
    """Readers and the builder do not wait for each other."""
    ask(views, db)
    path = views.index(db, "_design/d").path
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    assert connection.pragma("journal_mode") == "wal"
    connection.close()
