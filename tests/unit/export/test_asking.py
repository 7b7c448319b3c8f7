"""The record is asked in SQL, as a file and as a folder, and answers nothing else."""

import itertools
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from crashfarm.errors import InputError
from server.export import asking, parquet
from tests.javascript import ROOT
from tests.unit.export.record import MARKER, every, rows

QUERIES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/how-to/sql.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("question", QUERIES, ids=range(len(QUERIES)))
def test_the_documented_questions_have_the_same_answers_from_both(export: Path, folder: Path, question: str) -> None:
    """Each of them gives rows for a farm that has seen something: SQLite asks the file, DuckDB the folder."""
    found = Counter(rows(export, question))
    assert found
    assert Counter(rows(folder, question)) == found


def test_there_are_ten_documented_questions() -> None:
    """The documentation promises them."""
    assert len(QUERIES) == 10


@pytest.mark.parametrize(
    "question",
    [
        "DELETE FROM result",
        "DROP TABLE result",
        "ATTACH 'x.sqlite' AS x",
        "SELEC 1",
        "SELECT nothing FROM result",
        "PRAGMA user_version = 7",
    ],
)
def test_a_question_that_is_none_is_refused_in_the_databases_words(export: Path, tmp_path: Path, question: str) -> None:
    """And nothing is changed."""
    before = export.read_bytes()
    with pytest.raises(InputError, match="SQLite says"):
        asking.ask(export, question)
    assert export.read_bytes() == before


@pytest.mark.parametrize(
    "question", ["DROP TABLE result", "SELECT 1; SELECT 2", "SET threads = 1", "CREATE TABLE x (y INT)"]
)
def test_a_folder_is_asked_one_question(folder: Path, question: str) -> None:
    """As a file is: nothing else does anything, so it is not said to have been done."""
    with pytest.raises(InputError, match=r"a question only reads|ask one question"):
        asking.ask(folder, question)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_question_without_end_can_be_ended(export: Path, folder: Path, kind: str, name: str) -> None:
    """By Ctrl-C and by SIGTERM, whichever database is busy with it."""
    source = export if kind == "file" else folder
    program = (
        "import signal, sys; from pathlib import Path\n"
        "from crashfarm import console; from server.export import asking\n"
        # Whoever runs the tests in the background may have it ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def ask():\n"
        "    endless = 'WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c'\n"
        "    print('asking', flush=True)\n"
        "    asking.ask(Path(sys.argv[1]), endless)\n"
        "console.run(ask, 'it')"
    )
    with subprocess.Popen([sys.executable, "-c", program, source], stdout=subprocess.PIPE) as asked:
        try:
            assert asked.stdout is not None
            assert asked.stdout.readline() == b"asking\n"
            with pytest.raises(subprocess.TimeoutExpired):
                asked.wait(0.3)
            asked.send_signal(getattr(signal, name))
            assert asked.wait(20) == 128 + getattr(signal, name)
        finally:
            asked.kill()


def test_an_answer_is_read_while_it_is_used(export: Path, folder: Path) -> None:
    """A million rows need no memory, whichever database has them."""
    for source in (export, folder):
        with asking.answer(source, "SELECT a.position FROM frame AS a, frame AS b, frame AS c, frame AS d") as found:
            assert len(list(itertools.islice(found.rows, 5000))) == 5000


def test_a_folder_cannot_be_asked_for_other_files(export: Path, tmp_path: Path) -> None:
    """A question reads the tables and nothing else."""
    parquet.write(export, tmp_path / "tables", MARKER)
    (tmp_path / "secret.csv").write_text("a")
    with pytest.raises(InputError, match="DuckDB says"):
        asking.ask(tmp_path / "tables", every(f"read_csv('{tmp_path / 'secret.csv'}')"))


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("SELECT * FROM results", "the tables are branch, bug, .*, worker"),
        ("SELECT colour FROM place", '(place has tuple, place|Candidate bindings: "place")'),
        ("  ", "the question is empty"),
    ],
)
def test_an_unknown_name_in_a_question_is_told_with_the_known_ones(
    export: Path, folder: Path, question: str, told: str
) -> None:
    """Of the file and of the folder alike."""
    for source in (export, folder):
        with pytest.raises(InputError, match=told):
            asking.ask(source, question)


def test_what_is_no_export_is_not_asked(tmp_path: Path) -> None:
    """Neither another program's database, nor a text, nor a folder of other files."""
    with sqlite3.connect(tmp_path / "other.sqlite") as sql:
        sql.execute("CREATE TABLE precious (x)")
    sql.close()
    (tmp_path / "thesis.tex").write_text("years of work" * 100)
    for name, told in [
        ("other.sqlite", "something else"),
        ("thesis.tex", "not a database"),
        (".", "holds no tables: make them with 'crashfarm export --parquet'"),
    ]:
        with pytest.raises(InputError, match=told):
            asking.ask(tmp_path / name, "SELECT 1")


def test_an_export_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the command that makes one."""
    with pytest.raises(InputError, match="crashfarm export"):
        asking.ask(tmp_path / "farm.sqlite", "SELECT 1")


def test_what_is_asked_of_one_signature_does_not_read_all(export: Path) -> None:
    """The report has such questions on each of its pages."""
    with sqlite3.connect(export) as sql:
        for view, column in (("signature", "name"), ("standing", "name"), ("matrix", "signature_name")):
            plan = sql.execute(f"EXPLAIN QUERY PLAN SELECT * FROM {view} WHERE {column} = 'x'").fetchall()  # noqa: S608
            assert [step for *_, step in plan if re.match(r"SCAN (tuple|finding|result|place)\b", step)] == []
    sql.close()
