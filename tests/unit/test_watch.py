"""Changes told in words."""

from crashfarm.changes import Change
from server import watch


def make_change(**doc: object) -> Change:
    """A change that brings this document."""
    return Change(seq=1, id=str(doc["_id"]), deleted=False, doc=dict(doc))


def test_a_running_job_is_told_with_its_worker() -> None:
    """Who has it, what it runs, and where."""
    change = make_change(
        _id="job:1",
        state="running",
        input={"name": "a.py"},
        product="p",
        branch="b",
        buildtype="r",
        claim={"worker": "w"},
    )
    event = watch._of_status(change)
    assert event is not None
    assert event.what == "running a.py on p b r, w"


def test_a_first_revision_of_history_is_a_new_finding() -> None:
    """A later one is the same finding seen again."""
    first = watch._of_history(make_change(_id="history_crash:1", _rev="1-a", title="SIGSEGV", detail="f"))
    again = watch._of_history(make_change(_id="history_crash:1", _rev="2-a", title="SIGSEGV", detail="f"))
    assert first is not None
    assert again is not None
    assert (first.new, again.new) == (True, False)


def test_hostile_documents_are_told_without_an_error() -> None:
    """Whatever an admin or a broken client wrote."""
    for doc in ({"_id": "job:1"}, {"_id": "job:1", "input": None, "claim": {}}, {"_id": "worker:x", "running": None}):
        assert watch._of_status(make_change(**doc)) is not None
    assert watch._of_status(make_change(_id="_design/x")) is None
    assert watch._of_history(Change(1, "history_crash:1", True, {})) is None
