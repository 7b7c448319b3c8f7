"""The document types: nothing is lost on the way to JSON and back, and merging history is the same in any order."""

import copy
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashfarm.documents.base import Document, plain_name
from crashfarm.documents.branch import Branch, branch_id
from crashfarm.documents.bug import Bug
from crashfarm.documents.finding import Kind
from crashfarm.documents.history import HISTORY_TYPES, MAX_PLACES, History, Sighting, digest, history_of
from crashfarm.documents.job import Job, JobState, new_job_id
from crashfarm.documents.result import Result, result_id
from crashfarm.documents.signature import SignatureNote, signature_id
from crashfarm.documents.worker import Worker
from crashfarm.errors import InvalidDocument
from tests import samples, strategies

Json = dict[str, Any]

CLASSES: list[type[Document]] = [Worker, Branch, Bug, Job, Result, SignatureNote, *HISTORY_TYPES.values()]
BY_TYPE = {cls.TYPE: cls for cls in CLASSES}
OF_OURS = [make for make in (*samples.STATUS, *samples.HISTORY) if make()["type"] in BY_TYPE]


def read(doc: Json) -> Document:
    """A document of whatever type it says."""
    return BY_TYPE[doc["type"]].from_doc(doc)


def over_the_wire(doc: Json) -> Json:
    """What CouchDB gives back of it."""
    decoded: Json = msgspec.json.decode(msgspec.json.encode(doc))
    return decoded


def sprinkled(value: Any, data: st.DataObject) -> Any:
    """The JSON of a value, with members that nobody knows in every object that has a type of ours."""
    if isinstance(value, msgspec.Struct):
        members = {name: sprinkled(getattr(value, name), data) for name in value.__struct_fields__}
        return members | data.draw(strategies.unknown_members)
    if isinstance(value, dict):
        return {name: sprinkled(member, data) for name, member in value.items()}
    return [sprinkled(item, data) for item in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


@given(doc=strategies.documents)
def test_document_survives_the_way_to_json_and_back(doc: Document) -> None:
    """Every field, whatever its value."""
    sent = over_the_wire(doc.to_doc())
    back = read(sent)
    assert back.evolve(origin={}) == doc
    assert back.to_doc() == sent


@settings(max_examples=50)
@given(doc=strategies.documents, data=st.data())
def test_unknown_members_on_every_level_survive_a_rewrite(doc: Document, data: st.DataObject) -> None:
    """An admin's note in a claim, a newer version's field in a frame."""
    stored = sprinkled(doc, data) | {"_id": doc.id, "type": doc.TYPE}
    for name in ("id", "rev", "origin"):
        del stored[name]
    before = copy.deepcopy(stored)
    assert read(stored).to_doc() == before
    assert stored == before


def test_unknown_members_survive_a_change_of_what_surrounds_them() -> None:
    """The claim is renewed; the note in it stays."""
    stored = samples.running() | {"_rev": "1-a", "note": "keep", "_attachments": {"a.txt": {"stub": True}}}
    stored["claim"]["note"] = "keep this, too"
    job = Job.from_doc(stored)
    assert job.claim
    renewed = job.evolve(claim=msgspec.structs.replace(job.claim, renewed_at="2026-11-22T07:00:00.000Z")).to_doc()
    assert renewed == stored | {"claim": stored["claim"] | {"renewed_at": "2026-11-22T07:00:00.000Z"}}


def test_member_that_is_taken_away_takes_its_unknown_ones_along() -> None:
    """A released job has no claim, not half of one."""
    stored = samples.running()
    stored["claim"]["note"] = "of this claim"
    released = Job.from_doc(stored).evolve(state=JobState.PENDING, claim=None).to_doc()
    assert released["claim"] is None


@pytest.mark.parametrize("make", OF_OURS)
def test_document_of_another_type_is_not_read(make: Any) -> None:
    """The error names the document and both types."""
    doc = make()
    for cls in CLASSES:
        if doc["type"] != cls.TYPE:
            with pytest.raises(InvalidDocument, match=f"{doc['_id']}: type is '{doc['type']}', not '{cls.TYPE}'"):
                cls.from_doc(doc)


@pytest.mark.parametrize("make", OF_OURS)
def test_document_with_a_field_of_the_wrong_type_is_not_read(make: Any) -> None:
    """The error names the document and the field."""
    good = make()
    own = set(BY_TYPE[good["type"]].__struct_fields__) & good.keys()
    for name in own - {"static_metadata", "dynamic_metadata"}:
        with pytest.raises(InvalidDocument, match=rf"^{good['_id']}: .*\$\.{name}"):
            read(good | {name: ["of", {"no": "use"}]})


@given(doc=st.dictionaries(strategies.text, strategies.json_values), kind=st.sampled_from(sorted(BY_TYPE)))
def test_any_json_is_read_or_refused(doc: Json, kind: str) -> None:
    """Nothing but InvalidDocument comes out, whatever stands in the database."""
    with pytest.raises(InvalidDocument):
        read(doc | {"type": kind})


def told(make: Any) -> Any:
    """What a document says, or that it is refused."""
    try:
        return _without(msgspec.structs.asdict(make()), "type") | {"origin": {}}
    except InvalidDocument:
        return "refused"


@given(doc=strategies.documents, data=st.data())
def test_a_document_that_is_only_looked_at_says_the_same(doc: Document, data: st.DataObject) -> None:
    """Read straight from JSON, whole or with a member that is missing or anything."""
    plain = over_the_wire(doc.to_doc())
    name = data.draw(st.sampled_from(sorted(plain)))
    changed = data.draw(
        st.sampled_from([plain, plain | {name: data.draw(strategies.json_values)}, _without(plain, name)])
    )
    raw = msgspec.json.encode(changed)
    assert told(lambda: type(doc).read(raw)) == told(lambda: type(doc).from_doc(changed))


def _without(doc: Json, name: str) -> Json:
    return {other: value for other, value in doc.items() if other != name}


def test_what_is_no_json_is_no_document() -> None:
    """Nor what is another value than an object, or cut off."""
    for raw in (b"", b"[]", b'{"_id":', b"null", b'{"_id": "\xff"}'):
        with pytest.raises(InvalidDocument):
            Result.read(raw)


def floating(value: Any) -> Any:
    """The same JSON as a writer makes it that has floats only."""
    if isinstance(value, dict):
        return {name: floating(item) for name, item in value.items()}
    if isinstance(value, list):
        return [floating(item) for item in value]
    return float(value) if type(value) is int else value


@pytest.mark.parametrize("make", OF_OURS)
def test_whole_floats_are_read_as_the_integers_that_they_are(make: Any) -> None:
    """JavaScript, and so validation, does not tell 2.0 from 2: nobody could read what it lets in."""
    assert read(floating(make())) == read(make()).evolve(origin=floating(make()))


@pytest.mark.parametrize("number", [2.5, 1e300, float(2**53)])
def test_floats_that_are_no_exact_integers_are_not_read_as_such(number: float) -> None:
    """Neither a fraction nor what stands for several numbers."""
    with pytest.raises(InvalidDocument, match=r"\$\.slots"):
        read(samples.worker() | {"slots": number})


def test_revision_is_written_only_where_there_is_one() -> None:
    """A new document must not name the revision that it replaces."""
    job = Job.from_doc(samples.pending())
    assert "_rev" not in job.to_doc()
    assert job.evolve(rev="1-a").to_doc()["_rev"] == "1-a"


def test_documents_do_not_share_their_metadata() -> None:
    """Two workers made alike are two."""
    one, other = Worker.from_doc(samples.worker()), Worker.from_doc(samples.worker())
    one.dynamic_metadata["cores"] = 2
    assert other.metadata == {}


def test_static_metadata_wins() -> None:
    """The admin is right."""
    worker = Worker.from_doc(samples.worker()).evolve(
        static_metadata={"os_version": "12"}, dynamic_metadata={"os_version": "11", "cores": 2}
    )
    assert worker.metadata == {"os_version": "12", "cores": 2}


@given(moments=st.lists(strategies.moments, min_size=2, max_size=5, unique=True))
def test_ids_of_jobs_sort_by_time_and_differ(moments: list[Any]) -> None:
    """Also those of one moment."""
    stamps = [new_job_id(moment).rpartition("-")[0] for moment in sorted(moments)]
    assert stamps == sorted(stamps)
    assert new_job_id(moments[0]) != new_job_id(moments[0])


def test_ids_follow_from_what_they_name() -> None:
    """Readable, and beginning with the type."""
    assert result_id("job:20261122T061003123Z-7f") == "result:20261122T061003123Z-7f"
    assert branch_id("cpython", "3.11.7") == "branch:cpython:3.11.7"
    assert plain_name("worker:alpha") == "alpha"


def test_signature_of_an_assertion_is_told_by_its_message_too() -> None:
    """Its detail is only its file; two crashes of one detail are one signature whatever they say."""
    assert signature_id("assertion", "a > b", "a.c") != signature_id("assertion", "c > d", "a.c")
    assert signature_id("crash", "SIGSEGV", "main") == signature_id("crash", "SIGBUS", "main")
    assert SignatureNote.new(Kind.CRASH, "SIGSEGV", "main").message == ""
    assert SignatureNote.new(Kind.ASSERTION, "a > b", "a.c").message == "a > b"


def test_build_is_found_by_type_and_platform() -> None:
    """And None says that there is none."""
    branch = Branch.from_doc(samples.branch())
    assert branch.build("release", "Linux") is branch.builds["release"]["Linux"]
    assert branch.build("debug", "Linux") is None
    assert branch.build("release", "Haiku") is None


def test_there_is_a_history_type_for_every_kind() -> None:
    """No finding is without a place to be remembered in."""
    assert {f"history_{kind}" for kind in Kind} == set(HISTORY_TYPES)


# History.


@st.composite
def alike(draw: st.DrawFn) -> list[History]:
    """Up to four documents of one tuple: seen by different workers, at different times and places."""
    sighting = draw(strategies.sightings)
    return [draw(variant(sighting)) for _ in range(draw(st.integers(2, 4)))]


@st.composite
def variant(draw: st.DrawFn, sighting: Sighting) -> History:
    """What one worker, or one replica, may know of a tuple."""
    first, last = sorted((draw(strategies.times), draw(strategies.times)))
    finding = msgspec.structs.replace(
        sighting.finding, title=draw(strategies.few_names), severity=draw(strategies.findings).severity
    )
    history = history_of(msgspec.structs.replace(sighting, finding=finding, seen_at=first))
    few_bugs = st.sets(st.sampled_from(["bug:x:1", "bug:x:2", "bug:x:3"]))
    opened, closed = draw(few_bugs), draw(few_bugs)
    return history.evolve(
        last_seen=last,
        places=tuple(sorted(draw(st.sets(st.integers(0, 40).map("place {:02d}".format), max_size=MAX_PLACES)))),
        bugs=type(history.bugs)(open=tuple(sorted(opened)), closed=tuple(sorted(closed - opened))),
        suppressed=draw(st.booleans()),
    )


@given(histories=alike())
def test_merging_gives_the_same_in_any_order(histories: list[History]) -> None:
    """Two workers, or two replicas, that merge the same sightings end with the same document."""
    results = []
    for order in permutations(histories):
        merged = order[0]
        for other in order[1:]:
            merged = merged.merge(other)
        results.append(merged)
    assert all(result == results[0] for result in results)


@given(histories=alike())
def test_merging_in_pairs_gives_the_same_as_one_by_one(histories: list[History]) -> None:
    """It does not matter who meets whom first."""
    first, second, *rest = histories
    for third in rest:
        assert first.merge(second).merge(third) == first.merge(second.merge(third))


@given(histories=alike())
def test_merging_again_changes_nothing(histories: list[History]) -> None:
    """A write whose answer was lost is repeated without harm."""
    first, second, *_ = histories
    merged = first.merge(second)
    assert first.merge(first) == first
    assert merged.merge(second) == merged
    assert merged.merge(first) == merged


@given(histories=alike())
def test_merged_document_knows_what_each_knew(histories: list[History]) -> None:
    """The earliest, the latest, and every place up to the bound."""
    merged = histories[0]
    for other in histories[1:]:
        merged = merged.merge(other)
    assert merged.first_seen == min(history.first_seen for history in histories)
    assert merged.last_seen == max(history.last_seen for history in histories)
    places = sorted({place for history in histories for place in history.places})
    assert merged.places == tuple(places[:MAX_PLACES])
    assert set(merged.bugs.open) == {bug for history in histories for bug in history.bugs.open}
    assert not set(merged.bugs.open) & set(merged.bugs.closed)
    assert set(merged.regressed) <= {bug for history in histories for bug in history.regressed}
    latest = max(history.suppressed_at for history in histories)
    assert merged.suppressed == any(one.suppressed for one in histories if one.suppressed_at == latest)


@given(one=strategies.sightings, other=strategies.sightings)
def test_history_id_is_a_digest_of_the_tuple_and_of_nothing_else(one: Sighting, other: Sighting) -> None:
    """Two workers who meet the same new tuple write the same id; different tuples never do."""
    first, second = history_of(one), history_of(other)
    assert (first.id == second.id) == (first.tuple_key == second.tuple_key)
    elsewhere = msgspec.structs.replace(one, place="elsewhere", seen_at="2030-01-01T00:00:00.000Z")
    assert history_of(elsewhere).id == first.id


def test_digest_stays_what_it_is() -> None:
    """A change of it would double every history document of every farm."""
    assert (
        digest(("history_crash", "Segmentation fault", "ä|b", "p", "b", "t", "o", "v", "c"))
        == "e269b822ed841036c3072ed3441bb36b"
    )
