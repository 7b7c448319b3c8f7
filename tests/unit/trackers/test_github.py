"""GitHub: what is asked, what an issue becomes, and what is spared."""

from typing import Any

import pytest

from crashfarm.documents.bug import BugState, Matcher
from server.trackers.asking import Asker
from server.trackers.errors import TrackerError
from server.trackers.github import GitHub
from server.trackers.source import Position, Rules
from tests.unit.trackers.conftest import Asked, Reply, Standin

NOW = "2026-11-22T00:00:00.000Z"


def told(number: int = 1, **members: Any) -> dict[str, Any]:
    """An issue as GitHub tells it."""
    known = {"number": number, "title": "Crash", "state": "open", "updated_at": "2026-01-02T03:04:05Z"}
    return known | {"html_url": f"https://github.com/o/r/issues/{number}", "labels": [], "closed_at": None} | members


def source(asker: Asker, standin: Standin, **options: Any) -> GitHub:
    """A repository at the server."""
    defaults: dict[str, Any] = {"repository": "o/r", "tracker": "o/r", "rules": Rules(), "limit": 3}
    return GitHub(asker=asker, url=standin.url, **defaults | options)


def test_the_query_names_what_is_wanted_and_since_when(asker: Asker, standin: Standin) -> None:
    """Open and closed ones, in the order of their change."""
    standin.replies(Reply([]))
    source(asker, standin, labels=("type-crash", "3.13")).read(Position(since=NOW, skip=3), NOW)
    (request,) = standin.asked
    assert request.path == "/repos/o/r/issues"
    asked = {name: values[0] for name, values in request.query.items()}
    assert (asked["state"], asked["sort"], asked["direction"]) == ("all", "updated", "asc")
    assert (asked["since"], asked["page"], asked["per_page"], asked["labels"]) == (NOW, "2", "3", "type-crash,3.13")


def test_an_issue_becomes_a_bug_and_a_pull_request_does_not(asker: Asker, standin: Standin) -> None:
    """GitHub lists both as issues."""
    standin.replies(Reply([told(7, title="Crash in [@ sort]"), told(8, pull_request={"url": "x"})]))
    (bug,) = source(asker, standin).read(Position(), NOW).bugs
    assert (bug.id, bug.url, bug.state) == ("bug:o/r:7", "https://github.com/o/r/issues/7", BugState.OPEN)
    assert bug.matchers == (Matcher(signature="sort"),)


def test_a_closed_issue_says_why_since_when_and_where_it_is_fixed(asker: Asker, standin: Standin) -> None:
    """The reason, the time, and branches by its labels and its milestone."""
    issue = told(
        state="closed",
        state_reason="completed",
        closed_at="2026-01-01T00:00:00Z",
        labels=[{"name": "3.13"}, "plain", {"name": "other"}],
        milestone={"title": "3.14"},
    )
    standin.replies(Reply([issue]))
    rules = Rules(fixed={("label", "3.13"): "3.13", ("milestone", "3.14"): "main"})
    (bug,) = source(asker, standin, rules=rules).read(Position(), NOW).bugs
    assert (bug.state, bug.resolution, bug.closed_at) == (BugState.CLOSED, "completed", "2026-01-01T00:00:00.000Z")
    assert bug.fixed_on == ("3.13", "main")


def test_an_open_issue_is_fixed_nowhere(asker: Asker, standin: Standin) -> None:
    """A milestone is then only a plan."""
    standin.replies(Reply([told(milestone={"title": "3.14"})]))
    rules = Rules(fixed={("milestone", "3.14"): "main"})
    (bug,) = source(asker, standin, rules=rules).read(Position(), NOW).bugs
    assert (bug.fixed_on, bug.closed_at) == ((), "")


def test_what_has_not_changed_is_not_sent_again(asker: Asker, standin: Standin) -> None:
    """The answer's tag goes along with the next request, once nothing moved any more."""
    standin.replies(Reply([told()], headers={"ETag": '"abc"'}))
    one = source(asker, standin)
    first = one.read(Position(), NOW).next
    assert (first.since, first.etag) == ("2026-01-02T03:04:05.000Z", "")
    second = one.read(first, NOW).next
    assert second.etag == '"abc"'
    standin.replies(Reply(b"", 304))
    page = one.read(second, NOW)
    assert standin.asked[-1].headers["if-none-match"] == '"abc"'
    assert (page.bugs, page.next, page.more) == ((), second, False)


def test_the_link_to_a_next_page_says_that_there_is_more(asker: Asker, standin: Standin) -> None:
    """Though this page is not full: pull requests were taken out of it."""
    standin.replies(
        Reply([told()], headers={"Link": '<https://x/?page=2>; rel="next", <https://x/?page=9>; rel="last"'})
    )
    assert source(asker, standin).read(Position(), NOW).more
    standin.replies(Reply([told()], headers={"Link": '<https://x/?page=1>; rel="prev"'}))
    assert not source(asker, standin).read(Position(), NOW).more


def test_a_page_of_nothing_but_pull_requests_is_passed(asker: Asker, standin: Standin) -> None:
    """There may be issues behind it."""

    def shop(asked: Asked) -> Reply:
        issues = [told(n, updated_at=f"2026-01-01T00:0{n}:00.000Z", pull_request={}) for n in range(5)]
        issues = [issue | {"pull_request": {"url": "x"}} for issue in issues] + [
            told(9, updated_at="2026-01-02T00:00:00Z")
        ]
        since = asked.query.get("since", [""])[0]
        found = [issue for issue in issues if issue["updated_at"] >= since]
        start = 3 * (int(asked.query["page"][0]) - 1)
        return Reply(found[start : start + 3])

    standin.script = shop
    one, position, numbers = source(asker, standin), Position(), []
    for _ in range(9):
        page = one.read(position, NOW)
        numbers += [bug.number for bug in page.bugs]
        position = page.next
        if not page.more:
            break
    assert set(numbers) == {"9"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"message": "Not Found"}, "no list of issues; is it GitHub's API"),
        ([{"id": 1}], "no issue can be read"),
        (["x", None], "no issue can be read"),
        (7, "no list of issues"),
    ],
)
def test_an_answer_of_another_kind_is_refused(asker: Asker, standin: Standin, answer: Any, says: str) -> None:
    """One clear sentence."""
    standin.replies(Reply(answer))
    with pytest.raises(TrackerError, match=says):
        source(asker, standin).read(Position(), NOW)


def test_what_cannot_be_read_is_named_and_passed_over(asker: Asker, standin: Standin) -> None:
    """The others count."""
    standin.replies(Reply([told(1), told(2, updated_at=None), told(3, title=[])]))
    page = source(asker, standin, limit=9).read(Position(), NOW)
    assert [bug.number for bug in page.bugs] == ["1"]
    assert [bad.partition(":")[0] for bad in page.bad] == ["issue 2", "issue 3"]
