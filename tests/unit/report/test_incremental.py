"""A report that goes on from the one before is the report that would be made anew."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crashfarm.documents.bug import Bug, BugState, bug_id
from crashfarm.documents.finding import Kind
from crashfarm.documents.history import BugLists
from crashfarm.settings import Farm
from server.report import follow, write_report
from server.report.scratch import Scratch
from tests import farms
from tests.farms import NOON, finding, result

NOW = NOON + timedelta(days=4)
SINCE = NOON + timedelta(minutes=3)


def content(out: Path) -> dict[str, bytes]:
    """All files of a report but its marker, which is of its own."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name[0] != "."
    }


def report(farm: Farm, out: Path, state: Path | None = None, **options: Any) -> dict[str, bytes]:
    """The files of a report of that farm."""
    write_report(farm, out, now=NOW, since=SINCE, state=state, **options)
    return content(out)


def record(farm: Farm, runs: list[farms.Result]) -> None:
    """Write results, and merge what they show into the history documents, as workers do."""
    for run in runs:
        farm.history.put(run.to_doc())
    for seen in farms.histories(runs):
        doc = farm.history.get(seen.id)
        merged = seen if doc is None else type(seen).from_doc(doc).merge(seen)
        farm.history.put(merged.to_doc())


RUNS = st.lists(
    st.tuples(
        st.sampled_from(["3.12", "3.13"]),
        st.sampled_from(["a.py", "b.py"]),
        st.sets(st.sampled_from(["f | g", "h"])),
        st.integers(0, 1),
    ),
    max_size=6,
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(RUNS, min_size=2, max_size=4))
def test_rounds_one_after_the_other_give_the_report_of_all_at_once(rounds: list[Any], tmp_path_factory: Any) -> None:
    """Whatever is run, seen again, or seen for the first time in between: the same files to the byte."""
    folder = tmp_path_factory.mktemp("incremental")
    farm = farms.in_memory([])
    number = 0
    for runs in rounds:
        made = []
        for branch, place, details, machine in runs:
            number += 7 * 60
            found = [finding(detail=detail) for detail in sorted(details)]
            made.append(result(number, *found, branch=branch, input_name=place, machine=machine))
        record(farm, made)
        step = report(farm, folder / "step", folder / "state.sqlite")
    assert step == report(farm, folder / "anew")


def test_only_what_changed_is_asked_for_and_written(tmp_path: Path) -> None:
    """A page that is still true is the very file that it was, and its newest run is not asked for again."""
    farm = farms.in_memory(farms.generate(days=1))
    out, state = tmp_path / "out", tmp_path / "state.sqlite"
    report(farm, out, state)
    before = {path.name: path.stat().st_ino for path in (out / "signature").iterdir()}
    asked = farm.history.asked  # type: ignore[attr-defined]
    record(farm, [result(99999, finding(Kind.HANG, "hang | late"), input_name="late.py")])
    report(farm, out, state)
    after = {path.name: path.stat().st_ino for path in (out / "signature").iterdir()}
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 1
    assert farm.history.asked - asked < 15  # type: ignore[attr-defined]


def test_a_bug_that_is_closed_changes_the_pages_of_what_it_explains(tmp_path: Path) -> None:
    """And no others."""
    runs = [result(1, finding()), result(2, finding(detail="another"))]
    bug = Bug(id=bug_id("a", "1"), tracker="a", number="1", title="Known")
    farm = farms.in_memory(runs, bug)
    explained = next(one for one in farms.histories(runs) if one.detail == "another")
    farm.history.put(explained.evolve(bugs=BugLists(open=(bug.id,))).to_doc())
    before = report(farm, tmp_path / "out", tmp_path / "state.sqlite")
    farm.status.put(bug.evolve(state=BugState.CLOSED).to_doc())
    after = report(farm, tmp_path / "out", tmp_path / "state.sqlite")
    changed = {name for name in before if name.startswith("signature/") and before[name] != after[name]}
    assert len(changed) == 1 and b">closed" in after[changed.pop()]
    assert after == report(farm, tmp_path / "anew")


@pytest.mark.parametrize("what", ["deleted", "changed", "another farm", "broken state", "killed"])
def test_what_cannot_be_followed_is_read_anew(tmp_path: Path, what: str) -> None:
    """A result that is gone or was rewritten, a new database of the same name, a state file that is no good."""
    farm = farms.in_memory(farms.generate(days=1))
    state = tmp_path / "state.sqlite"
    report(farm, tmp_path / "out", state)
    if what == "deleted":
        farm.history.delete("result:00001")  # type: ignore[call-arg]
    elif what == "changed":
        farm.history.put(result(1, finding(detail="rewritten")).to_doc() | {"_rev": "2-x"})
    elif what == "another farm":
        farm = farms.in_memory([result(1, finding())])
    elif what == "broken state":
        state.write_bytes(b"nonsense" * 1000)
    else:
        farm.history.put(result(99999, finding(), input_name="late.py").to_doc())
        with pytest.raises(ZeroDivisionError):
            report(farm, tmp_path / "out", state, progress=lambda done, total, words: 1 // 0)
    assert report(farm, tmp_path / "out", state) == report(farm, tmp_path / "anew")


def test_an_attachment_that_comes_later_makes_nothing_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reducing an input attaches the smallest one to its result, whose revision grows by that, and no number."""
    runs = farms.generate(days=1)
    farm, state = farms.in_memory(runs), tmp_path / "state.sqlite"
    before = report(farm, tmp_path / "out", state)
    monkeypatch.setattr(Scratch, "clear", lambda scratch: pytest.fail("everything was read again"))
    farm.history.put(runs[0].to_doc() | {"_rev": "2-x", "_attachments": {"minimal/a": {"text": "a"}}})
    assert report(farm, tmp_path / "out", state) == before


def test_texts_that_only_look_alike_are_counted_apart(tmp_path: Path) -> None:
    """The database sorts them to one place; what comes later is not counted for both."""
    farm = farms.in_memory([])
    details = ("caf\u00e9", "cafe\u0301")
    for number in range(3):
        runs = [result(10 * number + at, finding(detail=detail)) for at, detail in enumerate(details)]
        record(farm, runs)
        step = report(farm, tmp_path / "step", tmp_path / "state.sqlite")
    assert step == report(farm, tmp_path / "anew")


def test_experiments_of_the_farms_own_change_nothing(tmp_path: Path) -> None:
    """No view counts them, and so no report does."""
    farm = farms.in_memory([])
    record(farm, [result(1, finding())])
    before = report(farm, tmp_path / "out", tmp_path / "state")
    farm.history.put(result(2, finding(detail="of | mangled | input")).evolve(probe=True).to_doc())
    assert report(farm, tmp_path / "out", tmp_path / "state") == before


def test_all_can_be_made_anew_and_followed_from_there(tmp_path: Path) -> None:
    """In the file that is kept, so that a killed run leaves nothing behind that nobody ever looks for."""
    farm, state = farms.in_memory(farms.generate(days=1)), tmp_path / "state.sqlite"
    before = report(farm, tmp_path / "out", state)
    asked = farm.history.asked  # type: ignore[attr-defined]
    assert report(farm, tmp_path / "out", state, anew=True) == before
    everything = farm.history.asked - asked  # type: ignore[attr-defined]
    assert report(farm, tmp_path / "out", state) == before
    assert farm.history.asked - asked - everything < everything  # type: ignore[attr-defined]


def test_another_folder_does_not_lack_the_pages_of_the_first(tmp_path: Path) -> None:
    """One state file, two output folders in turn."""
    farm, state = farms.in_memory(farms.generate(days=1)), tmp_path / "state.sqlite"
    first = report(farm, tmp_path / "one", state)
    assert report(farm, tmp_path / "two", state) == first
    assert report(farm, tmp_path / "one", state) == first


def test_too_many_changes_are_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for each would take longer; the report is the same."""
    monkeypatch.setattr(follow, "MAX_CHANGES", 3)
    monkeypatch.setattr(follow, "PAGE", 2)
    farm = farms.in_memory([result(1, finding())])
    report(farm, tmp_path / "out", tmp_path / "state.sqlite")
    record(farm, [result(number, finding()) for number in range(2, 9)])
    assert report(farm, tmp_path / "out", tmp_path / "state.sqlite") == report(farm, tmp_path / "anew")
