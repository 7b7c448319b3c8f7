"""Writing from the dashboard: by the revision that was seen, and nobody's change is lost unawares."""

from typing import Any

import pytest

from tests.javascript import ImpossibleAct, dashboard

Json = dict[str, Any]

run = dashboard(
    "acts/bulk",
    "acts/retrying",
    "acts/saving",
    "acts/signatures",
    also="""
import { saveAll, saveOnTop } from "./acts/bulk.js";
import { retryAll } from "./acts/retrying.js";
import { save } from "./acts/saving.js";
import { attachBug } from "./acts/signatures.js";
import { cancel } from "./acts/jobs.js";
// A database of documents by their ids, of which others change some just before we write: [[id, changes], …].
function databaseOf(docs, others) {
  const kept = new Map(docs.map((doc) => [doc._id, doc]));
  const raised = (doc) => `${Number((doc?._rev || "0").split("-")[0]) + 1}-x`;
  function write(doc) {
    const next = others.findIndex(([id]) => id === doc._id);
    if (next >= 0) {
      const [[id, changes]] = others.splice(next, 1), before = kept.get(id);
      if (changes && before === undefined) kept.set(id, { _id: id, ...changes, _rev: "1-x" });
      else if (changes) kept.set(id, { ...before, ...changes, _rev: raised(before) });
      else kept.delete(id);
    }
    const found = kept.get(doc._id);
    if (doc.state === "refused") return { id: doc._id, error: "forbidden", reason: "state: no" };
    if (found?._rev !== doc._rev) return { id: doc._id, error: "conflict" };
    kept.set(doc._id, { ...doc, _rev: raised(found) });
    return { id: doc._id, rev: raised(found) };
  }
  return {
    kept,
    async put(database, doc) {
      const answer = write(doc);
      if (answer.error) throw { name: "Refusal", status: answer.error === "conflict" ? 409 : 403 };
      return answer;
    },
    async bulk(database, wanted) { return wanted.map(write); },
    async view() {
      const tuples = docs.filter((doc) => doc.detail);
      return { rows: tuples.map((doc) => ({ id: doc._id, doc: kept.get(doc._id) })) };
    },
    async documents(database, ids) { return ids.map((id) => kept.get(id)).filter(Boolean); },
  };
}
export async function saving(doc, others, changes) {
  const couch = databaseOf([doc], others);
  const told = await save(couch, "farm", doc, (seen) => ({ ...seen, ...changes }));
  return { told, stored: couch.kept.get(doc._id) };
}
export async function savingAll(docs, others, now) {
  const couch = databaseOf(docs, others);
  const told = await saveAll(couch, "farm", docs, (doc) => cancel(doc, now, "why"));
  return { told, stored: docs.map((doc) => couch.kept.get(doc._id)) };
}
// The answers of as many requests as there are states are lost, after the write or before it.
export async function losing(docs, states, now) {
  const couch = databaseOf(docs, []), bulk = couch.bulk;
  couch.bulk = async (database, wanted) => {
    const lost = states.shift();
    const answers = lost === "before" ? null : await bulk(database, wanted);
    if (lost) throw { name: "Refusal", status: 0, message: "no answer" };
    return answers;
  };
  const first = await saveAll(couch, "farm", docs, (doc) => cancel(doc, now, "why"));
  const second = await saveOnTop(couch, first.filter((one) => !one.ok));
  return { first, second, stored: docs.map((doc) => couch.kept.get(doc._id)) };
}
export async function retrying(docs, gone, lost, now) {
  const couch = databaseOf(docs, []), kept = couch.kept;
  for (const id of gone) kept.delete(id);
  couch.document = async (database, id) => {
    if (!kept.has(id)) throw { name: "Refusal", status: 404 };
    return kept.get(id);
  };
  if (lost) couch.bulk = async () => { throw { name: "Refusal", status: 0, message: "no answer" }; };
  let number = 0;
  const told = await retryAll(couch, "farm", docs, now, () => [0, 0, 0, 0, number += 1]);
  return { told, queued: [...kept.values()].filter((doc) => doc.supersedes).map((doc) => doc.supersedes) };
}
export async function attaching(docs, bug, others = []) {
  const couch = databaseOf(docs, others);
  await attachBug(couch, { status: "farm", history: "farm" }, { kind: "crash", detail: "a | b", message: "m" }, bug);
  return [...couch.kept.values()];
}
export async function twice(docs, others, now) {
  const couch = databaseOf(docs, others);
  const first = await saveAll(couch, "farm", docs, (doc) => cancel(doc, now, "why"));
  const second = await saveOnTop(couch, first.filter((one) => !one.ok));
  return { told: second, stored: docs.map((doc) => couch.kept.get(doc._id)) };
}
""",
)

DOC = {"_id": "worker:a", "_rev": "1-a", "state": "waiting", "control": {"desired": "run"}}
PAUSE = {"control": {"desired": "pause"}}


def test_a_change_that_meets_nobody_is_written() -> None:
    """By the revision that was seen."""
    found = run("also.saving", DOC, [], PAUSE)
    assert found["told"]["rev"] == "2-x" and found["stored"]["control"] == {"desired": "pause"}


def test_what_others_change_elsewhere_is_kept() -> None:
    """Again and again: a worker's heartbeats."""
    beats = [["worker:a", {"state": "claiming"}], ["worker:a", {"state": "executing"}]]
    stored = run("also.saving", DOC, beats, PAUSE)["stored"]
    assert (stored["state"], stored["control"]["desired"], stored["_rev"]) == ("executing", "pause", "4-x")


def test_what_others_change_in_the_same_place_is_told_and_kept() -> None:
    """Nothing of ours is written."""
    found = run("also.saving", DOC, [["worker:a", {"control": {"desired": "drain"}}]], PAUSE)
    conflict = found["told"]["conflict"]
    assert [conflict[who]["control"]["desired"] for who in ("before", "theirs", "ours")] == ["run", "drain", "pause"]
    assert found["stored"]["control"] == {"desired": "drain"}


def test_a_document_that_is_gone_is_a_conflict_with_nothing() -> None:
    """It is not made anew."""
    found = run("also.saving", DOC, [["worker:a", None]], PAUSE)
    assert found["told"]["conflict"]["theirs"] is None and "stored" not in found


def test_others_without_end_are_a_conflict_too() -> None:
    """After a few rounds a person decides."""
    beats = [["worker:a", {"state": f"s{n}"}] for n in range(20)]
    found = run("also.saving", DOC, beats, PAUSE)
    assert "conflict" in found["told"] and found["stored"]["control"] == {"desired": "run"}


def test_a_refusal_is_no_conflict() -> None:
    """It is thrown as it came."""
    with pytest.raises(ImpossibleAct):
        run("also.saving", DOC, [], {"state": "refused"})


def job(name: str, **parts: Any) -> Json:
    return {"_id": f"job:{name}", "_rev": "1-a", "state": "pending", "priority": 3, **parts}


def test_a_job_whose_claim_is_renewed_can_be_cancelled() -> None:
    """Its worker renews it every few seconds: only another claim is another matter."""
    claim = {"worker": "a", "incarnation": "i", "attempt": 1, "claimed_at": "t", "renewed_at": "1"}
    docs = [job("a", state="running", claim=claim), job("b", state="running", claim=claim)]
    others = [["job:a", {"claim": claim | {"renewed_at": "2"}}], ["job:b", {"claim": claim | {"attempt": 2}}]]
    found = run("also.savingAll", docs, others, "2026-11-22T06:10:03.123Z")
    assert [one["ok"] for one in found["told"]] == [True, False]


def test_each_of_several_documents_is_told_by_itself() -> None:
    """Written, already ended, ended by somebody else meanwhile, deleted, and changed where it does not matter."""
    docs = [job("a"), job("b", state="completed"), job("c"), job("d"), job("e")]
    others = [["job:c", {"state": "aborted", "reason": "theirs"}], ["job:d", None], ["job:e", {"priority": 0}]]
    found = run("also.savingAll", docs, others, "2026-11-22T06:10:03.123Z")
    assert [(one["id"], one["ok"]) for one in found["told"]] == [
        ("job:a", True),
        ("job:b", False),
        ("job:c", False),
        ("job:d", False),
        ("job:e", True),
    ]
    reasons = [one.get("reason") for one in found["told"]]
    assert reasons[1:4] == ["job:b is completed already", "somebody else has changed it", "it was deleted"]
    assert found["told"][2]["conflict"]["theirs"]["reason"] == "theirs"
    assert [(doc or {}).get("state") for doc in found["stored"]] == ["aborted", "completed", "aborted", None, "aborted"]
    assert found["stored"][4]["priority"] == 0


def test_several_are_written_on_top_of_what_others_wrote_where_that_is_possible() -> None:
    """Only those that conflicted, and not what has ended or is gone."""
    docs = [job("a"), job("b"), job("c"), job("d")]
    others = [["job:a", {"reason": "theirs"}], ["job:b", {"state": "aborted", "reason": "theirs"}], ["job:d", None]]
    found = run("also.twice", docs, others, "2026-11-22T06:10:03.123Z")
    assert [(one["id"], one["ok"]) for one in found["told"]] == [("job:a", True)]
    assert [(doc or {}).get("reason") for doc in found["stored"]] == ["why", "theirs", "why", None]


def test_a_bug_that_has_moved_is_named_by_what_became_of_it() -> None:
    """The matcher stays with the bug that was attached: the collector follows it, too."""
    moved = {"type": "bug", "state": "open", "matchers": [], "_rev": "1-a"}
    docs = [
        moved | {"_id": "bug:x:1", "tracker": "x", "number": "1", "moved_to": "bug:y:2"},
        moved | {"_id": "bug:y:2", "tracker": "y", "number": "2", "state": "closed"},
        {"_id": "history_crash:1", "_rev": "1-a", "type": "history_crash", "detail": "a | b", "branch": "main"},
    ]
    first, second, history = run("also.attaching", docs, {"tracker": "x", "number": "1"})
    assert (len(first["matchers"]), second["matchers"]) == (1, [])
    assert history["bugs"] == {"open": [], "closed": ["bug:y:2"]} and history["regressed"] == []


@pytest.mark.parametrize(
    "bug", [{"state": "open", "matchers": [{"kind": "hang"}]}, {"state": "closed", "closed_at": "2026", "matchers": []}]
)
def test_a_bug_that_others_change_or_make_meanwhile_keeps_what_they_wrote(bug: Json) -> None:
    """Another matcher, or its state in the tracker: ours stands beside it."""
    history = {"_id": "history_crash:1", "_rev": "1-a", "type": "history_crash", "detail": "a | b", "branch": "main"}
    there = {"_id": "bug:x:1", "_rev": "1-a", "type": "bug", "tracker": "x", "number": "1", "matchers": []}
    for docs in ([history], [history, there]):
        found = run("also.attaching", docs, {"tracker": "x", "number": "1"}, [["bug:x:1", bug]])
        [saved] = [doc for doc in found if doc["_id"] == "bug:x:1"]
        assert saved["matchers"] == [*bug["matchers"], {"kind": "crash", "signature": "a | b"}]
        assert saved["state"] == bug["state"]
        assert next(doc for doc in found if doc["_id"] == "history_crash:1")["bugs"][bug["state"]] == ["bug:x:1"]


@pytest.mark.parametrize("lost", ["before", "after"])
def test_what_was_not_answered_is_told_and_can_be_tried_again(lost: str) -> None:
    """The database was cut off in the middle: what was written all the same is no conflict with oneself."""
    docs = [job(f"{n:03d}") for n in range(250)]
    found = run("also.losing", docs, ["", lost], "2026-11-22T06:10:03.123Z")
    assert [one["ok"] for one in found["first"]] == [True] * 200 + [False] * 50
    assert found["first"][200]["reason"] == "no answer; it may have been written all the same"
    assert [one["ok"] for one in found["second"]] == [True] * 50
    assert {doc["state"] for doc in found["stored"]} == {"aborted"}


def test_each_of_several_jobs_is_tried_again_by_itself() -> None:
    """One still runs, and one is gone with its input."""
    ended = {"state": "aborted", "product": "p", "branch": "b", "buildtype": "r", "input": {"text": "x"}}
    files = {"_attachments": {"input": {"data": "eA=="}}}
    docs = [job("a", **ended), job("b", state="running"), job("c", **ended, **files), job("d", **ended, **files)]
    found = run("also.retrying", docs, ["job:c"], False, "2026-11-22T06:10:03.123Z")
    assert found["queued"] == ["job:a", "job:d"]
    assert [one["ok"] for one in found["told"]] == [True, True, False, False]
    assert [one["reason"] for one in found["told"][2:]] == [
        "job:b is running: only a job that has ended can be tried again",
        "it was deleted, and its input with it",
    ]


def test_a_job_that_may_have_been_queued_again_is_not_queued_twice_unasked() -> None:
    """Nobody knows whether it was."""
    found = run(
        "also.retrying", [job("a", state="completed", input={"text": "x"})], [], True, "2026-11-22T06:10:03.123Z"
    )
    assert [(one["ok"], "retry" in one) for one in found["told"]] == [(False, False)]
    assert "may have been written" in found["told"][0]["reason"]
