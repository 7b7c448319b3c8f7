"""Bugzilla: what is asked, what a bug of its becomes, and what it may do wrong."""

from typing import Any

import pytest

from crashfarm.documents.bug import Bug, BugState, Matcher
from server.trackers.asking import Asker
from server.trackers.bugzilla import Bugzilla
from server.trackers.errors import TrackerError
from server.trackers.source import Position, Rules
from tests.unit.trackers.conftest import Asked, Reply, Standin

NOW = "2026-11-22T00:00:00.000Z"
CHANGED = "2026-01-02T03:04:05Z"


def told(number: int = 1, **members: Any) -> dict[str, Any]:
    """A bug as Bugzilla tells it."""
    return {"id": number, "summary": "Crash", "status": "NEW", "resolution": "", "last_change_time": CHANGED} | members


def source(asker: Asker, standin: Standin, **options: Any) -> Bugzilla:
    """A Bugzilla at the server."""
    defaults: dict[str, Any] = {"asked": {"product": ("Core",)}, "rules": Rules(), "tracker": "bz", "limit": 3}
    return Bugzilla(asker=asker, url=standin.url + "/", **defaults | options)


def read(asker: Asker, standin: Standin, *bugs: Any, **options: Any) -> tuple[Bug, ...]:
    """What becomes of some bugs."""
    standin.replies(Reply({"bugs": list(bugs)}))
    return source(asker, standin, **options).read(Position(), NOW).bugs


def test_the_query_names_what_is_wanted_and_since_when(asker: Asker, standin: Standin) -> None:
    """In the order of the bugs' change, as many as the limit, with no more members than are needed."""
    standin.replies(Reply({"bugs": []}))
    asked = {"product": ("Core", "Toolkit"), "keywords": ("crash",)}
    rules = Rules(fixed={("flag", "cf_status_firefox91"): "91"})
    source(asker, standin, asked=asked, rules=rules).read(Position(since=NOW, skip=6), NOW)
    (request,) = standin.asked
    assert request.path == "/rest/bug"
    assert request.query["product"] == ["Core", "Toolkit"]
    assert (request.query["last_change_time"], request.query["offset"], request.query["limit"]) == ([NOW], ["6"], ["3"])
    assert request.query["order"] == ["changeddate,bug_id"]
    assert "cf_crash_signature" in request.query["include_fields"][0]
    assert "cf_status_firefox91" in request.query["include_fields"][0]


def test_a_bug_becomes_one_of_ours(asker: Asker, standin: Standin) -> None:
    """Number, title, address and the time of its change."""
    (bug,) = read(asker, standin, told(7))
    assert (bug.id, bug.title, bug.state, bug.closed_at) == ("bug:bz:7", "Crash", BugState.OPEN, "")
    assert bug.url == f"{standin.url}/show_bug.cgi?id=7"
    assert bug.updated_at == "2026-01-02T03:04:05.000Z"


@pytest.mark.parametrize(
    ("members", "shut"),
    [
        ({"status": "NEW"}, False),
        ({"status": "RESOLVED", "resolution": "FIXED"}, True),
        ({"status": "VERIFIED", "resolution": "FIXED"}, True),
        ({"status": "CLOSED"}, True),
        ({"status": "REOPENED"}, False),
        ({"status": "IN_LIMBO", "is_open": False}, True),
        ({"status": "RESOLVED", "resolution": "FIXED", "is_open": True}, False),
    ],
)
def test_open_or_closed_is_told_by_the_server_else_by_resolution_and_status(
    asker: Asker, standin: Standin, members: dict[str, Any], shut: bool
) -> None:
    """A Bugzilla may have states of its own; it says itself which are open."""
    (bug,) = read(asker, standin, told(**members))
    assert (bug.state is BugState.CLOSED, bool(bug.closed_at)) == (shut, shut)


def test_a_closed_bug_says_when_it_was_resolved(asker: Asker, standin: Standin) -> None:
    """Comments that come later do not move that."""
    members = {"status": "RESOLVED", "resolution": "FIXED", "cf_last_resolved": "2025-05-05T05:05:05Z"}
    (bug,) = read(asker, standin, told(**members))
    assert (bug.resolution, bug.closed_at) == ("FIXED", "2025-05-05T05:05:05.000Z")


def test_a_duplicate_moves_to_the_other_bug(asker: Asker, standin: Standin) -> None:
    """As long as it is closed as one."""
    closed = told(1, status="RESOLVED", resolution="DUPLICATE", dupe_of=2)
    reopened = told(3, status="REOPENED", dupe_of=2)
    assert [bug.moved_to for bug in read(asker, standin, closed, reopened)] == ["bug:bz:2", ""]


def test_each_line_of_the_signature_field_is_a_matcher(asker: Asker, standin: Standin) -> None:
    """Brackets and spaces within a signature belong to it; what is no signature is not taken."""
    field = "[@ js::gc::Mark<T[]> | main ]\r\n[@foo]\n\nsee bug 3\n[@ ]\n[@ foo]"
    (bug,) = read(asker, standin, told(cf_crash_signature=field))
    assert bug.matchers == (Matcher(signature="js::gc::Mark<T[]> | main"), Matcher(signature="foo"))


@pytest.mark.parametrize(
    ("title", "matchers"),
    [
        ("Crash in [@ mozilla::Foo::Bar]", [Matcher(signature="mozilla::Foo::Bar")]),
        ("Assertion failure: x == y, at dom/Node.cpp:12", [Matcher(text="x == y", file="dom/Node.cpp")]),
        ("###!!! ASSERTION: bad: 'x', file layout/a.cpp, line 3", [Matcher(text="bad: 'x'", file="layout/a.cpp")]),
        ("foo.c: Assertion `a != b' failed.", [Matcher(text="a != b")]),
        ("Something is slow", []),
    ],
)
def test_titles_are_searched_for_signatures_and_assertions(
    asker: Asker, standin: Standin, title: str, matchers: list[Matcher]
) -> None:
    """As people write them."""
    (bug,) = read(asker, standin, told(summary=title))
    assert list(bug.matchers) == matchers


def test_titles_may_be_searched_for_something_else(asker: Asker, standin: Standin) -> None:
    """A project's own way to name its faults."""
    rules = Rules(titles=(r"^\w+ fails: (?P<text>.+) in (?P<file>\S+)",))
    (bug,) = read(asker, standin, told(summary="Sort fails: empty list in sort.c"), rules=rules)
    assert bug.matchers == (Matcher(text="empty list", file="sort.c"),)


def test_milestones_and_flags_say_where_a_bug_is_fixed(asker: Asker, standin: Standin) -> None:
    """As far as somebody has said what they mean."""
    rules = Rules(fixed={("milestone", "91 Branch"): "91", ("flag", "cf_status_esr"): "esr", ("flag", "cf_other"): "o"})
    (bug,) = read(
        asker,
        standin,
        told(status="RESOLVED", target_milestone="91 Branch", cf_status_esr="verified", cf_other="affected"),
        rules=rules,
    )
    assert bug.fixed_on == ("91", "esr")


def test_what_cannot_be_read_is_named_and_passed_over(asker: Asker, standin: Standin) -> None:
    """One odd bug does not keep the others away."""
    standin.replies(Reply({"bugs": [told(1), told(2, last_change_time="yesterday"), told(3, summary=7), "bug", {}]}))
    page = source(asker, standin).read(Position(), NOW)
    assert [bug.number for bug in page.bugs] == ["1"]
    assert [bad.partition(":")[0] for bad in page.bad] == ["bug 2", "bug 3", *["a bug without a number"] * 2]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ([], "no list of bugs; is it a Bugzilla"),
        ({"error": True, "message": "You must log in"}, "no list of bugs: You must log in"),
        ({"bugs": {"id": 1}}, "no list of bugs"),
        ({"bugs": [{"number": 1}]}, "no bug can be read: a bug without a number"),
        (None, "no list of bugs"),
    ],
)
def test_an_answer_of_another_kind_is_refused(asker: Asker, standin: Standin, answer: Any, says: str) -> None:
    """With the words of the server, where it has some."""
    standin.replies(Reply(answer))
    with pytest.raises(TrackerError, match=says):
        source(asker, standin).read(Position(), NOW)


class Shop:
    """A Bugzilla that keeps bugs, each with the minute of its last change."""

    def __init__(self, minutes: dict[int, int], ordered: bool = True) -> None:
        self.minutes = minutes
        self.ordered = ordered

    def __call__(self, asked: Asked) -> Reply:
        """Answer a query as Bugzilla does."""
        since = asked.query.get("last_change_time", [""])[0]
        found = [(time_of(minute), number) for number, minute in self.minutes.items() if time_of(minute) >= since]
        found = sorted(found) if self.ordered else found
        start, limit = int(asked.query["offset"][0]), int(asked.query["limit"][0])
        return Reply({"bugs": [told(number, last_change_time=at) for at, number in found[start : start + limit]]})


def time_of(minute: int) -> str:
    """A moment on the first of January."""
    return f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00.000Z"


START = Position()


def pages(shop: Shop, asker: Asker, standin: Standin, position: Position = START) -> tuple[list[str], Position]:
    """All bugs that a reader is given from a position on, and where it stands then."""
    standin.script = shop
    one, numbers = source(asker, standin), []
    for _ in range(50):
        page = one.read(position, NOW)
        numbers += [bug.number for bug in page.bugs]
        position = page.next
        if not page.more:
            return numbers, position
    raise AssertionError("there is no end")


def test_pages_follow_each_other_until_all_is_read(asker: Asker, standin: Standin) -> None:
    """Those that changed at the same time as the last one of a page come twice."""
    numbers, position = pages(Shop({n: n for n in range(10)}), asker, standin)
    assert set(numbers) == {str(n) for n in range(10)}
    assert position.since == time_of(9)
    assert pages(Shop({n: n for n in range(10)}), asker, standin, position)[0] == ["9"]


def test_more_bugs_of_one_moment_than_fit_a_page_are_all_read(asker: Asker, standin: Standin) -> None:
    """A mass change of a hundred bugs."""
    numbers, _ = pages(Shop({n: 5 for n in range(10)} | {77: 6, 0: 1}), asker, standin)
    assert set(numbers) == {str(n) for n in (*range(10), 77)}


def test_a_server_that_knows_no_order_is_read_all_the_same(asker: Asker, standin: Standin) -> None:
    """Page by page; the next time again from the beginning."""
    minutes = {n: (3 * n + 5) % 10 for n in range(10)}
    numbers, position = pages(Shop(minutes, ordered=False), asker, standin)
    assert set(numbers) == {str(n) for n in range(10)}
    assert set(pages(Shop(minutes, ordered=False), asker, standin, position)[0]) == set(numbers)


def test_a_bug_that_changes_while_one_reads_makes_none_be_skipped(asker: Asker, standin: Standin) -> None:
    """It moves to the end, and all behind it move up by one."""
    shop = Shop({n: n for n in range(9)})
    standin.script = shop
    one, position, numbers = source(asker, standin), Position(), []
    for _ in range(20):
        page = one.read(position, NOW)
        numbers += [bug.number for bug in page.bugs]
        position = page.next
        shop.minutes[0] = 30
        if not page.more:
            break
    assert set(numbers) == {str(n) for n in range(9)}


def test_a_time_to_come_does_not_hide_what_comes_before(asker: Asker, standin: Standin) -> None:
    """A server's clock that is years ahead."""
    standin.replies(Reply({"bugs": [told(last_change_time="2199-01-01T00:00:00Z")]}))
    assert source(asker, standin).read(Position(), NOW).next.since == NOW
