"""Reproducing: what is queued for a finding, what its repetitions tell, and what the collector does by itself."""

from datetime import timedelta
from typing import Any

import pytest

from crashfarm import times
from crashfarm.documents.finding import Finding
from crashfarm.documents.job import Input, Job, Priority, Requires
from crashfarm.documents.result import Result
from crashfarm.documents.signature import SignatureNote
from crashfarm.documents.worker import Quarantine, WorkerState
from crashfarm.errors import InputError, NotFound
from crashfarm.settings import Farm
from server.certainty import cases, duty, notes, reproducing
from server.certainty.duty import Reproducer
from server.certainty.machines import Cell
from server.certainty.score import Score
from server.collector import Changed
from tests.unit.certainty.farm import NOW, Workers, branch, clock, farm, finding, job, worker

CRASH = finding()


def seen(farm: Farm, one: Job, *found: Finding) -> Result:
    """That job, run, with these findings."""
    if farm.status.get(one.id) is None:
        farm.status.put(one.to_doc())
    stored = Job.from_doc(farm.status.get(one.id) or {})
    return Workers(farm, lambda _: None).record(stored, found)


def planned(farm: Farm, result: Result, count: int = 5) -> list[Job]:
    """What would be queued."""
    return reproducing.plan_for(farm, cases.load(farm, result.id), count, clock)


def cell(one: Job) -> Cell:
    """Where a job asks to be run."""
    asks = one.requires
    return Cell(one.branch, one.buildtype, str(asks.os_name), str(asks.os_version), str(asks.cpu_name))


def test_own_place_is_repeated_and_every_other_is_tried_once() -> None:
    """Branches, build types and kinds of machines, each with each."""
    here = farm(branch("1", "release", "debug"), branch("2"), worker("a"), worker("b", "13"), worker("twin", "13"))
    jobs = planned(here, seen(here, job(), CRASH))
    places = [cell(one) for one in jobs]
    own = Cell("1", "release", "Linux", "12", "x86_64")
    assert places.count(own) == 5
    assert sorted(set(places)) == [
        Cell(name, buildtype, "Linux", version, "x86_64")
        for name, buildtype in (("1", "debug"), ("1", "release"), ("2", "release"))
        for version in ("12", "13")
    ]
    assert len(places) == 5 + 5
    assert {one.priority for one in jobs} == {Priority.REPRODUCE}


def test_jobs_are_like_the_first_one() -> None:
    """The same input, time and tags; they name their cause."""
    here = farm(branch("1"), branch("2"), worker("a", static_metadata={"tags": ["gpu"]}), worker("b", "13"))
    result = seen(here, job(timeout=7.0, requires=Requires(tags=("gpu",))), CRASH)
    jobs = planned(here, result)
    assert {cell(one).os_version for one in jobs} == {"12"}
    for one in jobs:
        assert (one.input.text, one.timeout, one.parent) == ("boom()", 7.0, "job:1")
        assert one.source == f"reproduce:{result.id}"
        assert one.requires.tags == ("gpu",)


def test_repetitions_count_unless_they_are_of_an_experiment() -> None:
    """Whoever looks into what an experiment showed makes more experiments."""
    here = farm(branch("1"), worker("a"))
    assert {one.probe for one in planned(here, seen(here, job(), CRASH))} == {False}
    assert {one.probe for one in planned(here, seen(here, job("2", probe=True), CRASH))} == {True}


def test_attachment_travels_along() -> None:
    """An input that is no text is on the job itself."""
    here = farm(branch("1"), worker("a"))
    attached = {"_attachments": {"input": {"content_type": "application/octet-stream", "data": "AAH/"}}}
    one = job(input=Input(name="a.bin", attachment="input"), origin=attached)
    jobs = planned(here, seen(here, one, CRASH))
    assert {made.to_doc()["_attachments"]["input"]["data"] for made in jobs} == {"AAH/"}


def test_ids_follow_from_the_cause() -> None:
    """Whoever plans the same queues the same; whoever plans something else, something else."""
    here = farm(branch("1"), branch("2"), worker("a"))
    first, other = seen(here, job("1"), CRASH), seen(here, job("2"), CRASH)
    ids = [one.id for one in planned(here, first)]
    assert ids == [one.id for one in planned(here, first)]
    assert len(set(ids)) == len(ids)
    assert set(ids).isdisjoint(one.id for one in planned(here, other))


@pytest.mark.parametrize(
    "unfit",
    [
        {"state": WorkerState.STOPPED},
        {"quarantine": Quarantine(reason="ill")},
        {"heartbeat_at": times.to_text(NOW - timedelta(days=2))},
        {"dynamic_metadata": {"os_name": "Linux", "os_version": "13", "cpu_name": "x86_64", "allow": ["/opt/other"]}},
    ],
)
def test_no_job_waits_for_a_machine_that_cannot_run_it(unfit: dict[str, Any]) -> None:
    """Stopped, ill, silent, or not allowed to."""
    here = farm(branch("1"), worker("a"), worker("b", "13").evolve(**unfit))
    assert {cell(one).os_version for one in planned(here, seen(here, job(), CRASH))} == {"12"}


def test_disabled_branch_and_other_product_are_left_alone() -> None:
    """They are not hunted."""
    other = branch("1").evolve(id="branch:other:9", product="other", branch="9")
    here = farm(branch("1"), branch("2", enabled=False), other, worker("a"))
    assert {one.branch for one in planned(here, seen(here, job(), CRASH))} == {"1"}


def test_doing_it_twice_queues_nothing_twice() -> None:
    """Nor does it lose what is known already."""
    here = farm(branch("1"), branch("2"), worker("a"))
    case = cases.load(here, seen(here, job(), CRASH).id)
    jobs = reproducing.plan_for(here, case, 5, clock)
    assert reproducing.begin(here, case, jobs, clock) == 6
    Workers(here, lambda _: [CRASH]).work()
    reproducing.keep_score(here, SignatureNote.of(CRASH), reproducing.outcome(here, case.result, case.signature), clock)
    assert reproducing.begin(here, case, jobs, clock) == 0
    note = notes.find(here.history, case.signature[:18])
    assert note.reproduction
    assert (note.reproduction.result, note.reproduction.seen, note.reproduction.ran) == (case.result.id, 5, 5)


def test_outcome_is_a_score_and_a_matrix() -> None:
    """The same signature counts, another crash does not; what could not be run is neither."""
    here = farm(branch("1"), branch("2"), branch("3"), worker("a"))
    case = cases.load(here, seen(here, job(), CRASH).id)
    reproducing.begin(here, case, reproducing.plan_for(here, case, 4, clock), clock)
    turns = iter([[CRASH], [CRASH], [finding("other")], []])
    Workers(here, lambda one: {"1": lambda: next(turns), "2": lambda: None, "3": lambda: [CRASH]}[one.branch]()).work()
    found = reproducing.outcome(here, case.result, case.signature)
    assert found.own == Score(2, 4)
    assert [(mark.cell.branch, mark.score, mark.untestable) for mark in found.matrix] == [
        ("1", Score(2, 4), 0),
        ("2", Score(0, 0), 1),
        ("3", Score(1, 1), 0),
    ]
    assert found.waiting == 0


def test_outcome_counts_what_has_not_ended() -> None:
    """So that nobody takes half a matrix for a whole one."""
    here = farm(branch("1"), worker("a"))
    case = cases.load(here, seen(here, job(), CRASH).id)
    reproducing.begin(here, case, reproducing.plan_for(here, case, 4, clock), clock)
    assert reproducing.outcome(here, case.result, case.signature).waiting == 4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("1234", "'1234' is not the id of a result"),
        ("result:none", "there is no result:none"),
        ("result:1", "result:1 has no finding"),
    ],
)
def test_what_cannot_be_reproduced_is_said(name: str, words: str) -> None:
    """A wrong id, one that is not there, one without a finding."""
    here = farm(branch("1"))
    seen(here, job("1"))
    with pytest.raises((InputError, NotFound), match=words):
        cases.load(here, name)


def test_input_that_is_gone_is_said() -> None:
    """Jobs are removed after some time, results are not."""
    here = farm()
    result = seen(here, job(), CRASH)
    del here.status.docs[result.job]
    with pytest.raises(InputError, match="job:1 is gone, and with it the input of result:1"):
        cases.load(here, result.id)


def test_finding_is_chosen_by_its_signature() -> None:
    """Else it is the gravest one."""
    here = farm()
    second = finding("g")
    result = seen(here, job(), CRASH, second)
    assert cases.load(here, "job:1").finding == CRASH
    assert cases.load(here, result.id, SignatureNote.of(second).id[:20]).finding == second
    with pytest.raises(InputError, match="no finding with the signature 'ffffffffffff'"):
        cases.load(here, result.id, "ffffffffffff")


# What the collector does by itself.


def look(here: Farm, *results: Result) -> int:
    """The duty, told of these results."""
    changed = [Changed(result.id, here.history.get(result.id)) for result in results]
    return Reproducer(here, clock).look(changed)


def pending(here: Farm) -> list[Job]:
    """What waits."""
    return [Job.from_doc(doc) for doc in here.status.documents("job:") if doc["state"] == "pending"]


def test_new_finding_is_reproduced_by_itself() -> None:
    """The result that was the first to show a tuple."""
    here = farm(branch("1"), branch("2"), worker("a"))
    assert look(here, seen(here, job(), CRASH)) == 6
    assert len(pending(here)) == 6


def test_known_tuple_is_not_reproduced() -> None:
    """It was seen before."""
    here = farm(branch("1"), worker("a"))
    seen(here, job("1"), CRASH)
    later = times.to_text(NOW + timedelta(minutes=1))
    result = seen(here, job("2"), CRASH)
    here.history.put(result.evolve(rev=here.history.get(result.id)["_rev"], completed_at=later).to_doc())
    assert look(here, result) == 0


def test_run_without_a_finding_queues_nothing() -> None:
    """Nor does a document that nobody understands, or that is gone."""
    here = farm(branch("1"), worker("a"))
    assert look(here, seen(here, job())) == 0
    assert Reproducer(here, clock).look([Changed("result:x", None), Changed("result:y", {"type": "result"})]) == 0


@pytest.mark.parametrize("source", ["reproduce:result:0", "reduce:result:0", "range:result:0"])
def test_what_the_farm_queued_itself_leads_to_no_further_jobs(source: str) -> None:
    """No cascades."""
    here = farm(branch("1"), worker("a"))
    assert look(here, seen(here, job(source=source), CRASH)) == 0


def test_experiment_leads_to_no_further_jobs() -> None:
    """Whatever its source says, and though it was the first to show what it shows."""
    here = farm(branch("1"), worker("a"))
    experiment = seen(here, job(probe=True), CRASH)
    assert look(here, experiment) == 0
    seen(here, job("2"), CRASH)
    assert look(here, experiment) == 0


def test_job_of_the_highest_priority_leads_to_no_further_jobs() -> None:
    """Whoever queued it."""
    here = farm(branch("1"), worker("a"))
    assert look(here, seen(here, job(priority=Priority.REPRODUCE), CRASH)) == 0


def test_suppressed_tuple_is_not_reproduced() -> None:
    """Nobody wants to hear of it."""
    here = farm(branch("1"), worker("a"))
    result = seen(here, job(), CRASH)
    [history] = here.history.documents("history_")
    here.history.put(history | {"suppressed": True})
    assert look(here, result) == 0


def test_signature_is_reproduced_once_a_day() -> None:
    """Ten branches that show one crash are one matrix, not ten."""
    here = farm(branch("1"), branch("2"), worker("a"))
    first, second = seen(here, job("1"), CRASH), seen(here, job("2", branch="2"), CRASH)
    assert look(here, first) == 6
    assert look(here, second) == 0
    note = notes.find(here.history, SignatureNote.of(CRASH).id)
    assert note.reproduction
    old = times.to_text(NOW - timedelta(days=2))
    here.history.put(note.to_doc() | {"reproduction": {"result": first.id, "seen": 1, "ran": 1, "at": old}})
    assert look(here, second) == 6


def test_scores_are_kept_as_repetitions_come_in() -> None:
    """On the document about the signature."""
    here = farm(branch("1"), worker("a"))
    look(here, seen(here, job(), CRASH))
    workers = Workers(here, lambda one: [CRASH])
    workers.work()
    repeated = [Result.from_doc(doc) for doc in here.history.documents("result:")]
    assert look(here, *repeated) == 0
    note = notes.find(here.history, SignatureNote.of(CRASH).id)
    assert note.reproduction
    assert (note.reproduction.seen, note.reproduction.ran) == (5, 5)


def test_flood_of_new_findings_does_not_drown_the_farm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There is a limit, and the log says so once."""
    monkeypatch.setattr(duty, "MOST_WAITING", 12)
    here = farm(branch("1"), worker("a"))
    results = [seen(here, job(str(number)), finding(f"f{number}")) for number in range(9)]
    look(here, *results)
    assert 12 <= len(pending(here)) < 20
    assert caplog.text.count("too many new findings") == 1


def test_no_more_than_so_many_jobs_are_queued_within_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """However quickly they are run."""
    monkeypatch.setattr(duty, "MOST_A_DAY", 10)
    here = farm(branch("1"), worker("a"))
    keeper, queued = Reproducer(here, clock), 0
    for number in range(9):
        result = seen(here, job(str(number)), finding(f"f{number}"))
        queued += keeper.look([Changed(result.id, here.history.get(result.id))])
        Workers(here, lambda _: []).work()
    assert 10 <= queued < 16


def test_a_collector_that_is_restarted_counts_what_was_queued_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same day; what was found the day before counts for that."""
    monkeypatch.setattr(duty, "MOST_A_DAY", 10)
    here, queued = farm(branch("1"), worker("a")), []
    for day in (NOW - timedelta(days=1), NOW):
        for number in range(5):
            result = seen(here, job(f"{day:%Y%m%d}T000000000Z-{number}"), finding(f"f{number} {day:%d}"))
            queued.append(look(here, result))
            Workers(here, lambda _: []).work()
    assert sum(queued[5:]) == 10
    assert queued[-1] == 0
