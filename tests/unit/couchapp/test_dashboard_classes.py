"""Which classes of jobs the dashboard looks at, where there are more than one question may ask for."""

from typing import Any

import pytest

from tests.javascript import ROOT, dashboard, map_function

Json = dict[str, Any]

run = dashboard(
    "state/classes",
    "state/stuck",
    also="""
import { Classes } from "./state/classes.js";
import { Kept } from "./lib/kept.js";
const listed = (number, limit, make) => ({ rows: Array.from({ length: Math.max(0, Math.min(number, limit)) }, make) });
const branch = (n) => `b${String(n).padStart(6, "0")}`;
// What is told after each of so many looks at farms that have so many classes, each with a branch of its own; those
// whose number is among `stuck` have none.
export async function looks(numbers, stuck) {
  let number = 0, now = 0, most = 0;
  const couch = {
    now: () => 1e12,
    all: async (database, { limit }) => listed(number, limit, (_, n) => ({ doc: branchDoc(branch(n)) })),
    documents: async (database, ids) => ids.map((id) => branchDoc(id.slice("branch:p:".length))).filter(Boolean),
    view: async (database, design, view, query) => {
      if (view === "by_heartbeat") return { rows: [] };
      if (view === "by_ability") return { rows: [{ key: ["Linux", "1", "c", [], "", [], [], []], value: 1 }] };
      const from = query.startkey ? Number(query.startkey[0][5].slice(1)) : 0;
      const key = (n) => [[null, null, null, [], "p", branch(from + n), "r"], 3];
      const { rows } = listed(number - from, query.limit, (_, n) => ({ key: key(n), value: 1 }));
      most = Math.max(most, rows.length);
      return { rows };
    },
  };
  const branchDoc = (name) => (stuck.includes(Number(name.slice(1))) ? null
    : { _id: `branch:p:${name}`, product: "p", branch: name, builds: { r: { Linux: { command: ["x"] } } } });
  const classes = new Classes(), kept = new Kept(() => now), told = [];
  for (number of numbers) {
    now += 2000;
    const { classes: found, looked, whole } = await classes.ask({ couch, places: { status: "s" }, kept });
    const why = found.filter((one) => one.why).map((one) => [one.asks.branch, one.why]);
    told.push({ stuck: why, shown: found.length, looked, whole });
    kept.forget(new Set(["branch"]));
  }
  return { told, most };
}
""",
)


def test_a_few_classes_are_all_looked_at_at_once() -> None:
    """As on nearly every farm."""
    told = run("also.looks", [200], [199])["told"]
    assert told == [
        {"stuck": [["b000199", "there is no branch b000199 of p"]], "shown": 200, "looked": 200, "whole": True}
    ]


def test_however_many_classes_there_are_each_is_looked_at_in_its_turn() -> None:
    """Hundreds at a time, so that a question costs what it did; until then it is told how many were looked at."""
    found = run("also.looks", [3_000] * 9, [2_950])
    told = found["told"]
    assert [one["looked"] for one in told] == [600, 1_000, 1_400, 1_800, 2_200, 2_600, 3_000, 3_000, 3_000]
    assert [one["whole"] for one in told] == [False] * 6 + [True] * 3
    assert [len(one["stuck"]) for one in told] == [0] * 6 + [1] * 3
    assert told[-1]["shown"] == 201 and found["most"] <= 401


def test_what_gets_on_again_is_forgotten_after_the_next_round() -> None:
    """A class that is gone as well as all of the others."""
    told = run("also.looks", [700, 700, 650, 650, 100], [660])["told"]
    assert [len(one["stuck"]) for one in told] == [0, 1, 1, 0, 0]
    assert [one["shown"] for one in told] == [200, 201, 201, 200, 100]


def test_a_branch_beyond_those_that_are_listed_is_asked_for_by_its_name() -> None:
    """Or it would be told that there is none."""
    told = run("also.looks", [1_500] * 4, [1_400])["told"]
    assert told[-1]["whole"] and [name for name, _ in told[-1]["stuck"]] == ["b001400"]


@pytest.mark.parametrize(("kinds", "stuck"), [(1, 1), (1_000, 1), (1_001, 0)])
def test_where_not_all_kinds_of_workers_are_known_nothing_is_said_to_be_stuck_for_want_of_one(
    kinds: int, stuck: int
) -> None:
    """Any of the others may do it."""
    class_ = {"asks": {"os_name": "Plan 9", "os_version": None, "cpu_name": None, "tags": []}, "priority": 0}
    class_["asks"] |= {"product": "p", "branch": "b", "buildtype": "r"}
    branch = {"product": "p", "branch": "b", "builds": {}}
    machine = {"os_name": "Linux", "tags": [], "rests": "", "allow": [], "lacks": [], "workers": 1}
    told = run("state/stuck.whyPending", class_, [branch], [machine], kinds > 1_000)
    assert bool(told) == bool(stuck)


WORKER: Json = {
    "_id": "worker:a",
    "type": "worker",
    "heartbeat_at": "2001-01-01T00:00:00Z",
    "static_metadata": {"tags": ["b", "a", "b", 1], "os_version": "2"},
    "dynamic_metadata": {"os_name": "Linux", "os_version": "1", "cpu_name": 7, "allow": ["/x"], "tags": "none"},
}


def test_silent_workers_are_told_from_those_of_their_kind() -> None:
    """What they are is told as the view tells it."""
    rows = map_function((ROOT / "views/workers/by_ability/map.js").read_text())(WORKER)
    kind = run("state/stuck.kindOf", rows[0][0], 3)
    told = run("state/stuck.withSilent", [kind], [WORKER, WORKER | {"_id": "worker:b"}])
    assert [(one["rests"], one["workers"]) for one in told] == [("", 1), ("silent", 2)]
    assert run("state/stuck.withSilent", [kind | {"workers": 1}], [WORKER])[0]["rests"] == "silent"


def test_silent_workers_that_rest_for_another_reason_are_not_counted_twice() -> None:
    """Who is paused is known as such."""
    rows = map_function((ROOT / "views/workers/by_ability/map.js").read_text())(
        WORKER | {"control": {"desired": "pause"}}
    )
    kind = run("state/stuck.kindOf", rows[0][0], 1)
    assert run("state/stuck.withSilent", [kind], [WORKER]) == [kind]
