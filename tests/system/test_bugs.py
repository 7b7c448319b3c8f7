"""Known bugs, as people and scripts handle them, on a farm that has found something."""

import csv
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.system.conftest import BIN, Shell, make_shell, set_up

ROOT = Path(__file__).parents[2]

PROGRAM = "import sys\nraise ValueError('cannot sort this')\n"
SIGNATURE = "ValueError | <module> (program.py)"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A farm on which one exception was seen on two branches."""
    shell = make_shell(tmp_path_factory.mktemp("farm"))
    set_up(shell)
    program = shell.data.parent / "program.py"
    program.write_text(PROGRAM)
    for branch in ("old", "new"):
        shell("crashfarm", "branch", "add", "sorter", branch, "--", sys.executable, program, "{input}")
    shell("crashfarm", "job", "add", "-", stdin="http://a.example/\n")
    ran = shell("crashfarm-worker", "run", "--until-empty", "--allow", sys.executable)
    assert ran.status == 0, ran.err
    yield shell
    shell.close()


def done(farm: Shell, *command: object, stdin: str = "") -> str:
    """What `crashfarm bug …` prints; it must succeed."""
    ended = farm("crashfarm", "bug", *command, stdin=stdin)
    assert ended.status == 0, ended.err
    return ended.out


def listed(farm: Shell, *options: object) -> dict[str, dict[str, Any]]:
    """The bugs that are listed, by their ids."""
    return {row["bug"]: row for row in json.loads(done(farm, "list", *options, "--json"))}


def collect(farm: Shell) -> None:
    """Let the collector do what is to be done."""
    ended = farm("crashfarm", "collect", "--once")
    assert ended.status == 0, ended.err


def test_a_bug_goes_from_new_to_closed_to_back_again(hunted: Shell) -> None:
    """Added with a matcher, found on both branches, fixed on one of them, and seen again there."""
    assert done(hunted, "add", "a:1", "--title", "Sorting", "--kind", "exception", "--text", "cannot sort") == (
        "bug:a:1 added\n"
    )
    collect(hunted)
    assert listed(hunted, "--matched")["bug:a:1"]["tuples"] == 2
    assert done(hunted, "add", "a:1", "--state", "closed", "--fixed-on", "new") == "bug:a:1 changed\n"
    collect(hunted)
    assert "bug:a:1" not in listed(hunted, "--regressed")
    hunted("crashfarm", "job", "add", "-", "--branch", "new", stdin="http://b.example/\n")
    hunted("crashfarm-worker", "run", "--until-empty", "--allow", sys.executable)
    collect(hunted)
    assert listed(hunted, "--regressed", "--state", "closed")["bug:a:1"]["regressed"] == 1
    (explained,) = json.loads(done(hunted, "show", "a:1", "--json"))["explains"]
    assert (explained["detail"], explained["regressed_on"]) == (SIGNATURE, ["sorter new"])
    assert set(explained["branches"]) == {"sorter new", "sorter old"}
    assert "sorter new" in done(hunted, "show", "bug:a:1")


def test_a_signature_is_suppressed_and_taken_back(hunted: Shell) -> None:
    """By its text, and by the id that the answer names."""
    said = done(hunted, "suppress", SIGNATURE)
    assert said.endswith(" suppressed: 2 tuples changed\n")
    name = said.split()[0]
    assert name.startswith("signature:")
    assert done(hunted, "suppress", name) == f"{name} suppressed: 0 tuples changed\n"
    assert done(hunted, "suppress", name, "--undo").endswith(": 2 tuples changed\n")


def test_a_bug_is_attached_to_a_signature_and_taken_off(hunted: Shell) -> None:
    """It is made if nobody knew it, and named at once."""
    done(hunted, "attach", "b:1", SIGNATURE)
    assert listed(hunted, "--tracker", "b")["bug:b:1"]["tuples"] == 2
    collect(hunted)
    assert listed(hunted, "--tracker", "b")["bug:b:1"]["tuples"] == 2
    done(hunted, "attach", "b:1", SIGNATURE, "--undo")
    collect(hunted)
    assert listed(hunted, "--unmatched", "--tracker", "b")["bug:b:1"]["tuples"] == 0


def test_a_preview_tells_what_matching_would_do_and_writes_nothing(hunted: Shell) -> None:
    """Then it is done, and nothing is left to do."""
    done(hunted, "add", "c:1", "--signature", SIGNATURE, "--branch", "old")
    rows = json.loads(done(hunted, "match", "--preview", "--json"))
    assert {(row["branch"], "bug:c:1" in row["bugs after"]) for row in rows if "bug:c:1" in row["bugs after"]} == {
        ("old", True)
    }
    assert listed(hunted, "--tracker", "c")["bug:c:1"]["tuples"] == 0
    assert "1 tuples changed" in hunted("crashfarm", "bug", "match").err
    assert listed(hunted, "--tracker", "c")["bug:c:1"]["tuples"] == 1
    assert "0 tuples changed" in hunted("crashfarm", "bug", "match").err


def test_a_list_of_bugs_is_imported_and_twice_does_no_harm(hunted: Shell, tmp_path: Path) -> None:
    """JSON Lines; a bug that was closed here stays so where the list does not tell."""
    path = tmp_path / "bugs.jsonl"
    path.write_text('{"number": 1, "text": "sort"}\n{"number": 2, "title": "two", "state": "closed"}\n')
    assert done(hunted, "import", path, "--tracker", "d") == "2 bugs: 2 new, 0 changed, 0 unchanged\n"
    done(hunted, "add", "d:1", "--state", "closed")
    assert done(hunted, "import", path, "--tracker", "d") == "2 bugs: 0 new, 0 changed, 2 unchanged\n"
    path.write_text('{"number": 2, "title": "two", "state": "open"}\n')
    assert "1 changed" in done(hunted, "import", path, "--tracker", "d", "--preview")
    assert listed(hunted, "--tracker", "d", "--state", "open") == {}
    assert "1 changed" in done(hunted, "import", path, "--tracker", "d")
    assert set(listed(hunted, "--tracker", "d", "--state", "open")) == {"bug:d:2"}


def test_bad_lines_are_named_and_nothing_is_changed(hunted: Shell, tmp_path: Path) -> None:
    """But with --skip-bad, which brings in the others."""
    path = tmp_path / "bugs.csv"
    path.write_text("number,tracker,text,how\n1,e,good,\n2,e,(bad,pattern\n,e,none,\n")
    ended = hunted("crashfarm", "bug", "import", path)
    assert ended.status == 1
    assert "line 3: pattern: missing )" in ended.err
    assert "line 4: no number" in ended.err
    assert listed(hunted, "--tracker", "e") == {}
    assert "1 new" in done(hunted, "import", path, "--skip-bad")
    assert set(listed(hunted, "--tracker", "e")) == {"bug:e:1"}


def test_a_fuzzers_list_and_a_table_of_bugs(hunted: Shell, tmp_path: Path) -> None:
    """Texts under the number of their bug come in, and go out as CSV."""
    path = tmp_path / "assertions.txt"
    path.write_text("# Bug 12345 (sorting)\nASSERTION: not sorted: 'a < b', file sort/x.cpp\n")
    done(hunted, "import", path, "--tracker", "f")
    (row,) = csv.DictReader(io.StringIO(done(hunted, "list", "--tracker", "f", "--csv")))
    assert (row["bug"], row["tuples"]) == ("bug:f:12345", "0")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("show", "x:404"), "there is no bug:x:404"),
        (("show", "404"), "is no bug's name"),
        (("add", "x:1", "--text", "(a", "--how", "pattern"), "cannot be used: pattern: missing )"),
        (("add", "x:1", "--product", "p"), "it would explain everything"),
        (("add", "x:1", "--text", "a", "--how", "like"), "how is 'like'"),
        (("add", "x y:1"), "tracker is 'x y'"),
        (("suppress", "nothing of that name"), "no tuple has the signature"),
        (("attach", "x:1", "nothing of that name"), "no tuple has the signature"),
        (("import", "/nowhere.csv"), "cannot read /nowhere.csv"),
        (("sync", "github", "no-slash"), "is no repository's name"),
        (("sync", "bugzilla", "nowhere"), "is no address"),
        (("sync", "github", "a/b", "--fixed", "x"), "--fixed 'x' is not like"),
        (("sync", "github", "a/b", "--title", "(?P<x>y)"), "some of text, file, signature"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    hunted: Shell, refused: Callable[..., str], command: tuple[str, ...], says: str
) -> None:
    """And changes nothing."""
    assert says in refused(hunted, "crashfarm", "bug", *command)


def test_the_how_to_page_is_true(hunted: Shell) -> None:
    """Its commands, as they stand there, in one shell that stops at the first failure."""
    page = (ROOT / "docs" / "how-to" / "bugs.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    folder = hunted.data.parent
    ended = subprocess.run(
        ["sh", "-c", "set -eu\n" + "\n".join(blocks)],
        cwd=folder,
        env=hunted.environ | {"PATH": f"{BIN}:{hunted.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert len(blocks) == 7
    found = listed(hunted, "--tracker", "tracker")
    assert {name: row["tuples"] for name, row in found.items()} == {
        "bug:tracker:17": 0,
        "bug:tracker:18": 2,
        "bug:tracker:19": 0,
    }


class _Tracker(BaseHTTPRequestHandler):
    """A Bugzilla and a GitHub with one bug each, for those who have the key."""

    def do_GET(self) -> None:
        known = (
            self.headers.get("X-BUGZILLA-API-KEY") == "geheim" or self.headers.get("Authorization") == "Bearer geheim"
        )
        bug = {
            "id": 9,
            "summary": "S",
            "last_change_time": "2026-01-01T00:00:00Z",
            "cf_crash_signature": f"[@ {SIGNATURE} ]",
        }
        issue = {"number": 8, "title": f"[@ {SIGNATURE}]", "state": "closed", "updated_at": "2026-01-01T00:00:00Z"}
        content = json.dumps({"bugs": [bug]} if "rest" in self.path else [issue]).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def tracker() -> Iterator[str]:
    """The address of a tracker."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tracker)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_bugs_of_trackers_come_in_with_a_key_from_the_environment(
    hunted: Shell, tracker: str, tmp_path: Path, refused: Callable[..., str]
) -> None:
    """Bugzilla and GitHub; the second time nothing changes; without the key one line says so."""
    (tmp_path / "key").write_text("geheim\n")
    for words, variable in (
        (("bugzilla", tracker, "--tracker", "bz"), "CRASHFARM_BUGZILLA_KEY_FILE"),
        (("github", "o/r", "--url", tracker), "CRASHFARM_GITHUB_TOKEN_FILE"),
    ):
        assert "the key or token is missing" in refused(hunted, "crashfarm", "bug", "sync", *words)
        key = {variable: str(tmp_path / "key")}
        assert "1 new, 0 changed, 0 unchanged" in hunted("crashfarm", "bug", "sync", *words, **key).out
        assert "0 new, 0 changed, 1 unchanged" in hunted("crashfarm", "bug", "sync", *words, **key).out
    collect(hunted)
    found = listed(hunted, "--matched")
    assert (found["bug:bz:9"]["tuples"], found["bug:o/r:8"]["tuples"]) == (2, 2)


def test_a_store_has_companions_that_end_with_it(shell: Shell) -> None:
    """A collector and a janitor are started by up, ended by down; a second one of a kind ends at once."""
    assert shell("crashfarm", "up", "--detach").status == 0
    assert shell("crashfarm", "push").status == 0
    processes = {command: companion(shell, command) for command in ("collect", "janitor")}
    for command, process in processes.items():
        assert process.is_running()
        assert shell("crashfarm", command, "--beside", process.pid).status == 0
    assert shell("crashfarm", "down").status == 0
    assert not any(process.is_running() for process in processes.values())


def companion(shell: Shell, command: str) -> psutil.Process:
    """The process of that command beside a store."""
    lock = shell.data / f"{command}.lock"
    for _ in range(600):
        if lock.exists() and re.fullmatch(r"\d+", lock.read_text()):
            return psutil.Process(int(lock.read_text()))
        threading.Event().wait(0.1)
    raise AssertionError(f"there is no process of crashfarm {command}")
