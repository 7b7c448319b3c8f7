"""Bringing bugs in: by revisions, against others who do the same, and without undoing what people did."""

from typing import Any, cast

import pytest

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, BugState, Matcher
from crashfarm.errors import InputError, InvalidDocument
from crashfarm.understand.known_bugs import BugList
from server.bugs import importing, storing
from server.bugs.storing import Stored
from tests.fakes.couch import MemoryDatabase

NOW = "2026-11-22T00:00:00.000Z"


def bug(number: int = 1, **parts: Any) -> Bug:
    """A bug as a list tells it."""
    return Bug(id=f"bug:t:{number}", tracker="t", number=str(number), **parts)


@pytest.fixture
def memory() -> MemoryDatabase:
    return MemoryDatabase()


def bring(
    memory: MemoryDatabase, *told: Bug, stated: frozenset[str] = frozenset(), titled: bool = True, dry: bool = False
) -> Stored:
    """Bring bugs in as a list does."""
    merge = storing.from_list(BugList(told, stated=stated, titled=titled), NOW)
    return storing.store_all(cast(Database, memory), told, merge, lambda done: None, dry=dry)


def stored(memory: MemoryDatabase, number: int = 1) -> Bug:
    """A bug as it is stored."""
    return Bug.from_doc(memory.docs[f"bug:t:{number}"])


def test_each_bug_is_counted_as_new_changed_or_unchanged(memory: MemoryDatabase) -> None:
    """In pages of any number."""
    many = [bug(number) for number in range(1200)]
    assert bring(memory, *many) == Stored(new=1200)
    assert bring(memory, bug(1, title="T"), bug(2)) == Stored(changed=1, unchanged=1)


def test_a_preview_writes_nothing(memory: MemoryDatabase) -> None:
    """And counts the same."""
    assert bring(memory, bug(1), dry=True) == Stored(new=1)
    assert memory.docs == {}


def test_somebody_who_writes_at_the_same_time_loses_nothing(memory: MemoryDatabase) -> None:
    """The bug is read and merged again."""
    bring(memory, bug(1))
    left = [True]

    def meddle(request: str, moment: str) -> None:
        if request == "bulk" and moment == "before" and left.pop():
            memory.fault = lambda *_: None
            memory.put(memory.docs["bug:t:1"] | {"note": "mine", "resolution": "x"})

    memory.fault = meddle
    assert bring(memory, bug(1, title="T")) == Stored(changed=1)
    assert (stored(memory).title, stored(memory).resolution, memory.docs["bug:t:1"]["note"]) == ("T", "x", "mine")


def test_a_bug_that_somebody_has_broken_is_named_and_left(memory: MemoryDatabase) -> None:
    """Writing over it could lose what they were about."""
    memory.put(bug(1).to_doc() | {"matchers": 7})
    with pytest.raises(InvalidDocument, match=r"bug:t:1: .*correct or delete it first"):
        bring(memory, bug(1, title="T"))


def test_matchers_are_added_up_and_what_a_list_does_not_tell_stays(memory: MemoryDatabase) -> None:
    """A list of texts says nothing about state and title."""
    bring(memory, bug(1, title="T", state=BugState.CLOSED, matchers=(Matcher(text="a"),)))
    bring(memory, bug(1, matchers=(Matcher(text="b"), Matcher(text="a"))))
    one = stored(memory)
    assert (one.title, one.state, one.closed_at) == ("T", BugState.CLOSED, NOW)
    assert one.matchers == (Matcher(text="a"), Matcher(text="b"))


def test_remarks_of_a_list_are_a_title_only_for_a_bug_that_has_none(memory: MemoryDatabase) -> None:
    """Of two lists that name one bug in other words, each would undo the other's."""
    bring(memory, bug(1), titled=False)
    assert bring(memory, bug(1, title="first"), titled=False) == Stored(changed=1)
    assert bring(memory, bug(1, title="second"), titled=False) == Stored(unchanged=1)
    assert bring(memory, bug(1, title="Title")) == Stored(changed=1)


def test_a_list_that_tells_the_state_opens_a_bug_again(memory: MemoryDatabase) -> None:
    """And the time of its closing is gone."""
    bring(memory, bug(1, state=BugState.CLOSED))
    bring(memory, bug(1), stated=frozenset({"bug:t:1"}))
    assert (stored(memory).state, stored(memory).closed_at) == (BugState.OPEN, "")


def test_what_a_person_says_of_a_bug_counts(memory: MemoryDatabase) -> None:
    """Changes replace, matchers are added, and saying it again changes nothing."""
    status, changes = cast(Database, memory), {"state": BugState.CLOSED, "fixed_on": ("3.13",)}
    one, counted = importing.add(status, bug(1), changes, (Matcher(text="a"),), NOW)
    assert (counted, one.closed_at) == (Stored(new=1), NOW)
    assert importing.add(status, bug(1), changes, (Matcher(text="a"),), "later")[1] == Stored(unchanged=1)
    assert importing.add(status, bug(1), {}, (Matcher(text="b"),), NOW)[0].matchers[1:] == (Matcher(text="b"),)
    assert stored(memory).fixed_on == ("3.13",)


def test_a_matcher_is_taken_away(memory: MemoryDatabase) -> None:
    """Only one that is there."""
    bring(memory, bug(1, matchers=(Matcher(text="a"), Matcher(text="b"))))
    importing.take_away(cast(Database, memory), stored(memory), Matcher(text="a"))
    assert stored(memory).matchers == (Matcher(text="b"),)
    with pytest.raises(InputError, match="is not attached"):
        importing.take_away(cast(Database, memory), stored(memory), Matcher(text="a"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", b'{"number": 1}', "does not name the tracker"),
        ("a.csv", b"\xff\xfea", "not UTF-8: byte 0 is 0xff"),
        ("a.csv", b"text\nx\n", "none of them is number"),
        ("a.csv", b'number,text\n1,"x', "line 1: not CSV"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_refused(tmp_path: Any, name: str, content: bytes, says: str) -> None:
    """In one sentence."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        importing.read(tmp_path / name, None, None)


def test_bad_lines_of_a_fuzzers_list_are_named(tmp_path: Any) -> None:
    """The others are read."""
    path = tmp_path / "list.txt"
    path.write_text("# Bug 12345\ngood text\n[TMR] " + "x" * 2000 + "\n")
    found = importing.read(path, None, "t")
    assert [one.number for one in found.bugs] == ["12345"]
    assert [(bad.line, "longer than" in bad.reason) for bad in found.bad] == [(3, True)]
