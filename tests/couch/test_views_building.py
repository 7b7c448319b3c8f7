"""What clients see of a view while its index is being built."""

import concurrent.futures
import itertools
import time

import pytest
import requests

DOCS = 8_000
SLOW = "function (doc) { for (var i = 0; i < 2000; i++) {} if (doc.n !== undefined) { emit(doc.n % 10, doc.n); } }"
PATIENCE = 120  # seconds


@pytest.fixture(scope="module")
def session(couch_url):
    """Connections to the server as its administrator."""
    with requests.Session() as made:
        yield made


@pytest.fixture(scope="module")
def stocked(session, couch_url):
    """The address of a database with many small documents, for reading."""
    url = f"{couch_url}/views-building"
    session.delete(url)
    assert session.put(url, params={"q": 1}).ok
    for start in range(0, DOCS, 2_000):
        docs = [{"_id": f"{n:06}", "n": n} for n in range(start, start + 2_000)]
        assert session.post(f"{url}/_bulk_docs", json={"docs": docs}).ok
    yield url
    session.delete(url)


def design(session, url, name, **views):
    answer = session.put(f"{url}/_design/{name}", json={"views": views})
    assert answer.status_code == 201, answer.text
    return f"{url}/_design/{name}/_view"


def until(found):
    """What `found` gives as soon as it gives something."""
    begun = time.monotonic()
    for _ in itertools.count():
        if result := found():
            return result
        assert time.monotonic() - begun < PATIENCE


def test_a_build_is_an_active_task_and_readers_see_whole_states(session, couch_url, stocked):
    """The task counts up to the number of changes; a stale read in between is a state that adds up."""
    view = design(session, stocked, "slow", v={"map": SLOW, "reduce": "_count"})
    url = f"{view}/v"

    def task():
        tasks = requests.get(f"{couch_url}/_active_tasks", timeout=PATIENCE).json()
        return [each for each in tasks if each["type"] == "indexer" and "views-building" in each["database"]]

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        built = pool.submit(requests.get, url, timeout=PATIENCE)
        [seen] = until(task)[:1]
        stale = requests.get(url, params={"update": "false", "group": "true"}, timeout=PATIENCE).json()["rows"]
        rows = requests.get(url, params={"update": "false", "reduce": "false"}, timeout=PATIENCE).json()
        assert built.result().json()["rows"] == [{"key": None, "value": DOCS}]
    assert seen["design_document"] == "_design/slow"
    assert 0 <= seen["changes_done"] <= seen["total_changes"]
    assert sum(row["value"] for row in stale) <= DOCS
    assert len(rows["rows"]) == rows["total_rows"] <= DOCS


def test_lazy_reads_start_a_build_and_do_not_wait(session, stocked):
    """The first answer is that of an empty index, a later one is complete."""
    view = design(session, stocked, "lazy", v={"map": SLOW, "reduce": "_sum"})
    url = f"{view}/v"
    assert session.get(url, params={"update": "lazy"}).json()["rows"] == []
    expected = [{"key": None, "value": DOCS * (DOCS - 1) // 2}]
    until(lambda: session.get(url, params={"update": "false"}).json()["rows"] == expected)


def test_a_long_answer_is_whole(session, stocked):
    """Every row once, in order, in either direction, with and without documents."""
    view = design(session, stocked, "long", v={"map": "function (doc) { if (doc.n !== undefined) { emit(doc.n); } }"})
    for direction in ("false", "true"):
        rows = session.get(f"{view}/v", params={"descending": direction}).json()["rows"]
        assert [row["key"] for row in rows] == sorted(range(DOCS), reverse=direction == "true")
    rows = session.get(f"{view}/v", params={"include_docs": "true", "limit": 1_000}).json()["rows"]
    assert [row["doc"]["n"] for row in rows] == list(range(1_000))


def test_an_answer_that_nobody_reads_to_its_end_holds_nothing_up(session, stocked):
    """Clients that go away in the middle leave the view usable and its index writable."""
    view = design(session, stocked, "left", v={"map": "function (doc) { if (doc.n !== undefined) { emit(doc.n); } }"})
    assert session.get(f"{view}/v", params={"limit": 1}).ok
    for _ in range(30):
        with requests.get(f"{view}/v", stream=True, timeout=PATIENCE) as answer:
            next(answer.iter_content(1_000))
    assert session.put(f"{stocked}/late", json={"n": -1}).status_code == 201
    assert session.get(f"{view}/v", params={"limit": 1}).json()["rows"][0]["key"] == -1
    assert session.delete(f"{stocked}/late", params={"rev": session.get(f"{stocked}/late").json()["_rev"]}).ok
