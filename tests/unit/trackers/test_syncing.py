"""Following a tracker into the farm: the cursor moves behind what is stored, and twice does no harm."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.errors import ConfigError, DatabaseUnavailable
from server.bugs.storing import Stored
from server.trackers import keys
from server.trackers.errors import TrackerError
from server.trackers.source import Page, Position, Rules
from server.trackers.syncing import from_tracker, read_position, sync
from tests.fakes.couch import MemoryDatabase, lost_replies

CURSOR = "cursor:tracker-t"


def clock() -> datetime:
    return datetime(2026, 11, 22, tzinfo=UTC)


def bug(number: int, **parts: Any) -> Bug:
    """A bug as a tracker told it."""
    told: dict[str, Any] = {"title": "T", "updated_at": "2026-01-01T00:00:00.000Z"}
    return Bug(id=f"bug:t:{number}", tracker="t", number=str(number), **told | parts)


class Pages:
    """A tracker with some pages of bugs; `broken` is the number of the page at which it fails."""

    tracker = "t"

    def __init__(self, *pages: list[Bug], query: str = "q", broken: int = -1) -> None:
        self.pages = pages
        self.query = query
        self.broken = broken
        self.read_pages: list[int] = []

    def read(self, position: Position, now: str) -> Page:
        """The page that `skip` names."""
        if position.skip == self.broken:
            raise TrackerError("t", "http://t", "status 500")
        self.read_pages.append(position.skip)
        more = position.skip + 1 < len(self.pages)
        after = Position(query=self.query, skip=position.skip + more)
        return Page(tuple(self.pages[position.skip]), (), after, more)


@pytest.fixture
def memory() -> MemoryDatabase:
    return MemoryDatabase()


def run(memory: MemoryDatabase, source: Pages, *, anew: bool = False) -> Stored:
    """One sync."""
    return sync(cast(Database, memory), source, clock, lambda done: None, anew=anew).stored


def test_bugs_come_in_and_the_second_time_nothing_changes(memory: MemoryDatabase) -> None:
    """No document is written again, the cursor's neither."""
    source = Pages([bug(1), bug(2)])
    assert run(memory, source) == Stored(new=2)
    writes = memory.writes
    assert run(memory, source) == Stored(unchanged=2)
    assert memory.writes == writes


def test_the_cursor_stands_behind_the_last_page_that_was_stored(memory: MemoryDatabase) -> None:
    """A tracker that fails loses nothing; the next time one goes on there."""
    source = Pages([bug(1)], [bug(2)], [bug(3)], broken=2)
    with pytest.raises(TrackerError):
        run(memory, source)
    assert {"bug:t:1", "bug:t:2"} <= memory.docs.keys()
    source.broken, source.read_pages = -1, []
    assert run(memory, source) == Stored(new=1)
    assert source.read_pages == [2]


def test_a_page_that_could_not_be_stored_is_read_again(memory: MemoryDatabase) -> None:
    """The database went away before it answered."""
    source = Pages([bug(1)], [bug(2)])
    memory.fault = lost_replies("bulk", 1)
    with pytest.raises(DatabaseUnavailable):
        run(memory, source)
    assert CURSOR not in memory.docs
    assert run(memory, source) == Stored(new=1, unchanged=1)


def test_another_query_begins_anew(memory: MemoryDatabase) -> None:
    """What it asks for may be older than what was read."""
    run(memory, Pages([bug(1)], [bug(2)]))
    other = Pages([bug(1)], [bug(2)], query="other")
    run(memory, other)
    assert other.read_pages == [0, 1]


def test_everything_may_be_read_again(memory: MemoryDatabase) -> None:
    """When somebody asks for it."""
    source = Pages([bug(1)], [bug(2)])
    run(memory, source)
    run(memory, source, anew=True)
    assert source.read_pages == [0, 1, 0, 1]


def test_a_tracker_that_gives_one_page_for_ever_is_left(memory: MemoryDatabase) -> None:
    """It does not heed what it is asked."""

    class Stuck(Pages):
        def read(self, position: Position, now: str) -> Page:
            return Page((bug(1),), (), position, True)

    with pytest.raises(TrackerError, match="the same page comes again"):
        run(memory, Stuck([bug(1)]))


@pytest.mark.parametrize("doc", [{"position": {"skip": "x", "query": "q"}}, {"position": []}, {}])
def test_a_cursor_that_somebody_has_broken_begins_anew(memory: MemoryDatabase, doc: dict[str, Any]) -> None:
    """It is written over."""
    memory.put({"_id": CURSOR, "type": "cursor", **doc})
    source = Pages([bug(1)], [bug(2)])
    assert read_position(cast(Database, memory), source) == Position(query="q")
    assert run(memory, source) == Stored(new=2)


def test_what_people_have_added_stays(memory: MemoryDatabase) -> None:
    """Matchers are added up, fixed branches stay where the tracker tells none, and unknown members survive."""
    mine = bug(1, matchers=(Matcher(text="mine"),), fixed_on=("3.13",), matched="x").to_doc() | {"note": "mine"}
    memory.put(mine)
    told = bug(1, title="New", matchers=(Matcher(signature="s"),), updated_at="2026-02-01T00:00:00.000Z")
    assert run(memory, Pages([told])) == Stored(changed=1)
    doc = memory.docs["bug:t:1"]
    assert (doc["title"], doc["fixed_on"], doc["matched"], doc["note"]) == ("New", ["3.13"], "x", "mine")
    assert doc["matchers"] == [{"text": "mine"}, {"signature": "s"}]


def test_a_bug_closes_reopens_and_moves_as_the_tracker_says() -> None:
    """Its own words count for state, resolution, time and duplicate."""
    before = bug(1)
    shut = bug(1, state=BugState.CLOSED, resolution="DUPLICATE", closed_at="x", moved_to="bug:t:2")
    closed = from_tracker(before, shut)
    assert (closed.state, closed.resolution, closed.moved_to) == (BugState.CLOSED, "DUPLICATE", "bug:t:2")
    assert from_tracker(closed, before).moved_to == ""


def test_an_answer_that_is_older_changes_nothing() -> None:
    """Two that sync at once may write in another order than they read."""
    newer = bug(1, title="New", updated_at="2026-02-01T00:00:00.000Z")
    assert from_tracker(newer, bug(1)) is newer


@pytest.mark.parametrize(
    ("pattern", "says"),
    [(r"(?P<text>", "missing"), (r"crash", "groups"), (r"(?P<bug>x)", "groups"), (r"(?P<text>a)(?P<x>b)", "groups")],
)
def test_a_pattern_for_titles_that_cannot_be_used_is_refused(pattern: str, says: str) -> None:
    """Before anything is asked."""
    with pytest.raises(ConfigError, match=says):
        Rules(titles=(pattern,))


def test_a_hostile_title_gives_no_more_than_so_many_matchers() -> None:
    """And a signature that could not be used gives none."""
    assert list(Rules().matchers("[@ " + "x" * 100_000)) == []
    assert len(list(Rules().matchers("[@ a]" * 100_000))) <= 1000


def test_a_key_comes_from_the_environment_or_from_a_file(tmp_path: Any) -> None:
    """The file wins: it is what a service manager hands over."""
    (tmp_path / "key").write_text("abc\n")
    assert keys.read("K", {"K": "xyz"}) == "xyz"
    assert keys.read("K", {"K": "xyz", "K_FILE": str(tmp_path / "key")}) == "abc"
    assert keys.read("K", {}) == ""
    for environ in ({"K": "a b"}, {"K": "a\nb"}, {"K_FILE": str(tmp_path / "none")}):
        with pytest.raises(ConfigError, match="K"):
            keys.read("K", environ)


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        ("ftp://host/", "", "is no address"),
        ("bugzilla.example.org", "", "is no address"),
        ("https://user:pass@host/", "", "holds a name or password"),
        ("http://host/", "geheim", "in the clear"),
        ("http://[half/", "", "no usable address"),
        ("http://host:port/", "", "no usable address"),
    ],
)
def test_an_address_that_gives_a_secret_away_is_refused(url: str, secret: str, says: str) -> None:
    """Nor is one asked that is no address."""
    with pytest.raises(ConfigError, match=says) as caught:
        keys.check_url(url, secret)
    assert "geheim" not in str(caught.value)
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://host/", "http://127.0.0.1:8/", "http://localhost/", "http://[::1]:8/"])
def test_a_key_may_go_to_https_and_to_this_machine(url: str) -> None:
    """There nobody listens."""
    assert keys.check_url(url, "geheim") == url
