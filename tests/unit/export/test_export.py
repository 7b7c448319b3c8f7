"""The record as tables: what is in them, and how they follow the farm."""

import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crashfarm.documents.history import BugLists
from crashfarm.documents.signature import Reproduction, SignatureNote
from crashfarm.documents.worker import Worker
from crashfarm.errors import ConfigError, InputError
from server.export import mirror, parquet
from server.queries.signatures import short_name, signature
from server.report import publish
from tests import farms, samples
from tests.farms import finding, result
from tests.javascript import ROOT
from tests.unit.export.record import MARKER, every, put, rows, update


def test_the_tables_hold_what_the_documents_hold(export: Path) -> None:
    """Results, findings, frames, tuples and places, counted from the documents."""
    results = farms.generate(days=3)
    found = [one for run in results for one in run.findings]
    histories = farms.histories(results)
    expected = {
        "result": len(results),
        "finding": len(found),
        "frame": sum(len(one.frames) for one in found),
        "tuple": len(histories),
        "place": sum(len(one.places) for one in histories),
        "branch": len(farms.BRANCHES),
        "worker": 1,
        "job": 1,
        "bug": 1,
    }
    assert {table: len(rows(export, every(table))) for table in expected} == expected
    by_branch = Counter(run.branch for run in results for _ in run.findings)
    question = "SELECT branch, count(*) FROM finding JOIN result ON result.id = finding.result GROUP BY branch"
    assert dict(rows(export, question)) == by_branch


def test_what_was_found_out_about_a_signature_has_a_row(tmp_path: Path) -> None:
    """Joined to its tuples by kind and detail; what nobody found out is empty; what is back is told."""
    runs = [result(1, finding()), result(2, finding(detail="other"))]
    farm = farms.in_memory(runs)
    again = Reproduction(result="result:00001", seen=2, ran=3)
    put(farm, SignatureNote.of(finding()).evolve(reproduction=again).to_doc())
    back = next(one for one in farms.histories(runs) if one.detail == "other")
    put(farm, back.evolve(bugs=BugLists(closed=("bug:a:1", "bug:a:2")), regressed=("bug:a:2",)).to_doc())
    update(farm, tmp_path / "farm.sqlite")
    question = "SELECT seen_again, repeated, minimal_size FROM note JOIN tuple USING (kind, detail)"
    assert rows(tmp_path / "farm.sqlite", question) == [(2, 3, None)]
    assert rows(tmp_path / "farm.sqlite", "SELECT bug FROM explains WHERE regressed") == [("bug:a:2",)]


def test_an_update_brings_only_what_changed_and_takes_away_what_is_gone(tmp_path: Path) -> None:
    """A changed document's rows replace those it had; a deleted one's go, with all that belongs to them."""
    farm, path = farms.in_memory([result(1, finding()), result(2, finding())]), tmp_path / "farm.sqlite"
    assert update(farm, path) == 3
    assert update(farm, path) == 0
    put(farm, result(1, finding(), finding(detail="second")).to_doc())
    farm.history.delete("result:00002")  # type: ignore[call-arg]
    assert update(farm, path) == 2
    assert rows(path, "SELECT result, position, detail FROM finding ORDER BY 1, 2") == [
        ("result:00001", 0, finding().detail),
        ("result:00001", 1, "second"),
    ]


def test_experiments_of_the_farms_own_are_passed_over(tmp_path: Path) -> None:
    """As the views do: else the copy would count more than they."""
    farm, path = farms.in_memory([result(1, finding())]), tmp_path / "farm.sqlite"
    put(farm, result(2, finding()).evolve(probe=True).to_doc())
    update(farm, path)
    assert [row[0] for row in rows(path, "SELECT id FROM result")] == ["result:00001"]
    assert rows(path, "SELECT count(*) FROM finding") == [(1,)]


def test_many_pages_of_changes_are_all_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the last page is full."""
    monkeypatch.setattr(mirror, "PAGE", 4)
    farm = farms.in_memory([result(number) for number in range(8)])
    assert update(farm, tmp_path / "farm.sqlite") == 8


def test_a_new_database_of_the_same_name_starts_the_copy_anew(tmp_path: Path) -> None:
    """What the earlier one held is not kept."""
    path = tmp_path / "farm.sqlite"
    update(farms.in_memory([result(1, finding())]), path)
    update(farms.in_memory([result(7)]), path)
    assert rows(path, "SELECT id FROM result") == [("result:00007",)]
    assert rows(path, "SELECT * FROM tuple") == []


def test_a_copy_that_starts_anew_is_whole_at_once(tmp_path: Path) -> None:
    """Only the history was made anew: the farm's workers, which were read before it, are not lost with it."""
    worker, path = Worker.from_doc(samples.worker()), tmp_path / "farm.sqlite"
    farm = farms.in_memory([result(1)], worker)
    update(farm, path)
    update(msgspec.structs.replace(farm, history=farms.in_memory([result(2)]).history), path)
    assert rows(path, "SELECT id FROM worker") == [(worker.id,)]
    assert rows(path, "SELECT id FROM result") == [("result:00002",)]


def test_the_copy_of_another_farm_is_refused_and_stays(tmp_path: Path) -> None:
    """Else one file would hold some of both."""
    path = tmp_path / "farm.sqlite"
    update(farms.in_memory([result(1)]), path)
    other = farms.in_memory([result(2)])
    for db, name in ((other.status, "engines"), (other.history, "engines-history")):
        db.name = name
    with pytest.raises(InputError, match="a copy of another farm, 'crashfarm': name another file"):
        update(other, path)
    assert rows(path, "SELECT id FROM result") == [("result:00001",)]


def test_a_broken_document_is_named_and_left_out(tmp_path: Path) -> None:
    """Until somebody repairs it."""
    farm, path = farms.in_memory([result(1)]), tmp_path / "farm.sqlite"
    put(farm, {"_id": "result:x", "type": "result", "branch": 5})
    update(farm, path)
    assert [document for document, _ in mirror.unreadable(path)] == ["result:x"]
    put(farm, result(9).to_doc() | {"_id": "result:x"})
    update(farm, path)
    assert mirror.unreadable(path) == []
    assert len(rows(path, "SELECT * FROM result")) == 2


def test_numbers_beyond_all_bounds_and_places_told_twice_do_not_stop_an_export(tmp_path: Path) -> None:
    """Whoever may write results could otherwise end all exports."""
    farm = farms.in_memory([result(1, finding(size=2**63, line=2**70)), result(2, finding())])
    (place,) = farm.history.documents("history_")
    put(farm, place | {"places": ["a", "a"]})
    update(farm, tmp_path / "farm.sqlite")
    assert rows(tmp_path / "farm.sqlite", "SELECT size, line FROM finding WHERE result = 'result:00001'") == [
        (2**63 - 1, 2**63 - 1)
    ]
    assert rows(tmp_path / "farm.sqlite", "SELECT place FROM place") == [("a",)]


def test_a_file_of_something_else_is_refused_and_stays(tmp_path: Path) -> None:
    """A database of another program, and a file that is none."""
    other, text = tmp_path / "other.sqlite", tmp_path / "thesis.tex"
    with sqlite3.connect(other) as sql:
        sql.execute("CREATE TABLE precious (x)")
    sql.close()
    text.write_text("years of work" * 100)
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(InputError):
            update(farms.in_memory([]), path)
        assert path.read_bytes() == before


def test_every_column_and_table_is_explained_or_plain() -> None:
    """Each table has a sentence above it."""
    schema = (ROOT / "server/export/schema.sql").read_text()
    tables = re.findall(r"^(.*)\nCREATE (?:TABLE|VIEW) (\w+)", schema, re.MULTILINE)
    assert len(tables) > 10
    assert [name for before, name in tables if not before.startswith("-- ")] == []


def test_parquet_files_hold_the_same_rows(export: Path, tmp_path: Path) -> None:
    """Every value, hostile texts and missing values included; also when they are written again."""
    folder = tmp_path / "tables"
    for _ in range(2):
        parquet.write(export, folder, MARKER)
    for table in (*parquet.TABLES, *parquet.VIEWS):
        assert Counter(rows(folder, every(table))) == Counter(rows(export, every(table))), table


def test_views_have_the_same_values_in_files_of_both_kinds(export: Path, folder: Path) -> None:
    """Numbers where the one has numbers, with the same types."""
    for view in parquet.VIEWS:
        told = (sorted(repr(row) for row in rows(source, every(view))) for source in (export, folder))
        assert next(told) == next(told)


def test_a_full_disk_is_said_in_words(export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is there stays."""
    farm, path = farms.in_memory([result(1)]), tmp_path / "farm.sqlite"
    update(farm, path)
    monkeypatch.setattr(mirror, "_open", full(mirror._open))
    put(farm, result(2, *[finding(excerpt="x", detail="y" * 1000) for _ in range(200)]).to_doc())
    with pytest.raises(ConfigError, match=r"cannot write .*farm.sqlite: database or disk is full"):
        update(farm, path)
    assert rows(path, "SELECT id FROM result") == [("result:00001",)]


def full(opening: Any) -> Any:
    """Has a file grow no more from its opening on."""

    def opened(path: Path) -> sqlite3.Connection:
        sql: sqlite3.Connection = opening(path)
        sql.execute(f"PRAGMA max_page_count = {sql.execute('PRAGMA page_count').fetchone()[0]}")
        return sql

    return opened


def test_a_folder_that_holds_something_else_is_refused(export: Path, tmp_path: Path) -> None:
    """Whatever it is, it stays."""
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(InputError, match="something else"):
        parquet.write(export, tmp_path, MARKER)


def test_a_report_is_not_replaced_by_tables_nor_tables_by_a_report(export: Path, folder: Path, tmp_path: Path) -> None:
    """Both are put in place in the same way, and each leaves the other's folders alone."""
    with publish.writing(tmp_path / "report", MARKER) as site:
        (site / "index.html").touch()
    with pytest.raises(InputError, match="something else than a folder of tables"):
        parquet.write(export, tmp_path / "report", MARKER)
    with pytest.raises(InputError, match="something else than a report"):
        publish.previous(folder)
    assert (tmp_path / "report" / "index.html").exists()


def test_a_worker_is_told_with_the_time_since_which_it_is_in_its_state(tmp_path: Path) -> None:
    """As its document has it."""
    since = "2026-11-22T06:10:03.123Z"
    update(farms.in_memory([], Worker.from_doc(samples.worker()).evolve(state_since=since)), tmp_path / "farm.sqlite")
    assert rows(tmp_path / "farm.sqlite", "SELECT state_since FROM worker") == [(since,)]


def test_a_signature_knows_how_it_stands(tmp_path: Path) -> None:
    """How often it was seen, its bugs, whether its branches still run, and whether another branch is free of it."""
    runs = [result(1, finding()), result(2, finding(), finding()), result(3, branch="3.12"), result(4, branch="3.12")]
    farm = farms.in_memory(runs)
    (one,) = farms.histories(runs)
    put(farm, one.evolve(bugs=BugLists(open=("bug:a:1", "bug:a:2"), closed=("bug:a:3",)), suppressed=True).to_doc())
    put(farm, result(5, finding(detail="else"), input_name="else.py", branch="3.12").to_doc())
    update(farm, tmp_path / "farm.sqlite")
    columns = "findings, tuples, open_bugs, closed_bugs, suppressed, differs, last_run"
    name = short_name(signature("crash", "", one.detail))
    question = f"SELECT {columns} FROM signature JOIN standing USING (name) WHERE name = '{name}'"  # noqa: S608
    assert rows(tmp_path / "farm.sqlite", question) == [(3, 1, 2, 1, 1, 1, runs[1].completed_at)]


def test_the_matrix_tells_how_often_out_of_how_many_runs(tmp_path: Path) -> None:
    """Also where it was never seen; a run that could not begin does not count, nor one of another input."""
    runs = [
        result(1, finding()),
        result(2),
        result(3, branch="3.12", machine=1),
        result(4, outcome="error"),
        result(5, input_name="else.py"),
        result(6, product="else"),
    ]
    update(farms.in_memory(runs), tmp_path / "farm.sqlite")
    question = "SELECT branch, os_version, seen, ran FROM matrix ORDER BY branch"
    assert rows(tmp_path / "farm.sqlite", question) == [("3.12", "6.8", 0, 1), ("3.13", "6.1", 1, 2)]
