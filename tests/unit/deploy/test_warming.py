"""Building views that take longer than a request may."""

from typing import Any, cast

import pytest

from crashfarm.answers import View
from crashfarm.database import Database
from crashfarm.errors import DatabaseUnavailable
from server.deploy import pushing


class SlowDatabase:
    """Answers a view only after so many requests have timed out; tells whether it is building."""

    def __init__(self, timeouts: int, building: bool) -> None:
        self.left = timeouts
        self.building = building

    def view(self, design: str, view: str, **query: Any) -> View:
        if self.left:
            self.left -= 1
            raise DatabaseUnavailable("no answer: timed out")
        return View(())

    def get_json(self, *path: str) -> Any:
        assert path == ("_design", "jobs-staged", "_info")
        return {"view_index": {"updater_running": self.building}}


def test_view_that_takes_many_requests_to_build_is_waited_for() -> None:
    """A farm with millions of results builds for hours."""
    db = SlowDatabase(timeouts=3, building=True)
    pushing._warm(cast(Database, db), "jobs-staged", "by_state")
    assert db.left == 0


def test_view_that_does_not_answer_and_is_not_built_is_an_error() -> None:
    """It would be waited for until the end of days."""
    db = SlowDatabase(timeouts=3, building=False)
    with pytest.raises(DatabaseUnavailable, match="timed out"):
        pushing._warm(cast(Database, db), "jobs-staged", "by_state")
