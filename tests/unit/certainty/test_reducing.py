"""Reducing: the smallest input that still gives the signature, asked of many candidates at once."""

import base64
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Input, Job, Priority
from crashfarm.documents.signature import SignatureNote
from crashfarm.errors import InputError
from crashfarm.settings import Farm
from server.certainty import cases, minimal, notes, reducing, runs
from server.certainty.judging import Bench
from tests.unit.certainty.farm import Workers, branch, clock, farm, finding, job, worker

CRASH, OTHER = finding(), finding("other")

Wanted = Callable[[bytes], bool]


class Oracle:
    """Judges at once; remembers what it was asked, in order, and how much of it ahead of an answer it needed."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.asked: list[bytes] = []
        self.answers: dict[bytes, bool] = {}
        self.open = 0
        self.most_open = 0

    def known(self, content: bytes) -> bool | None:
        """Only what was waited for."""
        return self.answers.get(content)

    def ask(self, content: bytes) -> None:
        """Note the question."""
        if content not in self.asked:
            self.asked.append(content)
            self.open += 1
        self.most_open = max(self.most_open, self.open)

    def wait(self, content: bytes) -> bool:
        """The answer."""
        self.answers[content] = self.wanted(content)
        self.open = 0 if self.answers[content] else self.open - 1
        return self.answers[content]


def reduced(content: bytes, wanted: Wanted, width: int = 1) -> bytes:
    """The smallest input found."""
    return reducing.reduce(content, Oracle(wanted), width, lambda one, best: None)


def needs(*words: bytes) -> Wanted:
    """Wants all these words, in any order."""
    return lambda content: all(word in content for word in words)


SOURCE = b"""function a() {
  one();
  two();
}
if (x) {
  crash(1, 2, "three");
}
last();
"""


@pytest.mark.parametrize("width", [1, 2, 7, 50])
def test_only_what_is_needed_is_left(width: int) -> None:
    """Lines, then parts of lines, then bytes; however many are judged at once."""
    assert reduced(SOURCE, needs(b"crash(", b"two"), width) in (b"twocrash(", b"crash(two")


@given(
    content=st.text("ab{}\n;", min_size=1, max_size=60).map(str.encode),
    needed=st.text("ab{}", min_size=1, max_size=3).map(str.encode),
    width=st.sampled_from([2, 5]),
)
def test_many_at_once_find_what_one_by_one_finds(content: bytes, needed: bytes, width: int) -> None:
    """Looking ahead costs runs, never a different result."""
    if needed in content:
        assert reduced(content, needs(needed), width) == reduced(content, needs(needed), 1)


@given(content=st.binary(min_size=1, max_size=40))
def test_bytes_of_any_kind_are_reduced_to_a_minimum(content: bytes) -> None:
    """No single byte of the outcome can be left out."""
    needed = content[len(content) // 2 :][:2]
    small = reduced(content, needs(needed), 4)
    assert needed in small
    assert not any(needs(needed)(small[:at] + small[at + 1 :]) for at in range(len(small)))


def test_looking_ahead_is_bounded_and_wastes_little() -> None:
    """Each question is a run on the farm."""
    one_by_one, ahead = Oracle(needs(b"crash")), Oracle(needs(b"crash"))
    reducing.reduce(SOURCE, one_by_one, 1, lambda one, best: None)
    reducing.reduce(SOURCE, ahead, 6, lambda one, best: None)
    assert one_by_one.most_open == 1
    assert 1 < ahead.most_open <= 6
    assert len(ahead.asked) < 1.5 * len(one_by_one.asked)


def test_what_is_known_is_not_asked_again() -> None:
    """So an interrupted reduction goes on where it was."""
    first = Oracle(needs(b"crash"))
    reducing.reduce(SOURCE, first, 3, lambda one, best: None)
    again = Oracle(needs(b"crash"))
    again.answers = dict(first.answers)
    assert reducing.reduce(SOURCE, again, 3, lambda one, best: None) == b"crash"
    assert again.asked == []


def test_large_texts_are_not_taken_apart_byte_by_byte() -> None:
    """That would be thousands of runs."""
    line = b"x" * (reducing.MOST_BYTES + 1)
    assert reduced(line + b"\nabc\n", needs(line)) == line + b"\n"


def test_only_what_stands_between_the_marks_is_taken_away() -> None:
    """As people who know lithium expect."""
    content = b"keep\n// DDBEGIN\na\nb\n// DDEND\nkeep, too\n"
    assert reduced(content, needs(b"b")) == b"keep\n// DDBEGIN\nb\n// DDEND\nkeep, too\n"
    with pytest.raises(InputError, match=r"the input cannot be reduced: .*DDBEGIN"):
        reduced(b"// DDEND\nabc\n", needs(b"b"))


def test_progress_is_told() -> None:
    """Each pass, and each time the input has become smaller."""
    told: list[tuple[str, int]] = []
    reducing.reduce(SOURCE, Oracle(needs(b"crash")), 2, lambda one, best: told.append((one.parts, len(best))))
    sizes = [size for _, size in told]
    assert sizes == sorted(sizes, reverse=True)
    assert [parts for parts in dict.fromkeys(parts for parts, _ in told)] == ["line", "symbol-delimiter", "char"]


# On a farm.


def bench(here: Farm, first: Job, run: Callable[[Job], Sequence[Finding] | None]) -> tuple[Bench, Workers]:
    """A case that was seen once, and workers who work whenever somebody waits."""
    workers = Workers(here, run)
    here.status.put(first.to_doc())
    result = workers.record(Job.from_doc(here.status.get(first.id) or {}), [CRASH])
    case = cases.load(here, result.id)
    return Bench(here, case, runs.Runs(here, case.shown_by, workers.work), clock), workers


def content(one: Job) -> bytes:
    """The input of a job."""
    if one.input.text is not None:
        return one.input.text.encode()
    return base64.b64decode(one.origin["_attachments"]["input"]["data"])


def crashes(*words: bytes) -> Callable[[Job], list[Finding]]:
    """Crashes on inputs with all these words; on one with the first only, otherwise."""

    def run(one: Job) -> list[Finding]:
        given = content(one)
        return [CRASH] if needs(*words)(given) else [OTHER] if words[0] in given else []

    return run


def quietly(made: Bench, count: int = 5) -> tuple[minimal.Minimal, bytes]:
    """Reduce without telling anybody."""
    return minimal.reduce(made, count, lambda *_: None, lambda _: None)


def test_input_is_reduced_as_jobs_and_attached_to_the_result() -> None:
    """The same signature counts, not another crash."""
    here = farm(branch("1"), worker("a", slots=4))
    made, workers = bench(here, job(input=Input(name="sub/a.js", text=SOURCE.decode())), crashes(b"crash", b"three"))
    found, small = quietly(made)
    assert re.fullmatch(b"crash.?three", small)
    assert (found.size, found.original_size, found.attachment) == (len(small), len(SOURCE), "minimal/a.js")
    doc = here.history.get("result:1") or {}
    assert base64.b64decode(doc["_attachments"]["minimal/a.js"]["data"]) == small
    assert notes.find(here.history, made.case.signature).minimal == found
    assert {one.priority for one in workers.ran} == {Priority.PERSON}
    probes = {"reproduce:result:1": False, "reduce:result:1": True}
    assert {one.source: one.probe for one in workers.ran} == probes


def test_reducing_again_runs_nothing_again() -> None:
    """Ids follow from contents, so whoever was killed goes on; nor does it matter that the jobs are gone."""
    here = farm(branch("1"), worker("a"))
    first = job(input=Input(name="a.js", text=SOURCE.decode()))
    made, workers = bench(here, first, crashes(b"crash"))
    found, small = quietly(made)
    for doc in list(here.status.documents("job:")):
        if doc["_id"] != first.id:
            here.status.delete(doc["_id"], doc["_rev"])
    workers.ran.clear()
    again = Bench(here, made.case, runs.Runs(here, made.case.shown_by, workers.work), clock)
    assert quietly(again) == (found, small)
    assert workers.ran == []


def test_attachment_is_reduced() -> None:
    """Bytes that are no text."""
    data = base64.b64encode(b"\xff\x00abc\xfe").decode()
    attached = {"_attachments": {"input": {"content_type": "application/octet-stream", "data": data}}}
    here = farm(branch("1"), worker("a"))
    made, _ = bench(here, job(input=Input(name="a.bin", attachment="input"), origin=attached), crashes(b"\xff"))
    assert quietly(made)[1] == b"\xff"


def test_flaky_crash_is_tried_as_often_as_its_score_asks() -> None:
    """Each candidate several times, for one miss says little."""
    here = farm(branch("1"), worker("a"))
    turn = iter(range(10**6))
    made, workers = bench(
        here,
        job(input=Input(name="a.js", text="a\nb\ncrash\nc\n")),
        lambda one: [CRASH] if b"crash" in content(one) and next(turn) % 2 else [],
    )
    assert quietly(made, 10)[1] == b"crash"
    times = [sum(content(one) == wanted for one in workers.ran) for wanted in {content(one) for one in workers.ran}]
    assert max(times) > 1


@pytest.mark.parametrize(
    ("given", "documents", "run", "words"),
    [
        (
            Input(name="x", url="https://a.example/"),
            [worker("a")],
            [CRASH],
            "is a URL, https://a.example/: the farm cannot change",
        ),
        (Input(name="x", text="a"), [], [CRASH], "no live worker can run result:1 again"),
        (Input(name="x", text="a"), [worker("b", "13")], [CRASH], "which was on 1 release Linux 12 x86_64"),
        (Input(name="x", text="a"), [worker("a")], [OTHER], "did not show its signature again: 0 of 5 runs"),
        (Input(name="x", text="a"), [worker("a")], None, "did not show its signature again: no run yet"),
    ],
)
def test_what_cannot_be_reduced_is_said(
    given: Input, documents: list[object], run: list[Finding] | None, words: str
) -> None:
    """Before anything is run, where that can be told."""
    made, _ = bench(farm(branch("1"), *documents), job(input=given), lambda _: run)
    with pytest.raises(InputError, match=words):
        quietly(made)


def test_aborted_and_deleted_jobs_are_not_waited_for() -> None:
    """A person may cancel what the farm queued: that candidate is left, the others go on."""
    here = farm(branch("1"), worker("a"))
    made, workers = bench(here, job(input=Input(name="a.js", text="a\nb\ncrash\nc\n")), crashes(b"crash"))
    turn = iter(range(10**6))

    def meddle(seconds: float) -> None:
        for doc in list(here.status.documents("job:")):
            if doc["state"] == "pending" and doc["source"].startswith("reduce:"):
                number = next(turn)
                if number % 7 == 3:
                    here.status.put(doc | {"state": "aborted"})
                elif number % 7 == 5:
                    here.status.delete(doc["_id"], doc["_rev"])
        workers.work(seconds)

    small = quietly(Bench(here, made.case, runs.Runs(here, made.case.shown_by, meddle), clock))[1]
    assert b"crash" in small
    assert SignatureNote.of(CRASH).id == made.case.signature
