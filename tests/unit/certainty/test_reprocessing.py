"""Reprocessing: stored logs are read again, and what they show is filed where it belongs now."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crashfarm import times
from crashfarm.documents.finding import Finding, Kind
from crashfarm.documents.history import HISTORY_TYPES, BugLists, History, history_of
from crashfarm.documents.result import Exit, Result
from crashfarm.documents.signature import Minimal, SignatureNote
from crashfarm.errors import Conflict, DatabaseUnavailable
from crashfarm.settings import Farm
from crashfarm.understand import RULES_VERSION, last_words, understand
from server.certainty import refiling, rereading
from server.certainty.reprocessing import CURSOR, Reprocessor, Tally
from tests.unit.certainty.farm import NOW, clock, farm, finding

LOG = b"""prog: main.c:12: measure: Assertion `size < 7' failed.
Aborted
"""
[TODAY] = understand(exit_status=134, output=LOG).findings
OLD = finding("what old rules called it")


def result(number: int, *found: Finding, log: bytes | None = LOG, **parts: Any) -> Result:
    """A result that ended `number` minutes after noon, with that log, and with what older rules made of it."""
    moment = times.to_text(NOW + timedelta(minutes=number))
    attached = {"output.txt": {"content_type": "text/plain", "data": base64.b64encode(log or b"").decode()}}
    values: dict[str, Any] = {"outcome": "failure", "exit": Exit(status=134), "parser_version": "1.old", **parts}
    return Result(
        id=f"result:{number:03d}",
        job=f"job:{number:03d}",
        product="prog",
        branch="1",
        buildtype="release",
        os_name="Linux",
        os_version="12",
        cpu_name="x86_64",
        worker="barn",
        incarnation="barn/1",
        attempt=1,
        started_at=moment,
        completed_at=moment,
        input_name=f"{number}.js",
        findings=found,
        origin={} if log is None else {"_attachments": attached},
        **values,
    )


def stored(*results: Result) -> Farm:
    """A farm with these results, and the history documents that workers wrote for them."""
    here = farm()
    for one in results:
        here.history.put(one.to_doc())
        for found in one.findings:
            made = history_of(rereading.sighting(one, found))
            doc = here.history.get(made.id)
            here.history.put((HISTORY_TYPES[made.TYPE].from_doc(doc).merge(made) if doc else made).to_doc())
    return here


def reprocessed(here: Farm, **options: bool) -> Tally:
    """Read all logs again."""
    return Reprocessor(here, clock, **options).run(lambda seen: None)


def histories(here: Farm) -> dict[tuple[str, str], History]:
    """What history documents there are, by kind and detail."""
    found = [HISTORY_TYPES[doc["type"]].from_doc(doc) for doc in here.history.documents("history_")]
    return {(one.TYPE, one.detail): one for one in found}


def read(here: Farm, number: int) -> Result:
    """A result as it is stored now."""
    return Result.from_doc(here.history.get(f"result:{number:03d}") or {})


OLD_KEY, NEW_KEY = ("history_crash", OLD.detail), ("history_assertion", TODAY.detail)


def test_findings_move_to_where_they_belong_now() -> None:
    """Results, the history of the new tuple, and the end of the old one."""
    here = stored(result(1, OLD), result(2, OLD))
    tally = reprocessed(here)
    assert [read(here, number).findings for number in (1, 2)] == [(TODAY,), (TODAY,)]
    assert {read(here, number).parser_version for number in (1, 2)} == {RULES_VERSION}
    [(key, history)] = histories(here).items()
    assert key == NEW_KEY
    assert (history.first_seen, history.last_seen) == (read(here, 1).completed_at, read(here, 2).completed_at)
    assert history.places == ("1.js", "2.js")
    assert (tally.read, tally.changed, tally.removed) == (2, 2, 1)
    assert tally.moves == {(("crash", OLD.detail, "SIGSEGV"), ("assertion", TODAY.detail, TODAY.message)): 2}


def test_experiment_is_read_again_and_filed_nowhere() -> None:
    """Who asks it again reads what it says now; the history knows nothing of it, before and after."""
    here = stored(result(1, OLD))
    here.history.put(result(2, OLD, probe=True).to_doc())
    tally = reprocessed(here)
    assert [read(here, number).findings for number in (1, 2)] == [(TODAY,), (TODAY,)]
    [(key, history)] = histories(here).items()
    assert (key, history.last_seen, history.places) == (NEW_KEY, read(here, 1).completed_at, ("1.js",))
    assert (tally.read, tally.changed, tally.moves.total()) == (2, 1, 1)


def test_stored_log_stays_with_its_result() -> None:
    """It will be read again one day."""
    here = stored(result(1, OLD))
    reprocessed(here)
    assert here.history.attachment("result:001", "output.txt") == LOG


def test_preview_shows_the_same_and_writes_nothing() -> None:
    """Not even where it stands."""
    here = stored(result(1, OLD), result(2, TODAY), result(3))
    before = here.history.docs.copy()  # what is in the databases
    previewed = Reprocessor(here, clock).preview(lambda seen: None)
    assert here.history.docs == before
    assert here.status.get(CURSOR) is None
    assert previewed.moves == reprocessed(here).moves
    assert (("", "", ""), ("assertion", TODAY.detail, TODAY.message)) in previewed.moves


def test_twice_does_no_harm() -> None:
    """The second time there is nothing left to read."""
    here = stored(result(1, OLD), result(2, TODAY))
    reprocessed(here)
    before = {**here.history.docs}
    tally = reprocessed(here)
    assert (tally.read, tally.current, tally.changed) == (0, 2, 0)
    assert here.history.docs == before
    assert reprocessed(here, all_of_them=True).changed == 0
    assert here.history.docs == before


def test_result_without_a_log_is_left_alone() -> None:
    """And counted; so is one whose program was not run."""
    here = stored(result(1, OLD, log=None), result(2, OLD, outcome="error"))
    before = {**here.history.docs}
    assert reprocessed(here).without_log == 2
    assert here.history.docs == before


def test_document_that_nobody_understands_is_passed_over() -> None:
    """The others are read."""
    here = stored(result(1, OLD))
    here.history.put({"_id": "result:000", "type": "result", "findings": 7})
    tally = reprocessed(here)
    assert (tally.skipped, tally.changed) == (1, 1)


def test_old_tuple_that_other_results_support_is_corrected() -> None:
    """First and last sighting and places are those of the results that are left."""
    here = stored(result(1, OLD), result(2, OLD, log=None), result(3, OLD))
    reprocessed(here)
    left = histories(here)[OLD_KEY]
    moment = read(here, 2).completed_at
    assert (left.first_seen, left.last_seen, left.places) == (moment, moment, ("2.js",))
    assert histories(here)[NEW_KEY].places == ("1.js", "3.js")


def test_what_people_said_of_a_tuple_moves_along() -> None:
    """Its bugs, and that it is suppressed."""
    here = stored(result(1, OLD))
    [doc] = here.history.documents("history_")
    said = (
        HISTORY_TYPES[doc["type"]]
        .from_doc(doc)
        .evolve(
            bugs=BugLists(open=("bug:x:1",), closed=("bug:x:2",)), suppressed=True, suppressed_at=times.to_text(NOW)
        )
    )
    here.history.put(said.to_doc())
    reprocessed(here)
    new = histories(here)[NEW_KEY]
    assert (new.bugs, new.suppressed) == (said.bugs, True)


def test_what_was_found_out_about_a_signature_moves_along() -> None:
    """Once no result has the old one any more; what is known of the new one already stays."""
    minimal = Minimal(
        result="result:001", attachment="minimal/a", name="a", size=1, original_size=2, tests=3, at=times.to_text(NOW)
    )
    here = stored(result(1, OLD))
    here.history.put(SignatureNote.of(OLD).evolve(minimal=minimal, confirmed_by="alice").to_doc())
    here.history.put(SignatureNote.of(TODAY).evolve(confirmed_by="bob").to_doc())
    reprocessed(here)
    note = SignatureNote.from_doc(here.history.get(SignatureNote.of(TODAY).id) or {})
    assert (note.minimal, note.confirmed_by) == (minimal, "bob")


def test_better_title_and_severity_replace_the_old_ones() -> None:
    """The tuple is the same, what is said of it is not."""
    worse = finding(TODAY.detail, Kind.ASSERTION, message=TODAY.message, title="Assertion", severity="critical")
    here = stored(result(1, worse))
    tally = reprocessed(here)
    assert (tally.changed, tally.removed) == (0, 0)
    assert (histories(here)[NEW_KEY].title, histories(here)[NEW_KEY].severity) == (TODAY.title, TODAY.severity)


def test_outcome_and_notes_are_those_of_today() -> None:
    """What the worker noted of the log's size stays."""
    size = "9999 bytes of output, of which 12 were kept"
    here = stored(result(1, OLD, log=b"all is well\n", exit=Exit(status=0), notes=("old", size)))
    reprocessed(here)
    after = read(here, 1)
    assert (after.outcome, after.findings, after.notes) == ("success", (), ("ended with exit status 0", size))


def test_what_a_debugger_told_is_read_again_too() -> None:
    """It is an attachment of its own."""
    stack = b"#0  0x1 in crash_here (x=0) at a.c:5\n#1  0x2 in main () at a.c:9\n"
    one = result(1, OLD, log=b"", exit=Exit(signal=11))
    attached = one.origin["_attachments"] | {"stack.txt": {"data": base64.b64encode(stack).decode()}}
    here = stored(one.evolve(origin={"_attachments": attached}))
    reprocessed(here)
    assert read(here, 1).findings[0].signature.startswith("crash_here")


def test_hang_keeps_its_kind() -> None:
    """The abort at the end of its log was the farm's doing, and tells where the program was."""
    words = (
        b'Fatal Python error: Aborted\n\nCurrent thread 0x1 (most recent call first):\n  File "a.py", line 3 in spin\n'
    )
    here = stored(result(1, OLD, log=b"working\n" + words, exit=Exit(signal=6, killed_for="time")))
    reprocessed(here)
    [found] = read(here, 1).findings
    assert (found.kind, found.frames[0].function) == (Kind.HANG, "spin")


@pytest.mark.parametrize(
    "said", ["==7==ERROR: AddressSanitizer: ABRT on unknown address", "Assertion failed: x, a.c:1"]
)
def test_report_that_the_farm_caused_is_none(said: str) -> None:
    """What is behind the mark was said because the farm sent SIGABRT; what is before it counts."""
    log = last_words.marked(b"==7==WARNING: MemorySanitizer: bad", f"{said}\n    #0 0x1 in spin a.c:3\n".encode())
    here = stored(result(1, OLD, log=log, exit=Exit(signal=6, killed_for="time")))
    reprocessed(here)
    assert [found.title for found in read(here, 1).findings][-1] == "Hang"
    assert not [found for found in read(here, 1).findings if found.frames]


def interrupt(here: Farm, at: int) -> Callable[[str, str], None]:
    """Fails the write that is the n-th."""
    writes = iter(range(10**6))

    def fault(request: str, moment: str) -> None:
        if request in ("put", "bulk", "delete") and moment == "before" and next(writes) == at:
            raise DatabaseUnavailable("gone")

    return fault


@pytest.mark.parametrize("at", range(9))
def test_interrupted_anywhere_it_ends_with_the_same(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written before the interruption."""
    monkeypatch.setattr("server.certainty.reprocessing.PAGE", 2)
    results = [result(1, OLD), result(2, OLD, TODAY), result(3, OLD, log=None), result(4, OLD), result(5, TODAY)]
    whole, broken = stored(*results), stored(*results)
    reprocessed(whole)
    broken.history.fault = broken.status.fault = interrupt(broken, at)
    with pytest.raises(DatabaseUnavailable):
        reprocessed(broken)
    broken.history.fault = broken.status.fault = lambda request, moment: None
    reprocessed(broken)
    assert histories(broken).keys() == histories(whole).keys()
    for key, history in histories(whole).items():
        assert histories(broken)[key].evolve(rev="", origin={}) == history.evolve(rev="", origin={})
    assert [read(broken, n).findings for n in range(1, 6)] == [read(whole, n).findings for n in range(1, 6)]


def test_result_that_changes_meanwhile_is_read_anew() -> None:
    """A worker may have written a later attempt; by its revision it is noticed."""
    here = stored(result(1, OLD))
    meddled = iter([True])

    def meddle(request: str, moment: str) -> None:
        if request == "bulk" and moment == "before" and next(meddled, False):
            doc = here.history.docs["result:001"]
            here.history.docs["result:001"] = doc | {"_rev": "9-x", "note": "kept"}

    here.history.fault = meddle
    reprocessed(here)
    assert read(here, 1).findings == (TODAY,)
    assert read(here, 1).origin["note"] == "kept"


def test_two_at_the_same_time_are_refused() -> None:
    """They would read everything twice."""
    here = stored(result(1, OLD))

    def other(request: str, moment: str) -> None:
        here.status.docs[CURSOR] = {"_id": CURSOR, "type": "cursor", "_rev": "7-x"}

    here.history.fault = other
    with pytest.raises(Conflict, match="somebody else"):
        reprocessed(here)


def test_correcting_a_tuple_that_is_not_there_does_nothing() -> None:
    """Somebody may have removed it by hand."""
    key = refiling.key_of(rereading.sighting(result(1, OLD), OLD))
    assert refiling.correct(farm().history, [key]) == 0
