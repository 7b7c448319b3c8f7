"""Finding a signature by what people call it, and what they say of it as a whole."""

from typing import Any, cast

import pytest

from crashfarm.database import Database
from crashfarm.documents.bug import Bug, BugState
from crashfarm.documents.environment import Environment
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import History, Sighting, history_of
from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from server.bugs import showing, signing
from tests.fakes.couch import MemoryDatabase

NOW = "2026-11-22T00:00:00.000Z"


def tuple_of(detail: str, kind: Kind = Kind.CRASH, message: str = "m", branch: str = "1") -> History:
    """A tuple that was seen once."""
    finding = Finding(kind=kind, title="t", message=message, detail=detail, signature=detail)
    place = Environment(product="p", branch=branch, buildtype="o", os_name="L", os_version="1", cpu_name="x")
    return history_of(Sighting(finding=finding, environment=place, seen_at=NOW, place="a"))


TUPLES = (
    tuple_of("f | g"),
    tuple_of("f | g", branch="2"),
    tuple_of("f | g", message="other words"),
    tuple_of("f | g", Kind.HANG),
    tuple_of("x.c", Kind.ASSERTION, "a < b"),
    tuple_of("x.c", Kind.ASSERTION, "a < b", "2"),
    tuple_of("x.c", Kind.ASSERTION, "c < d"),
    tuple_of("h"),
)


@pytest.fixture
def farm() -> Farm:
    """A farm with these tuples."""
    status, history = MemoryDatabase("f"), MemoryDatabase("f-history")
    for one in TUPLES:
        history.put(one.to_doc())
    return Farm(cast(Any, None), cast(Database, status), cast(Database, history))


def look(farm: Farm) -> list[History]:
    """The tuples as they are stored."""
    return [type(one).from_doc(farm.history.get(one.id) or {}) for one in TUPLES]


def test_a_signature_is_found_by_its_text_its_id_or_a_tuple(farm: Farm) -> None:
    """All three name the same."""
    found = signing.find(farm.history, "h")
    assert (found.kind, found.detail, found.message) == ("crash", "h", "")
    assert signing.find(farm.history, found.id) == signing.find(farm.history, TUPLES[7].id) == found


def test_a_text_of_several_signatures_is_refused_with_their_ids(farm: Farm) -> None:
    """The kind may tell them apart; assertions of one file are told apart by their ids."""
    with pytest.raises(InputError, match="2 signatures are called"):
        signing.find(farm.history, "f | g")
    assert signing.find(farm.history, "f | g", "hang").kind == "hang"
    with pytest.raises(InputError) as caught:
        signing.find(farm.history, "x.c")
    assert signing.signature_of(TUPLES[4]).id in str(caught.value)
    assert signing.find(farm.history, signing.signature_of(TUPLES[4]).id).message == "a < b"


@pytest.mark.parametrize("name", ["nothing", "signature:0", "history_crash:0", ""])
def test_a_name_of_nothing_is_refused(farm: Farm, name: str) -> None:
    """With the command that lists what there is."""
    with pytest.raises(InputError, match="no tuple has the signature"):
        signing.find(farm.history, name)


def test_all_tuples_of_a_signature_are_suppressed_and_no_others(farm: Farm) -> None:
    """Whatever their message, but for an assertion's; when it was decided is noted."""
    signature = signing.find(farm.history, "f | g", "crash")
    assert signing.suppress(farm.history, signature, True, NOW) == 3
    assert [one.suppressed for one in look(farm)] == [True] * 3 + [False] * 5
    assert look(farm)[0].suppressed_at == NOW
    assert signing.suppress(farm.history, signature, True, "later") == 0
    assert signing.suppress(farm.history, signature, False, NOW) == 3
    assertion = signing.signature_of(TUPLES[4])
    assert signing.suppress(farm.history, assertion, True, NOW) == 2


def test_a_bug_is_named_on_all_tuples_of_a_signature_and_taken_off(farm: Farm) -> None:
    """In the list of its state, beside what they name already."""
    bug = Bug(id="bug:t:1", tracker="t", number="1", state=BugState.CLOSED)
    farm.status.put(bug.to_doc())
    signature = signing.find(farm.history, "f | g", "crash")
    signing.attach(farm, bug.evolve(id="bug:t:2"), signature)
    assert signing.attach(farm, bug, signature) == 3
    assert look(farm)[0].bugs.closed == ("bug:t:1",)
    assert look(farm)[0].bugs.open == ("bug:t:2",)
    assert signing.detach(farm, bug, signature) == 3
    assert (look(farm)[0].bugs.closed, look(farm)[0].bugs.open) == ((), ("bug:t:2",))


def test_a_bug_tells_what_it_explains_by_signature(farm: Farm) -> None:
    """Branches, times, and where it is back."""
    one = TUPLES[0].evolve(bugs=type(TUPLES[0].bugs)(closed=("bug:t:1",)), regressed=("bug:t:1",))
    farm.history.put(one.evolve(rev=str((farm.history.get(one.id) or {})["_rev"])).to_doc())
    signing.attach(farm, Bug(id="bug:t:1", tracker="t", number="1"), signing.signature_of(TUPLES[7]))
    told = {each.detail: each for each in showing.explained(farm.history, "bug:t:1")}
    assert (told["f | g"].tuples, told["f | g"].regressed_on, told["f | g"].branches) == (1, {"p 1"}, {"p 1"})
    assert (told["h"].first_seen, told["h"].regressed_on) == (NOW, set())


@pytest.mark.parametrize("name", ["1", ":1", "t:", "bug:", "bug:1", ""])
def test_what_is_no_bugs_name_is_refused(name: str) -> None:
    """A tracker and a number are needed."""
    with pytest.raises(InputError, match="is no bug's name"):
        showing.full_id(name)


def test_a_bug_that_is_not_there_is_told(farm: Farm) -> None:
    """With the command that lists those that are."""
    with pytest.raises(NotFound, match="there is no bug:t:9: 'crashfarm bug list'"):
        showing.find(farm.status, "t:9")
