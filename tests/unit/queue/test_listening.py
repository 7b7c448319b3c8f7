"""Listening for jobs: what the feed answers, also when something stands in its place."""

from typing import Any

import pytest

from crashfarm.errors import UnexpectedAnswer
from crashfarm.queue import JobQueue


class Feed:
    """A database whose feed of changes gives that answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def post_json(self, *path: str, body: Any, **query: Any) -> Any:
        return self.answer


@pytest.mark.parametrize(("results", "is_one"), [([], False), ([{"id": "job:1"}], True)])
def test_what_the_feed_tells_is_from_where_to_listen_on_and_whether_a_job_came(
    results: list[Any], is_one: bool
) -> None:
    """No document is read for that."""
    queue = JobQueue(Feed({"last_seq": "7-x", "results": results, "pending": 0}))  # type: ignore[arg-type]
    assert queue.listen("now") == ("7-x", is_one)


@pytest.mark.parametrize("answer", [{}, [], "welcome", None, {"results": []}])
def test_an_answer_that_is_no_feed_is_the_database_s_fault(answer: Any) -> None:
    """As of a proxy in between: whoever listens tries again later, and does not end."""
    with pytest.raises(UnexpectedAnswer):
        JobQueue(Feed(answer)).listen("now")  # type: ignore[arg-type]
