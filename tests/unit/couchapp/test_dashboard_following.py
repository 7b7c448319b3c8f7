"""How the dashboard follows the changes: what it asks again, and what it keeps."""

from typing import Any

from tests.javascript import dashboard

Json = dict[str, Any]

run = dashboard(
    "lib/feed",
    "lib/kept",
    also="""
import { Feed } from "./lib/feed.js";
import { Kept } from "./lib/kept.js";
// How often each question was asked: steps are ["ask", topic, name, seconds], ["change", topic, …] and ["wait", ms].
export async function keep(steps) {
  let now = 0;
  const asked = {}, kept = new Kept(() => now);
  const ask = (name) => async () => {
    asked[name] = (asked[name] || 0) + 1;
    if (name === "fails") throw new Error("no answer");
  };
  for (const [what, ...rest] of steps) {
    if (what === "ask") await kept.get(rest[0], rest[1], ask(rest[1]), rest[2] ?? Infinity).catch(() => null);
    else if (what === "change") kept.forget(new Set(rest));
    else now += rest[0];
  }
  return asked;
}
// What a feed asks first, and what it is told, where this has changed since it found out where it stands.
export async function follow(changes) {
  const asked = [], told = [];
  const couch = { get: async (path, query, signal) => {
    asked.push({ ...query, ...(signal?.due ? { within: signal.due.milliseconds } : {}) });
    if (!signal) return { results: [], last_seq: "7-x" };
    if (query.since !== "7-x") return new Promise(() => {}); // what is asked later is not answered
    return { results: changes.map((id) => ({ id })), last_seq: "8-x" };
  } };
  const feed = new Feed(couch, "farm", { onChanges: (ids) => told.push(ids), onState: (state) => told.push(state) });
  await feed.here();
  feed.start();
  for (let turn = 0; turn < 9; turn += 1) await null;
  return { asked, told };
}
// What a feed tells of answers that come one after the other, numbers of changes each; it is asked how often it may be.
export async function answers(numbers) {
  globalThis.goesOn = true;
  globalThis.listeners = 0;
  const told = [], left = [...numbers];
  let feed;
  const couch = { get: async (path, { since }) => {
    if (!left.length) { feed.stop(); throw { status: 0 }; }
    return { results: Array.from({ length: left.shift() }, (_, at) => ({ id: `job:${at}` })), last_seq: "9-x" };
  } };
  feed = new Feed(couch, "farm", { onChanges: (ids) => told.push(ids?.length ?? "all"), onState: () => {} });
  await feed.here();
  feed.start();
  for (let turn = 0; turn < 99; turn += 1) await null;
  return { told, listeners: globalThis.listeners };
}
// How a feed asks before and after it is to make room.
export async function crowded() {
  globalThis.goesOn = true;
  const asked = [];
  let feed;
  const couch = { get: async (path, { feed: kind }) => {
    asked.push(kind);
    if (asked.length > 6) return new Promise(() => {});
    if (kind !== "longpoll") return { results: [], last_seq: "9-x" };
    feed.makeRoom();
    throw { name: "AbortError" };
  } };
  feed = new Feed(couch, "farm", { onChanges: () => {}, onState: (heard) => heard === false && asked.push("lost") });
  feed.start();
  for (let turn = 0; turn < 99; turn += 1) await null;
  return asked;
}
""",
    before="""
var AbortController = class {
  signal = {
    aborted: false,
    addEventListener() { globalThis.listeners = (globalThis.listeners || 0) + 1; },
    removeEventListener() { globalThis.listeners -= 1; },
  };
  abort() { this.signal.aborted = true; }
};
var AbortSignal = { timeout: (milliseconds) => ({ milliseconds }), any: ([signal, due]) => ({ ...signal, due }) };
var setTimeout = (go) => { if (globalThis.goesOn) Promise.resolve().then(go); return 0; };
var clearTimeout = () => {};
""",
)


def test_what_is_about_one_topic_is_asked_again_when_that_changes() -> None:
    """And not when others do."""
    ask = ["ask", "branch", "branches"]
    assert run("also.keep", [ask, ask, ["change", "job", "worker"], ask]) == {"branches": 1}
    assert run("also.keep", [ask, ["change", "job", "branch"], ask, ask]) == {"branches": 2}
    assert run("also.keep", [ask, ["change", "everything"], ask]) == {"branches": 2}


def test_what_the_time_changes_is_asked_again_in_time() -> None:
    """A worker falls silent while nothing happens."""
    ask = ["ask", "worker", "silent", 10]
    assert run("also.keep", [ask, ["wait", 9_999], ask]) == {"silent": 1}
    assert run("also.keep", [ask, ["wait", 10_000], ask]) == {"silent": 2}


def test_a_question_that_failed_is_asked_again() -> None:
    """An error is no answer."""
    assert run("also.keep", [["ask", "job", "fails"], ["ask", "job", "fails"]]) == {"fails": 2}


def test_nothing_is_missed_between_the_first_answers_and_the_feed() -> None:
    """It begins where the changes stood before anything was asked, and says at once that it is there."""
    told = run("also.follow", ["job:1"])
    assert told["told"] == [None, True, ["job:1"]]
    assert told["asked"][0] == {"since": "now", "limit": 1}
    assert (told["asked"][1]["since"], told["asked"][1]["feed"]) == ("7-x", "normal")


def test_an_answer_that_is_due_is_not_waited_for_for_ever() -> None:
    """A laptop that slept, or a router that forgot: the connection is dead, and the page would be called live."""
    asked = run("also.follow", [])["asked"]
    assert asked[1]["within"] < 60_000


def test_changes_that_are_leapt_over_are_asked_for() -> None:
    """After more than it reads at once the feed begins anew, and what changed until then is told by nobody."""
    assert run("also.answers", [0, 2, 1_000, 0, 3, 0])["told"] == [2, "all", "all", 3]


def test_nothing_is_left_of_what_was_waited_for() -> None:
    """A page stays open for weeks, and an answer comes each second."""
    assert run("also.answers", [1] * 9)["listeners"] <= 1


def test_a_feed_that_makes_room_asks_now_and_then_and_is_not_lost() -> None:
    """A browser has six connections to one server, for all its windows."""
    assert run("also.crowded") == ["normal", "longpoll", "normal", "normal", "normal", "normal", "normal"]
