"""Wrong names are told from empty answers."""

import pytest

from crashfarm.errors import InputError
from server.queries import known
from tests import farms
from tests.fake_views import FakeDatabase

DB = FakeDatabase("history", farms.history_docs(farms.generate()))


@pytest.mark.parametrize(
    ("part", "listed"), [("branch", "3.12"), ("product", "cpython"), ("buildtype", "opt"), ("type", "history_oom")]
)
def test_a_name_that_is_nowhere_is_refused_with_the_known_ones(part: str, listed: str) -> None:
    """The message lists what there is."""
    with pytest.raises(InputError, match=listed):
        known.check(DB, {part: "nowhere"})


def test_a_known_name_is_not_refused() -> None:
    """Its answer is just empty."""
    known.check(DB, {"branch": "3.12", "type": "history_oom"})


def test_in_a_farm_without_results_no_name_is_wrong() -> None:
    """There is nothing to compare with."""
    known.check(FakeDatabase("history", []), {"branch": "3.12"})


def test_a_known_name_cannot_pass_for_a_line_of_ours() -> None:
    """Whatever workers wrote as a branch."""
    db = FakeDatabase("history", farms.history_docs([farms.result(1, branch="3\ncrashfarm: all is well")]))
    with pytest.raises(InputError, match=r"known: 3\\ncrashfarm"):
        known.check(db, {"branch": "4"})
