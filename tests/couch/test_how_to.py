"""The steps of the how-to pages, run as they stand."""

import re
from collections.abc import Iterator

import pytest

from server import deploy
from tests import farms
from tests.fresh import farm_settings, fresh_farm
from tests.javascript import ROOT

STEPS = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/questions.md").read_text(), re.DOTALL)


@pytest.fixture
def _farm(couch_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A farm with results, named by the environment as on an analyst's machine."""
    found = farm_settings(couch_url)
    monkeypatch.setenv("COUCHDB_URL", found.url)
    monkeypatch.setenv("COUCHDB_USER", found.user)
    monkeypatch.setenv("COUCHDB_PASSWORD", found.password)
    with fresh_farm(couch_url) as farm:
        monkeypatch.setenv("CRASHFARM_FARM", farm.status.name)
        deploy.push(farm, lambda done: None)
        assert all(outcome.ok for outcome in farm.history.bulk(farms.history_docs(farms.generate())))
        yield


@pytest.mark.usefixtures("_farm")
def test_the_way_from_a_question_to_a_chart_can_be_walked() -> None:
    """Each step builds on those before it, and holds what it asserts."""
    names: dict[str, object] = {}
    for step in STEPS:
        exec(compile(step, "questions.md", "exec"), names)  # noqa: S102 our own documentation
    assert names["on_branch"] and len(STEPS) == 7
    names["farm"].connection.close()  # type: ignore[attr-defined]
