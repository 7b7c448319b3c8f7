"""What the dashboard makes of the history documents that came last."""

from typing import Any

import pytest

from tests.javascript import dashboard

Json = dict[str, Any]

run = dashboard(
    "state/findings",
    also="""
import { askFindings } from "./state/findings.js";
// A page of findings of these documents, the newest first: each signature with its numbers, and where the next begins.
export async function page(docs, shown, start) {
  const asked = [];
  const rows = docs.map((doc, at) => ({ id: String(at), key: [doc.first_seen], doc }));
  const same = (doc, { startkey: [detail, kind] }) => doc.detail === detail && doc.type === "history_" + kind;
  const couch = {
    view: async (database, design, view, query) => {
      asked.push(query.limit);
      const from = query.startkey_docid ? Number(query.startkey_docid) : 0;
      return { rows: rows.slice(from, from + query.limit) };
    },
    queries: async (database, design, view, queries) => {
      const counts = queries.map((query) => docs.filter((doc) => same(doc, query)).length);
      return { results: counts.map((value) => ({ rows: [{ key: null, value }] })) };
    },
  };
  const { signatures, next } = await askFindings(couch, { history: "h" }, shown, start);
  return { signatures: signatures.map((one) => [one.detail, one.count, one.tuples.length]), next, asked };
}
""",
)


def tuples(**numbers: int) -> list[Json]:
    """So many history documents of each of these signatures, one signature after the other."""
    details = [detail for detail, number in numbers.items() for _ in range(number)]
    return [
        {"type": "history_crash", "detail": detail, "message": "m", "first_seen": f"{999 - n:03d}", "last_seen": "9"}
        for n, detail in enumerate(details)
    ]


def test_all_tuples_of_a_signature_are_counted() -> None:
    """However few of them are looked at."""
    told = run("also.page", tuples(many=500, few=2), 8, None)
    assert [one[:2] for one in told["signatures"]] == [["many", 500]]
    assert told["next"] and told["asked"] == [49] * 4


@pytest.mark.parametrize(
    ("many", "first", "others"), [(50, ["many", "a", "b"], ["c"]), (100, ["many"], ["many", "a", "b"])]
)
def test_many_tuples_of_one_signature_do_not_hide_the_others(many: int, first: list[str], others: list[str]) -> None:
    """A few questions reach them, or the next page goes on where those end."""
    docs = tuples(many=many, a=1, b=2, c=1)
    told = run("also.page", docs, 3, None)
    assert [one[0] for one in told["signatures"]] == first
    following = run("also.page", docs, 3, told["next"])
    assert [one[0] for one in following["signatures"]] == others


def test_tuples_of_one_signature_are_one_finding() -> None:
    """The newest first; an assertion's message belongs to it, for its detail is only a file."""
    crash = {"type": "history_crash", "detail": "a | b", "bugs": {"open": ["bug:x:1"], "closed": []}}
    docs = [
        {**crash, "message": "m2", "branch": "main", "product": "p", "last_seen": "3", "first_seen": "2"},
        {
            **crash,
            "message": "m1",
            "branch": "3.11",
            "product": "p",
            "last_seen": "4",
            "first_seen": "1",
            "suppressed": True,
        },
        {"type": "history_assertion", "detail": "f.c", "message": "x", "branch": "main", "last_seen": "1"},
        {"type": "history_assertion", "detail": "f.c", "message": "y", "branch": "main", "last_seen": "1"},
    ]
    first, *others = run("state/findings.grouped", docs)
    assert (first["branches"], first["last_seen"], first["open"]) == (["3.11", "main"], "4", ["bug:x:1"])
    assert not first["suppressed"] and [one["message"] for one in others] == ["x", "y"]


def test_a_page_of_findings_ends_where_the_next_one_begins() -> None:
    """With the first signature that it has no room for, or with what was not looked at."""
    rows = [
        {"key": [str(n)], "id": f"h{n}", "doc": {"type": "history_crash", "detail": detail, "last_seen": str(n)}}
        for n, detail in enumerate("aabacb")
    ]
    told = run("state/findings.pageOf", rows, 2, 5)
    assert [(one["detail"], len(one["tuples"])) for one in told["signatures"]] == [("a", 3), ("b", 1)]
    assert told["next"] == {"key": ["4"], "id": "h4"}
    assert run("state/findings.pageOf", rows, 3, 5)["next"] == {"key": ["5"], "id": "h5"}
    assert run("state/findings.pageOf", rows, 3, 6)["next"] is None
