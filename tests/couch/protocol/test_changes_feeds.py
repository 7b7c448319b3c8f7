"""`_changes` that waits: longpoll, continuous, eventsource."""

import json
import threading
import time

import pytest


def lines_of(answer):
    """The lines of a continuous feed as they arrive, heartbeats as None."""
    for line in answer.iter_lines(chunk_size=1):
        yield json.loads(line) if line else None


def rows_of(answer, count):
    """The first rows of a continuous feed; then it is closed."""
    found = []
    for line in lines_of(answer):
        if line is not None:
            found.append(line)
        if len(found) == count:
            break
    answer.close()
    return found


class Waiting:
    """A request that runs while the test does something else."""

    def __init__(self, ask):
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self.thread.start()

    def _run(self, ask):
        self.answer = ask()

    def result(self):
        """The answer, once it has come."""
        self.thread.join(60)
        assert not self.thread.is_alive(), "the request is still waiting"
        return self.answer


def test_longpoll_answers_at_once_with_what_there_is(db):
    """Nothing to wait for."""
    db.save("a")
    body = db.read("_changes", feed="longpoll")
    assert [row["id"] for row in body["results"]] == ["a"]


def test_longpoll_waits_for_the_next_change(db, server):
    """It answers with that change and ends."""
    other = server.as_user(*server.auth).at(db.url.rsplit("/", 1)[1])
    seq = db.read()["update_seq"]
    waiting = Waiting(lambda: other.read("_changes", feed="longpoll", since=seq, timeout=50_000))
    db.save("a")
    body = waiting.result()
    other.session.close()
    assert [row["id"] for row in body["results"]] == ["a"]
    assert body["last_seq"].startswith("1-")


def test_longpoll_ends_at_its_timeout(db):
    """With an empty answer and the position."""
    body = db.read("_changes", feed="longpoll", since="now", timeout=200)
    assert body["results"] == [] and body["last_seq"]


def test_longpoll_beats(db):
    """Newlines keep the connection alive while nothing happens."""
    answer = db.get("_changes", params={"feed": "longpoll", "since": "now", "heartbeat": 50}, stream=True)
    seen = b""
    for byte in answer.iter_content(1):
        seen += byte
        if seen.count(b"\n") >= 5:
            break
    answer.close()
    assert seen.strip() == b'{"results":['


def test_longpoll_with_a_filter_waits_for_what_passes(db, server):
    """Other changes do not end it."""
    db.design("f", filters={"odd": "function(doc){return doc.n % 2 === 1}"})
    other = server.as_user(*server.auth).at(db.url.rsplit("/", 1)[1])
    params = {"feed": "longpoll", "since": db.read()["update_seq"], "filter": "f/odd", "timeout": 50_000}
    waiting = Waiting(lambda: other.read("_changes", **params))
    db.save("even", n=2)
    db.save("odd", n=3)
    body = waiting.result()
    other.session.close()
    assert [row["id"] for row in body["results"]] == ["odd"]


@pytest.mark.parametrize("feed", ["longpoll", "continuous", "eventsource"])
def test_what_a_filter_keeps_back_shows_that_the_feed_lives(db, server, feed):
    """Or a client whose patience is short would leave where much is written that it does not want."""
    params = {"feed": feed, "since": "now", "filter": "_selector", "timeout": 2_000}
    wanted = {"selector": {"type": "job"}}
    answer = db.post("_changes", params=params, json=wanted, stream=True, timeout=20)
    other = server.as_user(*server.auth).at(db.url.rsplit("/", 1)[1])
    seen = answer.iter_content(None)
    for n in range(3):
        other.save(f"w{n}", type="worker")
        assert b'"id"' not in next(seen)
    answer.close()
    other.session.close()


@pytest.mark.parametrize("kept", [{"type": "worker"}, {"type": "job", "n": 1}])
def test_what_a_filter_keeps_back_begins_the_timeout_anew_and_is_not_shown_later(db, server, kept):
    """The answer that ends such a feed stands behind all that was kept back."""
    params = {"feed": "longpoll", "since": "now", "filter": "_selector", "timeout": 1_000}
    other = server.as_user(*server.auth).at(db.url.rsplit("/", 1)[1])
    selector = {"selector": {"type": "job", "n": 0}}
    waiting = Waiting(lambda: other.post("_changes", params=params, json=selector).json())
    begun = time.monotonic()
    for n in range(4):
        time.sleep(0.4)
        db.save(f"w{n}", **kept)
    body = waiting.result()
    assert time.monotonic() - begun > 2.5
    assert (body["results"], body["pending"]) == ([], 0)
    assert db.read("_changes", since=body["last_seq"])["results"] == []
    other.session.close()


FILTERS = {
    "odd": "function (doc) { return doc.n % 2 === 1; }",
    "asked": "function (doc, req) { return doc.n === Number(req.query.n); }",
}
DIFFERENT = [
    ({"filter": "_selector"}, {"selector": {"n": 3}}),
    ({"filter": "_selector"}, {"selector": {"n": {"$in": [3, 30]}}}),
    ({"filter": "_selector"}, {"selector": {"$or": [{"n": 3}, {"n": 31}]}}),
    ({"filter": "_selector"}, {"selector": {"_id": "d3", "n": 3}}),
    ({"filter": "_selector"}, {"selector": {"_id": {"$regex": "^d3$"}}}),
    ({"filter": "_doc_ids"}, {"doc_ids": ["d3", "d30"]}),
    ({"filter": "f/odd"}, {}),
    ({"filter": "f/asked", "n": 3}, {}),
    ({"filter": "_view", "view": "f/three"}, {}),
    ({}, {}),
]


@pytest.mark.parametrize("feed", ["longpoll", "continuous"])
def test_feeds_with_different_filters_hear_what_is_theirs(db, server, feed):
    """What wakes one of them passes the others over, and no change is lost on the way."""
    db.design("f", filters=FILTERS, views={"three": {"map": "function (doc) { if (doc.n === 3) emit(null); }"}})
    name = db.url.rsplit("/", 1)[1]
    others = [server.as_user(*server.auth).at(name) for _ in DIFFERENT]
    answers = []
    for other, (options, body) in zip(others, DIFFERENT, strict=True):
        params = {"feed": feed, "since": db.read()["update_seq"], "timeout": 60_000, **options}
        answers.append(other.post("_changes", params=params, json=body, stream=True, timeout=20))
    for n in (0, 2, 3):
        db.save(f"d{n}", n=n)
    for (options, _), answer in zip(DIFFERENT, answers, strict=True):
        wanted = "d3" if options else "d0"
        assert next(line for line in answer.iter_lines(chunk_size=1) if b'"id"' in line).count(wanted.encode()) == 1
        answer.close()
    for other in others:
        other.session.close()


def test_all_who_wait_for_the_same_hear_of_it(db, server):
    """Workers without work all wait with one selector; what it passes over costs the others nothing."""
    name = db.url.rsplit("/", 1)[1]
    selector = {"selector": {"type": "job", "state": "pending"}}
    params = {"feed": "continuous", "since": "now", "filter": "_selector", "timeout": 60_000}
    others = [server.as_user(*server.auth).at(name) for _ in range(4)]
    feeds = [other.post("_changes", params=params, json=selector, stream=True, timeout=20) for other in others]
    for n in range(3):
        db.save(f"r{n}", type="job", state="running")
    db.save("r0", type="job", state="pending", _rev=db.read("r0")["_rev"])
    db.bulk([{"_id": "x", "type": "job", "state": "running"}, {"_id": "p", "type": "job", "state": "pending"}])
    assert [[row["id"] for row in rows_of(feed, 2)] for feed in feeds] == [["r0", "p"]] * 4
    for other in others:
        other.session.close()


def test_continuous_goes_on(db):
    """What is there, then what comes, a line each."""
    db.save("a")
    answer = db.get("_changes", params={"feed": "continuous", "heartbeat": 1000}, stream=True)
    lines = lines_of(answer)
    assert next(line for line in lines if line)["id"] == "a"
    db.save("b")
    db.save("c")
    assert [next(line for line in lines if line)["id"] for _ in range(2)] == ["b", "c"]
    answer.close()


def test_continuous_ends_at_its_timeout_with_the_position(db):
    """The last line says where to go on."""
    db.save("a")
    answer = db.get("_changes", params={"feed": "continuous", "timeout": 200}, stream=True)
    lines = [line for line in lines_of(answer) if line]
    assert [line.get("id") for line in lines] == ["a", None]
    assert lines[1]["last_seq"].startswith("1-") and lines[1]["pending"] == 0


def test_continuous_ends_at_its_limit(db):
    """After so many rows."""
    db.bulk([{"_id": doc_id} for doc_id in "abc"])
    answer = db.get("_changes", params={"feed": "continuous", "limit": 2}, stream=True)
    assert [line.get("id") for line in lines_of(answer) if line] == ["a", "b", None]


def test_live_is_another_name_for_continuous(db):
    """As PouchDB says it."""
    db.save("a")
    answer = db.get("_changes", params={"feed": "live", "timeout": 200}, stream=True)
    assert [line.get("id") for line in lines_of(answer) if line] == ["a", None]


def test_continuous_beats(db):
    """Empty lines while nothing happens."""
    params = {"feed": "continuous", "since": "now", "heartbeat": 50}
    answer = db.get("_changes", params=params, stream=True)
    lines = lines_of(answer)
    assert [next(lines) for _ in range(3)] == [None, None, None]
    answer.close()


def test_continuous_filters_and_includes(db):
    """The options of the normal feed hold."""
    db.bulk([{"_id": doc_id, "n": n} for n, doc_id in enumerate("abc")])
    params = {"feed": "continuous", "filter": "_selector", "include_docs": "true", "timeout": 200}
    answer = db.post("_changes", params=params, json={"selector": {"n": {"$gte": 1}}}, stream=True)
    assert [line["doc"]["n"] for line in lines_of(answer) if line and "doc" in line] == [1, 2]


def test_lines_arrive_at_once_though_compression_is_asked_for(db):
    """A line is not held back until a buffer is full."""
    params = {"feed": "continuous", "heartbeat": 60_000}
    answer = db.get("_changes", params=params, headers={"Accept-Encoding": "gzip, deflate"}, stream=True)
    db.save("a")
    assert rows_of(answer, 1)[0]["id"] == "a"


def test_eventsource_speaks_its_format(db):
    """`data:` with the row, `id:` with the position, an empty line."""
    db.bulk([{"_id": "a"}, {"_id": "b"}])
    answer = db.get("_changes", params={"feed": "eventsource", "timeout": 200})
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache"
    first = answer.text.split("\n\n")[0].split("\n")
    assert json.loads(first[0].removeprefix("data: "))["id"] == "a"
    assert json.loads(first[1].removeprefix("id: ")).startswith("1-")


def test_eventsource_goes_on_from_the_last_event(db):
    """A browser that reconnects sends the position it has."""
    db.bulk([{"_id": "a"}, {"_id": "b"}])
    seq = db.read("_changes", limit=1)["last_seq"]
    answer = db.get("_changes", params={"feed": "eventsource", "timeout": 200, "last-event-id": seq})
    assert '"id":"b"' in answer.text and '"id":"a"' not in answer.text


def test_a_feed_ends_when_its_database_is_deleted(db):
    """Nothing more can come."""
    params = {"feed": "continuous", "heartbeat": 500}
    answer = db.get("_changes", params=params, stream=True)
    db.delete()
    for _ in answer.iter_lines():
        pass
    assert db.get("_changes").status_code == 404


@pytest.mark.parametrize("feed", ["continuous", "longpoll", "eventsource"])
def test_many_feeds_opened_and_dropped_leave_the_server_well(db, feed):
    """A client that goes away without a word costs nothing."""
    for _ in range(50):
        answer = db.get("_changes", params={"feed": feed, "since": "now", "heartbeat": 1000}, stream=True)
        answer.close()
    db.save("a")
    assert db.read("_changes")["results"][0]["id"] == "a"
