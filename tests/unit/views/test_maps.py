"""Every map under views/, found by listing the folder: what it emits on good, odd and hostile documents."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashfarm.documents.base import Document
from crashfarm.keys import PARTS
from tests import samples, strategies
from tests.counting import EXPECTED
from tests.javascript import MAPS, ROOT, map_function, name_of, read_as_es5

each_map = pytest.mark.parametrize("map_file", MAPS, ids=name_of)


def text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def demand(value: Any) -> bool:
    """The class of a pending job."""
    return (
        isinstance(value, list)
        and len(value) == 7
        and all(map(text, value[:3] + value[4:]))
        and isinstance(value[3], list)
        and all(isinstance(tag, str) for tag in value[3])
    )


def number(value: Any) -> bool:
    return isinstance(value, int | float)


SHAPES: dict[str, list[Any]] = {
    "crash_type/results": [text] * len(PARTS),
    "queue/by_claim": [text] * 2,
    "jobs/by_source": [text] * 2,
    "jobs/by_state": [text] * 5,
    "queue/pending": [demand, number, text],
    "queue/waiting": [text] * 2,
    "conflicts/open": [text, number],
    "results/by_branch_day": [text] * 5,
    "results/by_input": [text] * 8,
    "results/by_machine": [text] * 9,
    "results/by_source": [text] * 2,
    "shown/by_build": [text] * 7,
    "shown/runs_of_build": [text] * 5,
    "signatures/by_count": [text] * 6,
    "tuples/by_bug": [text] * 2,
    "tuples/by_signature": [text] * 3,
    "tuples/explained": [text] * 10,
    "recent/findings": [text],
    "recent/results": [text] * 3,
    "workers/by_ability": [text, text, text, texts, text, texts, texts, texts],
    "workers/by_heartbeat": [text],
    "workers/by_name": [text],
    "workers/by_state": [text] * 2,
}


FUNCTIONS = {name_of(path): map_function(path.read_text()) for path in MAPS}

TYPES = ("worker", "branch", "job", "result", "history_crash", "history_", "bug")

# Documents that say they are ours, with anything at all where our fields belong.
FIELDS = sorted({name for make in (*samples.STATUS, *samples.HISTORY) for name in make() if name != "type"})
ANYTHING = strategies.json_values
FINDINGS = st.lists(st.dictionaries(st.sampled_from(["kind", "message", "detail"]), ANYTHING) | ANYTHING, max_size=4)
CLAIMS = st.dictionaries(st.sampled_from(["worker", "incarnation", "os_name", "tags"]), ANYTHING)
HOSTILE = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={name: ANYTHING for name in FIELDS}
    | {"state": st.sampled_from(["pending", "running"]) | ANYTHING, "findings": FINDINGS | ANYTHING}
    | {"claim": CLAIMS | ANYTHING, "requires": CLAIMS | ANYTHING},
)


def test_every_map_has_a_documented_shape_and_an_expectation() -> None:
    """A new map cannot be forgotten here."""
    assert {name_of(path) for path in MAPS} == set(SHAPES) == set(EXPECTED)


def test_folder_holds_nothing_but_maps_reduces_and_the_package_marker() -> None:
    """The path of a file is its address, so a misplaced file would be pushed nowhere."""
    found = [path.relative_to(ROOT / "views") for path in (ROOT / "views").rglob("*") if path.is_file()]
    strays = [path for path in found if path.suffix != ".pyc" and path.name not in ("map.js", "reduce", "__init__.py")]
    assert strays == []
    assert all(len(path.parts) == 3 for path in found if path.name in ("map.js", "reduce"))


@each_map
def test_map_is_one_anonymous_es5_function(map_file: Path) -> None:
    """CouchDB's engines differ in age, and refuse a function with a name at the top."""
    source = map_file.read_text()
    tree = read_as_es5(source)
    assert len(tree.children()) == 1
    assert re.search(r"^function \(doc\) \{$", source, re.MULTILINE)


@each_map
def test_map_is_short_and_begins_with_its_key(map_file: Path) -> None:
    """Whoever opens the file, in Fauxton too, reads first what the key is."""
    lines = map_file.read_text().splitlines()
    code = [line for line in lines if not line.startswith("//")]
    assert lines[0].startswith("// Key: [")
    assert lines[0].count(",") + 1 >= len(SHAPES[name_of(map_file)])
    assert len(code) <= 17


@each_map
def test_reduce_is_a_builtin(map_file: Path) -> None:
    """A reduce of our own would be slow, and would be one more thing to trust."""
    reduce = map_file.parent / "reduce"
    builtins = {"_count", "_stats", "_sum", "_approx_count_distinct"}
    assert not reduce.exists() or reduce.read_text().strip() in builtins


@given(doc=strategies.documents, unknown=strategies.unknown_members)
def test_maps_emit_the_documented_keys_of_good_documents(doc: Document, unknown: Any) -> None:
    """Whatever our types write is found under its key, whatever else stands on the document."""
    for name, run in FUNCTIONS.items():
        rows = run(doc.to_doc() | unknown)
        assert [key for key, _ in rows] == EXPECTED[name](doc), name


@given(doc=HOSTILE | ANYTHING)
def test_maps_keep_their_shape_on_hostile_documents(doc: Any) -> None:
    """No JSON makes a map throw, which would hide the document, or emit what no range would find."""
    for name, run in FUNCTIONS.items():
        for key, value in run(doc):
            assert value is None, name
            assert len(key) == len(SHAPES[name]), name
            assert all(is_part(part) for is_part, part in zip(SHAPES[name], key, strict=True)), (name, key)


def test_finding_without_its_parts_is_counted_all_the_same() -> None:
    """A row with nulls shows what is wrong; a row that is not there would only falsify the counts."""
    doc = samples.result() | {"findings": [{}, {"kind": 7, "message": ["x"], "detail": "d"}, "text", None]}
    keys = [key for key, _ in FUNCTIONS["crash_type/results"](doc)]
    assert [key[:3] for key in keys] == [
        ["result_unknown", None, None],
        ["result_unknown", None, "d"],
        ["result_unknown", None, None],
    ]


def test_experiment_counts_nowhere_but_in_its_own_round() -> None:
    """What the farm tried on a mangled input or an old build says nothing of what the farm found."""
    doc = samples.result() | {"probe": True, "build": ""}
    assert {name for name, run in FUNCTIONS.items() if run(doc)} == {"results/by_source"}
    counted = {name for name, run in FUNCTIONS.items() if run(doc | {"probe": False})}
    assert counted == {name for name in FUNCTIONS if name.split("/")[0] in ("crash_type", "results", "signatures")} | {
        "recent/results",
        "shown/by_build",
    }


def test_experiments_count_for_the_older_build_that_ran() -> None:
    """Unless their input was a changed one."""
    doc = samples.result() | {"probe": True, "build": "1200", "source": "range:result:1"}
    assert {name for name, run in FUNCTIONS.items() if run(doc)} == {
        "results/by_source",
        "shown/by_build",
        "shown/runs_of_build",
    }
    assert {name for name, run in FUNCTIONS.items() if run(doc | {"source": "reduce:result:1"})} == {
        "results/by_source"
    }


def test_members_that_shadow_javascript_methods_do_no_harm() -> None:
    """A document may have members called `indexOf`, `filter`, `length` or `__proto__`."""
    trap = {"indexOf": 1, "filter": 2, "forEach": 3, "length": 2, "__proto__": {"type": "job"}, "toString": 4}
    for name, run in FUNCTIONS.items():
        for kind in TYPES:
            for key, _ in run({"type": kind, "state": "pending", "findings": trap, "requires": {"tags": trap}, **trap}):
                assert len(key) == len(SHAPES[name])


def test_job_with_the_same_tags_in_another_order_is_of_the_same_class() -> None:
    """What is asked for is a set."""
    one, other = samples.pending(), samples.pending()
    one["requires"] = {"tags": ["b", "a", "b"]}
    other["requires"] = {"tags": ["a", "b"]}
    assert FUNCTIONS["queue/pending"](one) == FUNCTIONS["queue/pending"](other)


def test_job_without_a_priority_counts_as_normal() -> None:
    """It must not come before those that a person waits for."""
    doc = samples.pending()
    del doc["priority"]
    [(key, _)] = FUNCTIONS["queue/pending"](doc)
    assert key[1] == 3


def test_result_with_a_time_nobody_can_read_has_no_day() -> None:
    """Half a text would look like a day."""
    [(key, _)] = FUNCTIONS["results/by_branch_day"](samples.result() | {"completed_at": "yesterday"})
    assert key[3] is None
